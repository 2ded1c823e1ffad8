"""The second stage: what was kept is understood, compared with what is remembered, and routed.

    Event -> Result(s) -> transition -> deliveries            all of it in one transaction

Normalizing is done before that transaction, for it needs nothing from the store; inside it only what must be one: the
subject's memory moves, the deliveries are written, alarms are raised, the event is done. One replica dispatches at a
time (a lease), in the order in which events were kept, because what changed depends on what came before.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bridge import alarms, clock
from bridge.alarms import Alarm
from bridge.errors import StoreUnavailable
from bridge.history import Subject, allow_mention, place
from bridge.metrics import DELIVERIES, EVENTS, UNKNOWN_EVENTS
from bridge.model import Delivery, Event, Result, Why
from bridge.normalize import as_json, cap_items, normalize
from bridge.render import evaluate
from bridge.routing import Matched
from bridge.setup import Setup
from bridge.store import Store, Tx, deliveries, events, leases, subjects

AT_ONCE = 8
"""Events dispatched in one transaction. On SQLite a hook that comes meanwhile waits for it: 32 took up to 60 ms."""

AT_ONCE_BUSY = 1
"""While hooks come thick: on SQLite they wait for that transaction, so it is kept short."""

YIELD = 100
"""While hooks come thick, dispatch takes one part of the time and leaves them so many, but never more than `LOOK`."""

PATIENCE = 10 * clock.SECOND
"""How old what waits may become before dispatch gives way no more: a burst is over by then, and a message should not
wait. What is replayed is older, and is not given way from either: what came after it would wait behind it.
"""

LOOK = 1.0
"""Seconds after which it looks for what nobody woke it for."""

LEASE = "dispatch"

TESTS = "#tests"
"""The subject under which a source's last said test event is remembered."""

NAMELESS = "#nameless"
"""The subject under which is remembered when a source's results that have no subject mentioned somebody."""

log = logging.getLogger("bridge.dispatch")


@dataclass(slots=True)
class _Understood:
    """An event and what it means, before anything is compared or routed."""

    event: Event
    results: Sequence[Result]


@dataclass(slots=True)
class _Memory:
    """The subjects that one transaction touches, each read once and written once."""

    tx: Tx
    loaded: dict[tuple[str, str], Subject | None] = field(default_factory=dict)
    moved: set[tuple[str, str]] = field(default_factory=set)

    async def load(self, source: str, key: str) -> Subject | None:
        if (source, key) not in self.loaded:
            text = await subjects.load(self.tx, source, key)
            self.loaded[source, key] = Subject.from_json(text) if text else None
        return self.loaded[source, key]

    def move(self, source: str, key: str, subject: Subject) -> None:
        self.loaded[source, key] = subject
        self.moved.add((source, key))

    async def save(self, now: int) -> None:
        for source, key in sorted(self.moved):
            subject = self.loaded[source, key]
            if subject is not None:
                await subjects.save(self.tx, source, key, subject.to_json(), now)


