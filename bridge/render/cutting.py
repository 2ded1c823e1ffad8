"""Shortening text that is already escaped. In: text and a limit; out: text within it that is still well formed.

A cut never falls inside an entity, an escape, a link, a mention, inline code or a character made of several code
points, and a fence that it falls into is closed. Lengths are UTF-16 code units: neither Slack nor Discord says what it
counts, and no other way of counting characters gives more.
"""

import re
from collections.abc import Iterable

MARK = "…"

_CHARACTER = r"(?:[^\u200d][\u0300-\u036f\ufe00-\ufe0f\u20e3]{0,8}(?:\u200d[^\x00-\x7f]\ufe0f?){0,6}|\u200d)"
"""What a reader sees as one: with what combines and is joined with it. Never ASCII: an entity or a mark begins so."""

SLACK = re.compile(rf"```|`[^`\n]{{1,500}}`|&(?:amp|lt|gt);|<[^<>\n]*>|{_CHARACTER}", re.DOTALL)
DISCORD = re.compile(
    rf"```|`[^`\n]{{1,500}}`|\\[^\n]|\[(?:\\[^\n]|[^\]\\\n])*\]\([^()\s]*\)|<[^<>\s]{{1,100}}>|{_CHARACTER}", re.DOTALL
)
PLAIN_SLACK = re.compile(rf"&(?:amp|lt|gt);|{_CHARACTER}", re.DOTALL)
PLAIN = re.compile(_CHARACTER, re.DOTALL)

_INSIDE = re.compile(rf"```|&(?:amp|lt|gt);|{_CHARACTER}", re.DOTALL)
"""Inside a fence nothing else has a meaning."""

_FENCE = "```"
_CLOSING = "\n```"


def units(text: str) -> int:
    """How long a text is in UTF-16 code units."""
    if text.isascii():
        return len(text)
    return len(text) + sum(1 for character in text if character > "\uffff")


def fits(text: str, limit: int) -> bool:
    """Whether a text has at most `limit` units."""
    return 2 * len(text) <= limit or units(text) <= limit


def level(lengths: Iterable[int], total: int) -> int:
    """The length to cut longer texts to, so that texts of these lengths come to `total` together."""
    rising = sorted(lengths)
    left = total
    for number, length in enumerate(rising):
        share = left // (len(rising) - number)
        if share < length:
            return max(0, share)
        left -= length
    return rising[-1] if rising else total


def cut(text: str, limit: int, atoms: re.Pattern[str]) -> str:
    """The text itself where it fits, else as many of its `atoms` as do, and a mark that there was more."""
    if fits(text, limit):
        return text
    room = limit - len(MARK) - (len(_CLOSING) if _FENCE in text and atoms in (SLACK, DISCORD) else 0)
    end, in_fence, used = 0, False, 0
    while match := (_INSIDE if in_fence else atoms).match(text, end):
        atom = match.group()
        used += units(atom)
        if used > room:
            break
        end = match.end()
        if atom == _FENCE and atoms in (SLACK, DISCORD):
            in_fence = not in_fence
    kept = text[:end].rstrip() + MARK if room >= 0 else ""
    return kept + _CLOSING if in_fence else kept
