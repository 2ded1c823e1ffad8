"""What became of attempts is recorded: for each message, and for the target that they went to.

In: attempts that ended (`Ended`); out: the store's rows, a line in the log for each, and from when on the target takes
messages again. Attempts that end while others are being recorded share the next transaction.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bridge import clock
from bridge.aftermath import follow_up
from bridge.editing import Post
from bridge.errors import StoreUnavailable
from bridge.metrics import DEAD_LETTERS
from bridge.model import Answer, Message
from bridge.retry import Again, Dead, Done, Halved, Step, not_tried, settle
from bridge.setup import Setup
from bridge.store import Store, Tx, messages, posts, targets
from bridge.store.targets import TargetState
from bridge.targets import Target

AGAIN = 1.0
"""Seconds after which an answer that could not be recorded is recorded again."""

log = logging.getLogger("bridge.deliver")


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that was begun in the store, and the target's answer; null where nothing went out after all.

    `began` is when it went out (µs). `others_fail`: see `retry.settle`.
    `falls` says which templates could not be used, `posts` what stands at the target since; `covers`: see `Standing`.
    """

    target: Target
    message: Message
    began: int
    answer: Answer | None
    others_fail: bool = False
    falls: Sequence[str] = ()
    posts: Mapping[str, Post] = field(default_factory=dict)
    covers: bool = False
    probe: bool = False
    """It was to try a paused target."""


class Recorder:
    """Records what became of one target's attempts."""

    def __init__(self, name: str, store: Store, setup: Callable[[], Setup]) -> None:
        self._name = name
        self._store = store
        self._setup = setup
        self._waiting: list[tuple[Ended, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._stopping = False
        self.not_before = 0
        """From when on the target takes messages again (µs), as far as recorded answers said."""

    def add(self, ended: Ended) -> "asyncio.Future[None]":
        """Record it soon. The future is done once it is recorded, or never will be."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ended, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return future

    def stop(self) -> None:
        """From now on what cannot be recorded at once is let go of."""
        self._stopping = True

    async def flush(self) -> None:
        """Wait for what is still being recorded."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._write([ended for ended, _ in batch])
            finally:
                for _, future in batch:
                    if not future.done():
                        future.set_result(None)

    async def _write(self, batch: Sequence[Ended]) -> None:
        """Record all of them in one transaction; where that cannot be, each in its own."""
        while True:
            try:
                before, after, steps = await self._store.write(partial(self._settle, batch=batch, now=clock.now()))
                break
            except StoreUnavailable as error:
                # What is not recorded would be sent again: hold on to it for as long as this process may live.
                log.error("target %s: %d answers cannot be recorded yet: %s", self._name, len(batch), error)
                if self._stopping:
                    return
                await asyncio.sleep(AGAIN)
            except Exception:
                log.exception("target %s: %d answers cannot be recorded", self._name, len(batch))
                for ended in batch if len(batch) > 1 else ():
                    await self._write([ended])
                return
        self.not_before = after.not_before
        for ended, step in zip(batch, steps, strict=True):
            self._tell(ended, step)
        if after.paused_at is not None and before.paused_at is None:
            log.error(
                "target %s is paused, its queue is kept: %s. Mend it, then: drawbridge targets resume %s",
                self._name,
                after.paused_reason,
                self._name,
            )

    async def _settle(
        self, tx: Tx, batch: Sequence[Ended], now: int
    ) -> tuple[TargetState, TargetState, list[Step | None]]:
        """Record answers in the order in which they came, with what they mean for the target: its condition before and
        after, and each message's step, null where the attempt was no longer ours.
        """
        before = state = await targets.load_to_change(tx, self._name)
        steps: list[Step | None] = []
        for ended in batch:
            if ended.answer is None:
                await messages.put_back(tx, ended.message, next_at=0)
                state = not_tried(state, now) if ended.probe else state
                steps.append(None)
                continue
            step, after = settle(
                ended.answer,
                ended.message,
                state,
                ended.target.retry,
                now=now,
                chance=random.random(),  # noqa: S311
                others_fail=ended.others_fail,
            )
            ours = await _keep(tx, ended, step, now)
            steps.append(step if ours else None)
            if not ours:
                continue
            if ended.covers and isinstance(step, Done):
                await posts.cover(tx, self._name, ended.message.id, now)
            for key, post in ended.posts.items():
                await posts.save(tx, self._name, key, post, next(iter(ended.message.order_keys), None), now)
            await follow_up(
                tx,
                ended.target,
                ended.message.id,
                step=step,
                falls=ended.falls,
                before=state,
                after=after,
                targets=self._setup().targets,
                now=now,
            )
            state = after
        if state != before:
            await targets.save(tx, state)
        return before, state, steps

    def _tell(self, ended: Ended, step: Step | None) -> None:
        name, message = self._name, ended.message
        match step:
            case None:
                if ended.answer is not None:
                    log.warning("target %s: message %s is another replica's by now; not recorded", name, message.id)
            case Done():
                log.info("target %s: message %s sent", name, message.id)
            case Again(how, reason, next_at):
                # A message that is due again at once waits for its target all the same.
                at = max(next_at, self.not_before)
                when = "when the target is resumed" if at == targets.NEVER else clock.to_iso(at)
                log.warning("target %s: message %s: %s: %s; next try %s", name, message.id, how, reason, when)
            case Halved(_, reason):
                log.warning("target %s: message %s of %d is halved: %s", name, message.id, message.size, reason)
            case Dead(_, reason):
                DEAD_LETTERS.labels(name).inc()
                log.error("target %s: message %s is a dead letter: %s", name, message.id, reason)


async def _keep(tx: Tx, ended: Ended, step: Step, now: int) -> bool:
    """Write one message's step down. False, and nothing written, where the attempt is no longer ours."""
    message, began = ended.message, ended.began
    match step:
        case Done(external_id):
            return await messages.sent(tx, message, external_id, began, now)
        case Again():
            return await messages.again(
                tx, message, step.answer, step.reason, began, now, step.next_at, unknown=step.unknown
            )
        case Dead():
            return await messages.dead(tx, message, step.answer, step.reason, began, now)
        case Halved():
            return await messages.halve(tx, message, step.answer, step.reason, began, now)
