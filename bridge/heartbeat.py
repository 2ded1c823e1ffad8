"""The heartbeat: an address that is called for as long as hooks can be kept and messages go out.

Who watches that address hears of it when the calls stop: of a bridge that is down, nobody else could tell. In: the
configuration and the store; out: a call now and then, or the reason why there is none.
"""

import logging
from collections.abc import Callable
from functools import partial

from bridge import clock
from bridge.config import Config, schema
from bridge.errors import StoreUnavailable
from bridge.store import Store, Tx, events, messages, targets
from bridge.store.migrations import try_writing
from bridge.targets.sender import Sender
from bridge.targets.settings import Timeout
from bridge.targets.wire import Failure, Outgoing

PATIENCE = 5 * clock.MINUTE
"""By then a hook is dispatched and a message has arrived, or something is wrong. For so long counts, too, that a hook
could not be kept: at a quiet source nobody knows sooner whether the next one can."""

AGAIN = clock.MINUTE
"""After a call that was not made or not heard the next look comes so soon, where `every` is longer."""

log = logging.getLogger("bridge.heartbeat")


class Heartbeat:
    """Calls the address when it is time. `look` is to be called often.

    `failed_at` says when a hook could last not be kept (µs); null where the last one that came was kept.
    """

    def __init__(self, store: Store, config: Callable[[], Config], failed_at: Callable[[], int | None]) -> None:
        self._store = store
        self._config = config
        self._failed_at = failed_at
        self._options: schema.Heartbeat | None = None
        self._looked_at = 0
        self._due = 0
        self.problem: str | None = None
        """Why the last call that was due was not made, or did not arrive; for the operator."""

    async def look(self, now: int) -> None:
        """Call the address if it is time and all is well. `now` is in microseconds."""
        config = self._config()
        set_back, self._looked_at = now < self._looked_at, now
        if config.heartbeat != self._options or set_back:
            self._options, self._due = config.heartbeat, now
        if self._options is None:
            self.problem = None
        elif now >= self._due:
            self._tell(await self._beat(self._options, config, now))
            every = self._options.every
            self._due = now + (min(every, AGAIN) if self.problem else every)

    async def _beat(self, options: schema.Heartbeat, config: Config, now: int) -> str | None:
        """Why it is not heard, or null where it is."""
        ailing = await self._ailment(config, now)
        if ailing is not None:
            return f"no heartbeat is sent: {ailing}"
        sender = Sender(Timeout())
        try:
            said = await sender.send(Outgoing(options.url.get_secret_value(), {}, b"", now, method="GET"))
        finally:
            await sender.close()
        if isinstance(said, Failure):
            return f"the heartbeat does not arrive: {said.reason}"
        if 200 <= said.status < 300:
            return None
        return f"the heartbeat does not arrive: its address answered {said.status}{_advice(said.status)}"

    async def _ailment(self, config: Config, now: int) -> str | None:
        """What keeps hooks from being kept and understood, or messages from going out; null where nothing does."""
        failed_at = self._failed_at()
        if failed_at is not None and now - failed_at < PATIENCE:
            return "a hook could not be kept; the log says why"
        try:
            await self._store.write(try_writing)
            return await self._store.read(partial(_ailment, config=config, now=now))
        except StoreUnavailable as error:
            return f"the store cannot be used now: {error}"

    def _tell(self, problem: str | None) -> None:
        if problem != self.problem:
            log.warning("%s", problem) if problem else log.info("the heartbeat is heard again")
        self.problem = problem


async def _ailment(tx: Tx, config: Config, now: int) -> str | None:
    """The same, as far as the store knows it."""
    kept_at = await events.waiting_since(tx, list(config.sources))
    if kept_at is not None and now - kept_at > PATIENCE:
        return "a hook that was kept waits to be dispatched for more than 5 minutes"
    for state in await targets.listed(tx):
        if state.name not in config.targets or state.paused_by_operator:
            continue
        if state.paused_at is not None:
            return f"target {state.name} is paused: {state.paused_reason}"
        tried_at = await messages.tried_since(tx, state.name) if state.faults else None
        if tried_at is not None and now - tried_at > PATIENCE:
            return f"target {state.name} takes nothing: {state.last_error}"
    return None


def _advice(status: int) -> str:
    if status == 429:
        return "; make heartbeat.every longer"
    return "; correct heartbeat.url" if 300 <= status < 500 else ""
