"""Owing anew: what was delivered, died or still waits is owed once more, to its own target or to another."""

from collections.abc import Sequence
from typing import TypedDict

from bridge import clock
from bridge.model import Why
from bridge.store.tx import Tx


class Carried(TypedDict):
    """What is asked of a message's members."""

    id: str
    event_id: str
    source: str
    why: str


async def carried(tx: Tx, message_id: str) -> Sequence[Carried]:
    """The deliveries that a message carries, in their order."""
    rows = await tx.rows(
        "SELECT id, event_id, source, why FROM deliveries WHERE message_id = $1 ORDER BY seq", message_id
    )
    return [Carried(id=row["id"], event_id=row["event_id"], source=row["source"], why=row["why"]) for row in rows]


async def owe_again(tx: Tx, delivery_id: str, target: str, why: Why, now: int, note: str | None = None) -> str:
    """Owe the same result by the same route to `target`; `note` is said in the message. Returns the new id."""
    new_id = clock.uuid7(now)
    await tx.run(
        """INSERT INTO deliveries (id, event_id, result_id, source, route, target, also, order_key, mention, why, state,
                                   created_at, note)
           SELECT $2, event_id, result_id, source, route, $3, '[]', order_key, mention, $4, 'waiting', $5, $6
           FROM deliveries WHERE id = $1""",
        delivery_id,
        new_id,
        target,
        why.value,
        now,
        note,
    )
    await tx.wake(f"target:{target}")
    return new_id
