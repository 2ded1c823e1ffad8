"""Refusals: how many hooks the door turned away, by source and reason, and what the last few of them were.

Counted and cut to a few, so that a flood fills no disk.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from bridge.model import Refusal
from bridge.store.retention import STEP
from bridge.store.tx import Row, Tx

MOST = 4
"""Of each source and reason; what one caller floods us with does not push out what another one meant."""

COLUMNS = "id, source, at, reason, detail, method, caller, headers, body, size, let_in"


async def add(tx: Tx, counts: Mapping[tuple[str, str], tuple[int, str]], last: Sequence[Refusal], now: int) -> None:
    """Add to the counts, (source, reason) to how many more and the last one's detail, and keep the last few."""
    await tx.run_many(
        """INSERT INTO refusals (source, reason, count, last_at, last_detail) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (source, reason) DO UPDATE SET count = refusals.count + excluded.count,
             last_at = excluded.last_at, last_detail = excluded.last_detail""",
        [(source, reason, count, now, detail) for (source, reason), (count, detail) in sorted(counts.items())],
    )
    await tx.run_many(
        f"INSERT INTO refused ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [_row(refusal) for refusal in last],
    )
    await tx.run_many(
        """DELETE FROM refused WHERE source = $1 AND reason = $2 AND seq NOT IN
             (SELECT seq FROM refused WHERE source = $1 AND reason = $2 ORDER BY seq DESC LIMIT $3)""",
        [(source, reason, MOST) for source, reason in sorted({(one.source, one.reason) for one in last})],
    )


def _row(refusal: Refusal) -> tuple[Any, ...]:
    return (
        refusal.id,
        refusal.source,
        refusal.at,
        refusal.reason,
        refusal.detail,
        refusal.method,
        refusal.caller,
        orjson.dumps(refusal.headers).decode(),
        refusal.body,
        refusal.size,
        refusal.let_in,
    )


def _refusal(row: Row) -> Refusal:
    values = dict(row)
    values["headers"] = tuple((name, value) for name, value in orjson.loads(values["headers"]))
    return Refusal(**values | {"body": bytes(values["body"]), "let_in": bool(values["let_in"])})


async def all_counts(tx: Tx) -> list[dict[str, Any]]:
    """Every count there is, newest refusal first."""
    rows = await tx.rows("SELECT source, reason, count, last_at, last_detail FROM refusals ORDER BY last_at DESC")
    return [dict(row) for row in rows]


async def recent(tx: Tx, source: str | None = None) -> list[Refusal]:
    """The last few of each reason, the newest first; of that source only, where one is named."""
    only, values = ("WHERE source = $1", [source]) if source is not None else ("", [])
    return [_refusal(row) for row in await tx.rows(f"SELECT {COLUMNS} FROM refused {only} ORDER BY at DESC", *values)]


async def since(tx: Tx, moment: int, least: int) -> dict[str, int]:
    """How many of those that are kept were refused since that moment, by source, where it is at least so many.

    What a source let in all the same is not among them, nor what was sent with another method: people look at URLs.
    """
    rows = await tx.rows(
        """SELECT source, COUNT(*) AS count FROM refused WHERE at > $1 AND NOT let_in AND reason <> 'not_a_post'
           GROUP BY source HAVING COUNT(*) >= $2 ORDER BY source""",
        moment,
        least,
    )
    return {row["source"]: row["count"] for row in rows}


async def find(tx: Tx, refusal_id: str) -> Refusal | None:
    """One of those that are kept."""
    rows = await tx.rows(f"SELECT {COLUMNS} FROM refused WHERE id = $1", refusal_id)
    return _refusal(rows[0]) if rows else None


async def forget(tx: Tx, before: int) -> int:
    """Let go of what was refused before that moment; the counts stay. Returns how many; fewer than STEP when that was
    all.
    """
    return await tx.run(
        "DELETE FROM refused WHERE seq IN (SELECT seq FROM refused WHERE at < $1 ORDER BY at LIMIT $2)", before, STEP
    )
