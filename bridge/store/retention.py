"""Retention: what is old is let go of in small steps, so that no hook ever waits behind it."""

from bridge.store.tx import Tx

STEP = 200
"""Rows let go of in one transaction."""


async def forget_seen(tx: Tx, now: int) -> int:
    """Let go of dedupe keys that no longer count. Returns how many; fewer than STEP when that was all."""
    return await tx.run(
        """DELETE FROM seen WHERE (source, verified, key) IN
             (SELECT source, verified, key FROM seen WHERE until <= $1 ORDER BY until LIMIT $2)""",
        now,
        STEP,
    )


async def forget_events(tx: Tx, before: int) -> int:
    """Let go of events received before that moment, with their deliveries, messages and attempts.

    Never of one that is still to be dispatched or delivered. Returns how many; fewer than STEP when that was all.
    """
    rows = await tx.rows(
        f"""SELECT id FROM events WHERE received_at < $1 AND dispatched_at IS NOT NULL AND NOT EXISTS
              (SELECT 1 FROM deliveries WHERE deliveries.event_id = events.id AND deliveries.state = 'waiting')
            ORDER BY seq LIMIT $2{tx.for_update}""",
        before,
        STEP,
    )
    # Held now. What was owed anew between the look and the hold is seen only by looking once more.
    ids = [
        (row["id"],)
        for row in rows
        if not await tx.rows("SELECT 1 FROM deliveries WHERE event_id = $1 AND state = 'waiting'", row["id"])
    ]
    of_event = "SELECT message_id FROM deliveries WHERE event_id = $1"
    await tx.run_many(f"DELETE FROM attempts WHERE message_id IN ({of_event})", ids)
    await tx.run_many(f"DELETE FROM messages WHERE id IN ({of_event})", ids)
    await tx.run_many("DELETE FROM deliveries WHERE event_id = $1", ids)
    await tx.run_many("DELETE FROM events WHERE id = $1", ids)
    return len(rows)
