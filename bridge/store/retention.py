"""Retention: what is old is let go of in small steps, so that no hook ever waits behind it.

What may go is looked for by reading, which holds up nobody; what is written is a bounded number of rows at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.store.tx import Tx

STEP = 200
"""Rows let go of in one transaction, of all tables together."""

PAGE = 100
"""Events that are looked at in one read."""


async def forget_seen(tx: Tx, now: int) -> int:
    """Let go of dedupe keys that no longer count. Returns how many; fewer than STEP when that was all."""
    return await tx.run(
        """DELETE FROM seen WHERE (source, verified, key) IN
             (SELECT source, verified, key FROM seen WHERE until <= $1 ORDER BY until LIMIT $2)""",
        now,
        STEP,
    )


async def forget_subjects(tx: Tx, before: int) -> int:
    """Let go of subjects without a verdict since that moment. Returns how many; fewer than STEP when that was all."""
    return await tx.run(
        """DELETE FROM subjects WHERE (source, key) IN
             (SELECT source, key FROM subjects WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)""",
        before,
        STEP,
    )


async def forget_posts(tx: Tx, before: int) -> int:
    """Let go of where messages stand at their targets that nothing took the place of since then; returns how many."""
    return await tx.run(
        """DELETE FROM posts WHERE (target, key) IN
             (SELECT target, key FROM posts WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)""",
        before,
        STEP,
    )


@dataclass(frozen=True, slots=True)
class Old:
    """A page of events that may be let go of, and the `seq` to look on after; null where nothing old comes behind."""

    ids: Sequence[str]
    after: int | None


async def old_events(tx: Tx, before: int, now: int, after: int = -1) -> Old:
    """The next events received before that moment of which nothing is still to be dispatched or delivered.

    In the order in which they were kept, so the first page of only young ones is the last; `now` tells them from those
    that were kept under a clock that ran ahead.
    """
    # Not as NOT EXISTS: PostgreSQL would read whatever waits into a table of its own, for one page.
    rows = await tx.rows(
        """SELECT seq, id, received_at,
                  CASE WHEN received_at < $1 THEN dispatched_at IS NOT NULL AND
                    (SELECT 1 FROM deliveries
                     WHERE deliveries.event_id = events.id AND deliveries.state = 'waiting' LIMIT 1) IS NULL
                  ELSE false END AS settled
           FROM events WHERE seq > $2 ORDER BY seq LIMIT $3""",
        before,
        after,
        PAGE,
    )
    more = len(rows) == PAGE and not all(before <= row["received_at"] <= now for row in rows)
    return Old([row["id"] for row in rows if row["settled"]], rows[-1]["seq"] if more else None)


async def forget_events(tx: Tx, event_ids: Sequence[str], before: int) -> int:
    """Let go of those of the events that are old and settled still, with their deliveries, messages and attempts.

    Returns how many rows went; fewer than STEP when that was all. Where an event has more, its newest deliveries go
    first, and the event itself last.
    """
    gone = 0
    for event_id in event_ids:
        if gone < STEP and await _hold_old(tx, event_id, before):
            gone += await _forget_event(tx, event_id, STEP - gone)
    return gone


async def _hold_old(tx: Tx, event_id: str, before: int) -> bool:
    """Whether the event is old and settled; if so nobody owes anything of it anew until the transaction ends."""
    held = await tx.rows(
        f"""SELECT 1 FROM events WHERE id = $1 AND received_at < $2 AND dispatched_at IS NOT NULL{tx.for_update}""",
        event_id,
        before,
    )
    # Held now. What was owed anew between the look and the hold is seen only by looking once more.
    waits = "SELECT 1 FROM deliveries WHERE event_id = $1 AND state = 'waiting' LIMIT 1"
    return bool(held) and not await tx.rows(waits, event_id)


async def _forget_event(tx: Tx, event_id: str, most: int) -> int:
    """Let go of up to so many rows of an event. Each goes after what could be found only through it."""
    gone = 0
    for row in await tx.rows(
        "SELECT id, message_id FROM deliveries WHERE event_id = $1 ORDER BY seq DESC LIMIT $2", event_id, most
    ):
        if row["message_id"] is not None:
            gone += await _forget_carriers(tx, row["message_id"], row["id"], most - gone)
        if gone >= most:
            return gone
        gone += await tx.run("DELETE FROM deliveries WHERE id = $1", row["id"])
    if gone < most:
        gone += await tx.run("DELETE FROM events WHERE id = $1", event_id)
    return gone


async def _forget_carriers(tx: Tx, message_id: str, delivery_id: str, most: int) -> int:
    """Let go of up to so many rows of the message that a delivery is in, and of those that it is a half of: of each of
    which no other member and no other half is left.
    """
    gone = 0
    for each in reversed(await _carriers(tx, message_id, delivery_id)):
        if gone < most:
            gone += await tx.run(
                """DELETE FROM attempts WHERE message_id = $1 AND number IN
                     (SELECT number FROM attempts WHERE message_id = $1 ORDER BY number LIMIT $2)""",
                each,
                most - gone,
            )
        if gone < most:
            gone += await tx.run("DELETE FROM messages WHERE id = $1", each)
    return gone


async def _carriers(tx: Tx, message_id: str, delivery_id: str) -> list[str]:
    """The messages that are there for that delivery alone: its own first, then those that it came out of by halving."""
    found: list[str] = []
    at: str | None = message_id
    while at is not None:
        rows = await tx.rows(f"SELECT half_of FROM messages WHERE id = $1{tx.for_update}", at)
        others = await tx.rows(
            """SELECT 1 FROM deliveries WHERE message_id = $1 AND id <> $2
               UNION ALL SELECT 1 FROM messages WHERE half_of = $1 AND id <> $3 LIMIT 1""",
            at,
            delivery_id,
            found[-1] if found else "",
        )
        if not rows or others:
            break
        found.append(at)
        at = rows[0]["half_of"]
    return found
