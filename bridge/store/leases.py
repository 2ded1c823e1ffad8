"""Leases: who does a piece of work now. A lease has a token that grows with every new owner, so that whatever an old
owner still writes can be told apart and refused.
"""

from bridge import clock
from bridge.store.tx import Tx

SPAN = 15 * clock.SECOND
"""How long a lease counts without being renewed; a dead owner's work is taken over after that."""


async def take(tx: Tx, name: str, owner: str) -> int | None:
    """Take or renew a lease: its token where it is ours now, null where somebody else holds it."""
    now = await tx.now()
    held = await tx.rows(
        "SELECT token FROM leases WHERE name = $1 AND owner = $2 AND until > $3", name, owner, now + SPAN // 2
    )
    if held:  # ours, and fresh: nothing to write
        return int(held[0]["token"])
    await tx.run(
        """INSERT INTO leases (name, owner, token, until) VALUES ($1, $2, 1, $3)
           ON CONFLICT (name) DO UPDATE SET
             token = CASE WHEN leases.owner = excluded.owner AND leases.until > $4
                          THEN leases.token ELSE leases.token + 1 END,
             owner = excluded.owner, until = excluded.until
           WHERE leases.owner = excluded.owner OR leases.until <= $4""",
        name,
        owner,
        now + SPAN,
        now,
    )
    rows = await tx.rows("SELECT token FROM leases WHERE name = $1 AND owner = $2", name, owner)
    return rows[0]["token"] if rows else None


async def holds(tx: Tx, name: str, token: int) -> bool:
    """Whether that token is still the lease's newest; its row is ours until the transaction ends."""
    rows = await tx.rows(f"SELECT token FROM leases WHERE name = $1{tx.for_update}", name)
    return bool(rows) and rows[0]["token"] == token


async def release(tx: Tx, owner: str) -> None:
    """Let go of every lease of an owner, so that others need not wait for them to end."""
    await tx.run("UPDATE leases SET until = 0 WHERE owner = $1", owner)
