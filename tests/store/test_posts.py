"""What stands at a target: kept under its keys, per target, and let go of when nothing took its place for long."""

import asyncio
from functools import partial
from typing import Any

import pytest

from bridge import clock
from bridge.editing import Post
from bridge.gather import batches
from bridge.model import Delivery, Why
from bridge.store import deliveries, events, messages, posts, retention
from tests.store.test_store import NOW, hook, owning, told

FIRST = Post("m1", "m1", "running", "none")
SECOND = Post("m2", "m1", "finished", "broke")


def test_a_post_is_found_by_its_keys_at_its_own_target_only(store_url):
    async def story(store):
        await store.write(partial(posts.save, target="qa", key="run:1", post=FIRST, order_key=None, now=NOW))
        await store.write(partial(posts.save, target="qa", key="subject:a", post=SECOND, order_key=None, now=NOW))
        await store.write(partial(posts.save, target="ops", key="run:1", post=SECOND, order_key=None, now=NOW))
        return await store.read(partial(posts.find, target="qa", keys=["run:1", "subject:a", "run:2"]))

    assert told(store_url, story) == {"run:1": FIRST, "subject:a": SECOND}


def test_a_later_post_takes_the_place_of_an_earlier_one(store_url):
    async def story(store):
        for post in (FIRST, SECOND):
            await store.write(partial(posts.save, target="qa", key="run:1", post=post, order_key=None, now=NOW))
        return await store.read(partial(posts.find, target="qa", keys=["run:1"]))

    assert told(store_url, story) == {"run:1": SECOND}


def test_posts_are_forgotten_by_the_age_of_their_last_change(store_url):
    async def story(store):
        await store.write(partial(posts.save, target="qa", key="old", post=FIRST, order_key=None, now=NOW))
        await store.write(partial(posts.save, target="qa", key="new", post=FIRST, order_key=None, now=NOW + clock.DAY))
        gone = await store.write(partial(retention.forget_posts, before=NOW + 1))
        return gone, await store.read(partial(posts.find, target="qa", keys=["old", "new"]))

    gone, left = told(store_url, story)
    assert gone == 1
    assert set(left) == {"new"}


@pytest.mark.parametrize(("why", "closed"), [(Why.NEW, {"a"}), (Why.FALLBACK, {"a"}), (Why.REPLAY, set())])
def test_what_is_said_of_a_subject_below_a_post_closes_it_unless_it_is_said_again(store_url, why, closed):
    async def story(store):
        for key in ("a", "b"):
            await store.write(partial(posts.save, target="qa", key=key, post=SECOND, order_key=f"qa/{key}", now=NOW))
        await store.write(partial(posts.save, target="ops", key="a", post=SECOND, order_key="qa/a", now=NOW))
        receipt = await store.keep(hook())
        owed = [Delivery(receipt.id, "qa", "runs", "qa", why=why, order_key=key) for key in ("qa/a", "qa/c", None)]
        await store.write(partial(deliveries.add, event_id=receipt.id, owed=owed, now=NOW))
        token = await owning(store, "qa")
        planned = await store.write(
            partial(messages.plan, target="qa", token=token, limit=9, now=NOW, gather=partial(batches, size=3, now=NOW))
        )
        await store.write(partial(posts.cover, target="qa", message_id=planned.messages[0].id, now=NOW))
        here = await store.read(partial(posts.find, target="qa", keys=["a", "b"]))
        return here, await store.read(partial(posts.find, target="ops", keys=["a"]))

    here, elsewhere = told(store_url, story)
    assert {key for key, post in here.items() if post.closed} == closed
    assert elsewhere == {"a": SECOND}


async def owe(store, *subjects):
    """Owe an update of a run that goes on, of each subject."""
    for subject in subjects:
        receipt = await store.keep(hook(clock.uuid7(NOW).encode()))
        result = {"id": receipt.id, "state": "running", "attention": False, "history": {"transition": "none"}}
        owed = Delivery(result_id=receipt.id, source="qa", route="runs", target="qa", order_key=subject)

        async def dispatch(tx, receipt=receipt, result=result, owed=owed):
            await events.dispatched(tx, receipt.id, "t", [result], NOW)
            await deliveries.add(tx, receipt.id, [owed], NOW)

        await store.write(dispatch)


async def superseded(store, after=0):
    """Which deliveries are superseded, by number, and up to which seq they were compared."""
    drop = partial(posts.supersede, target="qa", routes=["runs"], thread_key=lambda *_: "run", now=NOW, after=after)
    compared = await store.write(drop)
    rows = await store.read(partial(deliveries.listed, limit=1_000))
    return [n for n, row in enumerate(rows[::-1]) if row["state"] == "superseded"], compared


def test_updates_are_compared_once_with_those_that_came_before_them(store_url):
    async def story(store):
        await owe(store, "a", "b", "a")
        first, compared = await superseded(store)
        await owe(store, "b")
        again, _ = await superseded(store, compared)
        return first, again

    assert told(store_url, story) == ([0], [0, 1])


def test_of_a_backlog_of_updates_only_so_many_are_read_at_a_time_and_all_in_the_end(store_url):
    async def story(store):
        await owe(store, *(["a"] * (posts.COMPARED_AT_ONCE + 50)))
        first, compared = await superseded(store)
        second, _ = await superseded(store, compared)
        return len(first), len(second)

    assert told(store_url, story) == (posts.COMPARED_AT_ONCE - 1, posts.COMPARED_AT_ONCE + 49)


def test_where_no_route_updates_nothing_is_asked_of_the_store():
    nobody: Any = None  # whatever is asked of it fails
    supersede = posts.supersede(nobody, "qa", (), lambda route, result: None, NOW)
    assert asyncio.run(supersede) == 0
