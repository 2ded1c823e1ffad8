"""The third stage: what is owed to a target is leased, rendered, sent, and the answer recorded.

One worker for each target, independent of all others. Its work is in the store, so that it can stop anywhere: an
attempt is begun there before anything goes out, and its answer is recorded under the lease's token. It sleeps until
somebody wakes it, a wait is over, or a second has passed (for what a lost wake-up left behind).
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bridge import clock
from bridge.errors import BridgeError, StoreUnavailable
from bridge.metrics import ATTEMPT_SECONDS, ATTEMPTS, DEAD_LETTERS, RENDER_FALLS
from bridge.model import Answer, Message, RefusedMessage, RefusedTarget, Retry, Scope, Sent, Unknown
from bridge.normalize import Parsed, parse
from bridge.retry import PROBE, Again, Dead, Done, Step, settle
from bridge.setup import Setup
from bridge.store import Store, Tx, leases, messages, targets
from bridge.targets import Context, Pace, Target

LOOK = clock.SECOND
"""How often a worker looks for what nobody woke it for."""

RENEW = leases.SPAN / 3 / clock.SECOND
"""Seconds between renewals of a lease while messages are on their way."""

RECORDING = 2.0
"""Seconds for answers that came at the very end to be recorded."""

AT_ONCE = 16
"""Messages that one plan begins for each that may be on its way at a time, where no pace limits them."""

log = logging.getLogger("bridge.deliver")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one look at the store decided: these attempts are begun, or nothing for so long."""

    messages: Sequence[Message] = ()
    wait: int = LOOK


@dataclass(slots=True)
class _Round:
    """One round of sending: under which lease and until when it holds (monotonic seconds), and from when on the
    target takes messages again (µs), as far as its answers in this round said.
    """

    token: int
    valid_until: float
    not_before: int = 0


