"""The store against a model of it: random work by two owners, with a clock that jumps, on both engines.

The model is a few dicts and one plain walk through a queue. After every step the store must hold exactly what the
model holds; what must never happen (lost, in two messages, unsent again, out of order) is asserted beside it. The last
test puts one operation into the middle of another, which only PostgreSQL's concurrent transactions allow.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge import clock
from bridge.gather import FILL, Gather, Waiting, batches, digests, one_by_one
from bridge.model import Delivery, Member, Message, Status, Verification, Verified
from bridge.store import Store, deliveries, events, leases, members, messages, open_store, retention, targets
from bridge.store.forming import Planned

START = 1_773_489_600_000_000
SOURCES = ("qa", "ops")
TARGETS = ("chat", "lake")
OWNERS = ("replica-1", "replica-2")
WINDOW = 20 * clock.SECOND
WAITS = (0, clock.SECOND, leases.SPAN // 3, leases.SPAN // 2, leases.SPAN, leases.SPAN + 1, WINDOW)

some = st.integers(0, 1_000)
"""Which one of a list, whatever its length is."""

rarely = st.sampled_from([False] * 5 + [True])
"""What ends a story happens rarely, so that there are stories."""

answers = st.sampled_from(["sent", "again", "dead", "put_back", "refused", "nobody knows"])
"""What becomes of a message. Refused, one of several is halved, and a single one dies."""

gathers = st.sampled_from(["one_by_one", "one_by_one", "batches", "digests"])

routed = st.lists(
    st.tuples(
        st.sampled_from(["chat", *TARGETS]),
        st.sampled_from(["x", "x", "x", "y", None]),
        st.sampled_from(["all", "all", "some"]),
    ),
    min_size=1,
    max_size=5,
)
"""What an event's deliveries go to, their order keys and routes. Most meet, so that there is an order to keep."""


@dataclass
class Kept:
    id: str
    source: str
    received_at: int
    dispatched: bool = False


@dataclass
class Owed:
    id: str
    event_id: str
    target: str
    order_key: str | None
    route: str
    created_at: int
    state: str = "waiting"
    message: "Sending | None" = None


@dataclass
class Sending:
    id: str
    members: list[Owed]
    token: int
    place: int = 1 << 62
    half_of: "Sending | None" = None
    state: str = "sending"
    next_at: int = 0
    attempts: list[str] = field(default_factory=list)
    out: bool = True

    @property
    def doubts(self) -> int:
        return self.attempts.count("interrupted")

    @property
    def target(self) -> str:
        return self.members[0].target

    @property
    def keys(self) -> set[str]:
        return {one.order_key for one in self.members if one.order_key is not None}


@dataclass
class Lease:
    owner: str
    token: int
    until: int


@dataclass
class Lane:
    """What an owner has begun and not ended, and the keys that must not go on."""

    begun: list[Message] = field(default_factory=list)
    blocked: set[str | None] = field(default_factory=set)


class Clocked:
    """A transaction of either engine whose leases are judged by the test's clock."""

    def __init__(self, tx: Any, now: int) -> None:
        self._tx, self._now = tx, now

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def now(self) -> int:
        return self._now


