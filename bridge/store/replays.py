"""Owing anew, and no more: what was delivered, died or still waits is owed once more, to its own target or to another;
what died or waits is let go of. A dead letter that was dealt with either way is none any more.
"""

import hashlib
from collections.abc import Sequence
from typing import TypedDict

from bridge import clock
from bridge.model import Why
from bridge.store import deliveries, seen
from bridge.store.tx import Tx

REPLAYS = "#replays"
"""Stands for a source where the keys of replays are remembered; no source can have that name."""

REMEMBERED = 30 * clock.DAY
"""How long the same key does not replay the same delivery again."""


class Carried(TypedDict):
    """What is asked of a message's members."""

    id: str
    event_id: str
    result_id: str
    source: str
    why: str


async def carried(tx: Tx, message_id: str) -> Sequence[Carried]:
    """The deliveries that a message carries, in their order."""
    rows = await tx.rows(
        "SELECT id, event_id, result_id, source, why FROM deliveries WHERE message_id = $1 ORDER BY seq", message_id
    )
    return [
        Carried(
            id=row["id"],
            event_id=row["event_id"],
            result_id=row["result_id"],
            source=row["source"],
            why=row["why"],
        )
        for row in rows
    ]


async def owe_again(
    tx: Tx, delivery_id: str, target: str, why: Why, now: int, *, urgent: bool, note: str | None = None
) -> str:
    """Owe the same result by the same route to `target`; `note` is said in the message, and what is `urgent` waits for
    no quiet hours. Returns the new id.
    """
    new_id = clock.uuid7(now)
    await tx.run(
        """INSERT INTO deliveries (id, event_id, result_id, source, route, target, also, order_key, mention, why, state,
                                   created_at, note, urgent)
           SELECT $2, event_id, result_id, source, route, $3, '[]', order_key, mention, $4, 'waiting', $5, $6, $7
           FROM deliveries WHERE id = $1""",
        delivery_id,
        new_id,
        target,
        why.value,
        now,
        note,
        urgent,
    )
    await tx.wake(f"target:{target}")
    return new_id


async def replay(
    tx: Tx, delivery_id: str, to: str | None, now: int, *, key: str | None = None, state: str | None = None
) -> str | None:
    """Owe a delivery once more, to its own target or to another; its pending retry is cancelled.

    Under a `key` that was used for it before, nothing is owed again. With `state`, only where it still has that state.
    Returns the new delivery's id, or null where there is none.
    """
    if state is not None and not await tx.rows(
        "SELECT 1 FROM deliveries WHERE id = $1 AND state = $2", delivery_id, state
    ):
        return None
    digest = hashlib.sha256(f"{key}\0{delivery_id}".encode(errors="replace")).digest()
    if key is not None and (before := await seen.holder(tx, REPLAYS, digest, now)) is not None:
        return before
    new_id = await deliveries.replay(tx, delivery_id, to, now)
    if new_id is not None:
        await _settled(tx, delivery_id, f"replayed as {new_id}")
        if key is not None:
            await seen.claim(tx, REPLAYS, digest, new_id, now, now + REMEMBERED)
    return new_id


async def replay_these(
    tx: Tx, ids: Sequence[str], *, to: str | None, key: str | None, state: str | None, now: int
) -> int:
    """Replay each, in order. Returns how many were."""
    done = [await replay(tx, one, to, now, key=key, state=state) for one in ids]
    return sum(new_id is not None for new_id in done)


async def discard(tx: Tx, delivery_id: str, now: int) -> bool:
    """Let go of a delivery that waits, or of a dead letter. False where it is neither, or is on its way."""
    waited = await deliveries.cancel(tx, delivery_id, "discarded", now)
    return waited or await _settled(tx, delivery_id, "discarded")


async def discard_these(tx: Tx, ids: Sequence[str], now: int) -> int:
    """Discard each. Returns how many were."""
    return sum([await discard(tx, one, now) for one in ids])


async def _settled(tx: Tx, delivery_id: str, what: str) -> bool:
    """A dead letter was dealt with; what it died of is still told. False where it is no dead letter."""
    return bool(
        await tx.run(
            """UPDATE deliveries SET state = 'cancelled', reason = $2 || coalesce(', after it died: ' || reason, '')
               WHERE id = $1 AND state = 'dead'""",
            delivery_id,
            what,
        )
    )
