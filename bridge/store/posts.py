"""Posts: what stands at a target, by which later messages find it: to take its place, or to stand below it.

A key is a run's or a subject's. Written with the answer that told the message's id, so that the ids outlive a restart,
and the next owner of the target knows them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson

from bridge.editing import Post, Update, superseded
from bridge.store.tx import Row, Tx

SEEN_AT_ONCE = 500
"""Waiting updates that are compared at a time."""


async def find(tx: Tx, target: str, keys: Collection[str]) -> dict[str, Post]:
    """What stands at the target, of each of those keys that has something there."""
    if not keys:
        return {}
    names = ", ".join(f"${n}" for n in range(2, 2 + len(keys)))
    rows = await tx.rows(
        f"SELECT key, external_id, root_id, state, transition FROM posts WHERE target = $1 AND key IN ({names})",
        target,
        *keys,
    )
    return {row["key"]: Post(row["external_id"], row["root_id"], row["state"], row["transition"]) for row in rows}


async def save(tx: Tx, target: str, key: str, post: Post, now: int) -> None:
    """From now on this is what stands at the target under that key."""
    await tx.run(
        """INSERT INTO posts (target, key, external_id, root_id, state, transition, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (target, key) DO UPDATE SET external_id = excluded.external_id, root_id = excluded.root_id,
             state = excluded.state, transition = excluded.transition, updated_at = excluded.updated_at""",
        target,
        key,
        post.external_id,
        post.root_id,
        post.state,
        post.transition,
        now,
    )


async def supersede(
    tx: Tx,
    target: str,
    routes: Collection[str],
    thread_key: Callable[[str, Mapping[str, Any]], str | None],
    now: int,
) -> int:
    """Drop updates of those routes that wait for a target and of which a later one takes the place; returns how many.

    `thread_key` says which run a result of a route belongs to. A dropped one says which took its place.
    """
    rows = await _repeated(tx, target, routes)
    updates = [update for row in rows if (update := _update(row, thread_key))]
    dropped = superseded(updates)
    await tx.run_many(
        """UPDATE deliveries SET state = 'superseded', reason = $2, finished_at = $3
           WHERE id = $1 AND state = 'waiting' AND message_id IS NULL""",
        [(one, f"delivery {by} took its place before it was sent", now) for one, by in dropped.items()],
    )
    return len(dropped)


async def _repeated(tx: Tx, target: str, routes: Collection[str]) -> Sequence[Row]:
    """The oldest updates that wait, where there is more than one of them."""
    if not routes:
        return ()
    names = ", ".join(f"${n}" for n in range(3, 3 + len(routes)))
    rows = await tx.rows(
        f"""SELECT deliveries.id, deliveries.route, deliveries.result_id, deliveries.order_key, deliveries.mention,
                   events.results
            FROM deliveries JOIN events ON events.id = deliveries.event_id
            WHERE deliveries.target = $1 AND deliveries.state = 'waiting' AND deliveries.message_id IS NULL
              AND deliveries.why = 'new' AND deliveries.order_key IS NOT NULL AND deliveries.route IN ({names})
            ORDER BY deliveries.seq LIMIT $2{tx.for_update and tx.for_update + " OF deliveries"}""",
        target,
        SEEN_AT_ONCE,
        *routes,
    )
    return rows if len(rows) > 1 else ()


def _update(row: Row, thread_key: Callable[[str, Mapping[str, Any]], str | None]) -> Update | None:
    results = orjson.loads(row["results"] or b"[]")
    result = next((one for one in results if one["id"] == row["result_id"]), None)
    if result is None:
        return None
    return Update(row["id"], result, thread_key(row["route"], result), row["order_key"], mentions=bool(row["mention"]))
