"""Messages: what is sent. Formed from owed deliveries just before their first attempt, and never changed after that.

    waiting -> sending -> sent | dead | waiting again          (or cancelled, while waiting)

An attempt is begun here (`plan`) and committed before anything goes out, so that after a crash it is known which
messages may have arrived. Every record of an attempt is fenced: it counts only under the token it was begun with.
"""

from collections.abc import Collection, Sequence
from typing import Any

import orjson

from bridge import clock
from bridge.model import Member, Message, Why
from bridge.store import leases
from bridge.store.tx import Row, Tx

OPEN_AT_ONCE = 1_000
"""How many open messages of a target one plan looks at; more than that never step aside at once."""

PAGE = 200


async def plan(
    tx: Tx,
    target: str,
    token: int,
    limit: int,
    now: int,
    *,
    fresh_first: bool = False,
    on_way: Sequence[Message] = (),
) -> list[Message] | None:
    """Begin an attempt of up to `limit` messages that may be sent now, oldest first; null when the lease is lost.

    Order is kept for each order key: while a message of a key waits for its next attempt, no later one of it is begun.
    With `fresh_first` one that was never tried comes before those that failed: is it them, or is it the target?
    `on_way` are those that the caller has begun under this token and not recorded yet; what is of their keys waits too.
    """
    if not await leases.holds(tx, f"target:{target}", token):
        return None
    await _take_over(tx, target, now, {message.id for message in on_way})
    open_rows = await tx.rows(
        f"""SELECT id, order_key, next_at FROM messages
            WHERE target = $1 AND state = 'waiting' ORDER BY seq LIMIT $2{tx.for_update}""",
        target,
        OPEN_AT_ONCE,
    )
    busy = {key for message in on_way for key in message.order_keys}
    if fresh_first and len(open_rows) < OPEN_AT_ONCE:
        keys = busy | {row["order_key"] for row in open_rows if row["order_key"] is not None}
        if begun := await _form(tx, target, token, keys, limit, now):
            return await _load(tx, begun, token)
    blocked = set(busy)
    begun = []
    for row in open_rows:
        if row["order_key"] in blocked:
            continue
        if row["next_at"] <= now and len(begun) < limit:
            begun.append(row["id"])
        elif row["order_key"] is not None:
            blocked.add(row["order_key"])
    await tx.run_many(
        """UPDATE messages SET state = 'sending', token = $2, first_attempt_at = coalesce(first_attempt_at, $3)
           WHERE id = $1""",
        [(message_id, token, now) for message_id in begun],
    )
    if len(open_rows) < OPEN_AT_ONCE:
        begun += await _form(tx, target, token, blocked, limit - len(begun), now)
    return await _load(tx, begun, token)


async def _take_over(tx: Tx, target: str, now: int, on_way: Collection[str]) -> None:
    """Attempts that were begun and never recorded: nobody knows whether they arrived, so try again.

    All that are begun and not on their way from whoever plans were begun by somebody who is gone.
    """
    begun = await tx.rows(
        f"SELECT id, attempts FROM messages WHERE target = $1 AND state = 'sending'{tx.for_update}", target
    )
    for orphan in [row for row in begun if row["id"] not in on_way]:
        await _note(tx, orphan["id"], orphan["attempts"] + 1, now, now, "interrupted", "the answer was never recorded")
        await tx.run(
            "UPDATE messages SET state = 'waiting', attempts = attempts + 1, next_at = $2 WHERE id = $1",
            orphan["id"],
            now,
        )


async def _form(tx: Tx, target: str, token: int, blocked: set[str], limit: int, now: int) -> list[str]:
    """Make messages of the oldest owed deliveries whose key is not blocked, one each, their attempt begun."""
    formed: list[tuple[str, Row]] = []
    after = -1
    while len(formed) < limit:
        rows = await tx.rows(
            f"""SELECT seq, id, order_key FROM deliveries
                WHERE target = $1 AND state = 'waiting' AND message_id IS NULL AND seq > $2
                ORDER BY seq LIMIT $3{tx.for_update}""",
            target,
            after,
            PAGE if blocked else limit,
        )
        free = [row for row in rows if row["order_key"] not in blocked]
        formed += [(clock.uuid7(now), row) for row in free[: limit - len(formed)]]
        if not rows or not blocked:
            break
        after = rows[-1]["seq"]
    await tx.run_many(
        """INSERT INTO messages (id, target, order_key, state, next_at, attempts, unknowns, created_at,
                                 first_attempt_at, token)
           VALUES ($1, $2, $3, 'sending', $4, 0, 0, $4, $4, $5)""",
        [(message_id, target, row["order_key"], now, token) for message_id, row in formed],
    )
    await tx.run_many(
        "UPDATE deliveries SET message_id = $2 WHERE id = $1", [(row["id"], message_id) for message_id, row in formed]
    )
    return [message_id for message_id, _ in formed]


