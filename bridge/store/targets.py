"""Targets: what their owner must know after a restart, or another replica after a takeover: pause, fault, pace."""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from bridge.store.tx import Tx

BY_OPERATOR = "paused by the operator"

NEVER = 1 << 62
"""A time that does not come: a target that its operator paused is not probed."""


@dataclass(frozen=True, slots=True)
class TargetState:
    """One target's condition.

    `not_before` is when the next message may be tried at all (429, fault, probe while paused). `faults` counts the
    target's failures in a row. `settings` is a digest of its part of the configuration: a change of it ends a pause.
    `digests` says when each route's last digest was made, `down_until` until when the target last took nothing.
    """

    name: str
    paused_at: int | None = None
    paused_reason: str | None = None
    not_before: int = 0
    faults: int = 0
    pace: dict[str, Any] = field(default_factory=dict)
    settings: str = ""
    last_sent_at: int | None = None
    last_error: str | None = None
    digests: dict[str, int] = field(default_factory=dict)
    down_until: int = 0

    @property
    def paused_by_operator(self) -> bool:
        """Only its operator ends such a pause: nothing that is still on its way may."""
        return self.paused_at is not None and self.not_before == NEVER


async def load(tx: Tx, name: str) -> TargetState:
    """A target's condition; a target never seen before is in the best of conditions."""
    rows = await tx.rows("SELECT * FROM targets WHERE name = $1", name)
    return _to_state(dict(rows[0])) if rows else TargetState(name)


async def load_to_change(tx: Tx, name: str) -> TargetState:
    """The same, and the row is ours until the transaction ends, so that nobody else's change is lost."""
    if not await tx.rows(f"SELECT 1 FROM targets WHERE name = $1{tx.for_update}", name):
        await tx.run(
            """INSERT INTO targets (name, not_before, faults, pace, settings) VALUES ($1, 0, 0, '{}', '')
               ON CONFLICT (name) DO NOTHING""",
            name,
        )
        await tx.rows(f"SELECT 1 FROM targets WHERE name = $1{tx.for_update}", name)
    return await load(tx, name)


def _to_state(row: dict[str, Any]) -> TargetState:
    return TargetState(**{**row, "pace": orjson.loads(row["pace"]), "digests": orjson.loads(row["digests"])})


async def save(tx: Tx, state: TargetState) -> None:
    """Keep a target's condition."""
    await tx.run(
        """INSERT INTO targets (name, paused_at, paused_reason, not_before, faults, pace, settings, last_sent_at,
                                last_error, digests, down_until)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (name) DO UPDATE SET paused_at = excluded.paused_at, paused_reason = excluded.paused_reason,
             not_before = excluded.not_before, faults = excluded.faults, pace = excluded.pace,
             settings = excluded.settings, last_sent_at = excluded.last_sent_at, last_error = excluded.last_error,
             digests = excluded.digests, down_until = excluded.down_until""",
        state.name,
        state.paused_at,
        state.paused_reason,
        state.not_before,
        state.faults,
        orjson.dumps(state.pace).decode(),
        state.settings,
        state.last_sent_at,
        state.last_error,
        orjson.dumps(state.digests).decode(),
        state.down_until,
    )


async def listed(tx: Tx) -> list[TargetState]:
    """Every target that was ever used."""
    return [_to_state(dict(row)) for row in await tx.rows("SELECT * FROM targets ORDER BY name")]


async def pause(tx: Tx, name: str, reason: str, now: int) -> None:
    """Stop sending to a target until somebody resumes it; its queue is kept."""
    state = await load_to_change(tx, name)
    await save(tx, replace(state, paused_at=now, paused_reason=reason, not_before=NEVER))


async def resume(tx: Tx, name: str, now: int) -> bool:
    """Send to a target again, at once. False where it was not paused."""
    state = await load_to_change(tx, name)
    down_until = state.down_until if state.paused_at is None else now
    await save(tx, replace(state, paused_at=None, paused_reason=None, not_before=0, faults=0, down_until=down_until))
    await tx.wake(f"target:{name}")
    return state.paused_at is not None