class Machine(RuleBasedStateMachine):
    """The store and its model side by side."""

    def __init__(self, new_store: Callable[[], Coroutine[Any, Any, Store]]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = self.runner.run(new_store())
        self.now = START
        self.number = 0
        self.events: dict[str, Kept] = {}
        self.seen: dict[tuple[str, bytes], tuple[str, int]] = {}
        self.owed: dict[str, Owed] = {}
        self.messages: dict[str, Sending] = {}
        self.leases: dict[str, Lease] = {}
        self.lanes: dict[tuple[str, str], Lane] = {(o, t): Lane() for o in OWNERS for t in TARGETS}
        self.paused: set[str] = set()
        self.gone_out: dict[tuple[str, str], list[int]] = {}
        self.were_sent: set[str] = set()

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()

    def write(self, operation: Any, **arguments: Any) -> Any:
        """Run an operation by the test's clock."""

        async def run(tx: Any) -> Any:
            return await operation(Clocked(tx, self.now), **arguments)

        return self.runner.run(self.store.write(run))

    def read(self, operation: Any, **arguments: Any) -> Any:
        return self.runner.run(self.store.read(partial(operation, **arguments)))

    # -------------------------------------------------------------------------------------- custody

    def hook(self, source: str, name: bytes, *, is_test: bool = False) -> Verified:
        self.number += 1
        return Verified(
            source=source,
            vendor="autosana",
            received_at=self.now,
            headers={},
            body=str(self.number).encode(),
            verification=Verification("hmac-sha256", True, 1),
            dedupe_key=name.ljust(32, b"\0"),
            dedupe_until=self.now + WINDOW,
            is_test=is_test,
        )

    @rule(source=st.sampled_from(SOURCES), names=st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=4))
    def keep(self, source, names):
        """Hooks that come together: of each key at most one is new, and all others name it."""

        async def together() -> Any:
            return await asyncio.gather(*(self.store.keep(self.hook(source, name)) for name in names))

        receipts = self.runner.run(together())
        for name in set(names):
            of_key = [receipt for receipt, own in zip(receipts, names, strict=True) if own == name]
            first, until = self.seen.get((source, name), ("", 0))
            new = [receipt.id for receipt in of_key if receipt.status is Status.ACCEPTED]
            if until > self.now:
                assert new == []
            else:
                (first,) = new
                self.seen[source, name] = (first, self.now + WINDOW)
                self.events[first] = Kept(first, source, self.now)
            assert {receipt.id for receipt in of_key} == {first}

    @rule(source=st.sampled_from(SOURCES))
    def keep_own_sample(self, source):
        receipt = self.runner.run(self.store.keep(self.hook(source, b"a", is_test=True)))
        assert receipt.status is Status.ACCEPTED
        self.events[receipt.id] = Kept(receipt.id, source, self.now)

    # -------------------------------------------------------------------------------------- dispatch

    @initialize(to=routed)
    def there_is_work(self, to):
        for name in (b"a", b"b"):
            self.keep_and_dispatch(name, to)

    @rule(name=st.sampled_from([b"c", b"d", b"e"]), to=routed)
    def keep_and_dispatch(self, name, to):
        self.keep("qa", [name])
        first, _ = self.seen["qa", name]
        if first in self.events:  # else a duplicate of what was forgotten
            self.dispatches(self.events[first], to)

    @precondition(lambda self: self.events)
    @rule(which=some, to=routed)
    def dispatch(self, which, to):
        """Events that wait are dispatched once; for others nothing happens."""
        waiting = [one for one in self.events.values() if not one.dispatched]
        self.dispatches(pick(waiting or list(self.events.values()), which), to)

    def dispatches(self, event: Kept, to: list[tuple[str, str | None, str]]) -> None:
        due = [
            Delivery(result_id=event.id, source=event.source, route=route, target=target, order_key=key)
            for target, key, route in to
        ]

        async def dispatch(tx: Any) -> bool:
            if not await events.dispatched(tx, event.id, "t", [{"id": event.id}], self.now):
                return False
            await deliveries.add(tx, event.id, due, self.now)
            return True

        assert self.write(dispatch) is not event.dispatched
        if not event.dispatched:
            event.dispatched = True
            self.learn(event.id, due)

    def learn(self, event_id: str, due: list[Delivery]) -> None:
        """Take up the deliveries that the store has just made, in their order."""
        rows = self.read(deliveries.listed, event_id=event_id, limit=1_000)
        new = [row["id"] for row in reversed(rows) if row["id"] not in self.owed]
        for delivery_id, one in zip(new, due, strict=True):
            self.owed[delivery_id] = Owed(delivery_id, event_id, one.target, one.order_key, one.route, self.now)

    @precondition(lambda self: self.events)
    @rule(which=some)
    def replay_event(self, which):
        event = pick(list(self.events.values()), which)
        assert self.write(events.replay, event_id=event.id)
        event.dispatched = False

    # -------------------------------------------------------------------------------------- time and leases

    @rule(wait=st.sampled_from(WAITS))
    def time_passes(self, wait):
        self.now += wait

    def lease(self, target: str, owner: str) -> int | None:
        """What taking it should give."""
        held = self.leases.get(target)
        if held is None:
            self.leases[target] = Lease(owner, 1, self.now + leases.SPAN)
            return 1
        if held.owner != owner and held.until > self.now:
            return None
        if held.owner == owner and held.until > self.now + leases.SPAN // 2:
            return held.token  # fresh enough: not renewed
        token = held.token if held.owner == owner and held.until > self.now else held.token + 1
        self.leases[target] = Lease(owner, token, self.now + leases.SPAN)
        return token

    @rule(owner=st.sampled_from(OWNERS), name=st.sampled_from(TARGETS))
    def renew(self, owner, name):
        token = self.write(leases.take, name=f"target:{name}", owner=owner)
        assert token == self.lease(name, owner)

    @rule(owner=st.sampled_from(OWNERS), rarely=rarely)
    def release(self, owner, rarely):
        """An owner stops and lets go; what it had begun it forgets."""
        if not rarely:
            return
        self.write(leases.release, owner=owner)
        for target in TARGETS:
            self.lanes[owner, target] = Lane()
            if target in self.leases and self.leases[target].owner == owner:
                self.leases[target].until = 0

    @rule(owner=st.sampled_from(OWNERS), name=st.sampled_from(TARGETS), rarely=rarely)
    def crash(self, owner, name, rarely):
        """An owner forgets what it had begun; nobody will ever know what became of it."""
        if rarely:
            self.lanes[owner, name] = Lane()

    # -------------------------------------------------------------------------------------- delivery

    @rule(
        owner=st.sampled_from(OWNERS),
        name=st.sampled_from(["chat", *TARGETS]),
        limit=st.integers(2, 5),
        said=st.lists(answers, max_size=3),
        fresh_first=rarely,
        kind=gathers,
    )
    def work(self, owner, name, limit, said, fresh_first, kind):
        """As a worker does it: plan only when nothing of its own is on its way, then send; and stand still anywhere."""
        lane = self.lanes[owner, name]
        if not lane.begun:
            lane = self.plans(owner, name, limit, fresh_first=fresh_first, kind=kind)
        for answer in said[: len(lane.begun)]:
            self.attempts(lane, answer, WINDOW)

    @precondition(lambda self: any(lane.begun for lane in self.lanes.values()))
    @rule(which=some, limit=st.integers(1, 4))
    def somebody_takes_over(self, which, limit):
        """Who has begun something stands still for longer than its lease, and knows nothing of what happens then."""
        owner, name = pick([of for of, lane in self.lanes.items() if lane.begun], which)
        (other,) = set(OWNERS) - {owner}
        self.now += leases.SPAN + 1
        if not self.lanes[other, name].begun:
            self.plans(other, name, limit)

    def gathering(self, kind: str) -> Gather:
        """How deliveries come together; what that means is for the tests of `gather`."""
        if kind == "batches":
            return partial(batches, size=3, now=self.now + FILL)
        if kind == "digests":
            return partial(digests, after=1, window=clock.SECOND, last={}, now=self.now, most=50)
        return one_by_one

    def plans(self, owner: str, name: str, limit: int, *, fresh_first: bool = False, kind: str = "one_by_one") -> Lane:
        """Lease and plan in one transaction; the lane that it gives is empty where another has the lease."""
        gather = self.gathering(kind)

        async def plan(tx: Any) -> tuple[int | None, Planned | None]:
            token = await leases.take(tx, f"target:{name}", owner)
            if token is None:
                return None, None
            return token, await messages.plan(
                tx, name, token, limit, self.now, gather=gather, look=50, fresh_first=fresh_first
            )

        token, planned = self.write(plan)
        assert token == self.lease(name, owner)
        lane = self.lanes[owner, name] = Lane(begun=list(planned.messages) if planned else [])
        if token is not None:
            self.begin(name, token, limit, planned, gather, fresh_first=fresh_first)
        return lane

    def begin(
        self, target: str, token: int, limit: int, planned: Planned, gather: Gather, *, fresh_first: bool = False
    ) -> None:
        """Walk through what is open, in its order, and compare with what the store began."""
        mine = [one for one in self.messages.values() if one.target == target]
        for message in mine:
            if message.state == "sending":
                message.state, message.next_at = "waiting", self.now
                if message.out:
                    message.attempts.append("interrupted")
        queue = sorted((one for one in mine if one.state == "waiting"), key=lambda one: one.place)
        fresh = [one for one in self.owed.values() if (one.target, one.state, one.message) == (target, "waiting", None)]
        expected: list[Sequence[str]] = []
        if fresh_first:
            expected = self.gathered(gather, fresh, {key for one in queue for key in one.keys}, limit)
        if not expected:
            blocked: set[str] = set()
            doubtful = [one for one in queue if one.doubts > 1 and one.next_at <= self.now][:1]
            for message in doubtful or queue:
                if message.keys.isdisjoint(blocked) and message.next_at <= self.now and len(expected) < limit:
                    expected.append([one.id for one in message.members])
                else:
                    blocked |= message.keys
            expected += [] if doubtful else self.gathered(gather, fresh, blocked, limit - len(expected))
        found = self.read(self.members_of, heads=planned.messages)
        assert [[member.delivery_id for member in found[message.id]] for message in planned.messages] == expected
        for ids, started in zip(expected, planned.messages, strict=True):
            members = [self.owed[one] for one in ids]
            assert [member.result for member in found[started.id]] == [{"id": one.event_id} for one in members]
            model = members[0].message or Sending(started.id, members, token)
            self.messages[model.id] = model
            for one in members:
                one.message = model
            assert (model.id, len(model.attempts)) == (started.id, started.attempts)
            assert (frozenset(model.keys), len(members)) == (started.order_keys, started.size)
            model.state, model.token = "sending", token
            model.out = not model.doubts

    def gathered(self, gather: Gather, fresh: list[Owed], blocked: set[str], limit: int) -> list[Sequence[str]]:
        """What should be put together of what is in no message yet."""
        free = [
            Waiting(one.id, one.route, one.order_key, one.created_at) for one in fresh if one.order_key not in blocked
        ]
        return [[one.id for one in group.members] for group in gather(free[:50], limit).groups] if limit > 0 else []

    async def members_of(self, tx: Any, heads: Sequence[Message]) -> dict[str, list[Member]]:
        found, _ = await members.of(tx, [message.id for message in heads])
        return found

    @precondition(lambda self: self.leases)
    @rule(name=st.sampled_from(TARGETS), age=st.integers(1, 3))
    def plan_with_an_old_token(self, name, age):
        if name in self.leases:
            old = self.leases[name].token - age
            assert self.write(messages.plan, target=name, token=old, limit=9, now=self.now) is None

    @precondition(lambda self: any(lane.begun for lane in self.lanes.values()))
    @rule(which=some, said=st.lists(answers, min_size=1, max_size=4), wait=st.sampled_from(WAITS))
    def attempt(self, which, said, wait):
        """The next messages of some owner's lane go out and their answers are recorded, in time or much too late."""
        lane = pick([lane for lane in self.lanes.values() if lane.begun], which)
        for answer in said[: len(lane.begun)]:
            self.attempts(lane, answer, wait)

    @precondition(lambda self: self.overtaken())
    @rule(which=some, answer=answers)
    def late_attempt(self, which, answer):
        """The same, by one who does not know that another has begun that very message since."""
        self.attempts(pick(self.overtaken(), which), answer, clock.SECOND)

    def overtaken(self) -> list[Lane]:
        """Lanes whose next message is on its way from somebody else."""
        ahead = [(lane, self.messages.get(lane.begun[0].id)) for lane in self.lanes.values() if lane.begun]
        return [
            lane for lane, model in ahead if model and model.state == "sending" and model.token != lane.begun[0].token
        ]

    def attempts(self, lane: Lane, answer: str, wait: int) -> None:
        message = lane.begun.pop(0)
        next_at = self.now + wait
        model = self.messages.get(message.id)
        ours = model is not None and (model.state, model.token) == ("sending", message.token)
        if answer == "put_back" or not message.order_keys.isdisjoint(lane.blocked):
            self.write(messages.put_back, message=message, next_at=next_at)
            lane.blocked |= message.order_keys
            if model and ours:
                model.state, model.next_at = "waiting", next_at
            return
        assert self.write(messages.go_out, message=message) is ours
        if model and ours:
            model.out = True
        if answer == "nobody knows":
            lane.blocked |= message.order_keys
            return
        if answer == "refused":
            answer = "halved" if message.size > 1 else "dead"
        if answer == "sent":
            self.goes_out(message)
        elif answer != "dead":
            lane.blocked |= message.order_keys
        assert self.record(message, answer, next_at) is ours
        if model and ours:
            model.attempts.append(answer)
            model.state = "waiting" if answer == "again" else answer
            model.next_at = next_at
            if answer == "halved":
                self.learn_halves(model)
            elif answer != "again":
                for one in model.members:
                    one.state = answer

    def record(self, message: Message, answer: str, next_at: int) -> Any:
        common: dict[str, Any] = {"message": message, "began": self.now, "now": self.now}
        match answer:
            case "sent":
                return self.write(messages.sent, external_id=None, **common)
            case "again":
                return self.write(messages.again, answer=answer, reason="503", next_at=next_at, **common)
            case "halved":
                return self.write(messages.halve, answer=answer, reason="413", **common)
            case _:
                return self.write(messages.dead, answer=answer, reason="no", **common)

    def learn_halves(self, whole: Sending) -> None:
        """Take up the two messages that a refused one became: the first half of its members, and the rest."""
        middle = len(whole.members) // 2
        for half in (whole.members[:middle], whole.members[middle:]):
            ids = {row["message_id"] for row in self.rows() if row["id"] in [one.id for one in half]}
            assert len(ids) == 1, "a half stays together"
            (new_id,) = ids
            place = list(self.owed).index(half[0].id)
            model = Sending(new_id, half, whole.token, place=place, half_of=whole, state="waiting", next_at=self.now)
            self.messages[new_id] = model
            for one in half:
                one.message = model

    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.read(deliveries.listed, limit=10_000)
        return found[::-1]

    def goes_out(self, message: Message) -> None:
        """What arrives at a target for the first time arrives in the order in which it became owed."""
        for one in self.messages[message.id].members if message.id in self.messages else []:
            if one.order_key is None or one.state == "forgotten":
                continue
            place = list(self.owed).index(one.id)
            gone = self.gone_out.setdefault((message.target, one.order_key), [])
            if place not in gone:
                gone.append(place)
                assert gone == sorted(gone), "a later one of the same key went out before an earlier one"

    # -------------------------------------------------------------------------------------- the operator

    @precondition(lambda self: self.owed)
    @rule(which=some)
    def cancel(self, which):
        one = pick(list(self.owed.values()), which)
        can = self.cancelled(one)
        assert self.write(deliveries.cancel, delivery_id=one.id, reason="the operator", now=self.now) is can

    def cancelled(self, one: Owed) -> bool:
        """Cancel it in the model, if it can be."""
        if one.state != "waiting" or (one.message and (one.message.state == "sending" or len(one.message.members) > 1)):
            return False
        one.state = "cancelled"
        if one.message:
            one.message.state = "cancelled"
        return True

    @precondition(lambda self: self.owed)
    @rule(which=some, to=st.sampled_from([None, *TARGETS]))
    def replay_delivery(self, which, to):
        one = pick(list(self.owed.values()), which)
        self.cancelled(one)
        new_id = self.write(deliveries.replay, delivery_id=one.id, to=to, now=self.now)
        if one.state == "forgotten":
            assert new_id is None
            return
        self.owed[new_id] = Owed(new_id, one.event_id, to or one.target, one.order_key, one.route, self.now)

    @rule(name=st.sampled_from(TARGETS), pausing=st.booleans())
    def pause_or_resume(self, name, pausing):
        """A pause is remembered, and touches nothing of the queue."""
        if pausing:
            self.write(targets.pause, name=name, reason="gone", now=self.now)
            self.paused.add(name)
        else:
            assert self.write(targets.resume, name=name, now=self.now) is (name in self.paused)
            self.paused.discard(name)

    # -------------------------------------------------------------------------------------- retention

    @rule(age=st.sampled_from(WAITS))
    def tidy(self, age):
        self.forget_seen()
        self.forget_events(age)

    def forget_seen(self):
        over = [key for key, (_, until) in self.seen.items() if until <= self.now]
        assert self.write(retention.forget_seen, now=self.now) == len(over)
        for key in over:
            del self.seen[key]

    def forget_events(self, age):
        """Only what is old, dispatched and settled is let go of."""
        busy = {one.event_id for one in self.owed.values() if one.state == "waiting"}
        old = [
            one.id
            for one in self.events.values()
            if one.dispatched and one.received_at < self.now - age and one.id not in busy
        ]
        before = self.now - age
        found = self.read(retention.old_events, before=before, now=self.now)
        assert sorted(found.ids) == sorted(old)
        while self.write(retention.forget_events, event_ids=found.ids, before=before) >= retention.STEP:
            pass
        for event_id in old:
            del self.events[event_id]
        for one in [one for one in self.owed.values() if one.event_id in old]:
            # A place in the order is the place in this dict, so what is forgotten leaves it only by its event.
            one.state = "forgotten"
        for message in [
            one for one in self.messages.values() if all(each.state == "forgotten" for each in one.members)
        ]:
            del self.messages[message.id]

    # -------------------------------------------------------------------------------------- what always holds

    @invariant()
    def the_store_holds_what_the_model_holds(self):
        waiting = self.read(events.waiting, sources=SOURCES, limit=1_000)
        kept = self.read(events.recent, source=None, before=None, limit=1_000)
        assert {one.id for one in waiting} == {one.id for one in self.events.values() if not one.dispatched}
        assert [one.seq for one in waiting] == sorted(one.seq for one in waiting)
        assert {row["id"] for row in kept} == set(self.events)
        rows = self.rows()
        alive = [one for one in self.owed.values() if one.state != "forgotten"]
        assert [
            (row["id"], row["state"], row["message_id"], row["message_state"], row["attempts"]) for row in rows
        ] == [
            (one.id, one.state, one.message.id, one.message.state, len(one.message.attempts))
            if one.message
            else (one.id, one.state, None, None, None)
            for one in alive
        ]
        of_message = Counter(one.message.id for one in self.owed.values() if one.message)
        sizes = {row["message_id"]: row["message_size"] for row in rows if row["message_id"]}
        assert all(of_message[message_id] == size for message_id, size in sizes.items()), (
            "a message lost or won members"
        )
        sent = {row["id"] for row in rows if row["state"] == "sent"}
        assert self.were_sent <= sent | {one.id for one in self.owed.values() if one.state == "forgotten"}
        self.were_sent |= sent

    @invariant()
    def what_is_owed_is_counted(self):
        open_now = Counter(one.target for one in self.owed.values() if one.state == "waiting")
        assert self.read(deliveries.owed) == dict(open_now)
        for target in TARGETS:
            ready = any(
                one.message is None or one.message.state == "sending" or one.message.next_at <= self.now
                for one in self.owed.values()
                if (one.target, one.state) == (target, "waiting")
            )
            assert self.read(messages.has_work, target=target, now=self.now) is ready

    @rule(owner=st.sampled_from(OWNERS), rarely=rarely)
    def one_owner_settles_everything(self, owner, rarely):
        """Nothing is stuck: a single owner that is left alone sends whatever is owed."""
        if not rarely:
            return
        self.now += leases.SPAN + WINDOW
        for target in TARGETS:
            self.lanes[owner, target] = Lane()
            token = self.write(leases.take, name=f"target:{target}", owner=owner)
            assert token == self.lease(target, owner)
            plan = partial(self.write, messages.plan, target=target, token=token, limit=3, now=self.now)
            while (planned := plan()).messages:
                self.begin(target, token, 3, planned, one_by_one)
                for message in planned.messages:
                    self.goes_out(message)
                    assert self.record(message, "sent", 0)
                    model = self.messages[message.id]
                    model.attempts.append("sent")
                    model.state = "sent"
                    for one in model.members:
                        one.state = "sent"
        assert self.read(deliveries.owed) == {}