async def _load(tx: Tx, ids: Sequence[str], token: int) -> list[Message]:
    loaded = []
    for message_id in ids:
        head = (await tx.rows("SELECT * FROM messages WHERE id = $1", message_id))[0]
        members = await tx.rows(
            """SELECT deliveries.id, deliveries.event_id, deliveries.result_id, deliveries.route, deliveries.mention,
                      deliveries.why, deliveries.note, deliveries.created_at, events.results, events.body
               FROM deliveries LEFT JOIN events ON events.id = deliveries.event_id
               WHERE deliveries.message_id = $1 ORDER BY deliveries.seq""",
            message_id,
        )
        loaded.append(
            Message(
                id=message_id,
                target=head["target"],
                order_key=head["order_key"],
                members=tuple(_to_member(row) for row in members),
                attempts=head["attempts"],
                unknowns=head["unknowns"],
                created_at=head["created_at"],
                first_attempt_at=head["first_attempt_at"],
                token=token,
            )
        )
    return loaded


def _to_member(row: Row) -> Member:
    results: list[dict[str, Any]] = orjson.loads(row["results"]) if row["results"] else []
    return Member(
        delivery_id=row["id"],
        event_id=row["event_id"],
        route=row["route"],
        result=next((result for result in results if result["id"] == row["result_id"]), {}),
        body=row["body"] or b"",
        mention=bool(row["mention"]),
        why=Why(row["why"]),
        note=row["note"],
        created_at=row["created_at"],
    )


async def _note(tx: Tx, message_id: str, number: int, began: int, ended: int, answer: str, reason: str | None) -> None:
    await tx.run(
        """INSERT INTO attempts (message_id, number, began_at, ended_at, answer, reason) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (message_id, number) DO NOTHING""",
        message_id,
        number,
        began,
        ended,
        answer,
        reason,
    )


async def _move(tx: Tx, message: Message, state: str, next_at: int, reason: str | None, unknown: bool) -> bool:
    """Record an attempt's end in the message's row, if the attempt is still ours."""
    return bool(
        await tx.run(
            """UPDATE messages SET state = $3, attempts = attempts + 1, next_at = $4, reason = $5,
                      unknowns = unknowns + $6
               WHERE id = $1 AND token = $2 AND state = 'sending'""",
            message.id,
            message.token,
            state,
            next_at,
            reason,
            int(unknown),
        )
    )


async def sent(tx: Tx, message: Message, external_id: str | None, began: int, now: int) -> bool:
    """The target has it. False, and nothing written, when the attempt is no longer ours."""
    if not await _move(tx, message, "sent", now, None, unknown=False):
        return False
    await _note(tx, message.id, message.attempts + 1, began, now, "sent", None)
    if external_id is not None:
        await tx.run("UPDATE messages SET external_id = $2 WHERE id = $1", message.id, external_id)
    await tx.run(
        "UPDATE deliveries SET state = 'sent', finished_at = $2 WHERE message_id = $1 AND state = 'waiting'",
        message.id,
        now,
    )
    return True


async def again(
    tx: Tx, message: Message, answer: str, reason: str, began: int, now: int, next_at: int, *, unknown: bool = False
) -> bool:
    """Not now: the same message is tried again at `next_at`. False when the attempt is no longer ours."""
    if not await _move(tx, message, "waiting", next_at, reason, unknown):
        return False
    await _note(tx, message.id, message.attempts + 1, began, now, answer, reason)
    return True


async def dead(tx: Tx, message: Message, answer: str, reason: str, began: int, now: int) -> bool:
    """Never again by itself: to the dead letters, with the reason. False when the attempt is no longer ours."""
    if not await _move(tx, message, "dead", now, reason, unknown=answer == "unknown"):
        return False
    await _note(tx, message.id, message.attempts + 1, began, now, answer, reason)
    await tx.run(
        """UPDATE deliveries SET state = 'dead', reason = $2, finished_at = $3
           WHERE message_id = $1 AND state = 'waiting'""",
        message.id,
        reason,
        now,
    )
    return True


async def put_back(tx: Tx, message: Message, next_at: int) -> None:
    """An attempt that was begun and never made (the target stopped taking messages meanwhile): as if not begun."""
    await tx.run(
        "UPDATE messages SET state = 'waiting', next_at = $3 WHERE id = $1 AND token = $2 AND state = 'sending'",
        message.id,
        message.token,
        next_at,
    )


async def has_work(tx: Tx, target: str, now: int, *, idle: bool = True) -> bool:
    """Whether there may be something to send to a target now: owed, due, or begun by somebody who is gone.

    Who is not `idle` has messages on their way, and has taken over what others had begun.
    """
    rows = await tx.rows(
        """SELECT 1 FROM deliveries WHERE target = $1 AND state = 'waiting' AND message_id IS NULL
           UNION ALL
           SELECT 1 FROM messages WHERE target = $1 AND state IN ('waiting', 'sending')
             AND ((state = 'sending' AND $3) OR (state = 'waiting' AND next_at <= $2))
           LIMIT 1""",
        target,
        now,
        idle,
    )
    return bool(rows)


async def next_due(tx: Tx, target: str) -> int | None:
    """When the next waiting message of a target may be tried, in microseconds; null where none waits."""
    rows = await tx.rows("SELECT min(next_at) AS due FROM messages WHERE target = $1 AND state = 'waiting'", target)
    return rows[0]["due"] if rows else None
