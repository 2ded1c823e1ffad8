"""What waits is counted at once while it is little, and beside the answer while it is very much."""

import asyncio
from typing import Any, cast

import pytest

from bridge.errors import StoreUnavailable
from bridge.web.owed import MANY, Owed
from tests.bridges import PATIENCE


class Counting:
    """A store in which so much waits. Counting takes until `go` is set; with `away` it cannot be read."""

    def __init__(self, waiting):
        self.waiting = waiting
        self.counts = 0
        self.go = asyncio.Event()
        self.go.set()
        self.away = False

    async def read(self, operation):
        self.counts += 1
        if self.away:
            raise StoreUnavailable("away")
        await self.go.wait()
        return {"chat": self.waiting}


def test_little_is_counted_whenever_somebody_asks():
    async def story():
        store = Counting(3)
        owed = Owed(cast(Any, store))
        told = [await owed.now()]
        store.waiting = 5
        return [*told, await owed.now()]

    assert asyncio.run(story()) == [{"chat": 3}, {"chat": 5}]


def test_very_much_is_told_again_and_counted_beside_the_answer_once_at_a_time():
    async def story():
        store = Counting(MANY)
        owed = Owed(cast(Any, store))
        told = [await owed.now()]
        store.waiting = 1
        store.go.clear()
        async with asyncio.timeout(PATIENCE):
            while store.counts < 2:
                told.append(await owed.now())
                await asyncio.sleep(0.001)
        told += [await owed.now(), await owed.now()]
        assert store.counts == 2
        store.go.set()
        async with asyncio.timeout(PATIENCE):
            while await owed.now() != {"chat": 1}:
                await asyncio.sleep(0.001)
        return told

    assert all(one == {"chat": MANY} for one in asyncio.run(story()))


def test_a_store_that_is_away_is_said_where_nothing_was_counted_and_costs_no_count_that_was():
    async def story():
        store = Counting(MANY)
        owed = Owed(cast(Any, store))
        store.away = True
        with pytest.raises(StoreUnavailable):
            await owed.now()
        store.away = False
        await owed.now()
        store.away = True
        async with asyncio.timeout(PATIENCE):
            while store.counts < 3:
                assert await owed.now() == {"chat": MANY}
                await asyncio.sleep(0.001)
        return await owed.now()

    assert asyncio.run(story()) == {"chat": MANY}
