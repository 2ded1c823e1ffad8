"""What is let go of, in small steps, and what never is; what an erased event leaves; and that no look reads it all."""

from functools import partial
from typing import Any

import pytest

from bridge import clock
from bridge.store import deliveries, erasure, events, messages, retention, subjects
from bridge.store.selection import Wanted, listed, page
from tests.store.test_store import NOW, owing, owning, plan, told

SECRET = "a person's name"


def test_subjects_without_a_verdict_for_long_are_let_go_of_in_small_steps(store_url):
    async def story(store):
        for n in range(retention.STEP + 5):
            await store.write(partial(subjects.save, source="qa", key=str(n), state="{}", now=NOW + n))
        before = NOW + retention.STEP + 3
        steps = [await store.write(partial(retention.forget_subjects, before=before)) for _ in range(3)]
        left = await store.write(partial(subjects.load, source="qa", key=str(retention.STEP + 4)))
        return steps, left

    assert told(store_url, story) == ([retention.STEP, 3, 0], "{}")


def test_an_erased_event_keeps_its_ids_and_nothing_of_what_it_said(store_url):
    async def story(store):
        (event_id,) = await owing(store, "key")
        token = await owning(store)
        (message,) = await plan(store, token)
        busy = await erasure.erase(store, event_id, NOW)
        await store.write(
            partial(messages.dead, message=message, answer="refused_message", reason=SECRET, began=NOW, now=NOW)
        )
        done = await erasure.erase(store, event_id, NOW)
        event = await store.read(partial(events.find, event_id=event_id))
        (delivery,) = await store.read(partial(listed, wanted=Wanted(), limit=9))
        attempts = await store.read(partial(deliveries.attempts, message_id=message.id))
        replayed = await store.write(partial(events.replay, event_id=event_id))
        return busy, done, event, delivery, attempts, replayed

    busy, done, event, delivery, attempts, replayed = told(store_url, story)
    assert (busy, done, replayed) == (False, True, False)
    assert (event["body"], event["results"], event["headers"]) == (b"", "[]", "{}")
    assert (delivery["state"], delivery["event_id"]) == ("dead", event["id"])
    assert [attempt["answer"] for attempt in attempts] == ["refused_message"]
    assert SECRET not in repr((event, delivery, attempts))


def test_what_waits_of_an_erased_event_is_sent_no_more(store_url):
    async def story(store):
        first, _ = await owing(store, "a", "b")
        await erasure.erase(store, first, NOW)
        planned = await plan(store, await owning(store))
        unknown = await erasure.erase(store, "nothing", NOW)
        return len(planned), unknown

    assert told(store_url, story) == (1, None)


LOOKS: dict[str, tuple[Any, set[str]]] = {
    "has_work": (partial(messages.has_work, target="chat", now=NOW), {"deliveries", "messages"}),
    "next_due": (partial(messages.next_due, target="chat"), {"messages"}),
    "owed": (deliveries.owed, {"deliveries", "messages"}),
    "waiting events": (partial(events.waiting, sources=["qa"], limit=32), {"events"}),
    "dead letters": (partial(page, wanted=Wanted(state="dead"), after=0, last=1 << 40, limit=100), {"deliveries"}),
    "old keys": (partial(retention.forget_seen, now=NOW), {"seen"}),
    "old subjects": (partial(retention.forget_subjects, before=NOW - clock.DAY), {"subjects"}),
}


class Explaining:
    """A transaction that tells the plan of each query that it is asked."""

    def __init__(self, tx, prefix):
        self._tx, self._prefix, self.plans = tx, prefix, []
        self.for_update = tx.for_update

    async def rows(self, sql, *values):
        self.plans.append("\n".join(str(list(dict(row).values())) for row in await self._explained(sql, values)))
        return []

    async def run(self, sql, *values):
        await self.rows(sql, *values)
        return 0

    async def _explained(self, sql, values):
        return await self._tx.rows(f"{self._prefix} {sql}", *values)


@pytest.mark.parametrize("look", LOOKS)
def test_no_look_reads_a_whole_table(store_url, look):
    operation, tables = LOOKS[look]
    sqlite = store_url.startswith("sqlite")

    async def explain(tx):
        if not sqlite:  # of an empty table it would read all, for there is nothing to read
            await tx.run("SET LOCAL enable_seqscan = off")
        explaining = Explaining(tx, "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN")
        await operation(explaining)
        return explaining.plans

    plans = told(store_url, lambda store: store.write(explain))
    assert plans
    for line in "\n".join(plans).splitlines():
        for table in tables:
            whole = f"SCAN {table}" in line and "USING" not in line if sqlite else f"Seq Scan on {table}" in line
            assert not whole, line
