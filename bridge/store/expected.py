"""Sources of which something is expected, and since when: what silence is measured from while nothing has come yet."""

from collections.abc import Sequence

from bridge.store.tx import Tx


async def begun(tx: Tx) -> dict[str, int]:
    """Since when (µs) something is expected, by source."""
    return {row["source"]: row["since"] for row in await tx.rows("SELECT source, since FROM expected")}


async def change(tx: Tx, begin: Sequence[str], end: Sequence[str], now: int) -> None:
    """Begin to expect something of some sources, unless that was begun already, and end it for others."""
    await tx.run_many(
        "INSERT INTO expected (source, since) VALUES ($1, $2) ON CONFLICT (source) DO NOTHING",
        [(source, now) for source in sorted(begin)],
    )
    await tx.run_many("DELETE FROM expected WHERE source = $1", [(source,) for source in sorted(end)])
