"""SQLite: the embedded engine. One writer thread, WAL, `synchronous=FULL`, and one fsync for many hooks.

Everything that writes goes to one thread, which takes all that waits into one transaction (group commit) and answers
only after it is on disk. What the event loop gathers in one turn is handed over at its end: so hooks that come thick
share a commit, and one that comes alone waits for nobody. Reads have a connection and a thread of their own, and so has
the copying of the log into the file.
"""

import asyncio
import contextlib
import functools
import logging
import os
import queue
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from bridge import clock
from bridge.errors import StoreRefused, StoreUnavailable
from bridge.model import Receipt, Status, Verification, Verified
from bridge.store.disk import disk_warning
from bridge.store.migrations import migrate, require_current
from bridge.store.sqlite_file import LOCK_WAIT, OLDEST, advice, connect, lock_file, look
from bridge.store.tx import Operation, Row, T

COPY_AFTER = 4_000
"""Rows that were written, after which the log is copied into the file. The more of them, the fewer pages: one that was
written many times is copied once."""

COPY_AFTER_BYTES = 16 << 20
"""The same in bytes of bodies, where they are large."""

COPYING_IS_NICE = 10
"""By how much the thread that copies stands back where there are too few processors: hooks do not wait for it then."""

log = logging.getLogger("bridge.store")


@dataclass(slots=True)
class _Keep:
    hook: Verified
    future: "asyncio.Future[Receipt]"


@dataclass(slots=True)
class _Write:
    operation: Operation[Any]
    future: "asyncio.Future[Any]"


def _to_the_end(operation: Coroutine[Any, Any, T]) -> T:
    """Run an operation on this thread. It waits only for the store, and this store never makes it wait."""
    try:
        operation.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    operation.close()
    raise RuntimeError("an operation on the store waited for something else than the store")