class Worker:
    """Delivers to one target, for as long as `run` runs."""

    def __init__(self, name: str, store: Store, setup: Callable[[], Setup], owner: str) -> None:
        self._name = name
        self._store = store
        self._setup = setup
        self._owner = owner
        self._woken = asyncio.Event()
        self._stopping = False
        self._target: Target | None = None
        self._records: set[asyncio.Task[None]] = set()
        """Answers that are being recorded."""
        self._failed_last: str | None = None
        """The message that failed last by its own fault, if nothing was sent since."""

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def stop(self) -> None:
        """Finish what is on its way and begin nothing more."""
        self._stopping = True
        self.wake()

    async def recorded(self) -> None:
        """Wait for answers that are still being recorded: what is not recorded is sent again."""
        await asyncio.gather(*self._records, return_exceptions=True)

    async def run(self) -> None:
        """Deliver until stopped. No error ends it."""
        while not self._stopping:
            try:
                wait = await self.turn(clock.now())
            except StoreUnavailable as error:
                log.warning("target %s: the store cannot be used now, nothing is lost: %s", self._name, error)
                wait = LOOK
            except Exception:
                log.exception("target %s: an error that should not be; trying again", self._name)
                wait = 5 * LOOK
            if wait > 0 and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), min(wait, LOOK) / clock.SECOND)
            self._woken.clear()
        await self._use(None)

    async def _use(self, target: Target | None) -> None:
        """Take up another target of the same name (the file changed), and let go of the old one's connections."""
        old, self._target = self._target, target
        if old is not None and old is not target:
            await old.close()

    async def turn(self, now: int) -> int:
        """One look and, where there is something, one round of sending. Returns how long to wait after it (µs)."""
        target = self._setup().targets.get(self._name)
        await self._use(target)
        if target is None:  # no longer in the file: its queue is parked until it comes back
            return LOOK
        if not await self._store.read(partial(messages.has_work, target=self._name, now=now)):
            due = await self._store.read(partial(messages.next_due, target=self._name))
            return LOOK if due is None else max(due - now, 1)
        fingerprint = self._setup().fingerprints[self._name]
        plan = await self._store.write(partial(self._plan, target=target, settings=fingerprint, now=now))
        if plan.messages:
            await self._send_all(target, plan.messages)
            return 0
        return plan.wait

    async def _plan(self, tx: Tx, target: Target, settings: str, now: int) -> _Plan:
        """Take the lease and begin what may be sent now, by the target's condition and pace."""
        token = await leases.take(tx, f"target:{self._name}", self._owner)
        if token is None:
            return _Plan()
        stored = await targets.load_to_change(tx, self._name)
        state = stored
        if state.settings != settings:
            state = replace(state, settings=settings)
            if not state.paused_by_operator:  # changed in the file: whatever was wrong with it may be right now
                state = replace(state, paused_at=None, paused_reason=None, not_before=0, faults=0)
        pace = Pace(target.pace.rates, state.pace)
        wait = max(state.not_before - now, pace.wait(now))
        if wait > 0:
            if state != stored:
                await targets.save(tx, state)
            return _Plan(wait=wait)
        probing = state.paused_at is not None or state.faults > 0
        limit = 1 if probing else _allowed(pace, AT_ONCE * target.concurrency, now)
        fresh_first = state.faults > 0 and self._failed_last is not None
        begun = await messages.plan(tx, self._name, token, limit, now, fresh_first=fresh_first)
        if begun is None:
            return _Plan()
        for _ in begun:
            pace.spend(now)
        state = replace(state, pace=pace.state)
        if begun and state.paused_at is not None:
            state = replace(state, not_before=now + PROBE)
        if state != stored:
            await targets.save(tx, state)
        return _Plan(begun)

    async def _send_all(self, target: Target, begun: Sequence[Message]) -> None:
        """Send what was begun, in order for each order key, and keep the lease meanwhile."""
        round_ = _Round(begun[0].token, time.monotonic() + leases.SPAN / 2 / clock.SECOND)
        renewing = asyncio.create_task(self._renew(round_))
        try:
            lanes = _lanes(begun, target.concurrency)
            sent = await asyncio.gather(
                *(self._send_lane(target, lane, round_) for lane in lanes), return_exceptions=True
            )
            recorded = await asyncio.gather(*self._records, return_exceptions=True)
            for outcome in (*sent, *recorded):  # only now: until all lanes have ended nothing new may be begun
                if isinstance(outcome, BaseException):
                    raise outcome
        finally:
            renewing.cancel()

    async def _renew(self, round_: "_Round") -> None:
        """Keep the lease while messages are on their way; where it cannot be kept, let the round know."""
        while True:
            await asyncio.sleep(RENEW)
            asked = time.monotonic()
            try:
                token = await self._store.write(partial(leases.take, name=f"target:{self._name}", owner=self._owner))
            except Exception as error:
                log.warning("target %s: the lease cannot be renewed now: %s", self._name, error)
                continue
            if token != round_.token:
                round_.valid_until = 0.0
                return
            round_.valid_until = asked + leases.SPAN / 2 / clock.SECOND

    async def _send_lane(self, target: Target, lane: Sequence[Message], round_: "_Round") -> None:
        """Send one after the other. When the target takes no more for now, the rest is put back as not begun; when one
        message steps aside, so do those behind it of the same subject.
        """
        blocked: set[str] = set()
        for message in lane:
            if time.monotonic() >= round_.valid_until:
                return  # the lease is lost: what is left is another replica's by now
            if self._stopping or message.order_key in blocked or round_.not_before > clock.now():
                await self._store.write(partial(messages.put_back, message=message, next_at=0))
                continue
            began = clock.now()
            answer = await self._attempt(target, message, began)
            others_fail = self._failed_last not in (None, message.id)
            of_the_message = isinstance(answer, Unknown) or (
                isinstance(answer, Retry) and answer.scope is Scope.MESSAGE
            )
            self._failed_last = message.id if of_the_message else None
            record = asyncio.create_task(self._record(target, message, answer, began, round_, others_fail))
            self._records.add(record)
            record.add_done_callback(self._records.discard)
            failed = isinstance(answer, Retry | RefusedTarget | Unknown)
            if failed and message.order_key is not None:
                blocked.add(message.order_key)
            if failed or (isinstance(answer, Sent) and answer.hold):
                await record  # it may say that the target takes no more for now

    async def _attempt(self, target: Target, message: Message, began: int) -> Answer:
        """Render and send. A message that cannot be made is refused, so that it never stands in the way of others."""
        if not all(member.result for member in message.members):
            return RefusedMessage("the event is no longer in the store")
        try:
            outgoing = target.compose(_with_payloads(message), self._context(message), began)
        except Exception as error:
            log.exception("target %s: message %s could not be made", self._name, message.id)
            return RefusedMessage(f"could not be rendered: {type(error).__name__}")
        for fall in outgoing.falls:
            RENDER_FALLS.labels(self._name).inc()
            log.warning("target %s: message %s: %s", self._name, message.id, fall)
        try:
            answer = await target.send(outgoing)
        except Exception as error:
            log.exception("target %s: message %s: sending failed in a way that it should not", self._name, message.id)
            answer = Unknown(f"sending failed: {type(error).__name__}")
        ATTEMPTS.labels(self._name, type(answer).__name__).inc()
        ATTEMPT_SECONDS.labels(self._name).observe((clock.now() - began) / clock.SECOND)
        return answer

    def _context(self, message: Message) -> Context:
        """What the configuration of the moment says about the members' routes."""
        setup = self._setup()
        routes = {member.route: setup.routes.get(member.route) for member in message.members}
        return Context(
            templates={name: route.template if route else None for name, route in routes.items()},
            mentions={
                name: route.mention.who.get(self._name) if route and route.mention else None
                for name, route in routes.items()
            },
        )

    async def _record(
        self, target: Target, message: Message, answer: Answer, began: int, round_: "_Round", others_fail: bool
    ) -> None:
        settled = partial(
            self._settle,
            target=target,
            message=message,
            answer=answer,
            began=began,
            round_=round_,
            others_fail=others_fail,
        )
        while True:
            try:
                step = await self._store.write(partial(settled, now=clock.now()))
                break
            except StoreUnavailable as error:
                # What is not recorded would be sent again: hold on to it for as long as this process may live.
                if self._stopping:
                    raise
                log.error("target %s: message %s: the answer cannot be recorded yet: %s", self._name, message.id, error)
                await asyncio.sleep(LOOK / clock.SECOND)
        match step:
            case None:
                log.warning("target %s: message %s is another replica's by now; not recorded", self._name, message.id)
            case Done():
                log.info("target %s: message %s sent", self._name, message.id)
            case Again(how, reason, next_at):
                log.warning(
                    "target %s: message %s: %s: %s; next try %s",
                    self._name,
                    message.id,
                    how,
                    reason,
                    clock.to_iso(next_at),
                )
            case Dead(_, reason):
                DEAD_LETTERS.labels(self._name).inc()
                log.error("target %s: message %s is a dead letter: %s", self._name, message.id, reason)

    async def _settle(
        self,
        tx: Tx,
        target: Target,
        message: Message,
        answer: Answer,
        began: int,
        now: int,
        round_: "_Round",
        others_fail: bool,
    ) -> Step | None:
        """Record an answer, with what it means for the target; null when the attempt was no longer ours."""
        state = await targets.load_to_change(tx, self._name)
        step, after = settle(
            answer,
            message,
            state,
            target.retry,
            now=now,
            chance=random.random(),  # noqa: S311
            others_fail=others_fail,
        )
        match step:
            case Done(external_id):
                ours = await messages.sent(tx, message, external_id, began, now)
            case Again():
                ours = await messages.again(
                    tx, message, step.answer, step.reason, began, now, step.next_at, unknown=step.unknown
                )
            case Dead():
                ours = await messages.dead(tx, message, step.answer, step.reason, began, now)
        if not ours:
            return None
        await targets.save(tx, after)
        round_.not_before = after.not_before
        if after.paused_at is not None and state.paused_at is None:
            log.error(
                "target %s is paused, its queue is kept: %s. Mend it, then: drawbridge targets resume %s",
                self._name,
                after.paused_reason,
                self._name,
            )
        return step


