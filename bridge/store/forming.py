"""Forming messages: what is owed is put into new ones, and their attempt begun. `gather` says what goes together."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge import clock
from bridge.gather import Gather, Group, Waiting
from bridge.model import Message
from bridge.store.tx import Tx

PAGE = 200
"""Rows that are looked at at least, where some of them must not go out yet."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Messages whose attempt is begun, their members still to be loaded; those of them that are new, as groups; and in
    how long (µs) what was held back may go, null where nothing was.
    """

    messages: Sequence[Message] = ()
    formed: Sequence[Group] = ()
    wait: int | None = None


@dataclass(frozen=True, slots=True)
class Forming:
    """Making messages of what a target is owed."""

    target: str
    token: int
    now: int
    gather: Gather
    look: int
    urgent: bool
    out: bool
    """Whether an attempt counts as gone out once it is begun; see `messages.go_out`."""

    async def form(self, tx: Tx, blocked: set[str], limit: int) -> Planned:
        """Make messages of what is owed and of no blocked key, their attempt begun."""
        if limit <= 0:
            return Planned()
        gathered = self.gather(await self._waiting(tx, blocked), limit)
        groups = await self._still_waiting(tx, gathered.groups)
        made = [(self._message(group), group) for group in groups]
        await tx.run_many(
            """INSERT INTO messages (id, target, order_key, state, next_at, attempts, unknowns, created_at,
                                     first_attempt_at, token, size, cause, urgent, out)
               VALUES ($1, $2, $3, 'sending', $4, 0, 0, $4, $4, $5, $6, $7, $8, $9)""",
            [
                (
                    message.id,
                    self.target,
                    group.members[0].order_key if message.size == 1 else None,
                    self.now,
                    self.token,
                    message.size,
                    message.cause,
                    any(one.urgent for one in group.members),
                    self.out,
                )
                for message, group in made
            ],
        )
        await tx.run_many(
            "UPDATE deliveries SET message_id = $2 WHERE id = $1",
            [(one.id, message.id) for message, group in made for one in group.members],
        )
        return Planned([message for message, _ in made], groups, gathered.wait)

    async def _waiting(self, tx: Tx, blocked: set[str]) -> list[Waiting]:
        """The oldest that are owed and of no blocked key."""
        free: list[Waiting] = []
        after = -1
        page = max(self.look, PAGE) if blocked else self.look
        while True:
            rows = await tx.rows(
                f"""SELECT seq, id, route, order_key, created_at, urgent FROM deliveries
                    WHERE target = $1 AND state = 'waiting' AND message_id IS NULL AND seq > $2
                      {"AND urgent" if self.urgent else ""}
                    ORDER BY seq LIMIT $3""",
                self.target,
                after,
                page,
            )
            free += [
                Waiting(row["id"], row["route"], row["order_key"], row["created_at"], bool(row["urgent"]))
                for row in rows
                if row["order_key"] not in blocked
            ]
            if len(rows) < page or len(free) >= self.look:
                return free[: self.look]
            after = rows[-1]["seq"]

    async def _still_waiting(self, tx: Tx, groups: Sequence[Group]) -> list[Group]:
        """The groups without what was cancelled since we looked; what is left is ours until the transaction ends."""
        if not tx.for_update:  # nobody else writes
            return list(groups)
        ids = [one.id for group in groups for one in group.members]
        places = ", ".join(f"${n}" for n in range(1, len(ids) + 1))
        rows = (
            await tx.rows(
                f"SELECT id FROM deliveries WHERE id IN ({places}) AND state = 'waiting'{tx.for_update}", *ids
            )
            if ids
            else []
        )
        found = {row["id"] for row in rows}
        left = [Group([one for one in group.members if one.id in found], group.cause) for group in groups]
        return [group for group in left if group.members]

    def _message(self, group: Group) -> Message:
        return Message(
            id=clock.uuid7(self.now),
            target=self.target,
            order_keys=frozenset(one.order_key for one in group.members if one.order_key is not None),
            members=(),
            attempts=0,
            unknowns=0,
            created_at=self.now,
            first_attempt_at=self.now,
            token=self.token,
            size=len(group.members),
            cause=group.cause,
        )
