"""Events: the bytes in our custody, and what became of them."""

from collections.abc import Sequence
from typing import Any

import orjson

from bridge.model import Event, Verification
from bridge.store.tx import Row, Tx

COLUMNS = "seq, id, source, vendor, received_at, headers, body, verification, is_test, is_replay"


def to_event(row: Row) -> Event:
    """An event as it was kept."""
    return Event(
        id=row["id"],
        seq=row["seq"],
        source=row["source"],
        vendor=row["vendor"],
        received_at=row["received_at"],
        headers=orjson.loads(row["headers"]),
        body=row["body"],
        verification=Verification(**orjson.loads(row["verification"])),
        is_test=bool(row["is_test"]),
        is_replay=bool(row["is_replay"]),
    )


async def add(
    tx: Tx, event_id: str, source: str, vendor: str, body: bytes, verification: Verification, now: int
) -> None:
    """Keep an event of our own making; hooks are kept by the engines, many at once."""
    await tx.run(
        """INSERT INTO events (id, source, vendor, received_at, headers, body, verification, is_test, is_replay)
           VALUES ($1, $2, $3, $4, '{}', $5, $6, $7, $7)""",
        event_id,
        source,
        vendor,
        now,
        body,
        orjson.dumps(verification).decode(),
        False,
    )
    await tx.wake("events")


async def waiting(tx: Tx, sources: Sequence[str], limit: int, after: int = -1) -> list[Event]:
    """Events of those sources that nobody has dispatched yet, in the order in which they were kept."""
    if not sources:
        return []
    names = ", ".join(f"${n}" for n in range(3, 3 + len(sources)))
    # As an expression, so that no index of sources is taken: it holds every event that ever came.
    rows = await tx.rows(
        f"""SELECT {COLUMNS} FROM events WHERE dispatched_at IS NULL AND seq > $1 AND source || '' IN ({names})
            ORDER BY seq LIMIT $2""",
        after,
        limit,
        *sources,
    )
    return [to_event(row) for row in rows]


async def waiting_since(tx: Tx, sources: Sequence[str]) -> int | None:
    """When the oldest hook of those sources came that waits to be dispatched, replays aside; null where none does."""
    if not sources:
        return None
    names = ", ".join(f"${n}" for n in range(1, 1 + len(sources)))
    rows = await tx.rows(
        f"""SELECT received_at FROM events WHERE dispatched_at IS NULL AND NOT is_replay AND source || '' IN ({names})
            ORDER BY seq LIMIT 1""",
        *sources,
    )
    return int(rows[0]["received_at"]) if rows else None


async def dispatched(tx: Tx, event_id: str, kind: str, results: Sequence[dict[str, Any]], now: int) -> bool:
    """Record what an event meant. False, and nothing written, where it does not wait."""
    return bool(
        await tx.run(
            "UPDATE events SET type = $2, results = $3, dispatched_at = $4 WHERE id = $1 AND dispatched_at IS NULL",
            event_id,
            kind,
            orjson.dumps(results).decode(),
            now,
        )
    )


async def results(tx: Tx, event_id: str) -> list[dict[str, Any]]:
    """The results that an event gave when it was last dispatched; empty where it never was."""
    rows = await tx.rows("SELECT results FROM events WHERE id = $1", event_id)
    return orjson.loads(rows[0]["results"]) if rows and rows[0]["results"] else []


async def hold(tx: Tx, event_id: str) -> bool:
    """Keep an event from being forgotten until the transaction ends. False where it is gone."""
    return bool(await tx.rows(f"SELECT 1 FROM events WHERE id = $1{tx.for_update}", event_id))


async def replay(tx: Tx, event_id: str) -> bool:
    """Have an event dispatched once more, by the configuration of today. False where there is none, or its body was
    erased.
    """
    touched = await tx.run(
        """UPDATE events SET is_replay = (is_replay OR dispatched_at IS NOT NULL), dispatched_at = NULL
           WHERE id = $1 AND length(body) > 0""",
        event_id,
    )
    if touched:
        await tx.wake("events")
    return bool(touched)


async def find(tx: Tx, event_id: str) -> dict[str, Any] | None:
    """One event with its body and results, for the operator."""
    rows = await tx.rows(f"SELECT {COLUMNS}, type, results, dispatched_at FROM events WHERE id = $1", event_id)
    return dict(rows[0]) if rows else None


async def last_heard(tx: Tx, source: str) -> int | None:
    """When the last hook of a source came, our own samples aside; null where none is kept."""
    rows = await tx.rows(
        "SELECT received_at FROM events WHERE source = $1 AND NOT is_test ORDER BY seq DESC LIMIT 1", source
    )
    return int(rows[0]["received_at"]) if rows else None


async def recent(tx: Tx, *, source: str | None, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The newest events first, without their bodies; `before` is the `seq` to go on behind."""
    picked = "seq, id, source, vendor, received_at, type, is_test, is_replay, verification, dispatched_at, results"
    edge = before if before is not None else (1 << 62)
    if source is None:
        rows = await tx.rows(f"SELECT {picked} FROM events WHERE seq < $1 ORDER BY seq DESC LIMIT $2", edge, limit)
    else:
        rows = await tx.rows(
            f"SELECT {picked} FROM events WHERE source = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
            source,
            edge,
            limit,
        )
    return [dict(row) for row in rows]


async def unrouted(tx: Tx, source: str, since: int, limit: int) -> list[dict[str, Any]]:
    """The results of a source's newest events that no route took, newest first; of its last `limit` events only."""
    rows = await tx.rows(
        """SELECT results FROM (SELECT id, seq, received_at, results FROM events
                                WHERE source = $1 ORDER BY seq DESC LIMIT $3) AS newest
           WHERE received_at >= $2 AND results IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event_id = newest.id)
           ORDER BY seq DESC""",
        source,
        since,
        limit,
    )
    return [result for row in rows for result in orjson.loads(row["results"])]
