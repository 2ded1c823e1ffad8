"""Spans, numbers and texts in few words. In: a plain value; out: plain text. Nothing here knows what a result is."""

import re
from datetime import datetime
from itertools import zip_longest
from typing import Any

from bridge.render.slots import one_line, to_moment

_COMMAND = re.compile(r"(?<!\S)(drawbridge [a-z]+(?: [^;\s]+)*)(?=;|\s*$)")


def duration(milliseconds: Any) -> str:
    """`850 ms`, `12 s`, `4 m 12 s`, `2 h 5 m`, `3 d 4 h`; empty for null."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return ""
    if milliseconds < 1000:
        return f"{max(0, round(milliseconds))} ms"
    seconds = round(milliseconds / 1000)
    for larger, smaller, size, small in (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if seconds >= size:
            rest = seconds % size // small
            return f"{seconds // size} {larger}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds} s"


def ago(moment: Any, now: Any) -> str:
    """How long `moment` lies before `now`, in its largest unit only: `3 h`; empty where one of them is null."""
    then, present = to_moment(moment), to_moment(now)
    if then is None or present is None:
        return ""
    return _span(then, present)


def plural(number: Any, one: str, many: str | None = None) -> str:
    """`{{ 3|plural('group') }}` is `3 groups`."""
    return f"{grouped(number)} {one if number == 1 else many or _many(one)}"


def _many(one: str) -> str:
    """`entries`, `processes`, `groups`: units are the vendors' words, and English."""
    if re.search(r"[^aeiou]y$", one, re.IGNORECASE):
        return one[:-1] + "ies"
    return one + ("es" if re.search(r"(s|x|z|ch|sh)$", one, re.IGNORECASE) else "s")


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def short_sha(commit: Any) -> str:
    """The first seven characters of a commit."""
    return str(commit or "").strip()[:7]


def first_line(text: Any) -> str:
    """The first line that says anything: what went wrong, without the trace below it."""
    return next((line for each in str(text or "").splitlines() if (line := each.strip())), "")


def commands(text: Any) -> list[dict[str, str]]:
    """A text as `{said, command}` in turn, so that what is to be typed can be shown as such."""
    pieces = _COMMAND.split(str(text or ""))
    return [
        {"said": said, "command": command} for said, command in zip_longest(pieces[::2], pieces[1::2], fillvalue="")
    ]


def cut(text: Any, length: int) -> str:
    """The text as one line of at most `length` characters, with a mark where something is missing."""
    line = one_line(text if isinstance(text, str) else "" if text is None else str(text))
    if len(line) <= length:
        return line
    return line[: length - 1].rstrip() + "…" if length > 0 else ""


def grouped(number: Any) -> str:
    """`1,200`."""
    return f"{number:,}" if isinstance(number, int) else str(number)


def _span(then: datetime, present: datetime) -> str:
    seconds = max(0, round((present - then).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
