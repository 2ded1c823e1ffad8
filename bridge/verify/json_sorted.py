"""A JSON text with its keys sorted and without blanks, as senders in Python write it before they sign it.

`json.dumps(payload, sort_keys=True, separators=(",", ":"))`, whose escapes are ASCII. In: bytes; out: bytes, or null.
"""

import json
from typing import Any, NoReturn

from bridge.verify.json_js import MAX_BYTES, MAX_DEPTH


def sort_keys(body: bytes) -> bytes | None:
    """The sorted form, or None for what is not JSON, more than 256 KiB, or more than 64 levels deep."""
    if len(body) > MAX_BYTES:
        return None
    try:
        document = json.loads(body, parse_constant=_no_constant)
        _require_shallow(document, MAX_DEPTH)
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return None


def _no_constant(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _require_shallow(value: Any, room: int) -> None:
    if isinstance(value, (dict, list)):
        if room == 0:
            raise ValueError("too deep")
        for part in value.values() if isinstance(value, dict) else value:
            _require_shallow(part, room - 1)