class Dispatcher:
    """Dispatches what was kept, for as long as `run` runs.

    `owed` is told each target that something is owed to. While `busy` says that hooks come thick, dispatch takes only
    a share of the time: their vendors wait for an answer, and what was kept can wait, for a while.
    """

    def __init__(
        self,
        store: Store,
        setup: Callable[[], Setup],
        owner: str,
        owed: Callable[[str], None],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._busy = busy
        self._store = store
        self._setup = setup
        self._owner = owner
        self._owed = owed
        self.parked: set[str] = set()
        """Events that cannot be dispatched under the configuration in use; told to the operator."""
        self._parked_under: Setup | None = None
        self._token: int | None = None
        self._renew_at = 0
        self._late = False
        """What was dispatched last had waited longer than `PATIENCE`."""
        self._woken = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """An event was kept, or may have been."""
        self._woken.set()

    def stop(self) -> None:
        """Finish the transaction at hand and begin no more."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Dispatch until stopped. No error ends it."""
        while not self._stopping:
            began = time.monotonic()
            try:
                more = await self.turn(clock.now())
            except StoreUnavailable as error:
                log.warning("the store cannot be used now, nothing is lost: %s", error)
                more = False
            except Exception:
                log.exception("an error in dispatch that should not be; trying again")
                more = False
                await asyncio.sleep(LOOK)
            if more:
                await self._give_way(time.monotonic() - began)
            elif not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK)
            self._woken.clear()

    async def _give_way(self, took: float) -> None:
        """While hooks come thick, leave them `YIELD` times as long as the last batch took (seconds)."""
        until = time.monotonic() + min(YIELD * took, LOOK)
        while self._gives_way() and time.monotonic() < until and not self._stopping:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def _gives_way(self) -> bool:
        return self._busy() and not self._late

    async def turn(self, now: int) -> bool:
        """Dispatch one batch. Returns whether there was anything to do."""
        setup = self._setup()
        waiting = await self._waiting(setup)
        self._late = bool(waiting) and now - waiting[0].received_at > PATIENCE
        if not waiting:
            return False
        token = await self._own(now)
        if token is None:
            return False
        understood = []
        for event in waiting:
            understood.append(_Understood(event, _understand(event, setup)))
            await asyncio.sleep(0)  # hooks that wait for their answer get a turn
        dispatch = partial(_dispatch, setup=setup, token=token, now=now)
        try:
            owed = await self._store.write(partial(dispatch, understood=understood))
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a batch of %d events could not be dispatched; trying them one by one", len(understood))
            owed = await self._one_by_one(dispatch, understood)
        if owed is None:
            self._token = None
            return False
        for target in owed:
            self._owed(target)
        return True

    async def _own(self, now: int) -> int | None:
        """The token of the lease on dispatch, renewed now and then; null while another replica has it."""
        if self._token is None or now >= self._renew_at:
            self._token = await self._store.write(partial(leases.take, name=LEASE, owner=self._owner))
            self._renew_at = now + leases.SPAN // 3
        return self._token

    async def _one_by_one(
        self, dispatch: "partial[Coroutine[Any, Any, set[str] | None]]", understood: Sequence[_Understood]
    ) -> set[str]:
        """Dispatch each event in a transaction of its own. One that still cannot be is parked, and holds up nobody."""
        owed: set[str] = set()
        for one in understood:
            try:
                dispatched: set[str] | None = await self._store.write(partial(dispatch, understood=[one]))
                owed |= dispatched or set()
            except StoreUnavailable:
                raise
            except Exception:
                self.parked.add(one.event.id)
                log.exception(
                    "event %s cannot be dispatched and is parked until the configuration changes", one.event.id
                )
        return owed

    async def _waiting(self, setup: Setup) -> list[Event]:
        """The oldest events that wait, of sources in this configuration. Those of others wait for their source."""
        if setup is not self._parked_under:  # what a changed file made impossible it may have made possible again
            self.parked.clear()
            self._parked_under = setup
        limit = AT_ONCE_BUSY if self._gives_way() else AT_ONCE
        found: list[Event] = []
        after = -1
        while True:
            page = await self._store.read(
                partial(events.waiting, sources=list(setup.dispatched), limit=limit, after=after)
            )
            found += [event for event in page if event.id not in self.parked]
            if found or len(page) < limit:
                return found
            after = page[-1].seq


def _understand(event: Event, setup: Setup) -> list[Result]:
    source = setup.dispatched[event.source]
    results = normalize(event, source.vendor, source.options, evaluate)
    EVENTS.labels(event.source, source.vendor.name).inc()
    UNKNOWN_EVENTS.labels(event.source).inc(sum(not source.vendor.knows(result.type) for result in results))
    return results


async def _dispatch(tx: Tx, understood: Sequence[_Understood], setup: Setup, token: int, now: int) -> set[str] | None:
    """The one transaction. Returns the targets that are owed something; null when the lease is lost."""
    if not await leases.holds(tx, LEASE, token):
        return None
    memory = _Memory(tx)
    owed: list[Delivery] = []
    for one in understood:
        routed = await _route(tx, one, setup, memory, now)
        kind = one.results[0].type if one.results else "none"
        if not await events.dispatched(tx, one.event.id, kind, routed.told, now):
            raise StoreUnavailable(f"event {one.event.id} was dispatched by somebody else; this batch is undone")
        await deliveries.add(tx, one.event.id, routed.owed, now)
        owed += routed.owed
        for alarm in _alarms(one, routed, setup):
            await alarms.raise_alarm(tx, alarm, now)
    await memory.save(now)
    for delivery in owed:
        DELIVERIES.labels(delivery.route, delivery.target).inc()
    return {delivery.target for delivery in owed}


