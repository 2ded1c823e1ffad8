"""The members of messages: what each delivery in them has to say. Read only, when a message is about to go out."""

from collections.abc import Sequence
from typing import Any

import orjson

from bridge.model import Member, Why
from bridge.store.tx import Row, Tx

HEAVY: dict[str, Any] = {"items": [], "artifacts": [], "links": [], "labels": {}, "extra": {}, "payload": None}
"""What a digest's members come without: thousands of them must fit into memory."""


async def of(
    tx: Tx,
    message_ids: Sequence[str],
    *,
    after: int = -1,
    limit: int | None = None,
    bodies: bool = True,
    slim: bool = False,
) -> tuple[dict[str, list[Member]], int]:
    """The members of messages, in the order in which they were owed, and the place of the last: what to go on `after`
    where a `limit` was given. Without `bodies` the events' bytes are left out, with `slim` what is `HEAVY` too.
    """
    found: dict[str, list[Member]] = {message_id: [] for message_id in message_ids}
    if not message_ids:
        return found, after
    places = ", ".join(f"${n}" for n in range(2, len(message_ids) + 2))
    bounded = f"LIMIT {limit:d}" if limit is not None else ""
    rows = await tx.rows(
        f"""SELECT deliveries.seq, deliveries.id, deliveries.event_id, deliveries.result_id, deliveries.route,
                   deliveries.mention, deliveries.why, deliveries.note, deliveries.created_at, deliveries.message_id,
                   events.results{", events.body" if bodies else ""}
            FROM deliveries LEFT JOIN events ON events.id = deliveries.event_id
            WHERE deliveries.message_id IN ({places}) AND deliveries.seq > $1 ORDER BY deliveries.seq {bounded}""",
        after,
        *message_ids,
    )
    for row in rows:
        found[row["message_id"]].append(_to_member(row, row["body"] if bodies else None, slim=slim))
    return found, rows[-1]["seq"] if rows else after


def _to_member(row: Row, body: bytes | None, *, slim: bool) -> Member:
    results: list[dict[str, Any]] = orjson.loads(row["results"]) if row["results"] else []
    result = next((result for result in results if result["id"] == row["result_id"]), {})
    return Member(
        delivery_id=row["id"],
        event_id=row["event_id"],
        route=row["route"],
        result=result | HEAVY if slim and result else result,
        body=body or b"",
        mention=bool(row["mention"]),
        why=Why(row["why"]),
        note=row["note"],
        created_at=row["created_at"],
    )
