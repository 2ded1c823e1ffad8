"""Keys that count until a moment: who claims one first has it. The door's dedupe keys are claimed by the engines
themselves, many at once; here are the bridge's own.
"""

from bridge.store.tx import Tx


async def claim(tx: Tx, source: str, key: bytes, event_id: str, now: int, until: int) -> bool:
    """Claim a key for an event. False, and nothing written, where it still counts for another one."""
    return bool(
        await tx.run(
            """INSERT INTO seen (source, verified, key, event_id, received_at, until) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (source, verified, key) DO UPDATE
                 SET event_id = excluded.event_id, received_at = excluded.received_at, until = excluded.until
               WHERE seen.until <= excluded.received_at""",
            source,
            True,
            key,
            event_id,
            now,
            until,
        )
    )


async def holder(tx: Tx, source: str, key: bytes, now: int) -> str | None:
    """What a key that still counts was claimed for; null where nobody has claimed it."""
    rows = await tx.rows(
        "SELECT event_id FROM seen WHERE source = $1 AND verified = $2 AND key = $3 AND until > $4",
        source,
        True,
        key,
        now,
    )
    return str(rows[0]["event_id"]) if rows else None
