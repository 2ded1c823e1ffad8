"""The store: custody of every event, and the memory of everything done with it. The only room that knows SQL."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bridge import clock
from bridge.errors import StoreRefused
from bridge.store.tx import Operation, Store, Tx

__all__ = ["Operation", "Store", "Tx", "open_store"]


async def open_store(url: str, *, exclusive: bool, now: Callable[[], int] = clock.now) -> Store:
    """Open the store that `store.url` names: `sqlite:///file.db`, `sqlite:////absolute/file.db` or `postgresql://…`.

    `exclusive` is for a server; commands that run beside it go without. Raises StoreRefused, StoreUnavailable.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/"):
        from bridge.store.sqlite import open_sqlite

        # In a thread: a new server may wait there for the old one to let go of the file.
        return await asyncio.to_thread(open_sqlite, Path(rest[1:]), exclusive=exclusive, now=now)
    if scheme in ("postgresql", "postgres"):
        try:
            from bridge.store.postgres import open_postgres
        except ImportError as error:
            raise StoreRefused("PostgreSQL needs the extra: pip install 'drawbridge[postgres]'") from error
        return await open_postgres(url)
    raise StoreRefused("store.url must begin with sqlite:/// or postgresql://")
