"""The store's one interface. Two engines stand behind it (`sqlite`, `postgres`); nobody above can tell them apart.

What is done to the data is written once, as operations: coroutines over a `Tx`, in the modules beside this one
(`events`, `subjects`, `deliveries`, `messages`, `targets`, `leases`, `refusals`). Statements use `$1`, `$2` … for
parameters, which both databases take as written; times are integer microseconds, JSON is text.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from bridge.model import Receipt, Verified

T = TypeVar("T")
Row = Mapping[str, Any]


class Tx(Protocol):
    """One transaction. Inside it an operation may wait for nothing but the store."""

    @property
    def for_update(self) -> str:
        """What to append to a SELECT so that its rows are ours until the end (empty on SQLite: one writer)."""

    async def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        """All rows of a query."""

    async def run(self, sql: str, *values: Any) -> int:
        """Run a statement; returns how many rows it touched."""

    async def run_many(self, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
        """Run a statement once for each tuple of values."""

    async def now(self) -> int:
        """The time by which leases are judged, in microseconds: the database's own clock on PostgreSQL."""

    async def wake(self, topic: str) -> None:
        """Tell other replicas, once this is committed, that there is work. Nothing on SQLite: there are none."""


Operation = Callable[[Tx], Coroutine[Any, Any, T]]


class Store(Protocol):
    """What the stages see of the database."""

    async def keep(self, hook: Verified) -> Receipt:
        """Put a hook on disk; many at once share one commit. Returns only after that commit.

        A hook whose dedupe key was kept before and still counts is a duplicate, and its receipt names the first copy.
        Raises StoreUnavailable, and then nothing was kept.
        """

    async def write(self, operation: Operation[T]) -> T:
        """Run an operation in a durable transaction. An exception in it undoes it and comes out here."""

    async def read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads, without holding up writers."""

    def listen(self, wake: Callable[[str], None]) -> None:
        """Call `wake(topic)` whenever another replica said that there is work."""

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
