"""Parsed JSON, read without fear. In: whatever a sender wrote; out: text, counts, times, or None where there is none.

Nothing here raises, whatever the shape: a vendor's file says what it wants and where, and gets it or null.
"""

import copy
import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson

from bridge import paths

T = TypeVar("T")

EXACT = 2**53
"""Whole numbers above this are not exact in JSON (RFC 8259, section 6), so they are no count of anything."""

_ZONE = re.compile(r" (?:UTC|([+-][0-9]{2}:?[0-9]{2}))$", re.ASCII)
"""How Ruby and Go write a time's zone after a blank, as in `2026-03-02 09:15:00 UTC`."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_SECONDS = 366 * 86_400
_LATEST_SECONDS = 10**11
"""A number above this (the year 5138 in seconds) is in milliseconds."""


def as_text(value: Any) -> str | None:
    """Text without surrounding blanks; a number or a yes/no as JSON writes it; None for the rest and for nothing."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else None


def as_count(value: Any) -> int | None:
    """A whole number from 0 to 2^53, also where it is written `3.0` or `"3"`; never a yes/no."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdecimal() and len(value) <= 16 else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= EXACT else None


def as_scalar(value: Any) -> str | int | float | bool | None:
    """Text, a yes/no, or a number that JSON carries exactly; None for objects and lists."""
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) and abs(value) <= EXACT else None


def as_moment(value: Any) -> datetime | None:
    """ISO 8601 text (UTC where it names no zone), or seconds or milliseconds since 1970, as an aware UTC datetime."""
    try:
        if isinstance(value, str):
            text = value.strip()
            if not text.isdecimal():
                moment = datetime.fromisoformat(_ZONE.sub(lambda zone: zone[1] or "Z", text))
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            value = int(text)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            return None
        return _EPOCH + timedelta(seconds=value if value < _LATEST_SECONDS else value / 1000)
    except (ValueError, OverflowError):
        return None


def decoded(value: Any, steps: Sequence[str]) -> Any:
    """A copy of `value` in which the text at the end of `steps` is the JSON that it holds, where it holds any."""
    if not steps:
        try:
            return orjson.loads(value) if isinstance(value, str) else value
        except orjson.JSONDecodeError:
            return value
    inside = paths.step(value, steps[0])
    if inside is paths.MISSING:
        return value
    changed = copy.copy(value)
    changed[int(steps[0]) if isinstance(value, list) else steps[0]] = decoded(inside, steps[1:])
    return changed


def as_milliseconds(seconds: Any) -> int | None:
    """A number of seconds, as whole milliseconds; None for what is no number, is negative, or is longer than a year."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= _YEAR_SECONDS:
        return None
    return round(seconds * 1000)


def summed(parts: Iterable[int | None]) -> int | None:
    """Their sum, or None where one was not said: null is not 0."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)


class Document:
    """A read-only view of one JSON value. Every getter takes paths and gives the first that holds what it asks for."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def raw(self, path: str) -> Any:
        """What stands there, as parsed; None where nothing does."""
        found = paths.find(self.value, path)
        return None if found is paths.MISSING else found

    def at(self, path: str) -> "Document":
        """The part below `path` as a document of its own."""
        return Document(self.raw(path))

    def text(self, *where: str) -> str | None:
        return self.get(as_text, where)

    def count(self, *where: str) -> int | None:
        return self.get(as_count, where)

    def moment(self, *where: str) -> datetime | None:
        return self.get(as_moment, where)

    def items(self, *where: str) -> list["Document"]:
        """The entries of the first list found, else none."""
        found = self.get(lambda value: value if isinstance(value, list) else None, where)
        return [Document(entry) for entry in found or ()]

    def get(self, convert: Callable[[Any], T | None], where: tuple[str, ...]) -> T | None:
        """The first of those paths whose value `convert` accepts (gives something other than None)."""
        for path in where:
            # The parts of a list are read key by key, and a body may hold thousands of them.
            found = self.value.get(path) if type(self.value) is dict and "." not in path else self.raw(path)
            if found is not None and (value := convert(found)) is not None:
                return value
        return None
