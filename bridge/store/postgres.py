"""PostgreSQL: the engine for several replicas. They share the database; its clock judges leases, its NOTIFY wakes them.

Hooks are kept in batches as on SQLite: two flushers each take all that waits into one statement, so one commit carries
many. Everything else is an ordinary transaction on a connection of the pool.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import orjson

from bridge import clock
from bridge.errors import StoreRefused, StoreUnavailable
from bridge.model import Receipt, Status, Verified
from bridge.store.migrations import migrate
from bridge.store.tx import Operation, Row, T

log = logging.getLogger("bridge.store")

FLUSHERS = 2
POOL = 4
LARGEST_BATCH = 256
CHANNEL = "drawbridge"
MIGRATION_LOCK = 0x6472_6177
"""Any number will do, as long as every replica uses the same."""

AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was cut off, and does not know it yet
    asyncpg.CannotConnectNowError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database takes no connections for now
    TimeoutError,
)
FULL = (asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError, asyncpg.ReadOnlySQLTransactionError)
UNDONE = (asyncpg.TransactionRollbackError, asyncpg.InvalidTransactionStateError)
"""The database undid the transaction (a deadlock, a replica that stood still in it): it may be tried again."""
CONNECT = 5.0
"""Seconds to connect in; a hook that waits for it is answered 503 before its vendor gives up."""

RECONNECT = 1.0
"""Seconds between attempts to listen again after the connection broke."""

KEEP = """
    WITH claimed AS (
        INSERT INTO seen (source, verified, key, event_id, received_at, until)
        SELECT * FROM unnest($1::text[], $2::boolean[], $3::bytea[], $4::text[], $5::bigint[], $6::bigint[])
        ON CONFLICT (source, verified, key) DO UPDATE
          SET event_id = excluded.event_id, received_at = excluded.received_at, until = excluded.until
        WHERE seen.until <= excluded.received_at
        RETURNING event_id),
    kept AS (
        INSERT INTO events (id, source, vendor, received_at, headers, body, verification, is_test, is_replay)
        SELECT id, source, vendor, received_at, headers, body, verification, is_test, false
        FROM unnest($7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::bytea[], $13::text[],
                    $14::boolean[]) WITH ORDINALITY
             AS hook (id, source, vendor, received_at, headers, body, verification, is_test, place)
        WHERE is_test OR id IN (SELECT event_id FROM claimed)
        ORDER BY place
        RETURNING id)
    SELECT id, pg_notify($15, 'events') FROM kept"""
"""The ids of those that are kept: samples of ours, and each hook whose key nobody else has. One statement, so that all
of it is one round trip; equal notices of one transaction are one.
"""

FIRST_COPIES = """
    SELECT seen.source, seen.verified, seen.key, seen.event_id FROM seen
    JOIN unnest($1::text[], $2::boolean[], $3::bytea[]) AS asked (source, verified, key)
      USING (source, verified, key)"""


class PostgresTx:
    """A transaction on one connection."""

    for_update = " FOR UPDATE"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        return await self._connection.fetch(sql, *values)  # type: ignore[no-any-return]

    async def run(self, sql: str, *values: Any) -> int:
        status: str = await self._connection.execute(sql, *values)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def run_many(self, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
        if values:
            await self._connection.executemany(sql, values)

    async def now(self) -> int:
        return int(await self._connection.fetchval("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"))

    async def wake(self, topic: str) -> None:
        await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)


class PostgresStore:
    """See `tx.Store`. Made by `open_postgres`."""

    def __init__(self, url: str, pool: "asyncpg.Pool[Any]") -> None:
        self._url = url
        self._pool = pool
        self._waiting: list[tuple[Verified, asyncio.Future[Receipt]]] = []
        self._some = asyncio.Event()
        """Something waits, or nothing will any more."""
        self._closing = False
        self._flushers = [asyncio.create_task(self._flush_for_ever()) for _ in range(FLUSHERS)]
        self._listener: asyncio.Task[None] | None = None

    async def keep(self, hook: Verified) -> Receipt:
        if self._closing:
            raise StoreUnavailable("the store is closed")
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((hook, future))
        self._some.set()
        return await future

    async def write(self, operation: Operation[T]) -> T:
        return await self._guarded(self._transact(operation, readonly=False))

    async def read(self, operation: Operation[T]) -> T:
        return await self._guarded(self._transact(operation, readonly=True))

    async def _transact(self, operation: Operation[T], *, readonly: bool) -> T:
        async with self._pool.acquire() as connection, connection.transaction(readonly=readonly):
            return await operation(PostgresTx(connection))

    async def _guarded(self, work: Awaitable[T]) -> T:
        """The database being away or full is one error to everybody above."""
        try:
            return await work
        except (*AWAY, *FULL, *UNDONE) as error:
            raise StoreUnavailable(f"PostgreSQL cannot do it now: {type(error).__name__}") from error

    def listen(self, wake: Callable[[str], None]) -> None:
        self._listener = asyncio.create_task(self._listen_for_ever(wake))

    async def _listen_for_ever(self, wake: Callable[[str], None]) -> None:
        while True:
            try:
                await self._listen(wake)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("other replicas cannot wake this one now: %s", type(error).__name__)
            await asyncio.sleep(RECONNECT)

    async def _listen(self, wake: Callable[[str], None]) -> None:
        """Listen until the connection breaks."""
        connection = await asyncpg.connect(self._url, timeout=CONNECT)
        broken = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: broken.set())
            await connection.add_listener(CHANNEL, lambda _c, _pid, _channel, topic: wake(topic))
            await broken.wait()
        finally:
            connection.terminate()

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._some.set()
        await asyncio.gather(*self._flushers)
        if self._listener:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await self._pool.close()

    # ------------------------------------------------------------------------------------ keeping in batches

    async def _flush_for_ever(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._some.clear()
                await self._some.wait()
                continue
            batch, self._waiting[:LARGEST_BATCH] = self._waiting[:LARGEST_BATCH], []
            await self._flush(batch)

    async def _flush(self, batch: "Sequence[tuple[Verified, asyncio.Future[Receipt]]]") -> None:
        hooks = [hook for hook, _ in batch]
        try:
            receipts = await self._guarded(self._keep(hooks))
        except Exception as error:
            failure = error if isinstance(error, StoreUnavailable) else StoreUnavailable(f"not kept: {error}")
            for _, future in batch:
                if not future.done():
                    future.set_exception(failure)
            return
        for (_, future), receipt in zip(batch, receipts, strict=True):
            if not future.done():
                future.set_result(receipt)

    async def _keep(self, hooks: Sequence[Verified]) -> list[Receipt]:
        ids = [clock.uuid7(hook.received_at) for hook in hooks]
        # The first of equal keys in this batch speaks for the others. Sorted, so that two flushers cannot deadlock.
        firsts: dict[tuple[str, bool, bytes], int] = {}
        for n, hook in enumerate(hooks):
            if not hook.is_test:
                firsts.setdefault(_key(hook), n)
        order = sorted(firsts.items())
        keys = [[key[part] for key, _ in order] for part in range(3)]
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(
                KEEP,
                *keys,
                [ids[n] for _, n in order],
                [hooks[n].received_at for _, n in order],
                [hooks[n].dedupe_until for _, n in order],
                *_event_columns(ids, hooks),
                CHANNEL,
            )
            kept = {row["id"] for row in rows}
            if len(kept) == len(hooks):
                return [Receipt(event_id, Status.ACCEPTED) for event_id in ids]
            first_copies = {
                (row["source"], row["verified"], row["key"]): row["event_id"]
                for row in await connection.fetch(FIRST_COPIES, *keys)
            }
        return [
            Receipt(event_id, Status.ACCEPTED)
            if event_id in kept
            else Receipt(first_copies.get(_key(hook)) or ids[firsts[_key(hook)]], Status.DUPLICATE)
            for event_id, hook in zip(ids, hooks, strict=True)
        ]


def _key(hook: Verified) -> tuple[str, bool, bytes]:
    return hook.source, hook.verification.verified, hook.dedupe_key


def _event_columns(ids: Sequence[str], hooks: Sequence[Verified]) -> list[Sequence[Any]]:
    """What `KEEP` asks of each event, a list for each column."""
    return [
        ids,
        [hook.source for hook in hooks],
        [hook.vendor for hook in hooks],
        [hook.received_at for hook in hooks],
        [orjson.dumps(hook.headers).decode() for hook in hooks],
        [hook.body for hook in hooks],
        [orjson.dumps(hook.verification).decode() for hook in hooks],
        [hook.is_test for hook in hooks],
    ]


async def open_postgres(url: str) -> PostgresStore:
    """Connect, check that the database keeps what it commits, and bring the schema up to date.

    Raises StoreRefused where it must not be used (`fsync` or `synchronous_commit` off, a newer schema), and
    StoreUnavailable where it cannot be reached.
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=POOL + FLUSHERS,
            timeout=CONNECT,
            command_timeout=30,
            server_settings=_settings(),
            reset=_as_it_was,
        )
    except (*AWAY, asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise StoreUnavailable(f"PostgreSQL cannot be reached: {type(error).__name__}: {error}") from error
    except ValueError:
        raise StoreRefused(  # the error itself may quote the password
            "store.url is not a PostgreSQL address: characters such as / # ? : @ in the password must be escaped"
        ) from None
    try:
        async with pool.acquire() as connection:
            for setting in ("fsync", "synchronous_commit"):
                if await connection.fetchval(f"SHOW {setting}") == "off":
                    raise StoreRefused(f"PostgreSQL has {setting} off and would lose what it committed: turn it on")
            async with connection.transaction():
                await connection.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
                await migrate(
                    PostgresTx(connection),
                    serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                    bytes_type="BYTEA",
                )
    except BaseException:
        await pool.close()
        raise
    return PostgresStore(url, pool)


def _settings() -> dict[str, str]:
    """A frozen replica must not hold others up: the database ends its transactions."""
    return {"application_name": "drawbridge", "idle_in_transaction_session_timeout": "15s"}


async def _as_it_was(_connection: Any) -> None:
    """Nothing here changes a connection for who has it next; an open transaction is undone before this is asked."""
