"""Deliveries: what is owed, one result to one target, from the moment of routing until it was sent or died.

waiting -> sent | dead | cancelled | superseded
"""

from collections.abc import Sequence
from typing import Any

import orjson

from bridge import clock
from bridge.model import Delivery
from bridge.store import events
from bridge.store.tx import Tx

COLUMNS = """deliveries.seq, deliveries.id, deliveries.event_id, deliveries.result_id, deliveries.source,
             deliveries.route, deliveries.target, deliveries.also, deliveries.why, deliveries.state, deliveries.reason,
             deliveries.message_id, deliveries.created_at, deliveries.finished_at"""


async def add(tx: Tx, event_id: str, owed: Sequence[Delivery], now: int) -> None:
    """Keep what routing decided, in its order."""
    await tx.run_many(
        """INSERT INTO deliveries (id, event_id, result_id, source, route, target, also, order_key, mention, why, state,
                                   created_at, urgent)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, $12)""",
        [
            (
                clock.uuid7(now),
                event_id,
                one.result_id,
                one.source,
                one.route,
                one.target,
                orjson.dumps(one.also).decode(),
                one.order_key,
                one.mention,
                one.why.value,
                now,
                one.urgent,
            )
            for one in owed
        ],
    )
    for target in {one.target for one in owed}:
        await tx.wake(f"target:{target}")


async def listed(
    tx: Tx,
    *,
    state: str | None = None,
    target: str | None = None,
    event_id: str | None = None,
    message_id: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Deliveries, newest first, by state, target, event or message, each with its message's attempts and next try."""
    wanted = {"state": state, "target": target, "event_id": event_id, "message_id": message_id}
    given = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(f"deliveries.{name} = ${n}" for n, name in enumerate(given, start=1)) or "true"
    rows = await tx.rows(
        f"""SELECT {COLUMNS}, messages.attempts, messages.next_at, messages.external_id,
                   messages.state AS message_state, messages.size AS message_size
            FROM deliveries LEFT JOIN messages ON messages.id = deliveries.message_id
            WHERE {where} ORDER BY deliveries.seq DESC LIMIT ${len(given) + 1}""",
        *given.values(),
        limit,
    )
    return [dict(row) for row in rows]


async def attempts(tx: Tx, message_id: str) -> list[dict[str, Any]]:
    """Every attempt of a message, first one first, and before them those of the messages that it is a half of."""
    rows = await tx.rows(
        """WITH RECURSIVE line (id, half_of) AS (
             SELECT id, half_of FROM messages WHERE id = $1
             UNION ALL SELECT messages.id, messages.half_of FROM messages JOIN line ON messages.id = line.half_of)
           SELECT attempts.* FROM line JOIN attempts ON attempts.message_id = line.id
           ORDER BY attempts.began_at, attempts.message_id, attempts.number""",
        message_id,
    )
    return [dict(row) for row in rows]


async def replay(tx: Tx, delivery_id: str, to: str | None, now: int) -> str | None:
    """Owe a delivery once more, to its own target or to another; its pending retry is cancelled, unless it waits in a
    message with others.

    Works in any state, and in quiet hours too: somebody asked for it. Returns the new delivery's id, or null where the
    delivery or its event is no longer there.
    """
    rows = await tx.rows("SELECT * FROM deliveries WHERE id = $1", delivery_id)
    if not rows or not await events.hold(tx, rows[0]["event_id"]):
        return None
    old, new_id = rows[0], clock.uuid7(now)
    await cancel(tx, delivery_id, f"replayed as {new_id}", now)
    await tx.run(
        """INSERT INTO deliveries (id, event_id, result_id, source, route, target, also, order_key, mention, why, state,
                                   created_at, urgent)
           VALUES ($1, $2, $3, $4, $5, $6, '[]', $7, $8, 'replay', 'waiting', $9, true)""",
        new_id,
        old["event_id"],
        old["result_id"],
        old["source"],
        old["route"],
        to or old["target"],
        old["order_key"],
        bool(old["mention"]),
        now,
    )
    await tx.wake(f"target:{to or old['target']}")
    return new_id


async def cancel(tx: Tx, delivery_id: str, reason: str, now: int) -> bool:
    """Stop owing a delivery that waits, and its message. False where it does not wait, or an attempt of it is on its
    way, or its message holds others too: what is in a message never changes.
    """
    # The message first, as whoever plans or records does: its state must not change between the look and the deed.
    await tx.rows(
        f"""SELECT 1 FROM messages
            WHERE id = (SELECT message_id FROM deliveries WHERE deliveries.id = $1){tx.for_update}""",
        delivery_id,
    )
    touched = await tx.run(
        """UPDATE deliveries SET state = 'cancelled', reason = $2, finished_at = $3
           WHERE id = $1 AND state = 'waiting' AND (message_id IS NULL OR EXISTS
             (SELECT 1 FROM messages WHERE messages.id = deliveries.message_id AND messages.state = 'waiting'
                AND messages.size = 1))""",
        delivery_id,
        reason,
        now,
    )
    if touched:
        await tx.run(
            """UPDATE messages SET state = 'cancelled', reason = $2
               WHERE id = (SELECT message_id FROM deliveries WHERE id = $1) AND state = 'waiting'""",
            delivery_id,
            reason,
        )
    return bool(touched)


async def owed(tx: Tx) -> dict[str, int]:
    """How many deliveries wait for each target. Reads only what waits, never the whole table."""
    rows = await tx.rows(
        """SELECT target, sum(n) AS n FROM (
             SELECT target, count(*) AS n FROM deliveries WHERE state = 'waiting' AND message_id IS NULL GROUP BY target
             UNION ALL
             SELECT target, sum(size) AS n FROM messages WHERE state IN ('waiting', 'sending') GROUP BY target) AS open
           GROUP BY target"""
    )
    return {row["target"]: int(row["n"]) for row in rows}
