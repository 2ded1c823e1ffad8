"""SQLite's log (WAL) stays small for as long as hooks come thick: a long one is copied at once, and all hooks wait."""

import asyncio
import contextlib
import os
import sqlite3
import sys

import pytest

from bridge.store import open_store, sqlite
from tests.store.test_store import hook

HOOKS = 9_000
LANES = 20
ROWS = 200
MOST = 24 << 20
"""Bytes of log; what is written here is more than twice as much."""


def test_the_log_begins_anew_while_hooks_come_without_a_pause(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "COPY_AFTER", ROWS)

    async def lane(store, number):
        for n in range(HOOKS // LANES):
            await store.keep(hook(b"%d %d" % (number, n) * 200))

    async def keep():
        store = await open_store(f"sqlite:///{tmp_path}/bridge.db", exclusive=True)
        try:
            await asyncio.gather(*(lane(store, number) for number in range(LANES)))
            return (tmp_path / "bridge.db-wal").stat().st_size
        finally:
            await store.close()

    assert asyncio.run(keep()) < MOST


def test_large_bodies_are_copied_by_their_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "COPY_AFTER_BYTES", 1 << 20)

    async def keep():
        store = await open_store(f"sqlite:///{tmp_path}/bridge.db", exclusive=True)
        try:
            for n in range(600):  # 38 MB
                await store.keep(hook(b"x" * 64_000, key=b"%d" % n))
            return (tmp_path / "bridge.db-wal").stat().st_size
        finally:
            await store.close()

    assert asyncio.run(keep()) < MOST


def test_what_somebody_reads_meanwhile_is_copied_when_they_are_done_and_not_by_the_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "COPY_AFTER", ROWS)
    path = tmp_path / "bridge.db"

    async def keep():
        store = await open_store(f"sqlite:///{path}", exclusive=True)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
            try:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM events").fetchone()
                sizes = []
                for n in range(6 * ROWS):
                    await store.keep(hook(b"x" * 2_000, key=b"%d" % n))
                sizes.append(path.stat().st_size)
                reader.execute("ROLLBACK")
                for n in range(6 * ROWS):
                    await store.keep(hook(b"x" * 2_000, key=b"later %d" % n))
                sizes.append(path.stat().st_size)
                return sizes
            finally:
                await store.close()

    meanwhile, after = asyncio.run(keep())
    assert meanwhile < 500_000
    assert after > 6 * ROWS * 2_000


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a thread's own on Linux alone")
def test_who_copies_lets_hooks_go_first(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "COPY_AFTER", ROWS)
    niceness = []

    def copy_twice(connection, copy=sqlite._copy_twice):
        niceness.append(os.getpriority(os.PRIO_PROCESS, 0))
        return copy(connection)

    monkeypatch.setattr(sqlite, "_copy_twice", copy_twice)

    async def keep():
        store = await open_store(f"sqlite:///{tmp_path}/bridge.db", exclusive=True)
        try:
            for n in range(ROWS):
                await store.keep(hook(b"%d" % n))
        finally:
            await store.close()

    asyncio.run(keep())
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness
    assert set(niceness) == {min(ours + sqlite.COPYING_IS_NICE, 19)}


def test_where_a_sandbox_forbids_standing_back_hooks_are_kept_and_the_log_is_copied_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "COPY_AFTER", ROWS)

    def forbidden(_by):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", forbidden)

    async def keep():
        store = await open_store(f"sqlite:///{tmp_path}/bridge.db", exclusive=True)
        try:
            async with asyncio.timeout(60):
                for n in range(6 * ROWS):
                    await store.keep(hook(b"x" * 2_000, key=b"%d" % n))
            return (tmp_path / "bridge.db").stat().st_size
        finally:
            await store.close()

    assert asyncio.run(keep()) > ROWS * 2_000


def test_whatever_ends_the_thread_that_copies_hooks_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "COPY_AFTER", ROWS)

    def broken(_connection):
        raise RuntimeError("it ended")

    monkeypatch.setattr(sqlite, "_copy_twice", broken)

    async def keep():
        store = await open_store(f"sqlite:///{tmp_path}/bridge.db", exclusive=True)
        try:
            async with asyncio.timeout(60):
                return [await store.keep(hook(b"%d" % n)) for n in range(4 * ROWS)]
        finally:
            await store.close()

    assert len(asyncio.run(keep())) == 4 * ROWS
