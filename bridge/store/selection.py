"""Which deliveries are meant: the filter that listing, replaying and discarding many of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store.deliveries import COLUMNS
from bridge.store.tx import Tx

STATES = ("waiting", "sent", "dead", "cancelled", "superseded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What all of the deliveries have in common; null asks for nothing. `since` and `until` (µs, exclusive) bound when
    they were owed; `reason` is a part of why they died or were cancelled, in any case of letters.
    """

    state: str | None = None
    target: str | None = None
    route: str | None = None
    source: str | None = None
    event_id: str | None = None
    message_id: str | None = None
    since: int | None = None
    until: int | None = None
    reason: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """The condition over `deliveries`, and its values from $1 on."""
        part = None
        if self.reason is not None:
            part = self.reason.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        given = [
            ("deliveries.state = {}", self.state),
            ("deliveries.target = {}", self.target),
            ("deliveries.route = {}", self.route),
            ("deliveries.source = {}", self.source),
            ("deliveries.event_id = {}", self.event_id),
            ("deliveries.message_id = {}", self.message_id),
            ("deliveries.created_at >= {}", self.since),
            ("deliveries.created_at < {}", self.until),
            ("lower(deliveries.reason) LIKE {} ESCAPE '!'", None if part is None else f"%{part}%"),
        ]
        asked = [(text, value) for text, value in given if value is not None]
        texts = [text.format(f"${n}") for n, (text, _) in enumerate(asked, start=1)]
        return " AND ".join(texts) or "true", [value for _, value in asked]


async def listed(tx: Tx, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """The newest of them first, each with its message's attempts and next try."""
    where, values = wanted.where()
    rows = await tx.rows(
        f"""SELECT {COLUMNS}, deliveries.note, messages.attempts, messages.next_at, messages.external_id,
                   messages.state AS message_state, messages.size AS message_size
            FROM deliveries LEFT JOIN messages ON messages.id = deliveries.message_id
            WHERE {where} ORDER BY deliveries.seq DESC LIMIT ${len(values) + 1}""",
        *values,
        limit,
    )
    return [dict(row) for row in rows]


async def one(tx: Tx, delivery_id: str) -> dict[str, Any] | None:
    """One delivery as it is listed, or null."""
    rows = await tx.rows(
        f"""SELECT {COLUMNS}, deliveries.note, messages.attempts, messages.next_at, messages.external_id,
                   messages.state AS message_state, messages.size AS message_size
            FROM deliveries LEFT JOIN messages ON messages.id = deliveries.message_id WHERE deliveries.id = $1""",
        delivery_id,
    )
    return dict(rows[0]) if rows else None


async def count(tx: Tx, wanted: Wanted) -> int:
    """How many there are."""
    where, values = wanted.where()
    rows = await tx.rows(f"SELECT count(*) AS n FROM deliveries WHERE {where}", *values)
    return int(rows[0]["n"])


async def newest(tx: Tx) -> int:
    """The `seq` of the newest delivery of all: what is owed from now on lies behind it."""
    rows = await tx.rows("SELECT coalesce(max(seq), 0) AS seq FROM deliveries")
    return int(rows[0]["seq"])


async def page(tx: Tx, wanted: Wanted, *, after: int, last: int, limit: int) -> Sequence[tuple[int, str]]:
    """The next of them, oldest first, as (seq, id); those with a seq above `after` and up to `last`."""
    where, values = wanted.where()
    n = len(values)
    rows = await tx.rows(
        f"""SELECT seq, id FROM deliveries WHERE {where} AND seq > ${n + 1} AND seq <= ${n + 2}
            ORDER BY seq LIMIT ${n + 3}""",
        *values,
        after,
        last,
        limit,
    )
    return [(row["seq"], row["id"]) for row in rows]
