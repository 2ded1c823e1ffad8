"""Refusals: how many hooks the door turned away, by source and reason. Counted, so that a flood fills no disk."""

from collections.abc import Mapping
from typing import Any

from bridge.store.tx import Tx


async def add(tx: Tx, counts: Mapping[tuple[str, str], tuple[int, str]], now: int) -> None:
    """Add to the counts: (source, reason) to how many more, and the last one's detail."""
    await tx.run_many(
        """INSERT INTO refusals (source, reason, count, last_at, last_detail) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (source, reason) DO UPDATE SET count = refusals.count + excluded.count,
             last_at = excluded.last_at, last_detail = excluded.last_detail""",
        [(source, reason, count, now, detail) for (source, reason), (count, detail) in sorted(counts.items())],
    )


async def all_counts(tx: Tx) -> list[dict[str, Any]]:
    """Every count there is, newest refusal first."""
    rows = await tx.rows("SELECT source, reason, count, last_at, last_detail FROM refusals ORDER BY last_at DESC")
    return [dict(row) for row in rows]
