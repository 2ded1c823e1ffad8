"""When each secret of a source last opened its door, so that an old one can be retired. It is known by fingerprint."""

from collections.abc import Sequence

from bridge.store.retention import STEP
from bridge.store.tx import Tx


async def note(tx: Tx, uses: Sequence[tuple[str, str, int]]) -> None:
    """Note (source, fingerprint, when). The later moment counts, whichever replica says it."""
    await tx.run_many(
        """INSERT INTO secret_uses (source, fingerprint, used_at) VALUES ($1, $2, $3)
           ON CONFLICT (source, fingerprint) DO UPDATE SET used_at = excluded.used_at
             WHERE secret_uses.used_at < excluded.used_at""",
        sorted(uses),
    )


async def all_uses(tx: Tx) -> dict[tuple[str, str], int]:
    """(source, fingerprint) to when it was last used."""
    rows = await tx.rows("SELECT source, fingerprint, used_at FROM secret_uses")
    return {(row["source"], row["fingerprint"]): row["used_at"] for row in rows}


async def forget(tx: Tx, before: int) -> int:
    """Let go of secrets that were last used before that moment; returns how many, fewer than STEP when that was all."""
    return await tx.run(
        """DELETE FROM secret_uses WHERE (source, fingerprint) IN
             (SELECT source, fingerprint FROM secret_uses WHERE used_at < $1 LIMIT $2)""",
        before,
        STEP,
    )
