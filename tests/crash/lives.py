"""Servers that are killed: each a process of its own.

They come from the nursery, so that many lives fit into one test. What runs in them is the command `serve` itself; a
`Fuse`, where one is given, kills the process at a commit (see `points`).
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import httpx2

from bridge import clock
from bridge.store import open_store
from tests.crash.points import Fuse, arm
from tests.nursery import NURSERY

STEADY = 60.0
"""Seconds that a lease counts where none has to end: who is told to stop lets go of it, and SQLite has one owner."""

SHORT = 4.0
"""The same where the next owner waits for a dead one's to end; see `short_span`."""

OFTEN = 0.2
"""Seconds between what is a minute or an hour apart otherwise."""

if TYPE_CHECKING:
    Ahead: TypeAlias = Synchronized[int]
else:
    Ahead = Synchronized  # it is generic for type checkers only
"""By how many seconds a server's clock is ahead of the machine's; may be changed while it runs."""


def clock_ahead() -> Ahead:
    """A clock that is right, for now."""
    return NURSERY.Value("q", 0)


def _live(
    path: Path, log: Path, environment: Mapping[str, str], span: float, fuse: Fuse | None, ahead: Ahead | None
) -> None:
    """What such a process does."""
    from bridge import alarms, deliver
    from bridge.cli import commands
    from bridge.store import leases
    from bridge.web import server

    os.environ.update(environment)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    leases.SPAN = round(span * clock.SECOND)
    deliver.RENEW = span / 3
    server.FLUSH = server.TIDY = OFTEN
    alarms.PAUSE = round(OFTEN * clock.SECOND)
    if fuse:
        arm(fuse)
    if ahead is not None:
        told = time.time_ns
        time.time_ns = lambda: told() + ahead.value * 1_000_000_000
    commands(["serve", "-c", str(path), "--logs", "json"], prog_name="drawbridge")


class Life:
    """One server, from its start to its end. As a context manager it ends with the block, whatever happened there."""

    def __init__(
        self,
        path: Path,
        port: int,
        *,
        fuse: Fuse | None = None,
        span: float = STEADY,
        log: Path | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        self.path, self.port, self.span = path, port, span
        self.url = f"http://127.0.0.1:{port}"
        self.log = log or path.with_suffix(".log")
        environment = {"PORT": str(port), "ADMIN_PORT": str(port + 1)}
        self._process = NURSERY.Process(
            target=_live, args=(path, self.log, environment, span, fuse, ahead), daemon=True
        )
        self._process.start()

    def __enter__(self) -> "Life":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    @property
    def status(self) -> int | None:
        """Its exit status; negative where a signal ended it."""
        return self._process.exitcode

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def up(self) -> "Life":
        """Wait until it answers; says what it logged where it died instead."""
        deadline = time.monotonic() + 90
        with httpx2.Client(trust_env=False, verify=False) as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx2.TransportError):
                    if client.get(f"{self.url}/healthz").is_success:
                        return self
                assert self.alive, self.log.read_text()
                time.sleep(0.01)
        raise AssertionError("the server did not start")

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def died(self, seconds: float) -> bool:
        """Wait for its death, for so long."""
        self._process.join(seconds)
        return not self.alive

    def kill(self) -> None:
        """As the machine's end does it."""
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        """Stop it in order, whatever state it is in; kill it where it does not."""
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            if not self.died(60):
                self.kill()


def short_span(path: Path, port: int) -> float:
    """How long a lease should count that has to end by itself: long beside what this machine does in one go.

    With a shorter one a busy machine gets nothing done: the lease is over before what was begun under it is sent.
    """
    began = time.monotonic()
    with Life(path, port) as life:
        life.up()
        took = time.monotonic() - began
    return max(SHORT, 3 * took)


def end_leases(store_url: str) -> None:
    """Make every lease end now, as if its time had passed, so that the next life need not wait for that."""

    async def end() -> None:
        store = await open_store(store_url, exclusive=False)
        try:
            await store.write(lambda tx: tx.run("UPDATE leases SET until = 0"))
        finally:
            await store.close()

    asyncio.run(end())


def free_ports() -> int:
    """A port that is free, and so is the one above it."""
    while True:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", 0)) as one:
            port = int(one.getsockname()[1])
            with socket.create_server(("127.0.0.1", port + 1)):
                return port


@contextlib.contextmanager
def together(lives: list[Life]) -> Iterator[list[Life]]:
    """End all of them with the block; what the list holds then counts."""
    try:
        yield lives
    finally:
        for life in lives:
            life.end()
