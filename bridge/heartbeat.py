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
from bridge.store import Store, Tx, deliveries, events, targets
from bridge.store.migrations import try_writing
from bridge.targets.sender import Sender
from bridge.targets.settings import Timeout
from bridge.targets.wire import Failure, Outgoing

UNDERSTOOD_IN = 5 * clock.MINUTE
"""A hook that was kept longer ago and is not dispatched yet is a fault."""

FAULTS = 3
"""From so many in a row on a target that something is owed to is down, and did not only stumble."""

log = logging.getLogger("bridge.heartbeat")


class Heartbeat:
    """Calls the address when it is time. Use `look` often, and `close` at the end."""

    def __init__(self, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config
        self._options: schema.Heartbeat | None = None
        self._sender: Sender | None = None
        self._due = 0
        self.problem: str | None = None
        """Why the last call that was due was not made, or did not arrive; for the operator."""

    async def look(self, now: int) -> None:
        """Call the address if it is time and all is well. `now` is in microseconds. Raises nothing."""
        config = self._config()
        if config.heartbeat != self._options:
            await self.close()
            self._options, self._due = config.heartbeat, now
        if self._options is None:
            self.problem = None
        elif now >= self._due:
            self._due = now + self._options.every
            self._tell(await self._beat(self._options, config, now))

    async def close(self) -> None:
        """Close the kept connection."""
        if self._sender is not None:
            await self._sender.close()
            self._sender = None

    async def _beat(self, options: schema.Heartbeat, config: Config, now: int) -> str | None:
        """Why it is not heard, or null where it is."""
        ailing = await ailment(self._store, config, now)
        if ailing is not None:
            return f"no heartbeat is sent: {ailing}"
        self._sender = self._sender or Sender(Timeout())
        said = await self._sender.send(Outgoing(options.url.get_secret_value(), {}, b"", now, method="GET"))
        if isinstance(said, Failure):
            return f"the heartbeat does not arrive: {said.reason}"
        if not 200 <= said.status < 300:
            return f"the heartbeat does not arrive: its address answered {said.status}; correct heartbeat.url"
        return None

    def _tell(self, problem: str | None) -> None:
        if problem != self.problem:
            log.warning("%s", problem) if problem else log.info("the heartbeat is heard again")
        self.problem = problem


async def ailment(store: Store, config: Config, now: int) -> str | None:
    """What keeps hooks from being kept and understood, or messages from going out; null where nothing does."""
    try:
        await store.write(try_writing)
        return await store.read(partial(_ailment, config=config, now=now))
    except StoreUnavailable as error:
        return f"the store cannot be used now: {error}"


async def _ailment(tx: Tx, config: Config, now: int) -> str | None:
    since = await events.waiting_since(tx, list(config.sources))
    if since is not None and now - since > UNDERSTOOD_IN:
        return f"a hook waits to be dispatched since {clock.to_iso(since)}"
    states = [state for state in await targets.listed(tx) if state.name in config.targets]
    for state in states:
        if state.paused_at is not None and not state.paused_by_operator:
            return f"target {state.name} is paused: {state.paused_reason}"
    down = [state for state in states if state.faults >= FAULTS and not state.paused_by_operator]
    owed = await deliveries.owed(tx) if down else {}
    for state in down:
        if owed.get(state.name):
            return f"target {state.name} takes nothing: {state.last_error}"
    return None
