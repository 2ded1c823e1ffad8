"""How much waits, for those who ask often: readiness and metrics. In: the store; out: a count for each target.

Counting goes over all that waits. That is nothing while it is little, and with a million of it as long as a hook takes.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Mapping

from bridge.errors import StoreUnavailable
from bridge.store import Store, deliveries

MANY = 20_000
"""From so many on a count may be told again."""

REST = 20
"""For how many times as long as counting took."""


class Owed:
    """How many deliveries wait for each target: counted when somebody asks. Counting very many takes its time, so then
    the last count is told again for a while, and a newer one is made beside it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counted: Mapping[str, int] = {}
        self._took = 0.0
        self._at = -math.inf
        self._counting: asyncio.Task[None] | None = None

    async def now(self) -> Mapping[str, int]:
        """Raises StoreUnavailable where it has to be counted and cannot be."""
        if sum(self._counted.values()) < MANY:
            await self._count()
        elif time.monotonic() - self._at > REST * self._took and (self._counting is None or self._counting.done()):
            self._counting = asyncio.create_task(self._count_beside())
        return self._counted

    async def _count(self) -> None:
        began = time.monotonic()
        self._counted = await self._store.read(deliveries.owed)
        self._at = time.monotonic()
        self._took = self._at - began

    async def _count_beside(self) -> None:
        with contextlib.suppress(StoreUnavailable):  # what waited last still waits
            await self._count()
