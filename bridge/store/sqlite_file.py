"""The file of a SQLite store, before anything is written to it: is it ours, is it free, how is it opened.

In: a path; out: a connection, a lock, or StoreRefused with what to do. A file that is refused is left as it is.
"""

import contextlib
import fcntl
import sqlite3
import time
from pathlib import Path
from typing import IO

from bridge.errors import StoreRefused
from bridge.store.migrations import STEPS, newer

OLDEST = (3, 35)
"""RETURNING and upserts as the statements here use them."""

BUSY_WAIT = 2.0
"""Seconds to wait for a command that writes beside the server; hooks wait behind it, and vendors give up after ten."""

BROKEN = "Nothing in it was changed; restore it from a copy, or move it away to begin with an empty one"
ADVICE = {
    sqlite3.SQLITE_BUSY: "Another program is writing to it: let that one finish, or stop it, and start again",
    sqlite3.SQLITE_LOCKED: "Another program is writing to it: let that one finish, or stop it, and start again",
    sqlite3.SQLITE_READONLY: "Let the user that Drawbridge runs as write to the file and to its folder",
    sqlite3.SQLITE_CANTOPEN: "Let the user that Drawbridge runs as write to the file and to its folder",
    sqlite3.SQLITE_PERM: "Let the user that Drawbridge runs as write to the file and to its folder",
    sqlite3.SQLITE_FULL: "The disk is full: make room and start again",
    sqlite3.SQLITE_IOERR: "The disk fails, or is full: look at it and start again",
}
"""What to do about a store that cannot be opened, by SQLite's primary code. https://www.sqlite.org/rescode.html"""

LOCK_WAIT = 30.0
"""How long a new server waits for the old one to let go of the file, in seconds."""

COPY_AT_THE_LATEST = 20_000
"""Pages of the log (80 MB) at which the writer itself copies it, should nobody else have come to it."""


def advice(error: sqlite3.Error) -> str:
    """What to do about a store that cannot be opened."""
    return ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, BROKEN)


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which a commit is on disk when it returns."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_WAIT)
    connection.row_factory = sqlite3.Row
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {COPY_AT_THE_LATEST}",
        "cache_size = -4000",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def lock_file(path: Path, wait: float) -> IO[str]:
    """Make this process the only server on that store. Raises StoreRefused after `wait` seconds."""
    lock = path.with_name(path.name + ".lock").open("w")
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                lock.close()
                raise StoreRefused(
                    f"another drawbridge serves {path}: stop it, or give this one a store of its own (store.url)"
                ) from None
            time.sleep(0.1)
        else:
            return lock


def look(path: Path) -> None:
    """Refuse a file that is no store of ours before a byte of it is changed. Raises StoreRefused."""
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as found:
            tables = {name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and "schema_version" not in tables:
                raise StoreRefused(f"{path} is another program's database: name another file in store.url")
            version = found.execute("SELECT version FROM schema_version").fetchone() if tables else None
    except sqlite3.Error:
        return  # whatever it is, opening it to write says it better
    if version and version[0] > len(STEPS):
        raise newer(version[0])
