"""The running bridge: store, stages and both doors, put together and taken down in order.

Going down: the public door closes first and answers what it has begun, then dispatch and delivery finish what is at
hand, then the leases and the store are let go of. Whatever is cut short by a deadline or a kill is in the store.
"""

import asyncio
import contextlib
import gc
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from bridge import alarms, clock
from bridge.config import Config, fingerprint, load, needs_restart, serving_problems, watch
from bridge.config.check import rehearse
from bridge.deliver import Deliverer
from bridge.dispatch import Dispatcher
from bridge.errors import BridgeError, ConfigError, StoreUnavailable
from bridge.heartbeat import Heartbeat
from bridge.metrics import CONFIG_VALID, OPEN_SOURCES
from bridge.setup import Setup, set_up
from bridge.silence import Silence
from bridge.store import Store, open_store
from bridge.store.tidy import tidy
from bridge.web import secret_uses
from bridge.web.admin import Admin, admin_app
from bridge.web.deliveries import Deliveries
from bridge.web.hooks import Hooks, hooks_app
from bridge.web.listener import Listener, bind, listening, url_of
from bridge.web.login import Login
from bridge.web.page import Page
from bridge.web.refused import Refusals

DRAIN = 8.0
"""Seconds for what is at hand when the server is told to stop; `docker stop` kills after ten."""

FLUSH = 5.0
"""Seconds between writes of what was refused."""

BEAT = 1.0
"""Seconds between looks whether the heartbeat is due."""

TIDY = 60.0
"""Seconds between looks for what is old enough to let go of."""

log = logging.getLogger("bridge.server")


class Live:
    """The configuration in use, and how it is exchanged for a changed one."""

    def __init__(self, path: Path, environment: Mapping[str, str], own_token: str) -> None:
        self._path = path
        self._environment = environment
        self._reloading = asyncio.Lock()
        self.own_token = own_token
        before = fingerprint([path])
        self.setup: Setup = set_up(load(path, environment))
        self._started_with = self.setup.config
        # A broken template must not keep hooks from being kept: its messages fall to the built-in layout and say so.
        self.problems = [str(problem) for problem in self.setup.renderer.problems]
        for problem in self.problems:
            log.error("%s", problem)
        for warning in self.setup.config.warnings:
            log.warning("%s", warning)
        # If the file was changed while it was read, what is in use now is not what is there: look again.
        self.loaded = fingerprint(self.files()) if fingerprint([path]) == before else ""
        CONFIG_VALID.set(1)
        _count_open_sources(self.setup.config)

    @property
    def token(self) -> str:
        """What the operator's API asks for: the file's token, or this run's own where the file has none."""
        return self.setup.config.admin_token or self.own_token

    def files(self) -> list[Path]:
        """What is watched: the file itself, the secrets it names, the operator's templates."""
        return list(self.setup.config.files)

    async def reload(self) -> bool:
        """Take up the file as it is now. One that cannot be used changes nothing but the problems."""
        async with self._reloading:
            return await self._reload()

    async def _reload(self) -> bool:
        try:
            setup = await asyncio.to_thread(self._rehearsed)
        except Exception as error:
            if not isinstance(error, BridgeError):
                log.exception("the changed configuration could not be read, in a way that it should not")
            self.problems = str(error).splitlines() or [type(error).__name__]
            CONFIG_VALID.set(0)
            log.error("the changed configuration cannot be used; the old one stays in place:\n%s", error)
            return False
        kept = needs_restart(self._started_with, setup.config)
        self.setup = setup
        self.problems = [f"{key} changed and needs a restart" for key in kept]
        CONFIG_VALID.set(1)
        log.info("the changed configuration is in use")
        for doubt in (*self.problems, *setup.config.warnings):
            log.warning("%s", doubt)
        _count_open_sources(setup.config)
        return True

    def _rehearsed(self) -> Setup:
        """The file as it is now, put together, after its templates were tried on the samples. Raises ConfigError."""
        config = load(self._path, self._environment)
        problems = [*serving_problems(config, on_terminal=bool(self.own_token)), *rehearse(config, clock.now())]
        if not all(problem.warning for problem in problems):
            raise ConfigError(problems)
        return set_up(config)


def _count_open_sources(config: Config) -> None:
    OPEN_SOURCES.clear()
    for source in config.sources.values():
        if source.verify != "enforce":
            OPEN_SOURCES.labels(source.name, source.verify).set(1)