class SqliteTx:
    """A transaction on one connection. None of its methods ever really waits."""

    for_update = ""

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now

    async def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._connection.execute(sql, _named(values)).fetchall()

    async def run(self, sql: str, *values: Any) -> int:
        return self._connection.execute(sql, _named(values)).rowcount

    async def run_many(self, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
        if values:
            self._connection.executemany(sql, [_named(row) for row in values])

    async def now(self) -> int:
        return self._now()

    async def wake(self, topic: str) -> None:
        """Nothing to do: one process has the file, and its stages wake each other."""


def _copy(connection: sqlite3.Connection) -> bool:
    """Copy the log (WAL) into the file; whether all was copied that was in it when this began.

    What somebody still reads as it was before cannot be copied yet; it stays in the log and loses nothing.
    """
    try:
        busy, found, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        log.warning("the log of the store cannot be copied into its file now, and grows: %s", error)
        return False
    return not busy and found == copied


def _stand_back() -> None:
    """Let other threads go before this one. Linux alone counts niceness by thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may forbid it; copying goes on all the same
            os.nice(COPYING_IS_NICE)


def _copy_twice(connection: sqlite3.Connection) -> bool:
    """Copy the log, then what was written meanwhile, so that little is left of it."""
    return _copy(connection) and _copy(connection)


def _named(values: Sequence[Any]) -> dict[str, Any]:
    """SQLite reads `$1` as a parameter called "1"."""
    return {str(n): value for n, value in enumerate(values, start=1)}


class SqliteStore:
    """See `tx.Store`. Made by `open_sqlite`."""

    def __init__(self, path: Path, lock: IO[str] | None, now: Callable[[], int]) -> None:
        self._lock = lock
        self._now = now
        self._gathered: list[_Keep | _Write] = []
        """What this turn of the event loop brought so far."""
        self._jobs: queue.SimpleQueue[list[_Keep | _Write] | None] = queue.SimpleQueue()
        self._writer = connect(path)
        self._reader = connect(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._copier = connect(path)
        self._copy_thread = ThreadPoolExecutor(1, thread_name_prefix="store-copier", initializer=_stand_back)
        self._copying: Future[bool] | None = None
        self._copied = 0
        """Rows that had been written when the log was last copied into the file."""
        self._bodies = 0
        """Bytes of bodies that were written since then."""
        self._write_thread = threading.Thread(target=self._write_for_ever, name="store-writer", daemon=True)
        self._closed = False

    def start(self, *, exclusive: bool) -> None:
        """Bring the schema up to date and begin to take work. Raises StoreRefused for a schema it cannot use.

        Whoever has the file alone owns all that a dead process held; a command beside a server changes nothing.
        """
        if not exclusive and self._has_schema():
            _to_the_end(require_current(SqliteTx(self._writer, self._now)))
        else:
            self._migrate(exclusive=exclusive)
        self._write_thread.start()

    def _has_schema(self) -> bool:
        found = self._writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone()
        return found is not None

    def _migrate(self, *, exclusive: bool) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            _to_the_end(
                migrate(
                    SqliteTx(self._writer, self._now),
                    serial="INTEGER PRIMARY KEY AUTOINCREMENT",
                    bytes_type="BLOB",
                )
            )
            if exclusive:
                self._writer.execute("UPDATE leases SET until = 0")
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")

    async def keep(self, hook: Verified) -> Receipt:
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._put(_Keep(hook, future))
        return await future

    async def write(self, operation: Operation[T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._put(_Write(operation, future))
        return await future

    def _put(self, job: _Keep | _Write) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._gathered.append(job)

    def _hand_over(self) -> None:
        if self._gathered:
            self._jobs.put(self._gathered)
            self._gathered = []

    async def read(self, operation: Operation[T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._read_thread, self._read, operation)

    def _read(self, operation: Operation[T]) -> T:
        try:
            self._reader.execute("BEGIN")
            try:
                return _to_the_end(operation(SqliteTx(self._reader, self._now)))
            finally:
                self._reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"SQLite cannot read: {error}") from error

    def listen(self, wake: Callable[[str], None]) -> None:
        """Nobody else writes here, so nobody wakes us."""

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        self._jobs.put(None)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._write_thread.join)
        await loop.run_in_executor(None, self._read_thread.shutdown)
        await loop.run_in_executor(None, self._copy_thread.shutdown)
        self._copier.close()
        self._reader.close()
        self._writer.close()
        if self._lock:
            self._lock.close()

    # ------------------------------------------------------------------------------------ on the writer thread

    def _write_for_ever(self) -> None:
        while (jobs := self._jobs.get()) is not None:
            last = False
            with contextlib.suppress(queue.Empty):
                while not last:
                    more = self._jobs.get_nowait()
                    last = more is None
                    jobs += more or ()
            self._commit(jobs)
            if last:
                return

    def _commit(self, jobs: list[_Keep | _Write]) -> None:
        """One transaction for all of them; who is answered is answered after the commit, or told that it failed."""
        done: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            keeps = [job for job in jobs if isinstance(job, _Keep)]
            if keeps:
                receipts = self._keep(keeps)
                done += [(job.future, receipt, None) for job, receipt in zip(keeps, receipts, strict=True)]
            done += [self._operate(job) for job in jobs if isinstance(job, _Write)]
            self._writer.execute("COMMIT")
        except Exception as error:
            with contextlib.suppress(sqlite3.Error):
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            failure = StoreUnavailable(f"SQLite cannot write: {error}")
            done = [(job.future, None, failure) for job in jobs]
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits for the answer any more
            jobs[0].future.get_loop().call_soon_threadsafe(_answer, done)
        self._see_to_copying()

    def _see_to_copying(self) -> None:
        """Have the log (WAL) copied into the file beside this thread: within a commit, hooks would wait for it.

        The little that was written meanwhile is copied here, between two commits: the log begins anew only when all of
        it is in the file, and without that would grow until SQLite copies it within a commit.
        """
        if self._copying is None:
            written = self._writer.total_changes
            if written - self._copied >= COPY_AFTER or self._bodies >= COPY_AFTER_BYTES:
                self._copied, self._bodies = written, 0
                with contextlib.suppress(RuntimeError):  # no more threads can be had now: the next time tries again
                    self._copying = self._copy_thread.submit(_copy_twice, self._copier)
        elif self._copying.done():
            # Whatever ended the other thread, this one goes on: hooks wait for nothing else.
            if self._copying.exception() is None and self._copying.result():
                _copy(self._writer)
            self._copying = None

    def _keep(self, jobs: Sequence[_Keep]) -> list[Receipt]:
        """Every hook's receipt. One whose key is another's by now is that one's duplicate; the others are inserted."""
        self._bodies += sum(len(job.hook.body) for job in jobs)
        kept = [(clock.uuid7(job.hook.received_at), job.hook) for job in jobs]
        keyed = [(event_id, hook) for event_id, hook in kept if not hook.is_test]
        claimed = self._insert(SEEN, [_seen_row(event_id, hook) for event_id, hook in keyed])
        firsts: dict[str, str] = {}
        if claimed < len(keyed):
            firsts = {event_id: self._first_copy(hook) for event_id, hook in keyed}
        new = [(event_id, hook) for event_id, hook in kept if firsts.get(event_id, event_id) == event_id]
        self._insert(EVENTS, [_event_row(event_id, hook) for event_id, hook in new])
        return [
            Receipt(first, Status.ACCEPTED if first == event_id else Status.DUPLICATE)
            for event_id, _ in kept
            for first in [firsts.get(event_id, event_id)]
        ]

    def _insert(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows by few statements, and count them.

        A statement lets go of Python's lock while it runs, and waits to have it back for as long as hooks keep the
        event loop busy: with one for each row, a commit would take many times as long.
        """
        count, done = 0, 0
        for size in ROWS:
            while len(rows) - done >= size:
                values = [value for row in rows[done : done + size] for value in row]
                count += self._writer.execute(_of_many(statement, size), values).rowcount
                done += size
        return count

    def _first_copy(self, hook: Verified) -> str:
        """The id of the event that has this hook's dedupe key."""
        found = self._writer.execute(
            "SELECT event_id FROM seen WHERE source = ? AND verified = ? AND key = ?",
            (hook.source, hook.verification.verified, hook.dedupe_key),
        ).fetchone()
        return str(found["event_id"])

    def _operate(self, job: _Write) -> tuple["asyncio.Future[Any]", Any, BaseException | None]:
        """One operation; if it fails, only it is undone."""
        self._writer.execute("SAVEPOINT operation")
        try:
            value = _to_the_end(job.operation(SqliteTx(self._writer, self._now)))
        except Exception as error:
            if not self._writer.in_transaction:
                raise  # SQLite has undone the whole transaction, the others' work with it
            self._writer.execute("ROLLBACK TO operation")
            self._writer.execute("RELEASE operation")
            if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
                error = StoreUnavailable(f"SQLite cannot do it: {error}")
            return job.future, None, error
        self._writer.execute("RELEASE operation")
        return job.future, value, None


ROWS = (8, 4, 2, 1)
"""How many rows one statement inserts. Each number is another statement, which SQLite reads once and remembers."""

SEEN = """INSERT INTO seen (received_at, source, verified, key, event_id, until) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (source, verified, key) DO UPDATE
      SET event_id = excluded.event_id, until = excluded.until, received_at = excluded.received_at
    WHERE seen.until <= excluded.received_at"""

EVENTS = """INSERT INTO events (id, source, vendor, received_at, headers, body, verification, is_test, is_replay)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, false)"""


@functools.cache
def _of_many(statement: str, rows: int) -> str:
    """The statement that inserts one row, for so many."""
    before, values, after = re.split(r"(?<=VALUES )(\([^)]+\))", statement)
    return before + ", ".join([values] * rows) + after


def _seen_row(event_id: str, hook: Verified) -> tuple[Any, ...]:
    """The values of `SEEN`."""
    key = (hook.source, hook.verification.verified, hook.dedupe_key)
    return hook.received_at, *key, event_id, hook.dedupe_until


def _event_row(event_id: str, hook: Verified) -> tuple[Any, ...]:
    """The values of `EVENTS`."""
    return (
        event_id,
        hook.source,
        hook.vendor,
        hook.received_at,
        orjson.dumps(hook.headers).decode(),
        hook.body,
        _verification_text(hook.verification),
        hook.is_test,
    )


@functools.cache
def _verification_text(verification: Verification) -> str:
    return orjson.dumps(verification).decode()


def _answer(done: Sequence[tuple["asyncio.Future[Any]", Any, BaseException | None]]) -> None:
    for future, value, error in done:
        if future.done():  # its caller gave up waiting
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)


def open_sqlite(
    path: Path, *, exclusive: bool, now: Callable[[], int] = clock.now, lock_wait: float = LOCK_WAIT
) -> SqliteStore:
    """Open, and where needed make, the store in that file.

    `exclusive` is for a server: it holds the lock file until closed (commands beside a running server go without).
    Raises StoreRefused where the file must not be used: an old SQLite, another server, not a database, a newer schema.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise StoreRefused(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed")
    if not path.parent.is_dir():
        raise StoreRefused(f"there is no folder {path.parent} for the store: make it, or change store.url")
    look(path)
    try:
        lock = lock_file(path, lock_wait) if exclusive else None
    except OSError as error:
        raise StoreRefused(f"the store's folder cannot be written to: {error}") from error
    try:
        store = SqliteStore(path, lock, now)
        store.start(exclusive=exclusive)
    except (sqlite3.Error, StoreRefused) as error:
        if lock:
            lock.close()
        if isinstance(error, StoreRefused):
            raise
        raise StoreRefused(f"{path} cannot be used as a store: {error}. {advice(error)}") from error
    if exclusive and (warning := disk_warning(path)):
        log.warning("%s", warning)
    return store