@dataclass(slots=True)
class _Routed:
    """What became of an event: its results as JSON, who gets them, and the routes whose condition failed, with why."""

    told: list[dict[str, Any]] = field(default_factory=list)
    owed: list[Delivery] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


async def _route(tx: Tx, one: _Understood, setup: Setup, memory: _Memory, now: int) -> _Routed:
    """Compare an event's results with what is remembered, and route them."""
    before = await events.results(tx, one.event.id) if one.event.is_replay else []
    routed = _Routed()
    for n, result in enumerate(one.results):
        await _remember(result, memory)
        cap_items(result)
        plain = as_json(result)
        if n < len(before):  # a replay says what changed then, not what would have changed now
            plain["history"] = before[n]["history"]
        routed.told.append(plain)
        if result.is_test and not await _say_test(one.event, setup, memory, now):
            continue
        shown = plain | {"payload": result.payload}
        decision = setup.router.route(shown)
        routed.failed += [
            (step.route, step.error) for step in decision.trail if isinstance(step, Matched) and step.error
        ]
        owed = [delivery for delivery in decision.deliveries if not alarms.is_about(plain, delivery.target)]
        for delivery in await _decided(owed, result, setup, memory, now):
            asked_for = one.event.is_test or delivery.why is Why.REPLAY
            urgent = asked_for or setup.targets[delivery.target].lets_through(shown)
            routed.owed.append(replace(delivery, urgent=urgent))
    return routed


def _alarms(one: _Understood, routed: _Routed, setup: Setup) -> Iterator[Alarm]:
    """What the operator should hear about an event, besides the event. An alarm raises no other."""
    if one.event.source == alarms.SOURCE:
        if not routed.owed:
            title, summary = one.results[0].title, one.results[0].summary
            log.error("alarm %s, which no route takes: %s. %s", one.event.id, title, summary)
        return
    vendor = setup.dispatched[one.event.source].vendor
    for result in one.results:
        yield from alarms.news_of(result, documented=vendor.knows(result.type))
    for route, error in routed.failed:
        yield alarms.condition_failed(route, error, one.event.id)


async def _say_test(event: Event, setup: Setup, memory: _Memory, now: int) -> bool:
    """Whether a test event is said at all: our own samples always, a vendor's at most hourly, unless it is hidden."""
    if event.is_test:
        return True
    if setup.dispatched[event.source].tests == "hide":
        return False
    remembered = await memory.load(event.source, TESTS) or Subject()
    said = allow_mention(remembered, TESTS, clock.HOUR, now)
    memory.move(event.source, TESTS, remembered)
    return said


async def _remember(result: Result, memory: _Memory) -> None:
    """Move the result's subject, if the result moves it."""
    if result.subject_key is None:
        place(None, result)
        return
    after = place(await memory.load(result.source, result.subject_key), result)
    if after is not None:
        memory.move(result.source, result.subject_key, after)


async def _decided(owed: Sequence[Delivery], result: Result, setup: Setup, memory: _Memory, now: int) -> list[Delivery]:
    """What routing alone cannot say: whether a route may mention again so soon, and that it is a replay."""
    if result.is_replay:
        owed = [replace(delivery, why=Why.REPLAY) if delivery.why is Why.NEW else delivery for delivery in owed]
    mentioning = {delivery.route for delivery in owed if delivery.mention}
    if not mentioning:
        return list(owed)
    key = result.subject_key or NAMELESS
    subject = await memory.load(result.source, key) or Subject()
    spans = {name: mention.at_most for name in mentioning if (mention := setup.routes[name].mention)}
    allowed = {name for name, span in spans.items() if allow_mention(subject, name, span, now)}
    memory.move(result.source, key, subject)
    return [replace(delivery, mention=delivery.mention and delivery.route in allowed) for delivery in owed]
