"""Nothing grows without bound: far in the future all is gone but what each source and target has one row of."""

from functools import partial
from typing import Any

from bridge import clock
from bridge.editing import Post
from bridge.gather import batches
from bridge.model import Refusal
from bridge.store import (
    deliveries,
    expected,
    messages,
    posts,
    refusals,
    retention,
    secret_uses,
    seen,
    subjects,
    targets,
)
from bridge.store.tidy import SECRETS_KEPT, SUBJECTS_KEPT, tidy
from tests.store.test_store import NOW, hook, owing, owning, plan, told

FAR = NOW + SECRETS_KEPT + SUBJECTS_KEPT
STAYS = {"expected", "leases", "refusals", "schema_version", "targets"}
"""One row for each source or target that ever was (and reason of a refusal): as many as configurations name."""


async def counts(tx: Any) -> dict[str, int]:
    """How many rows each table has."""
    if tx.for_update:
        found = await tx.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    else:
        found = await tx.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        )
    names = [row["name"] for row in found]
    return {name: (await tx.rows(f"SELECT count(*) AS n FROM {name}"))[0]["n"] for name in names}


async def lived(store):
    """Put something into every table; all that was owed was sent, died or was let go of."""
    await owing(store, "a", "a", "b", None, "c", "d")
    token = await owning(store)
    one, several = await plan(store, token, limit=2, look=9, gather=partial(batches, size=3, now=NOW))
    ended: dict[str, Any] = {"began": NOW, "now": NOW}
    await store.write(partial(messages.sent, message=one, external_id="1", **ended))
    await store.write(partial(messages.halve, message=several, answer="refused_message", reason="413", **ended))
    for half in await plan(store, token):
        await store.write(partial(messages.again, message=half, answer="retry", reason="503", next_at=NOW, **ended))
    for half in await plan(store, token):
        await store.write(partial(messages.dead, message=half, answer="refused_message", reason="422", **ended))
    (row, *_) = await store.read(partial(deliveries.listed, state="dead"))
    new_id = await store.write(partial(deliveries.replay, delivery_id=row["id"], to=None, now=NOW))
    await store.write(partial(deliveries.cancel, delivery_id=new_id, reason="no", now=NOW))
    await store.write(partial(subjects.save, source="qa", key="s", state="{}", now=NOW))
    await store.write(
        partial(posts.save, target="chat", key="s", post=Post("1", "1", "finished", "broke"), order_key=None, now=NOW)
    )
    await store.write(partial(targets.pause, name="chat", reason="no", now=NOW))
    await store.write(partial(expected.change, begin=["qa"], end=[], now=NOW))
    await store.write(partial(secret_uses.note, uses=[("qa", "f", NOW)]))
    refused = Refusal("r", "qa", NOW, "malformed", "detail", "POST", None, (), b"", 0, False)
    await store.write(partial(refusals.add, counts={("qa", "malformed"): (1, "")}, last=[refused], now=NOW))
    await store.write(partial(seen.claim, source="#own", key=b"k", event_id="e", now=NOW, until=NOW + 1))


def test_far_in_the_future_all_is_gone_but_what_there_is_one_of(store_url):
    async def story(store):
        await lived(store)
        before = await store.read(counts)
        await tidy(store, clock.DAY, FAR)
        return before, await store.read(counts)

    before, after = told(store_url, story)
    assert {name for name, count in before.items() if count == 0} == set()
    assert {name for name, count in after.items() if count > 0} == STAYS
    assert {after[name] for name in STAYS} == {1}


def test_what_still_waits_is_kept_however_old_it_is(store_url):
    async def story(store):
        await owing(store, "a")
        await store.keep(hook(b"never dispatched"))
        await tidy(store, clock.DAY, FAR)
        return await store.read(counts)

    after = told(store_url, story)
    assert (after["events"], after["deliveries"]) == (2, 1)


def test_more_than_one_step_of_everything_is_let_go_of(store_url):
    many = retention.STEP + 5

    async def story(store):
        await owing(store, *(str(n) for n in range(retention.PAGE + 5)))
        while await store.read(partial(messages.has_work, target="chat", now=NOW)):
            for message in await plan(store, await owning(store), limit=100):
                await store.write(partial(messages.sent, message=message, external_id=None, began=NOW, now=NOW))
        await store.write(partial(secret_uses.note, uses=[("qa", str(n), NOW) for n in range(many)]))
        refused = [
            Refusal(f"r{n}", f"s{n}", NOW, "malformed", "", "POST", None, (), b"", 0, False) for n in range(many)
        ]
        await store.write(partial(refusals.add, counts={}, last=refused, now=NOW))
        await tidy(store, clock.DAY, FAR)
        return await store.read(counts)

    after = told(store_url, story)
    assert {name for name, count in after.items() if count > 0} == {"leases", "schema_version"}
