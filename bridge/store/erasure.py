"""Erasure: an event's body, and every text that was made of it, at its operator's word. Ids and states stay.

What waits of it is cancelled first, then its body goes, then the texts: each in steps of a bounded number of rows.
Cut short anywhere, it is made whole by asking once more.
"""

from functools import partial

from bridge.store import deliveries, events
from bridge.store.retention import STEP
from bridge.store.tx import Store, Tx

ERASED = "erased by the operator"

NEWEST = 1 << 62
"""Above every `seq`."""

LINE = """WITH RECURSIVE line (id, half_of) AS (
            SELECT id, half_of FROM messages WHERE id = $1
            UNION ALL SELECT messages.id, messages.half_of FROM messages JOIN line ON messages.id = line.half_of)"""
"""A message, and those that it came out of by halving."""


async def erase(store: Store, event_id: str, now: int) -> bool | None:
    """Erase an event: results, reasons, stored answers. Its subject's memory (verdicts, names of failing items) is not
    its own, and stays.

    False, and nothing erased, while a message of it is on its way; null where there is no such event. What waits in a
    message with others stays there, for a message never changes; it has nothing to say any more, so when its time comes
    it is a dead letter, and the others go out without it.
    """
    below: int | None = NEWEST
    while below is not None:
        below = await store.write(partial(cancel_waiting, event_id=event_id, now=now, below=below))
    if not (erased := await store.write(partial(blank, event_id=event_id, now=now))):
        return erased
    after: int | None = -1
    while after is not None:
        after = await store.write(partial(wipe, event_id=event_id, after=after))
    return True


async def cancel_waiting(tx: Tx, event_id: str, now: int, below: int = NEWEST) -> int | None:
    """Cancel the newest deliveries of an event that wait, below a `seq`; returns the one to go on below, or null."""
    rows = await tx.rows(
        """SELECT seq, id FROM deliveries WHERE event_id = $1 AND state = 'waiting' AND seq < $2
           ORDER BY seq DESC LIMIT $3""",
        event_id,
        below,
        STEP // 2,  # each with its message
    )
    for row in rows:
        await deliveries.cancel(tx, row["id"], ERASED, now)
    return int(rows[-1]["seq"]) if len(rows) == STEP // 2 else None


async def blank(tx: Tx, event_id: str, now: int) -> bool | None:
    """Erase what was received and what was understood of it. See `erase` for what is returned."""
    if not await events.hold(tx, event_id):
        return None
    await cancel_waiting(tx, event_id, now)  # what was owed until just now
    on_its_way = await tx.rows(
        f"""SELECT 1 FROM messages WHERE state = 'sending' AND id IN
              (SELECT message_id FROM deliveries WHERE event_id = $1 AND state = 'waiting'){tx.for_update}""",
        event_id,
    )
    if on_its_way:
        return False
    await tx.run(
        """UPDATE events SET body = $2, headers = '{}', results = '[]', dispatched_at = coalesce(dispatched_at, $3)
           WHERE id = $1""",
        event_id,
        b"",
        now,
    )
    return True


async def wipe(tx: Tx, event_id: str, after: int = -1) -> int | None:
    """Erase texts of the event's deliveries behind a `seq`; returns the one to go on behind, or null."""
    rows = await tx.rows(
        "SELECT seq, id, message_id FROM deliveries WHERE event_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        event_id,
        after,
        STEP,
    )
    wiped = 0
    for row in rows:
        if row["message_id"] is not None:
            wiped += await _wipe_carriers(tx, row["message_id"], STEP - wiped)
        if wiped >= STEP:
            return after
        wiped += await tx.run(
            """UPDATE deliveries SET note = NULL, reason = CASE WHEN reason IS NULL THEN NULL ELSE $2 END
               WHERE id = $1 AND (note IS NOT NULL OR reason <> $2)""",
            row["id"],
            ERASED,
        )
        after = row["seq"]
    return after if len(rows) == STEP else None


async def _wipe_carriers(tx: Tx, message_id: str, most: int) -> int:
    """Erase up to so many reasons of the message, of those that it is a half of, and of their attempts."""
    wiped = await tx.run(
        f"""UPDATE attempts SET reason = NULL WHERE (message_id, number) IN
              ({LINE} SELECT attempts.message_id, attempts.number FROM line JOIN attempts
               ON attempts.message_id = line.id WHERE attempts.reason IS NOT NULL LIMIT $2)""",
        message_id,
        most,
    )
    if wiped >= most:
        return wiped
    return wiped + await tx.run(
        f"""UPDATE messages SET reason = NULL WHERE id IN
              ({LINE} SELECT messages.id FROM line JOIN messages ON messages.id = line.id
               WHERE messages.reason IS NOT NULL LIMIT $2)""",
        message_id,
        most - wiped,
    )
