"""By what a repeat is known. In: the bytes that the MAC covered; out: a digest, and for how long it counts.

Only signed bytes are looked at: a header that the MAC does not cover may be changed by whoever repeats a hook.
"""

import hashlib
import json
from typing import Any

import orjson

from bridge import clock, paths

WITH_ID_OR_TIME = 30 * clock.DAY
"""Where the signed bytes hold an id or a time, equal bytes are one event however late they come again."""

WITHOUT = 10 * clock.MINUTE
"""Where they hold neither, two honest events may be equal; only what comes soon after is taken for a repeat."""


def dedupe_key(
    covered: bytes, source: str, paths_: tuple[str, ...], dated: tuple[str, ...], window: int | None
) -> tuple[bytes, int]:
    """(SHA-256 digest, microseconds for which it counts) of what identifies the event in `covered`.

    That is the values at `paths_` where all of them are there as text, integers or booleans, else all of `covered`.
    `dated` are paths of an id or a time in the signed body; `window` is the operator's word, null where none is given.
    """
    document = _parse(covered) if paths_ or dated else None
    values = [paths.find(document, path) for path in paths_]
    if values and all(_identifies(value) for value in values):
        digest = hashlib.sha256(json.dumps(["ids", source, paths_, values]).encode())
        natural = WITH_ID_OR_TIME
    else:
        digest = hashlib.sha256(json.dumps(["body", source]).encode())
        digest.update(covered)
        natural = WITH_ID_OR_TIME if any(_is_said(paths.find(document, path)) for path in dated) else WITHOUT
    return digest.digest(), natural if window is None else window


def _identifies(value: Any) -> bool:
    # Not a float: integers beyond 64 bits are read as such, and two different ones may come out equal.
    return isinstance(value, bool | int) or (isinstance(value, str) and value.strip() != "")


def _is_said(value: Any) -> bool:
    return isinstance(value, float) or _identifies(value)


def _parse(body: bytes) -> Any:
    """The document, or None where there is none. What is too odd for orjson, the standard library may still take."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
