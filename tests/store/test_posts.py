"""What stands at a target: kept under its keys, per target, and let go of when nothing took its place for long."""

from functools import partial

from bridge import clock
from bridge.editing import Post
from bridge.store import posts, retention
from tests.store.test_store import NOW, told

FIRST = Post("m1", "m1", "running", "none")
SECOND = Post("m2", "m1", "finished", "broke")


def test_a_post_is_found_by_its_keys_at_its_own_target_only(store_url):
    async def story(store):
        await store.write(partial(posts.save, target="qa", key="run:1", post=FIRST, now=NOW))
        await store.write(partial(posts.save, target="qa", key="subject:a", post=SECOND, now=NOW))
        await store.write(partial(posts.save, target="ops", key="run:1", post=SECOND, now=NOW))
        return await store.read(partial(posts.find, target="qa", keys=["run:1", "subject:a", "run:2"]))

    assert told(store_url, story) == {"run:1": FIRST, "subject:a": SECOND}


def test_a_later_post_takes_the_place_of_an_earlier_one(store_url):
    async def story(store):
        for post in (FIRST, SECOND):
            await store.write(partial(posts.save, target="qa", key="run:1", post=post, now=NOW))
        return await store.read(partial(posts.find, target="qa", keys=["run:1"]))

    assert told(store_url, story) == {"run:1": SECOND}


def test_posts_are_forgotten_by_the_age_of_their_last_change(store_url):
    async def story(store):
        await store.write(partial(posts.save, target="qa", key="old", post=FIRST, now=NOW))
        await store.write(partial(posts.save, target="qa", key="new", post=FIRST, now=NOW + clock.DAY))
        gone = await store.write(partial(retention.forget_posts, before=NOW + 1))
        return gone, await store.read(partial(posts.find, target="qa", keys=["old", "new"]))

    gone, left = told(store_url, story)
    assert gone == 1
    assert set(left) == {"new"}
