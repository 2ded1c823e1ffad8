"""Messages as the operator looks at them: one, or the newest. Read only."""

from typing import Any

from bridge.store.tx import Tx

COLUMNS = """seq, id, target, state, size, cause, reason, attempts, next_at, created_at, first_attempt_at, external_id,
             half_of"""


async def find(tx: Tx, message_id: str) -> dict[str, Any] | None:
    """One message, or null."""
    rows = await tx.rows(f"SELECT {COLUMNS} FROM messages WHERE id = $1", message_id)
    return dict(rows[0]) if rows else None


async def recent(tx: Tx, *, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The newest messages first; `before` is the `seq` to go on behind."""
    rows = await tx.rows(
        f"SELECT {COLUMNS} FROM messages WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
        before if before is not None else (1 << 62),
        limit,
    )
    return [dict(row) for row in rows]


async def halves(tx: Tx, message_id: str) -> list[dict[str, Any]]:
    """The messages that took over the members of one that was refused."""
    rows = await tx.rows("SELECT id, state, size FROM messages WHERE half_of = $1 ORDER BY place, seq", message_id)
    return [dict(row) for row in rows]
