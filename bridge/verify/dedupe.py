"""By what a repeat is known. In: what the signature covered; out: a digest, and for how long it counts.

Nothing else is looked at: a header that is not signed may be changed by whoever repeats a hook.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from bridge import clock, paths
from bridge.verify.scheme import HEADER, header_names

Dedupe: TypeAlias = tuple[str, ...] | tuple[tuple[str, ...], ...]
"""What together identifies an event, or several such lists, of which the first that is all there counts."""

_NO_HEADERS: Mapping[str, str] = {}

WITH_ID_OR_TIME = 30 * clock.DAY
"""Where the signed bytes hold an id or a time, equal bytes are one event however late they come again."""

WITHOUT = 10 * clock.MINUTE
"""Where they hold neither, two honest events may be equal; only what comes soon after is taken for a repeat."""


def alternatives(dedupe: Dedupe) -> tuple[tuple[str, ...], ...]:
    """`dedupe` as written in a vendor's file, as the list of lists that it stands for."""
    together = tuple(part for part in dedupe if isinstance(part, str))
    return (together,) if together else tuple(part for part in dedupe if isinstance(part, tuple))


class Repeats:
    """How one source's repeats are known, compiled: what identifies an event, and the operator's word on how long.

    `dated` are paths of an id or a time in the signed body; `window` is null where the operator gave none.
    """

    def __init__(self, source: str, dedupe: Dedupe, dated: tuple[str, ...], window: int | None) -> None:
        self._source = source
        self._alternatives = alternatives(dedupe)
        self._dated = dated
        self._window = window
        self._whole = hashlib.sha256(json.dumps(["body", source]).encode())

    def key(self, covered: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> tuple[bytes, int]:
        """(SHA-256 digest, microseconds for which it counts) of what identifies the event.

        That is the first alternative of `dedupe` of which all values are there as text, integers or booleans: paths in
        `covered`, or `header:<name>` among the signed `headers` (`header:A|B`: the first of them that is). Else it is
        all of `covered`.
        """
        document = _parse(covered) if self._alternatives or self._dated else None
        for sources in self._alternatives:
            values = [_value(document, headers, name) for name in sources]
            if values and all(_identifies(value) for value in values):
                digest = hashlib.sha256(json.dumps(["ids", self._source, sources, values]).encode())
                return digest.digest(), WITH_ID_OR_TIME if self._window is None else self._window
        digest = self._whole.copy()
        digest.update(covered)
        if self._window is not None:
            return digest.digest(), self._window
        dated = any(_is_said(paths.find(document, path)) for path in self._dated)
        return digest.digest(), WITH_ID_OR_TIME if dated else WITHOUT


def dedupe_key(
    covered: bytes,
    source: str,
    dedupe: Dedupe,
    dated: tuple[str, ...],
    window: int | None,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> tuple[bytes, int]:
    """`Repeats.key`, for who asks once."""
    return Repeats(source, dedupe, dated, window).key(covered, headers)


def _value(document: Any, headers: Mapping[str, str], source: str) -> Any:
    if not source.startswith(HEADER):
        return paths.find(document, source)
    return next((headers[name] for name in header_names(source.removeprefix(HEADER)) if name in headers), None)


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
