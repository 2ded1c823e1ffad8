"""A hundred thousand deliveries that wait: what is asked of the database every moment reads none but the first of them.

Asserted by what the database says that it did, never by time: rows fetched by PostgreSQL, steps of SQLite's machine.
"""

import itertools
from functools import partial
from typing import Any

import orjson

from bridge import clock
from bridge.gather import batches, digests
from bridge.store import erasure, events, leases, messages, posts, retention
from tests.store.test_store import NOW, owning, told

MANY = 100_000
EVENTS = 1_000
LATER = NOW + clock.HOUR

EVENTS_SQL = """
    INSERT INTO events (id, source, vendor, received_at, headers, body, verification, is_test, is_replay, results,
                        dispatched_at)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
    SELECT 'e' || i, 'qa', 'autosana', $2, '{}', $3, '{}', false, false, $4, $2 FROM n"""

DELIVERIES_SQL = """
    INSERT INTO deliveries (id, event_id, result_id, source, route, target, also, order_key, mention, why, state,
                            created_at)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
    SELECT 'd' || i, 'e' || (1 + i % $2), 'r', 'qa', 'all', 'chat', '[]', 'k' || (i % 100), false, 'new', 'waiting', $3
    FROM n"""

RESULT = {"id": "r", "state": "finished", "attention": True, "history": {"transition": "still_failing"}}


async def backlog(tx: Any) -> None:
    """Owe `chat` so many that every event has a hundred of them, and every subject a thousand."""
    await tx.run(EVENTS_SQL, EVENTS, NOW, b"{}", orjson.dumps([RESULT]).decode())
    await tx.run(DELIVERIES_SQL, MANY, EVENTS, NOW)
    await tx.run("ANALYZE")


FETCHED = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS n FROM pg_stat_xact_user_tables"
EVERY = 100
"""Steps of SQLite's machine that are counted at a time."""


async def work_of(tx: Any, operation: Any) -> int:
    """How much an operation did: rows that were read on PostgreSQL, steps of the machine on SQLite."""
    if tx.for_update:
        (before,) = await tx.rows(FETCHED)
        await operation(tx)
        (after,) = await tx.rows(FETCHED)
        return int(after["n"]) - int(before["n"])
    counted = itertools.count()
    tx._connection.set_progress_handler(lambda: next(counted) < 0, EVERY)
    try:
        await operation(tx)
    finally:
        tx._connection.set_progress_handler(None, 0)
    return EVERY * next(counted)


def few(tx: Any) -> int:
    """What an operation may do at most: a small part of what reading the backlog takes."""
    return 5_000 if tx.for_update else 150_000


async def whole(tx: Any) -> None:
    """What must not happen."""
    await tx.rows("SELECT count(*) AS n FROM deliveries WHERE length(note) IS NULL")


def plan(**how: Any) -> Any:
    return partial(messages.plan, target="chat", token=1, now=LATER, limit=3, **how)


def steps_of_delivering() -> dict[str, Any]:
    digest = partial(digests, after=1, window=1, last={}, now=LATER, most=50)
    return {
        "lease": partial(leases.take, name="target:chat", owner="replica-1"),
        "look": partial(messages.has_work, target="chat", now=LATER),
        "look in quiet hours": partial(messages.has_work, target="chat", now=LATER, urgent=True),
        "next due": partial(messages.next_due, target="chat"),
        "supersede": partial(
            posts.supersede, target="chat", routes=["all"], thread_key=lambda route, result: None, now=LATER
        ),
        "supersede nothing": partial(
            posts.supersede, target="chat", routes=["other"], thread_key=lambda route, result: None, now=LATER
        ),
        "plan": plan(),
        "plan batches": plan(gather=partial(batches, size=10, now=LATER), look=30),
        "plan a digest": plan(gather=digest, look=50),
        "plan in quiet hours": plan(urgent=True),
        "plan what was never tried": plan(fresh_first=True),
    }


def steps_of_tidying() -> dict[str, Any]:
    return {
        "old events": partial(retention.old_events, before=LATER, now=LATER),
        "forget what waits": partial(retention.forget_events, event_ids=["e1", "e2"], before=LATER),
        "old keys": partial(retention.forget_seen, now=LATER),
        "old subjects": partial(retention.forget_subjects, before=LATER),
        "old posts": partial(retention.forget_posts, before=LATER),
        "cancel": partial(erasure.cancel_waiting, event_id="e3", now=LATER),
        "erase": partial(erasure.blank, event_id="e3", now=LATER),
        "erase texts": partial(erasure.wipe, event_id="e3"),
        "events": partial(events.waiting, sources=["qa"], limit=32),
    }


def test_no_step_reads_the_backlog(store_url):
    async def story(store):
        await store.write(backlog)
        await owning(store)
        done = {}
        for name, step in {"whole": whole, **steps_of_delivering(), **steps_of_tidying()}.items():

            async def measured(tx, step=step):
                return await work_of(tx, step), few(tx)

            done[name] = await store.write(measured)
        return done

    done = told(store_url, story)
    most = done.pop("whole")
    assert most[0] > most[1]  # the measure sees it when the backlog is read
    assert {name: work for name, (work, allowed) in done.items() if work > allowed} == {}