class Server:
    """One running bridge. Use as `async with running(...)`."""

    def __init__(self, live: Live, store: Store) -> None:
        self.live = live
        self.store = store
        self._refusals = Refusals(lambda: live.setup.config)
        self._silence = Silence()
        self._heartbeat = Heartbeat(store, lambda: live.setup.config, lambda: self.hooks.failed_at)
        self.login = Login(lambda: live.token, lambda: live.setup.config.trusted_proxies)
        owner = f"{socket.gethostname()}-{os.getpid()}-{clock.uuid7(clock.now())[-6:]}"
        self.deliverer = Deliverer(store, lambda: live.setup, owner)
        self.dispatcher = Dispatcher(
            store, lambda: live.setup, owner, self.deliverer.wake, busy=lambda: self.hooks.busy
        )
        self.hooks = Hooks(store, lambda: live.setup, self.dispatcher.wake, self._refusals)
        self._tasks: list[asyncio.Task[None]] = []
        self._doors: list[tuple[Listener, asyncio.Task[None]]] = []
        self._dispatching: asyncio.Task[None] | None = None
        self.hooks_url = ""
        self.admin_url = ""

    def problems(self) -> list[str]:
        """What the operator should know, in sentences."""
        parked = [f"event {one} cannot be dispatched; the log says why" for one in sorted(self.dispatcher.parked)]
        refusing = ["the last hook that came could not be kept; the log says why"] if self.hooks.failing else []
        unheard = [self._heartbeat.problem] if self._heartbeat.problem else []
        return self.live.problems + parked + refusing + unheard

    def login_link(self) -> str:
        """An address of the operator's page that lets in whoever opens it first, within ten minutes."""
        base = self.live.setup.config.admin.url or self.admin_url
        return f"{base}/login?{self.login.link(clock.now())}"

    def nudge(self) -> None:
        """Make every stage look for work now."""
        self.dispatcher.wake()
        for name in self.live.setup.targets:
            self.deliverer.wake(name)

    async def reload(self) -> None:
        """Take up a changed configuration; one that cannot be used raises an alarm."""
        before = self.live.setup
        if await self.live.reload():
            self.deliverer.refresh()
            with contextlib.suppress(StoreUnavailable):
                await secret_uses.write_down(self.store, before)
        else:
            alarm = alarms.config_refused(self.live.problems)
            try:
                await self.store.write(partial(alarms.raise_alarm, alarm=alarm, now=clock.now()))
            except StoreUnavailable as error:
                log.error("no alarm can be raised now: %s", error)
        self.dispatcher.wake()

    def _woken(self, topic: str) -> None:
        """Another replica says that there is work."""
        kind, _, name = topic.partition(":")
        if kind == "target":
            self.deliverer.wake(name)
        else:
            self.dispatcher.wake()

    async def start(self, hooks_socket: socket.socket, admin_socket: socket.socket) -> None:
        """Begin to deliver what is owed, then open the doors."""
        self.store.listen(self._woken)
        self.deliverer.refresh()
        self._dispatching = asyncio.create_task(self.dispatcher.run(), name="dispatch")
        admin = Admin(self.store, lambda: self.live.setup, self.nudge, self.problems, lambda: self.hooks.failing)
        owed = Deliveries(self.store, lambda: self.live.setup, self.nudge)
        page = Page(self.store, lambda: self.live.setup, self.problems)
        admin_door = admin_app(admin, owed, page, self.login)
        for app, bound in ((hooks_app(self.hooks), hooks_socket), (admin_door, admin_socket)):
            listener = listening(app, DRAIN)
            self._doors.append((listener, asyncio.create_task(listener.serve(sockets=[bound]))))
        while not all(listener.started for listener, _ in self._doors):  # noqa: ASYNC110
            await asyncio.sleep(0.005)  # the HTTP server has no event to wait for
        self.hooks_url, self.admin_url = (url_of(bound) for bound in (hooks_socket, admin_socket))
        self._tasks = [
            asyncio.create_task(self._watch()),
            asyncio.create_task(_every(FLUSH, self._flush_refusals)),
            asyncio.create_task(_every(BEAT, self._beat)),
            asyncio.create_task(_every(TIDY, self._note_secrets)),
            asyncio.create_task(_every(TIDY, self._tidy)),
            asyncio.create_task(_every(TIDY, self._listen_for_silence)),
        ]
        _settle_memory()
        log.info("hooks at %s/hooks/<source>, the operator at %s", self.hooks_url, self.admin_url)

    async def _watch(self) -> None:
        await watch(self.live.files, self.live.loaded, self.reload)

    async def _flush_refusals(self) -> None:
        await self._refusals.flush(self.store, clock.now())

    async def _listen_for_silence(self) -> None:
        if await self._silence.look(self.store, self.live.setup.config, clock.now()):
            self.dispatcher.wake()

    async def _beat(self) -> None:
        await self._heartbeat.look(clock.now())

    async def _note_secrets(self) -> None:
        await secret_uses.write_down(self.store, self.live.setup)

    async def _tidy(self) -> None:
        """Let go of what is old."""
        await tidy(self.store, self.live.setup.config.store.keep, clock.now())

    async def stop(self) -> None:
        """Close the doors, finish what is at hand within the deadline, let go of everything."""
        deadline = time.monotonic() + DRAIN
        self.deliverer.stop_soon()
        for door in self._doors[:1]:
            await _shut(*door)
        self.dispatcher.stop()
        if self._dispatching:
            await asyncio.wait([self._dispatching], timeout=max(deadline - time.monotonic(), 1))
        await self.deliverer.stop(max(deadline - time.monotonic(), 1))
        for door in self._doors[1:]:
            await _shut(*door)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):
            await self._flush_refusals()
            await self._note_secrets()
        await self.store.close()


async def _shut(listener: Listener, serving: "asyncio.Task[None]") -> None:
    listener.should_exit = True
    await serving


def _settle_memory() -> None:
    """What is loaded by now stays: the garbage collector need not look through it again and again.

    It took 50 ms each time, in which no hook was answered. Of 2,000 new objects, a look takes less than one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 50, 50)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except StoreUnavailable as error:
            log.warning("the store cannot be used now: %s", error)
        except Exception:
            log.exception("an error that should not be; trying again")


@contextlib.asynccontextmanager
async def running(path: Path, environment: Mapping[str, str], *, own_token: str = "") -> AsyncIterator[Server]:
    """A bridge that serves that file while the block runs. `own_token` is the operator's where the file has none.

    Raises ConfigError, RenderError, StoreRefused, StoreUnavailable where it cannot start; nothing is left behind.
    """
    live = Live(path, environment, own_token)
    config = live.setup.config
    store = await open_store(config.store.url.get_secret_value(), exclusive=True)
    server = Server(live, store)
    with contextlib.ExitStack() as sockets:
        try:
            bound = [
                sockets.enter_context(contextlib.closing(bind(listen, key, path)))
                for listen, key in ((config.listen, "listen"), (config.admin.listen, "admin.listen"))
            ]
            await server.start(*bound)
            yield server
        finally:
            await server.stop()
