"""Forming messages: what is owed is put into new ones, and their attempt begun. `gather` says what goes together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bridge import clock
from bridge.gather import Gather, Group, Waiting
from bridge.model import Message
from bridge.store.tx import Tx

PAGE = 200
"""Rows that are looked at at least, where some of them must not go out yet."""

MOST_SEEN = 5_000
"""Rows that one look goes through at most: hooks wait behind it on SQLite. The next look goes on from there."""

BELIEVED = clock.MINUTE
"""How long it is believed of what was passed that nothing else is there: with PostgreSQL what two write at the same
time may become visible in another order than that of its `seq`.
"""


@dataclass(frozen=True, slots=True)
class Passed:
    """All that is owed up to `seq` was of these order keys (of what is urgent only, where that is said) at that time:
    while none of them may go out, it need not be looked at again.
    """

    seq: int
    keys: frozenset[str]
    urgent: bool
    at: int

    def still(self, blocked: Collection[str], urgent: bool, now: int) -> bool:
        return self.urgent == urgent and 0 <= now - self.at < BELIEVED and self.keys.issubset(blocked)


@dataclass(frozen=True, slots=True)
class Planned:
    """Messages whose attempt is begun, their members still to be loaded; those of them that are new, as groups; and in
    how long (µs) what was held back may go, null where nothing was. `passed` is for the next plan, which is to follow
    at once where there is `more` to look at.
    """

    messages: Sequence[Message] = ()
    formed: Sequence[Group] = ()
    wait: int | None = None
    passed: Passed | None = None
    more: bool = False


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
    passed: Passed | None = None

    async def form(self, tx: Tx, blocked: set[str], limit: int) -> Planned:
        """Make messages of what is owed and of no blocked key, their attempt begun."""
        if limit <= 0:
            return Planned(passed=self.passed)
        waiting, passed, more = await self._waiting(tx, blocked)
        gathered = self.gather(waiting, limit)
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
        return Planned([message for message, _ in made], groups, gathered.wait, passed, more and not waiting)

    async def _waiting(self, tx: Tx, blocked: set[str]) -> tuple[list[Waiting], Passed | None, bool]:
        """The oldest that are owed and of no blocked key; what lies before them; and whether there is more behind all
        that was looked at.
        """
        free: list[Waiting] = []
        passed = self.passed if self.passed and self.passed.still(blocked, self.urgent, self.now) else None
        after, seen = passed.seq if passed else -1, 0
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
            seen += len(rows)
            if rows and not free:
                at, keys = (passed.at, passed.keys) if passed else (self.now, frozenset())
                passed = Passed(rows[-1]["seq"], keys.union(row["order_key"] for row in rows), self.urgent, at)
            if len(rows) < page or len(free) >= self.look or seen >= MOST_SEEN:
                return free[: self.look], passed, len(rows) == page
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
