"""Posts: what stands at a target, by which later messages find it: to take its place, or to stand below it.

A key is a run's or a subject's. Written with the answer that told the message's id, so that the ids outlive a restart,
and the next owner of the target knows them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from bridge.editing import Post, Update, superseded
from bridge.model import State
from bridge.store import events
from bridge.store.tx import Row, Tx

SEEN_AT_ONCE = 500
"""Waiting deliveries that are looked at, the oldest ones."""

COMPARED_AT_ONCE = 100
"""Of how many of them the results are read: a result may be large, and hooks wait behind whoever writes."""


async def find(tx: Tx, target: str, keys: Collection[str]) -> dict[str, Post]:
    """What stands at the target, of each of those keys that has something there."""
    if not keys:
        return {}
    names = ", ".join(f"${n}" for n in range(2, 2 + len(keys)))
    rows = await tx.rows(
        f"""SELECT key, external_id, root_id, state, transition, closed FROM posts
            WHERE target = $1 AND key IN ({names})""",
        target,
        *keys,
    )
    return {
        row["key"]: Post(row["external_id"], row["root_id"], row["state"], row["transition"], bool(row["closed"]))
        for row in rows
    }


async def save(tx: Tx, target: str, key: str, post: Post, order_key: str | None, now: int) -> None:
    """From now on this is what stands at the target under that key; it is about the subject of that `order_key`."""
    await tx.run(
        """INSERT INTO posts (target, key, external_id, root_id, state, transition, closed, order_key, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (target, key) DO UPDATE SET external_id = excluded.external_id, root_id = excluded.root_id,
             state = excluded.state, transition = excluded.transition, closed = excluded.closed,
             order_key = excluded.order_key, updated_at = excluded.updated_at""",
        target,
        key,
        post.external_id,
        post.root_id,
        post.state,
        post.transition,
        post.closed,
        order_key,
        now,
    )


async def cover(tx: Tx, target: str, message_id: str, now: int) -> None:
    """That message says something of its members' subjects below what stands there of them: from now on it is edited no
    more. What is said again, or as a test, is nothing of them.
    """
    await tx.run(
        """UPDATE posts SET closed = true, updated_at = $3
           WHERE target = $1 AND order_key IN
             (SELECT order_key FROM deliveries WHERE message_id = $2 AND why IN ('new', 'fallback'))""",
        target,
        message_id,
        now,
    )


async def supersede(
    tx: Tx,
    target: str,
    routes: Collection[str],
    thread_key: Callable[[str, Mapping[str, Any]], str | None],
    now: int,
    *,
    after: int = 0,
) -> int:
    """Drop updates of those routes that wait for a target and of which a later one takes the place.

    `thread_key` says which run a result of a route belongs to. A dropped one says which took its place. Returns up to
    which `seq` they were compared: what the next look may go on `after`.
    """
    if not routes:
        return after
    compared, after = _to_compare(await _waiting(tx, target, routes), after)
    updates = [update for row in compared if (update := await _update(tx, row, thread_key))]
    standing = await find(tx, target, {f"run:{update.run}" for update in updates if update.run is not None})
    unfinished = {key.removeprefix("run:") for key, post in standing.items() if post.state != State.FINISHED}
    dropped = superseded(updates, unfinished)
    await tx.run_many(
        """UPDATE deliveries SET state = 'superseded', reason = $2, finished_at = $3
           WHERE id = $1 AND state = 'waiting' AND message_id IS NULL""",
        [(one, f"delivery {by} took its place before it was sent", now) for one, by in dropped.items()],
    )
    return after


async def _waiting(tx: Tx, target: str, routes: Collection[str]) -> Sequence[Row]:
    """The updates among the oldest that wait: however many of other routes do, no more are read."""
    names = ", ".join(f"${n}" for n in range(3, 3 + len(routes)))
    return await tx.rows(
        f"""SELECT seq, id, event_id, result_id, route, order_key, mention, urgent FROM
              (SELECT * FROM deliveries WHERE target = $1 AND state = 'waiting' AND message_id IS NULL
               ORDER BY seq LIMIT $2) AS oldest
            WHERE why = 'new' AND order_key IS NOT NULL AND route IN ({names}) ORDER BY seq""",
        target,
        SEEN_AT_ONCE,
        *routes,
    )


def _to_compare(rows: Sequence[Row], after: int) -> tuple[list[Row], int]:
    """Those that came `after` that seq, each with the one before it of the same subject; and up to which seq they are.

    What came before was compared already.
    """
    found: dict[str, Row] = {}
    last: dict[str, Row] = {}
    for row in rows:
        before = last.get(row["order_key"])
        last[row["order_key"]] = row
        if row["seq"] <= after:
            continue
        if before is not None:
            found |= {before["id"]: before, row["id"]: row}
        after = row["seq"]
        if len(found) >= COMPARED_AT_ONCE:
            break
    return sorted(found.values(), key=lambda row: row["seq"]), after


async def _update(tx: Tx, row: Row, thread_key: Callable[[str, Mapping[str, Any]], str | None]) -> Update | None:
    results = await events.results(tx, row["event_id"])
    result = next((one for one in results if one["id"] == row["result_id"]), None)
    if result is None:
        return None
    return Update(
        row["id"],
        result,
        thread_key(row["route"], result),
        row["order_key"],
        mentions=bool(row["mention"]),
        urgent=bool(row["urgent"]),
    )