def pick(found: list[Any], which: int) -> Any:
    return found[which % len(found)]


def empty_stores(url: str) -> Callable[[], Coroutine[Any, Any, Store]]:
    """Makes a store with nothing in it each time it is asked."""
    numbers = itertools.count()

    async def new_store() -> Store:
        if url.startswith("sqlite"):
            return await open_store(url.replace("store.db", f"store-{next(numbers)}.db"), exclusive=False)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        finally:
            await connection.close()
        return await open_store(url, exclusive=False)

    return new_store


def test_the_store_does_what_its_model_does(store_url):
    sqlite = store_url.startswith("sqlite")
    new_store = empty_stores(store_url)

    class OnThisEngine(Machine):
        def __init__(self) -> None:
            super().__init__(new_store)

    run_state_machine_as_test(
        OnThisEngine,
        settings=settings(
            max_examples=40 if sqlite else 8,
            stateful_step_count=50,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_fresh_one_overtakes_none_of_its_own_key_however_many_wait(store_url):
    async def story() -> Any:
        store: Any = await open_store(store_url, exclusive=False)
        try:
            keys = [f"key-{n}" for n in range(messages.OPEN_AT_ONCE + 1)]
            hook = Verified("qa", "autosana", START, {}, b"{}", Verification("none", False), b"key", START, True)
            event_id = (await store.keep(hook)).id
            owed = [Delivery(event_id, "qa", "all", "chat", order_key=key) for key in keys]
            await store.write(partial(deliveries.add, event_id=event_id, owed=owed, now=START))
            token = await store.write(partial(leases.take, name="target:chat", owner=OWNERS[0]))
            plan: Any = partial(messages.plan, target="chat", token=token, now=START)
            again: Any = partial(
                messages.again, answer="retry", reason="503", began=START, now=START, next_at=START + 1
            )
            for message in (await store.write(partial(plan, limit=len(keys)))).messages:
                await store.write(partial(again, message=message))
            await store.write(partial(deliveries.add, event_id=event_id, owed=owed[-1:], now=START))
            return (await store.write(partial(plan, limit=1, fresh_first=True))).messages
        finally:
            await store.close()

    assert asyncio.run(story()) == []


# ------------------------------------------------------------------------------------------------ at the same moment

BLOCKED = 0.15
"""Seconds after which an operation that has not ended waits for the other's locks."""

LONGEST = 16
"""More statements than any of these operations has."""


class Meanwhile:
    """A transaction with somebody else's operation in it, after its `after`-th statement."""

    def __init__(self, tx: Any, after: int, other: Callable[[], Awaitable[Any]]) -> None:
        self._tx, self._left, self._other = tx, after, other
        self.beside: asyncio.Task[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def rows(self, sql: str, *values: Any) -> Any:
        return await self._then(self._tx.rows(sql, *values))

    async def run(self, sql: str, *values: Any) -> Any:
        return await self._then(self._tx.run(sql, *values))

    async def run_many(self, sql: str, values: Any) -> Any:
        return await self._then(self._tx.run_many(sql, values))

    async def _then(self, statement: Awaitable[Any]) -> Any:
        found = await statement
        self._left -= 1
        if self._left == 0:
            self.beside = asyncio.ensure_future(self._other())
            await asyncio.wait({self.beside}, timeout=BLOCKED)
        return found


async def owing(store: Store, target: str) -> str:
    """Owe one delivery to a target; its id."""
    hook = Verified("qa", "autosana", START, {}, b"{}", Verification("none", False), target.encode(), START, True)
    receipt = await store.keep(hook)

    async def dispatch(tx: Any) -> None:
        await events.dispatched(tx, receipt.id, "t", [{"id": receipt.id}], START)
        await deliveries.add(tx, receipt.id, [Delivery(receipt.id, "qa", "all", target)], START)

    await store.write(dispatch)
    (row,) = await store.read(partial(deliveries.listed, target=target))
    return str(row["id"])


async def planned(tx: Any, target: str, owner: str) -> list[Message]:
    token = await leases.take(tx, f"target:{target}", owner)
    assert token is not None
    planned = await messages.plan(tx, target, token, 9, START)
    return list(planned.messages) if planned else []


async def begun(store: Store, target: str) -> tuple[str, Message]:
    """A delivery whose message is on its way from an owner whose lease is over."""
    delivery_id = await owing(store, target)
    (message,) = await store.write(partial(planned, target=target, owner=OWNERS[0]))
    await store.write(partial(leases.release, owner=OWNERS[0]))
    return delivery_id, message


async def to_be_retried(store: Store, target: str) -> str:
    """A delivery whose message waits for its next attempt."""
    delivery_id, message = await begun(store, target)
    await store.write(
        partial(messages.again, message=message, answer="retry", reason="503", began=START, now=START, next_at=START)
    )
    return delivery_id


async def a_late_answer_in_a_takeover(store: Store, target: str, after: int) -> tuple[str, bool]:
    _, message = await begun(store, target)
    late = partial(store.write, partial(messages.sent, message=message, external_id=None, began=START, now=START))
    again, counted = await beside(store, after, partial(planned, target=target, owner=OWNERS[1]), late)
    return f"begun again: {bool(again)}, the late answer counts: {counted}", bool(again) is not counted


async def a_cancel_in_the_first_plan(store: Store, target: str, after: int) -> tuple[str, bool]:
    delivery_id = await owing(store, target)
    return await cancel_beside_plan(store, target, after, delivery_id)


async def a_cancel_in_a_later_plan(store: Store, target: str, after: int) -> tuple[str, bool]:
    delivery_id = await to_be_retried(store, target)
    return await cancel_beside_plan(store, target, after, delivery_id)


async def cancel_beside_plan(store: Store, target: str, after: int, delivery_id: str) -> tuple[str, bool]:
    cancel = partial(store.write, partial(deliveries.cancel, delivery_id=delivery_id, reason="no", now=START))
    begun_, cancelled = await beside(store, after, partial(planned, target=target, owner=OWNERS[1]), cancel)
    return f"begun: {bool(begun_)}, cancelled: {cancelled}", bool(begun_) is not cancelled


async def a_plan_in_a_cancel(store: Store, target: str, after: int) -> tuple[str, bool]:
    delivery_id = await to_be_retried(store, target)
    cancel = partial(deliveries.cancel, delivery_id=delivery_id, reason="no", now=START)
    plan = partial(store.write, partial(planned, target=target, owner=OWNERS[1]))
    cancelled, begun_ = await beside(store, after, cancel, plan)
    return f"begun: {bool(begun_)}, cancelled: {cancelled}", bool(begun_) is not cancelled


async def a_replay_while_its_event_is_forgotten(store: Store, target: str, after: int) -> tuple[str, bool]:
    delivery_id, event_id = await cancelled(store, target)
    replay = partial(store.write, partial(deliveries.replay, delivery_id=delivery_id, to=None, now=START))
    forget = partial(retention.forget_events, event_ids=[event_id], before=START + 1)
    _, new_id = await beside(store, after, forget, replay)
    return await replayed_or_gone(store, target, event_id, new_id)


async def an_event_forgotten_while_it_is_replayed(store: Store, target: str, after: int) -> tuple[str, bool]:
    delivery_id, event_id = await cancelled(store, target)
    forget = partial(store.write, partial(retention.forget_events, event_ids=[event_id], before=START + 1))
    new_id, _ = await beside(
        store, after, partial(deliveries.replay, delivery_id=delivery_id, to=None, now=START), forget
    )
    return await replayed_or_gone(store, target, event_id, new_id)


async def cancelled(store: Store, target: str) -> tuple[str, str]:
    """A cancelled delivery and its event, which nothing keeps from being forgotten."""
    delivery_id = await owing(store, target)
    await store.write(partial(deliveries.cancel, delivery_id=delivery_id, reason="no", now=START))
    (row,) = await store.read(partial(deliveries.listed, target=target))
    return delivery_id, str(row["event_id"])


async def replayed_or_gone(store: Store, target: str, event_id: str, new_id: str | None) -> tuple[str, bool]:
    owed = target in await store.read(deliveries.owed)
    kept = await store.read(partial(events.find, event_id=event_id)) is not None
    return f"replayed: {new_id is not None}, owed: {owed}, event kept: {kept}", (new_id is not None) is owed is kept


async def beside(store: Store, after: int, operation: Any, other: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """What both gave; the other runs after the operation where that has fewer statements."""
    within: list[Meanwhile] = []

    async def run(tx: Any) -> Any:
        within.append(Meanwhile(tx, after, other))
        return await operation(within[0])

    one = await store.write(run)
    task = within[0].beside
    return one, await (task if task else other())


@pytest.mark.parametrize(
    "story",
    [
        a_late_answer_in_a_takeover,
        a_cancel_in_the_first_plan,
        a_cancel_in_a_later_plan,
        a_plan_in_a_cancel,
        a_replay_while_its_event_is_forgotten,
        an_event_forgotten_while_it_is_replayed,
    ],
)
def test_two_operations_at_the_same_moment_agree_on_what_happened(postgres_url, story):
    """Whatever statement of the one the other comes behind, it is as if one had come wholly before the other."""

    async def run() -> dict[int, str]:
        store = await open_store(postgres_url, exclusive=False)
        try:
            told = {after: await story(store, f"{story.__name__}-{after}", after) for after in range(1, LONGEST)}
        finally:
            await store.close()
        return {after: what for after, (what, agreed) in told.items() if not agreed}

    assert asyncio.run(run()) == {}
