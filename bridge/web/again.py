"""Many deliveries at once, for the API and the commands: replayed or discarded in small steps, and one told in full.

In: a filter as an operator writes it; out: how many there were and what was done. Each step is a transaction of its own
that touches few rows, so that hooks never wait behind it and whatever interrupts it loses nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bridge import clock
from bridge.model import Member, Why
from bridge.normalize import Parsed, parse
from bridge.options import parse_duration
from bridge.render import View
from bridge.setup import Setup
from bridge.store import Store, deliveries, events, replays, selection
from bridge.store.selection import STATES, Wanted
from bridge.web.readable import iso, readable_delivery, readable_event

STEP = 100
"""Deliveries dealt with in one transaction; each is a handful of rows."""

FILTERS = ("state", "target", "route", "source", "event", "message", "since", "until", "reason")


def wanted(given: Mapping[str, Any], now: int, *, state: str | None = None) -> Wanted:
    """A filter as written: texts by the names in `FILTERS`; `state` is meant where none is given, and `any` means all.

    Times are spans that lie back (`2h`) or RFC 3339. Raises ValueError that says what to write.
    """
    texts = {name: given[name] for name in FILTERS if given.get(name) is not None}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{name} must be text")
    meant = texts.get("state", state)
    if meant not in (None, "any", *STATES):
        raise ValueError(f"state must be one of {', '.join(STATES)}, or any")
    return Wanted(
        state=None if meant == "any" else meant,
        target=texts.get("target"),
        route=texts.get("route"),
        source=texts.get("source"),
        event_id=texts.get("event"),
        message_id=texts.get("message"),
        since=_moment("since", texts.get("since"), now),
        until=_moment("until", texts.get("until"), now),
        reason=texts.get("reason"),
    )


def _moment(name: str, text: str | None, now: int) -> int | None:
    if text is None:
        return None
    try:
        return max(now - parse_duration(text), 0)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return clock.to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{name} must be a span that lies back, as in 2h or 7d, or a time: 2026-03-14T12:00:00Z"
        ) from None


@dataclass(frozen=True, slots=True)
class Dealt:
    """What became of the deliveries that were looked at: how many were dealt with, and after which `seq` to go on; null
    where that was all.
    """

    done: int
    after: int | None


async def replay_many(
    store: Store,
    which: Wanted,
    *,
    to: str | None = None,
    key: str | None = None,
    after: int = 0,
    most: int | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> Dealt:
    """Replay deliveries, oldest first; at most `most` of them where that is given. `told` hears each step's number."""
    act = partial(replays.replay_these, to=to, key=key, state=which.state)
    return await _step_by_step(store, which, act, after, most, told)


async def discard_many(
    store: Store,
    which: Wanted,
    *,
    after: int = 0,
    most: int | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> Dealt:
    """Discard what waits or died, oldest first."""
    return await _step_by_step(store, which, partial(replays.discard_these), after, most, told)


async def _step_by_step(
    store: Store, which: Wanted, act: Any, after: int, most: int | None, told: Callable[[int], None]
) -> Dealt:
    last = await store.read(selection.newest)  # what is owed meanwhile, by this too, is not meant
    done = seen = 0
    while most is None or seen < most:
        limit = STEP if most is None else min(STEP, most - seen)
        found = await store.read(partial(selection.page, wanted=which, after=after, last=last, limit=limit))
        if not found:
            return Dealt(done, None)
        ids = [delivery_id for _, delivery_id in found]
        done += await store.write(partial(act, ids=ids, now=clock.now()))
        seen += len(ids)
        after = found[-1][0]
        told(len(ids))
    return Dealt(done, after)


# ---------------------------------------------------------------------------------------------- one, in full


async def delivery_story(store: Store, setup: Setup, delivery_id: str) -> dict[str, Any] | None:
    """A delivery with its event, its result, its message as the configuration of today makes it, and every attempt."""
    row = await store.read(partial(selection.one, delivery_id=delivery_id))
    if row is None:
        return None
    story = readable_delivery(row)
    event = await store.read(partial(events.find, event_id=row["event_id"]))
    story["event"] = readable_event({name: value for name, value in event.items() if name != "body"}) if event else None
    results = story["event"].pop("results") if story["event"] else None
    story["result"] = next((one for one in results or () if one["id"] == row["result_id"]), None)
    story["message"] = None
    if event is not None and story["result"] is not None:
        member = Member(
            delivery_id=delivery_id,
            event_id=row["event_id"],
            route=row["route"],
            result=story["result"],
            body=bytes(event["body"]),
            mention=False,
            why=Why(row["why"]),
            created_at=row["created_at"],
            note=row["note"],
        )
        story["message"] = message_of(setup, row["target"], [member])
    attempts = await store.read(partial(deliveries.attempts, message_id=row["message_id"]))
    story["attempt_log"] = [
        attempt | {"began_at": iso(attempt["began_at"]), "ended_at": iso(attempt["ended_at"])} for attempt in attempts
    ]
    return story


def message_of(
    setup: Setup, target: str, content: Sequence[Member], *, cause: str | None = None, message: str | None = None
) -> Any:
    """The body that a template of today makes of the members of one message; the result itself where the target gets
    that. Null where the target is no longer there, or gets several results as they are.
    """
    options, first = setup.config.targets.get(target), content[0]
    if options is None:
        return None
    if options.type == "http" and options.format != "template":
        return first.result if len(content) == 1 else None
    route = setup.routes.get(first.route)
    who = route.mention.who.get(target) if route and route.mention and any(one.mention for one in content) else None
    shape = {name: getattr(options, name) for name in ("style", "buttons", "username") if hasattr(options, name)}
    view = View(
        result=first.result if len(content) > 1 else first.result | {"payload": _payload(first.body)},
        route=first.route,
        mention=who,
        why=first.why,
        note=first.note,
        members=tuple(one.result for one in content) if len(content) > 1 else (),
        cause=cause,
        message=message,
        **shape,
    )
    return setup.renderer.render(options.type, route.template if route else None, view).body


def _payload(body: bytes) -> Any:
    parsed = parse(body)
    return parsed.value if isinstance(parsed, Parsed) else None
