"""Retention: what is old is let go of in small steps, so that no hook ever waits behind it."""

from collections.abc import Collection

from bridge.store import deliveries, events
from bridge.store.tx import Tx

STEP = 200
"""Rows let go of in one transaction."""

ERASED = "erased by the operator"


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


async def erase(tx: Tx, event_id: str, now: int) -> bool | None:
    """Erase an event's body and every text made of it: results, reasons, stored answers. Ids and states stay.

    What still waits of it is cancelled. False, and nothing erased, while a message of it is on its way; null where
    there is no such event. Its subject's memory (verdicts, names of failing items) is not its own, and stays.
    """
    if not await events.hold(tx, event_id):
        return None
    of_event = "SELECT message_id FROM deliveries WHERE event_id = $1"
    for row in await tx.rows("SELECT id FROM deliveries WHERE event_id = $1 AND state = 'waiting'", event_id):
        await deliveries.cancel(tx, row["id"], ERASED, now)
    if await tx.rows(f"SELECT 1 FROM messages WHERE id IN ({of_event}) AND state = 'sending'{tx.for_update}", event_id):
        return False
    await tx.run(
        """UPDATE events SET body = $2, headers = '{}', results = '[]', dispatched_at = coalesce(dispatched_at, $3)
           WHERE id = $1""",
        event_id,
        b"",
        now,
    )
    await tx.run(f"UPDATE attempts SET reason = NULL WHERE message_id IN ({of_event})", event_id)
    await tx.run(f"UPDATE messages SET reason = NULL WHERE id IN ({of_event})", event_id)
    await tx.run(
        """UPDATE deliveries SET note = NULL, reason = CASE WHEN reason IS NULL THEN NULL ELSE $2 END
           WHERE event_id = $1""",
        event_id,
        ERASED,
    )
    return True


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
    carriers = {
        row["message_id"]
        for (event_id,) in ids
        for row in await tx.rows("SELECT message_id FROM deliveries WHERE event_id = $1", event_id)
    }
    await tx.run_many("DELETE FROM deliveries WHERE event_id = $1", ids)
    await tx.run_many("DELETE FROM events WHERE id = $1", ids)
    await _forget_messages(tx, carriers - {None})
    return len(rows)


async def _forget_messages(tx: Tx, carriers: Collection[str]) -> None:
    """Let go of messages of which no member and no half is left, and then of those that they are halves of."""
    for message_id in carriers:
        rows = await tx.rows("SELECT half_of FROM messages WHERE id = $1", message_id)
        gone = await tx.run(
            """DELETE FROM messages WHERE id = $1
                 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.message_id = messages.id)
                 AND NOT EXISTS (SELECT 1 FROM messages AS half WHERE half.half_of = messages.id)""",
            message_id,
        )
        if gone:
            await tx.run("DELETE FROM attempts WHERE message_id = $1", message_id)
            await _forget_messages(tx, [row["half_of"] for row in rows if row["half_of"] is not None])
