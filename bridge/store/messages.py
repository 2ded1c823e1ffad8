"""Messages: what is sent. Formed from owed deliveries just before their first attempt, and never changed after that.

    waiting -> sending -> sent | dead | halved | waiting again          (or cancelled, while waiting)

An attempt is begun here (`plan`) and committed before anything goes out, so that after a crash it is known which
messages may have arrived. Several are begun at once, and not all of them come to their turn: which did is written down
(`go_out`) where an attempt in doubt costs more than a commit. Every record of an attempt is fenced: it counts only
under the token it was begun with.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bridge import clock
from bridge.gather import Gather, one_by_one
from bridge.model import Message
from bridge.store import leases
from bridge.store.forming import Forming, Passed, Planned
from bridge.store.tx import Row, Tx

OPEN_AT_ONCE = 1_000
"""How many open messages of a target one plan looks at; more than that never step aside at once."""

OPEN = "state IN ('waiting', 'sending')"
"""Stands beside narrower conditions too: it is what the index of open messages is known by."""


async def plan(
    tx: Tx,
    target: str,
    token: int,
    limit: int,
    now: int,
    *,
    gather: Gather = one_by_one,
    look: int | None = None,
    urgent: bool = False,
    alone: bool = False,
    fresh_first: bool = False,
    on_way: Sequence[Message] = (),
    passed: Passed | None = None,
) -> Planned | None:
    """Begin an attempt of up to `limit` messages that may be sent now, oldest first; null when the lease is lost.

    What is owed and in no message yet is put into new ones by `gather`, which is shown the oldest `look` of it. With
    `urgent` nothing else counts: it does not wait for what does. `on_way` are those that the caller has begun under
    this token and not recorded yet, `passed` is what the last plan gave.

    Order is kept for each order key: while a message of a key waits for its next attempt, or is on its way, no later
    one of it is begun. With `fresh_first` one that was never tried comes before those that failed: is it them, or is it
    the target? With `alone`, for a target that cannot tell copies apart, one whose arrival is in doubt is begun when
    nothing else is on its way: should it be what kills this process, the others are not suspected. Without, that is so
    from its second time on.
    """
    if not await leases.holds(tx, f"target:{target}", token):
        return None
    await _take_over(tx, target, now, {message.id for message in on_way})
    rows = await tx.rows(
        f"""SELECT * FROM messages WHERE target = $1 AND {OPEN} AND state = 'waiting' AND (urgent OR NOT $2)
            ORDER BY place, seq LIMIT $3{tx.for_update}""",
        target,
        urgent,
        OPEN_AT_ONCE,
    )
    keys = await _keys(tx, target, rows)
    busy = {key for message in on_way for key in message.order_keys}
    forming = Forming(target, token, now, gather, look or limit, urgent, out=not alone, passed=passed)
    if fresh_first and len(rows) < OPEN_AT_ONCE:
        planned = await forming.form(tx, busy.union(*keys.values()), limit)
        if planned.messages:
            return planned
    doubtful = [row for row in rows if row["unknowns"] >= (1 if alone else 2) and row["next_at"] <= now][:1]
    begun, blocked = _due(doubtful or rows, keys, busy, 0 if doubtful and on_way else limit, now)
    await tx.run_many(
        """UPDATE messages SET state = 'sending', token = $2, first_attempt_at = coalesce(first_attempt_at, $3),
                  out = $4
           WHERE id = $1""",
        [(row["id"], token, now, not alone and not row["unknowns"]) for row in begun],
    )
    again = [_head(row, keys[row["id"]], token, now) for row in begun]
    if doubtful or len(rows) == OPEN_AT_ONCE:
        return Planned(again, passed=passed)
    planned = await forming.form(tx, blocked, limit - len(again))
    return replace(planned, messages=[*again, *planned.messages], more=planned.more and not again)


async def _take_over(tx: Tx, target: str, now: int, on_way: Collection[str]) -> None:
    """Attempts that were begun and never recorded: nobody knows whether they arrived, so try again. Those of which
    nothing can have left are as if not begun.

    All that are begun and not on their way from whoever plans were begun by somebody who is gone.
    """
    begun = await tx.rows(
        f"SELECT id, attempts, out FROM messages WHERE target = $1 AND {OPEN} AND state = 'sending'{tx.for_update}",
        target,
    )
    for orphan in [row for row in begun if row["id"] not in on_way]:
        if not orphan["out"]:
            await tx.run("UPDATE messages SET state = 'waiting', next_at = $2 WHERE id = $1", orphan["id"], now)
            continue
        await _note(tx, orphan["id"], orphan["attempts"] + 1, now, now, "interrupted", "the answer was never recorded")
        await tx.run(
            """UPDATE messages SET state = 'waiting', attempts = attempts + 1, unknowns = unknowns + 1, next_at = $2
               WHERE id = $1""",
            orphan["id"],
            now,
        )


async def _keys(tx: Tx, target: str, rows: Sequence[Row]) -> dict[str, frozenset[str]]:
    """The order keys of open messages."""
    keys = {row["id"]: {row["order_key"]} - {None} for row in rows}
    if any(row["size"] > 1 for row in rows):
        for row in await tx.rows(
            """SELECT messages.id, deliveries.order_key
               FROM messages JOIN deliveries ON deliveries.message_id = messages.id
               WHERE messages.target = $1 AND messages.state IN ('waiting', 'sending') AND messages.size > 1
                 AND deliveries.order_key IS NOT NULL""",
            target,
        ):
            keys.setdefault(row["id"], set()).add(row["order_key"])
    return {message_id: frozenset(found) for message_id, found in keys.items()}


def _due(
    rows: Sequence[Row], keys: Mapping[str, frozenset[str]], busy: set[str], limit: int, now: int
) -> tuple[list[Row], set[str]]:
    """Which open messages are begun now, and the keys of which nothing more may be."""
    begun: list[Row] = []
    blocked = set(busy)
    for row in rows:
        free = keys[row["id"]].isdisjoint(blocked)
        if free and row["next_at"] <= now and len(begun) < limit:
            begun.append(row)
        else:
            blocked |= keys[row["id"]]
    return begun, blocked


def _head(row: Row, keys: frozenset[str], token: int, now: int) -> Message:
    """A stored message, without its members."""
    return Message(
        id=row["id"],
        target=row["target"],
        order_keys=keys,
        members=(),
        attempts=row["attempts"],
        unknowns=row["unknowns"],
        created_at=row["created_at"],
        first_attempt_at=row["first_attempt_at"] or now,
        token=token,
        size=row["size"],
        cause=row["cause"],
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


async def go_out(tx: Tx, message: Message) -> bool:
    """The message's turn has come: from now on it may have left, and may be what kills this process. False, and not to
    be sent, when the attempt is no longer ours.
    """
    return bool(
        await tx.run(
            "UPDATE messages SET out = true WHERE id = $1 AND token = $2 AND state = 'sending'",
            message.id,
            message.token,
        )
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


async def halve(tx: Tx, message: Message, answer: str, reason: str, began: int, now: int) -> bool:
    """Refused, of several: its members are owed in two new messages, which go before whatever waits behind it. False
    when the attempt is no longer ours.
    """
    if not await _move(tx, message, "halved", now, reason, unknown=False):
        return False
    await _note(tx, message.id, message.attempts + 1, began, now, answer, reason)
    rows = await tx.rows(
        f"SELECT seq, id, order_key FROM deliveries WHERE message_id = $1 ORDER BY seq{tx.for_update}", message.id
    )
    for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        new_id = clock.uuid7(now)
        await tx.run(
            """INSERT INTO messages (id, target, order_key, state, next_at, attempts, unknowns, created_at, token,
                                     size, half_of, place, cause, urgent)
               SELECT $2, target, $3, 'waiting', $4, 0, 0, $4, token, $5, id, $6, cause, urgent
               FROM messages WHERE id = $1""",
            message.id,
            new_id,
            half[0]["order_key"] if len(half) == 1 else None,
            now,
            len(half),
            half[0]["seq"],
        )
        await tx.run_many("UPDATE deliveries SET message_id = $2 WHERE id = $1", [(row["id"], new_id) for row in half])
    return True


async def put_back(tx: Tx, message: Message, next_at: int) -> None:
    """An attempt that was begun and never made (the target stopped taking messages meanwhile): as if not begun."""
    await tx.run(
        "UPDATE messages SET state = 'waiting', next_at = $3 WHERE id = $1 AND token = $2 AND state = 'sending'",
        message.id,
        message.token,
        next_at,
    )


async def has_work(tx: Tx, target: str, now: int, *, idle: bool = True, urgent: bool = False) -> bool:
    """Whether there may be something to send to a target now: owed, due, or begun by somebody who is gone.

    Who is not `idle` has messages on their way, and has taken over what others had begun. With `urgent` nothing else
    counts of what is owed or due.
    """
    rows = await tx.rows(
        f"""SELECT 1 FROM deliveries WHERE target = $1 AND state = 'waiting' AND message_id IS NULL
              {"AND urgent" if urgent else ""}
            UNION ALL
            SELECT 1 FROM messages WHERE target = $1 AND {OPEN}
              AND ((state = 'sending' AND $3) OR (state = 'waiting' AND next_at <= $2 AND (urgent OR NOT $4)))
            LIMIT 1""",
        target,
        now,
        idle,
        urgent,
    )
    return bool(rows)


async def tried_since(tx: Tx, target: str) -> int | None:
    """When of a target's messages that are not done the first was tried; null where none was."""
    rows = await tx.rows(f"SELECT min(first_attempt_at) AS since FROM messages WHERE target = $1 AND {OPEN}", target)
    return rows[0]["since"] if rows else None


async def next_due(tx: Tx, target: str, *, urgent: bool = False) -> int | None:
    """When the next waiting message of a target may be tried, in microseconds; null where none waits."""
    rows = await tx.rows(
        f"""SELECT min(next_at) AS due FROM messages
            WHERE target = $1 AND {OPEN} AND state = 'waiting' AND (urgent OR NOT $2)""",
        target,
        urgent,
    )
    return rows[0]["due"] if rows else None
