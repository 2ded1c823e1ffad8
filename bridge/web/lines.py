"""Results as lines of a page: what a message carried, failures first. In: members of messages; out: `Line`s.

However many a message carried, they are read in pages and only what a line shows is kept.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge import clock
from bridge.model import BAD, Member
from bridge.render.phrases import ago, cut
from bridge.render.slots import public_url, to_moment
from bridge.render.words import icon, marks, verdict
from bridge.store import Store, members

READ_AT_ONCE = 200

MOST_DRAWN = 500
"""Members of a message whose look is drawn; their results are in memory all at once."""

_ORDER = ("failed", "error", "timed_out", "unknown", "cancelled", "skipped", "neutral", "running", "queued", "passed")
_BAD = frozenset(outcome.value for outcome in BAD)

log = logging.getLogger("bridge.page")


@dataclass(frozen=True, slots=True)
class When:
    """A time as a page shows it: for programs, for people, and how long ago that is."""

    iso: str
    text: str
    ago: str


@dataclass(frozen=True, slots=True)
class Line:
    """One result in a line. `ended` is one of the outcomes or states; `url` leads to the run, or is null."""

    icon: str
    word: str
    title: str
    url: str | None
    ended: str
    source: str
    event_id: str
    when: When | None

    @property
    def bad(self) -> bool:
        return self.ended in _BAD


@dataclass(frozen=True, slots=True)
class Carried:
    """What a message carried: a line each, worst first; how many ended how; the members, unless they are too many."""

    lines: Sequence[Line]
    counts: Sequence[tuple[str, int]]
    members: Sequence[Member]


async def carried(store: Store, message: Mapping[str, Any], now: int) -> Carried:
    """All that a message carried."""
    alone, after = message["size"] == 1, -1
    lines: list[Line] = []
    kept: list[Member] = []
    while True:
        read = partial(
            members.of, message_ids=[message["id"]], after=after, limit=READ_AT_ONCE, bodies=alone, slim=not alone
        )
        found, after = await store.read(read)
        page = found[message["id"]]
        lines += [line(member.result, member.event_id, now) for member in page]
        if message["size"] <= MOST_DRAWN:
            kept += page
        if len(page) < READ_AT_ONCE:
            break
    lines.sort(key=lambda one: _ORDER.index(one.ended))
    counts = Counter(one.ended for one in lines)
    return Carried(lines, sorted(counts.items(), key=lambda pair: _ORDER.index(pair[0])), kept)


def line(result: Mapping[str, Any], event_id: str, now: int) -> Line:
    """One result, whatever it holds; one that was erased says so."""
    if not result:
        return Line("❓", "ERASED", "(no longer in the store)", None, "unknown", "", event_id, None)
    plain = dict(result)
    outcome = plain.get("outcome") or plain.get("state")
    ended = outcome if outcome in _ORDER else "unknown"
    try:
        mark, word = icon(plain), " · ".join([*marks(plain), verdict(plain) or ended.upper()])
    except Exception as error:  # the result of another version, in which no verdict can be found
        log.warning("the verdict of event %s cannot be put into words: %s", event_id, type(error).__name__)
        mark, word = "❓", ended.upper()
    return Line(
        icon=mark,
        word=word,
        title=cut(plain.get("title"), 150) or cut(plain.get("type"), 150) or "(no title)",
        url=public_url(plain.get("url")),
        ended=ended,
        source=cut(plain.get("source"), 100),
        event_id=event_id,
        when=when_said(plain.get("time"), now),
    )


def when(micros: int | None, now: int) -> When | None:
    """A time of the store; null where there is none."""
    return when_said(clock.to_iso(micros), now) if micros else None


def when_said(said: Any, now: int) -> When | None:
    """A time as RFC 3339; null where it is none."""
    moment = to_moment(said)
    if moment is None:
        return None
    present = clock.to_datetime(now)
    distance = f"in {ago(present, moment)}" if moment > present else f"{ago(moment, present)} ago"
    return When(moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S}", distance)