def _allowed(pace: Pace, most: int, now: int) -> int:
    """How many messages the pace lets go at `now`, and at most so many."""
    trial, allowed = Pace(pace.rates, pace.state), 0
    while pace.rates and allowed < most and trial.wait(now) == 0:
        trial.spend(now)
        allowed += 1
    return allowed if pace.rates else most


def _with_payloads(message: Message) -> Message:
    """The message with each result's payload read again from the event's bytes, for templates that look into it."""
    members = []
    for member in message.members:
        parsed = parse(member.body)
        payload = parsed.value if isinstance(parsed, Parsed) else None
        members.append(replace(member, result=member.result | {"payload": payload}))
    return replace(message, members=tuple(members))


def _lanes(begun: Sequence[Message], concurrency: int) -> list[list[Message]]:
    """Spread messages over as many lanes as may be on their way at a time; those of one subject share a lane."""
    lanes: list[list[Message]] = [[] for _ in range(concurrency)]
    of_key: dict[str, list[Message]] = {}
    for message in begun:
        shortest = min(lanes, key=len)
        lane = of_key.setdefault(message.order_key, shortest) if message.order_key is not None else shortest
        lane.append(message)
    return [lane for lane in lanes if lane]


class Deliverer:
    """All targets' workers: `refresh` after every change of the configuration.

    The worker of a target that left the file stays and rests, so that there is never a second one beside it.
    """

    def __init__(self, store: Store, setup: Callable[[], Setup], owner: str) -> None:
        self._store = store
        self._setup = setup
        self._owner = owner
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}

    def refresh(self) -> None:
        """Begin with targets that are new in the configuration, and wake the others."""
        wanted = self._setup().targets
        for name in wanted:
            if name not in self._workers:
                worker = Worker(name, self._store, self._setup, self._owner)
                self._workers[name] = (worker, asyncio.create_task(worker.run(), name=f"target {name}"))
            self.wake(name)

    def wake(self, target: str) -> None:
        """There is something for that target, or may be."""
        if target in self._workers:
            self._workers[target][0].wake()

    def stop_soon(self) -> None:
        """Begin nothing more; `stop` waits for what is on its way."""
        for worker, _ in self._workers.values():
            worker.stop()

    async def stop(self, deadline: float) -> None:
        """Finish what is on its way, for at most `deadline` seconds, and let go of the leases."""
        self.stop_soon()
        tasks = [task for _, task in self._workers.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=deadline)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RECORDING):
                await asyncio.gather(*(worker.recorded() for worker, _ in self._workers.values()))
        with contextlib.suppress(BridgeError):
            await self._store.write(partial(leases.release, owner=self._owner))
