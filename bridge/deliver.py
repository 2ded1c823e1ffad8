"""The third stage: what is owed to a target is leased, rendered, sent, and the answer recorded.

One worker for each target, independent of all others. Its work is in the store, so that it can stop anywhere: an
attempt is begun there before anything goes out, and its answer is recorded under the lease's token. It sleeps until
somebody wakes it, a wait is over, or a second has passed (for what a lost wake-up left behind).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bridge import clock, gather
from bridge.attempt import Attempted, attempt, load
from bridge.errors import BridgeError, StoreUnavailable
from bridge.gather import Gather, Group
from bridge.model import Answer, Message, RefusedTarget, Retry, Scope, Sent, Unknown
from bridge.record import Ended, Recorder
from bridge.retry import PROBE, given_up
from bridge.setup import Setup
from bridge.standing import thread_of
from bridge.store import Store, Tx, leases, messages, posts, targets
from bridge.store.forming import Passed
from bridge.store.targets import TargetState
from bridge.targets import Pace, Target

LOOK = clock.SECOND
"""How often a worker looks for what nobody woke it for."""

RENEW = leases.SPAN / 3 / clock.SECOND
"""Seconds between renewals of a lease while messages are on their way."""

RECORDING = 2.0
"""Seconds for answers that came at the very end to be recorded."""

AT_ONCE = 16
"""Messages that are begun for each that may be on its way at a time, where no pace limits them."""

REST = clock.SECOND // 5
"""How long a worker that could only wait for more does not look again, however often it is woken."""

MOST_IN_DIGEST = 2_500
"""The most deliveries that one look at a backlog sees, and that one digest holds."""

MOST_BATCHED = 10_000
"""The most deliveries that are put into batches in one transaction: hooks wait behind it on SQLite, and on PostgreSQL
a statement takes 32,767 values.
https://github.com/MagicStack/asyncpg/blob/master/asyncpg/protocol/prepared_stmt.pyx
"""

log = logging.getLogger("bridge.deliver")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one look at the store decided: under which lease which attempts are begun, and when to look again (µs)."""

    token: int | None = None
    messages: Sequence[Message] = ()
    wait: int = LOOK
    held: bool = False
    """What is owed only waits for more of it."""
    passed: Passed | None = None
    probe: str | None = None
    """The message by which a paused target is tried."""
    compared: int = 0
    """Up to which waiting update those that need not be sent are dropped."""


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
        self._slots = asyncio.Semaphore()
        """As many as may be on their way at a time."""
        self._recorder = Recorder(name, store, setup)
        self._on_way: dict[str, Message] = {}
        """Messages that are begun under the lease `_token`, and not recorded yet."""
        self._threads: dict[str, asyncio.Future[bool]] = {}
        """Of each thread the last message on its way: the first of a thread must stand there before the next."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._token = 0
        self._valid_until = 0.0
        """Until when the lease holds, in monotonic seconds."""
        self._rest_until = 0
        self._compared = 0
        """Up to which waiting update it is known what takes the place of what; see `posts.supersede`."""
        self._passed: Passed | None = None
        """What is owed and need not be looked at again for now."""
        self._probe: str | None = None
        """The message that is on its way to try a paused target."""
        self._failed_last: str | None = None
        """The message that failed last by its own fault, if nothing was sent since."""

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def stop(self) -> None:
        """Finish what is on its way and begin nothing more."""
        self._stopping = True
        self._recorder.stop()
        self.wake()

    async def recorded(self) -> None:
        """Wait for answers that are still being recorded: what is not recorded is sent again."""
        await self._recorder.flush()

    async def ended(self) -> None:
        """Wait until nothing is on its way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run(self) -> None:
        """Deliver until stopped. No error ends it."""
        renewing = asyncio.create_task(self._renew())
        try:
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
            await self.ended()
        finally:
            ending = (renewing, *self._tasks)
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            await self._use(None)

    async def _use(self, target: Target | None) -> None:
        """Take up another target of the same name (the file changed), and let go of the old one's connections."""
        old, self._target = self._target, target
        if old is target:
            return
        self._compared, self._passed = 0, None
        if target is not None:
            self._slots = asyncio.Semaphore(target.concurrency)
        if old is not None:
            await old.close()

    async def turn(self, now: int) -> int:
        """One look and, where there is something, the beginning of its sending. Returns how long to wait after it (µs),
        unless something is recorded before.
        """
        target = self._setup().targets.get(self._name)
        if target is not self._target and self._on_way:  # what is on its way by the old one ends by the old one
            return LOOK
        await self._use(target)
        if target is None:  # no longer in the file: its queue is parked until it comes back
            return LOOK
        if 0 < self._rest_until - now <= REST:
            return self._rest_until - now
        room = at_once(target) - len(self._on_way)
        if room < at_once(target) // 2:
            return LOOK
        quiet = target.quiet_hours is not None and target.quiet_hours.until(now) is not None
        look = partial(messages.has_work, target=self._name, now=now, idle=not self._on_way, urgent=quiet)
        if not await self._store.read(look):
            due = await self._store.read(partial(messages.next_due, target=self._name, urgent=quiet))
            return LOOK if due is None else max(due - now, 1)
        asked = time.monotonic()
        fingerprint = self._setup().fingerprints[self._name]
        plan = await self._store.write(
            partial(self._plan, target=target, settings=fingerprint, room=room, quiet=quiet, now=now)
        )
        self._hold_lease(plan.token, asked)
        self._compared, self._passed = max(self._compared, plan.compared), plan.passed
        self._rest_until = now + REST if plan.held else 0
        if plan.messages:
            self._probe = plan.probe
            await self._begin(target, plan.messages)
        return plan.wait

    async def _plan(self, tx: Tx, target: Target, settings: str, room: int, quiet: bool, now: int) -> _Plan:
        """Take the lease and begin what may be sent now, by the target's condition and pace."""
        token = await leases.take(tx, f"target:{self._name}", self._owner)
        if token is None or (self._on_way and token != self._token):
            return _Plan(token)
        stored = await targets.load_to_change(tx, self._name)
        state = stored
        if state.settings != settings:
            state = replace(state, settings=settings)
            if not state.paused_by_operator:  # changed in the file: whatever was wrong with it may be right now
                state = replace(state, paused_at=None, paused_reason=None, not_before=0, faults=0)
        pace = Pace(target.pace.rates, state.pace)
        wait = max(state.not_before - now, pace.wait(now))
        if wait > 0:
            state = replace(state, pace=pace.state)
            if state != stored:
                await targets.save(tx, state)
            return _Plan(token, wait=wait, passed=self._passed)
        limit = _allowed(pace, room, now)
        if state.paused_at is not None or state.faults > 0:  # is it well again? One message will tell
            limit = 0 if self._on_way else 1
        setup = self._setup()
        updates = setup.updates.get(self._name, ())
        compared = await posts.supersede(tx, self._name, updates, setup.thread_key, now, after=self._compared)
        gather_by, look = gathering(target, state, limit, now)
        planned = await messages.plan(
            tx,
            self._name,
            token,
            limit,
            now,
            gather=gather_by,
            look=look,
            urgent=quiet,
            alone=not target.idempotent,
            fresh_first=state.faults > 0 and self._failed_last is not None,
            on_way=list(self._on_way.values()),
            passed=self._passed,
        )
        if planned is None:
            return _Plan(token, compared=compared)
        for _ in planned.messages:
            pace.spend(now)
        state = replace(state, pace=pace.state, digests=_last_digests(target, state, planned.formed, now))
        probe = planned.messages[0].id if planned.messages and state.paused_at is not None else None
        if probe is not None:
            state = replace(state, not_before=now + PROBE)
        if state != stored:
            await targets.save(tx, state)
        held = planned.wait is not None and not planned.messages
        wait = 0 if planned.more else min(pace.wait(now) or LOOK, planned.wait or LOOK)
        return _Plan(token, planned.messages, wait, held, planned.passed, probe, compared)

    def _hold_lease(self, token: int | None, asked: float) -> None:
        """Believe in the lease for a while after it was `asked` for; not for messages begun under an older one."""
        if token is None or (self._on_way and token != self._token):
            self._valid_until = 0.0
            return
        self._token = token
        self._valid_until = asked + leases.SPAN / 2 / clock.SECOND

    async def _renew(self) -> None:
        """Keep the lease while messages are on their way."""
        while True:
            await asyncio.sleep(RENEW)
            if not self._on_way:
                continue
            asked = time.monotonic()
            try:
                token = await self._store.write(partial(leases.take, name=f"target:{self._name}", owner=self._owner))
            except Exception as error:
                log.warning("target %s: the lease cannot be renewed now: %s", self._name, error)
                continue
            self._hold_lease(token, asked)

    async def _begin(self, target: Target, heads: Sequence[Message]) -> None:
        """Set each on its way behind those before it of the same subject."""
        self._on_way |= {message.id: message for message in heads}
        try:
            begun = await load(self._store, target, heads)
        except StoreUnavailable:
            for message in heads:
                self._keep_task(self._put_back(target, message))
            raise
        last: dict[str, asyncio.Future[bool]] = {}
        for message in begun:
            passed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            before = [last[key] for key in message.order_keys if key in last]
            thread = thread_of(message, self._setup())
            beside = self._threads.get(thread) if thread else None
            if thread:
                self._threads[thread] = passed
                passed.add_done_callback(partial(self._forget_thread, thread))
            self._keep_task(self._deliver(target, message, before, beside, passed))
            last.update(dict.fromkeys(message.order_keys, passed))

    def _forget_thread(self, thread: str, passed: "asyncio.Future[bool]") -> None:
        if self._threads.get(thread) is passed:
            del self._threads[thread]

    def _keep_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _put_back(self, target: Target, message: Message) -> None:
        """As if not begun. It counts as on its way until that is recorded: else it would be begun anew before, and put
        back then while it is sent.
        """
        try:
            await self._recorder.add(self._not_made(target, message, clock.now()))
        finally:
            del self._on_way[message.id]

    async def _deliver(
        self,
        target: Target,
        message: Message,
        before: "Sequence[asyncio.Future[bool]]",
        beside: "asyncio.Future[bool] | None",
        passed: "asyncio.Future[bool]",
    ) -> None:
        """See one message to its end, behind those `before` it of the same subject and one `beside` it of the same
        thread. `passed` says whether what comes behind it of the same subject may go out.
        """
        try:
            free = all([await each for each in before])
            if beside is not None:
                await beside  # whatever became of it: what stands there is on record now
            async with self._slots:
                recorded = await self._send(target, message, free=free, passed=passed)
            if recorded:
                await recorded
        finally:
            if not passed.done():
                passed.set_result(False)
            del self._on_way[message.id]
            if len(self._on_way) in (0, AT_ONCE * target.concurrency // 2):
                self.wake()

    async def _send(
        self, target: Target, message: Message, *, free: bool, passed: "asyncio.Future[bool]"
    ) -> "asyncio.Future[None] | None":
        """Send; or put it back as not begun, where the target takes no more for now or one before it of the same
        subject stepped aside. Gives what tells that this is recorded.
        """
        if time.monotonic() >= self._valid_until:
            return None  # the lease is lost: it is another replica's by now
        began = clock.now()
        if not free or self._stopping or self._recorder.not_before > began:
            return self._recorder.add(self._not_made(target, message, began))
        try:
            if (message.unknowns or not target.idempotent) and not await self._store.write(
                partial(messages.go_out, message=message)
            ):
                return None  # the lease was lost a moment ago
            ended = await self._attempt(target, message, began)
        except StoreUnavailable as error:
            log.warning("target %s: message %s cannot be read now: %s", self._name, message.id, error)
            return self._recorder.add(self._not_made(target, message, began))
        answer = ended.answer
        others_fail = self._failed_last not in (None, message.id)
        self._failed_last = message.id if _by_its_own_fault(answer) else None
        recorded = self._recorder.add(
            Ended(target, message, began, answer, others_fail, ended.falls, ended.posts, ended.covers)
        )
        failed = isinstance(answer, Retry | RefusedTarget | Unknown)
        if failed or ended.posts or ended.covers or (isinstance(answer, Sent) and answer.hold):
            # It may say that the target takes no more for now, and the next one looks up what stands there.
            await recorded
        passed.set_result(not failed)
        return recorded

    def _not_made(self, target: Target, message: Message, began: int) -> Ended:
        """An attempt that was begun in the store and then not made."""
        return Ended(target, message, began, None, probe=message.id == self._probe)

    async def _attempt(self, target: Target, message: Message, began: int) -> Attempted:
        if given_up(message, idempotent=target.idempotent):
            return Attempted(
                Unknown(
                    f"in doubt {message.unknowns} times; the process that sent it last died, or lost its lease, before "
                    "it had recorded an answer"
                )
            )
        return await attempt(self._store, target, message, self._setup(), began)


def at_once(target: Target) -> int:
    """How many messages are begun at most: large ones take their time anyway, and of a paced target no more than may go
    in one period. They may all have to wait for one slow answer, and then go out at once.
    """
    most = (AT_ONCE if target.batch == 1 else 2) * target.concurrency
    return min([most, *(max(target.concurrency, rate.burst - 1 + rate.count) for rate in target.pace.rates)])


def gathering(target: Target, state: TargetState, limit: int, now: int) -> tuple[Gather, int]:
    """How what is owed to a target becomes messages, and how many deliveries are looked at for at most `limit`."""
    if target.batch > 1:
        batches = min(limit, max(1, MOST_BATCHED // target.batch))
        return partial(gather.batches, size=target.batch, now=now), batches * target.batch
    if target.digest is None:
        return gather.one_by_one, limit
    return (
        partial(
            gather.digests,
            after=target.digest.after,
            window=target.digest.window,
            last=state.digests,
            now=now,
            most=MOST_IN_DIGEST,
            held_before=target.quiet_hours.ended(now) if target.quiet_hours else 0,
            down_until=now if state.faults or state.paused_at is not None else state.down_until,
            target=target.name,
        ),
        MOST_IN_DIGEST,
    )


def _last_digests(target: Target, state: TargetState, formed: Sequence[Group], now: int) -> dict[str, int]:
    """When each route's last digest was made, for as long as that matters."""
    if target.digest is None:
        return {}
    recent = {route: at for route, at in state.digests.items() if now - target.digest.window < at <= now}
    return recent | {group.members[0].route: now for group in formed if len(group.members) > 1}


def _by_its_own_fault(answer: Answer) -> bool:
    return isinstance(answer, Unknown) or (isinstance(answer, Retry) and answer.scope is Scope.MESSAGE)


def _allowed(pace: Pace, most: int, now: int) -> int:
    """How many messages the pace lets go at `now`, and at most so many."""
    trial, allowed = Pace(pace.rates, pace.state), 0
    while pace.rates and allowed < most and trial.wait(now) == 0:
        trial.spend(now)
        allowed += 1
    return allowed if pace.rates else most


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
