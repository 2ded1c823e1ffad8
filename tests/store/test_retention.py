"""What is let go of, in small steps, and what never is; what an erased event leaves; and that no look reads it all."""

from functools import partial
from typing import Any

import pytest

from bridge import clock
from bridge.gather import batches
from bridge.model import Verification
from bridge.store import deliveries, erasure, events, messages, retention, subjects
from bridge.store.selection import Wanted, listed, page
from tests.store.test_store import NOW, owing, owning, plan, told
from tests.store.test_tidy import counts

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


async def crowd(tx, count):
    """Owe `count` results of one event to `chat`, all dead: each in a message of its own, after two attempts."""
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"
    await tx.run(
        f"""INSERT INTO deliveries (id, event_id, result_id, source, route, target, also, mention, why, state, reason,
                                    message_id, created_at)
            {numbers} SELECT 'd' || i, $2, 'r', 'qa', 'all', 'chat', '[]', false, 'new', 'dead', $3, 'm' || i, $4
            FROM n""",
        count,
        "crowd",
        SECRET,
        NOW,
    )
    await tx.run(
        f"""INSERT INTO messages (id, target, state, next_at, attempts, unknowns, created_at, token, reason)
            {numbers} SELECT 'm' || i, 'chat', 'dead', $2, 2, 0, $2, 1, $3 FROM n""",
        count,
        NOW,
        SECRET,
    )
    for number in (1, 2):
        await tx.run(
            f"""INSERT INTO attempts (message_id, number, began_at, ended_at, answer, reason)
                {numbers} SELECT 'm' || i, $2, $3, $3, 'retry', $4 FROM n""",
            count,
            number,
            NOW,
            SECRET,
        )
    await events.add(tx, "crowd", "qa", "autosana", SECRET.encode(), Verification("none", False), NOW)
    await events.dispatched(tx, "crowd", "t", [{"id": "r", "title": SECRET}], NOW)


def test_one_event_with_many_deliveries_is_forgotten_in_steps_of_rows(store_url):
    forget = partial(retention.forget_events, event_ids=["crowd"], before=NOW + 1)

    async def story(store):
        await store.write(partial(crowd, count=300))
        steps: list[int] = []
        while not steps or steps[-1] >= retention.STEP:
            before = sum((await store.read(counts)).values())
            steps.append(await store.write(forget))
            assert before - sum((await store.read(counts)).values()) == steps[-1]
        return steps, await store.read(counts)

    steps, left = told(store_url, story)
    assert steps == [retention.STEP] * 6 + [1]
    assert {name for name, count in left.items() if count} == {"schema_version"}


def test_what_is_replayed_between_two_steps_is_kept_and_the_rest_goes_later(store_url):
    forget = partial(retention.forget_events, event_ids=["crowd"], before=NOW + 1)

    async def story(store):
        await store.write(partial(crowd, count=100))
        first = await store.write(forget)
        new_id = await store.write(partial(deliveries.replay, delivery_id="d1", to=None, now=NOW))
        stopped = await store.write(forget)
        found = await store.read(partial(retention.old_events, before=NOW + 1, now=NOW))
        await store.write(partial(deliveries.cancel, delivery_id=new_id, reason="no", now=NOW))
        again = await store.read(partial(retention.old_events, before=NOW + 1, now=NOW))
        rest = [await store.write(forget) for _ in range(2)]
        return first, stopped, found.ids, again.ids, rest

    first, stopped, found, again, rest = told(store_url, story)
    assert (first, stopped, found, again) == (retention.STEP, 0, [], ["crowd"])
    assert rest == [retention.STEP, 2]


def test_a_message_is_forgotten_with_the_last_event_that_it_tells_of(store_url):
    async def story(store):
        first, second, _ = await owing(store, "a", "b", "c")
        token = await owning(store)
        (message,) = await plan(store, token, look=9, gather=partial(batches, size=3, now=NOW))
        await store.write(partial(messages.sent, message=message, external_id=None, began=NOW, now=NOW))
        left = []
        for ids in ([first], [second], [row["event_id"] for row in await store.read(deliveries.listed)]):
            await store.write(partial(retention.forget_events, event_ids=ids, before=NOW + 1))
            found = await store.read(counts)
            left.append((found["deliveries"], found["messages"], found["attempts"]))
        return left

    assert told(store_url, story) == [(2, 1, 1), (1, 1, 1), (0, 0, 0)]


def test_events_are_looked_through_until_a_page_of_only_young_ones(store_url):
    old, young, ahead = NOW - clock.DAY, NOW, NOW + clock.DAY
    received = [old, *[ahead] * retention.PAGE, old, *[young] * retention.PAGE * 2, old]

    async def story(store):
        for n, at in enumerate(received):
            await store.write(
                partial(
                    events.add,
                    event_id=str(n),
                    source="qa",
                    vendor="v",
                    body=b"",
                    verification=Verification("none", False),
                    now=at,
                )
            )
            await store.write(partial(events.dispatched, event_id=str(n), kind="t", results=[], now=at))
        found, after = [], -1
        while after is not None:
            page = await store.read(partial(retention.old_events, before=NOW, now=NOW, after=after))
            found.append(page.ids)
            after = page.after
        return found

    assert told(store_url, story) == [["0"], [str(retention.PAGE + 1)], []]


def test_an_event_with_many_deliveries_is_erased_in_steps_and_nothing_of_it_is_left(store_url):
    tables = ("events", "deliveries", "messages", "attempts")

    async def everything(tx):
        return repr([dict(row) for table in tables for row in await tx.rows(f"SELECT * FROM {table}")])

    async def story(store):
        await store.write(partial(crowd, count=150))
        first = await store.write(partial(erasure.wipe, event_id="crowd"))
        before = await store.read(everything)
        done = await erasure.erase(store, "crowd", NOW)
        return first, before.count("person"), done, await store.read(everything)

    first, left, done, everything_after = told(store_url, story)
    # 150 deliveries, their messages and twice as many attempts, and the event's body and results
    assert first is not None
    assert left == 150 * 4 + 2 - retention.STEP
    assert done is True
    assert "person" not in everything_after


def test_what_waits_in_a_message_with_others_stays_in_it_when_its_event_is_erased(store_url):
    async def story(store):
        first, _ = await owing(store, "a", "b")
        token = await owning(store)
        (message,) = await plan(store, token, look=9, gather=partial(batches, size=2, now=NOW))
        busy = await erasure.erase(store, first, NOW)
        await store.write(
            partial(messages.again, message=message, answer="retry", reason=SECRET, began=NOW, now=NOW, next_at=NOW)
        )
        done = await erasure.erase(store, first, NOW)
        (again,) = await plan(store, token)
        return busy, done, [bool(member.result) for member in again.members]

    assert told(store_url, story) == (False, True, [False, True])


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
