"""Subjects: what is remembered of a thing from verdict to verdict. Its shape is `history.Subject`'s; here only text."""

from bridge.store.tx import Tx


async def load(tx: Tx, source: str, key: str) -> str | None:
    """A subject's state, its row ours until the transaction ends; null where it has none yet."""
    rows = await tx.rows(f"SELECT state FROM subjects WHERE source = $1 AND key = $2{tx.for_update}", source, key)
    return rows[0]["state"] if rows else None


async def save(tx: Tx, source: str, key: str, state: str, now: int) -> None:
    """Keep a subject's new state."""
    await tx.run(
        """INSERT INTO subjects (source, key, state, updated_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (source, key) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at""",
        source,
        key,
        state,
        now,
    )
