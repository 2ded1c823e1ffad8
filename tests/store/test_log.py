"""SQLite's log (WAL) stays small for as long as hooks come thick: a long one is copied at once, and all hooks wait."""

import asyncio

from bridge.store import open_store, sqlite
from tests.store.test_store import hook

HOOKS = 6_000
LANES = 20
ROWS = 200
MOST = 8 << 20
"""Bytes of log; what is written here would be more than four times as much."""


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
