"""However much waits, and however much was ever sent: delivering asks the database only what an index answers, and so
does letting go of what is old.
"""

import asyncio
import re
from functools import partial
from typing import Any

import pytest

from bridge.gather import batches, digests
from bridge.model import Delivery, Verification, Verified
from bridge.store import (
    deliveries,
    erasure,
    events,
    leases,
    members,
    messages,
    open_store,
    posts,
    refusals,
    retention,
)
from bridge.store.forming import MOST_SEEN, PAGE

NOW = 1_773_489_600_000_000
TABLES = "events|deliveries|messages|attempts|targets|leases|posts|seen|subjects|refused"
WHOLE = {
    "sqlite": re.compile(rf"SCAN ({TABLES})\b(?!.* USING )"),
    "postgres": re.compile(rf"Seq Scan on ({TABLES})\b"),
}
"""How each database says that it reads a whole table."""


class Explained:
    """A transaction that has each statement explained before it is run; `whole` are those that read a whole table."""

    def __init__(self, tx: Any, kind: str, whole: list[str]) -> None:
        self._tx, self._kind, self._whole = tx, kind, whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def rows(self, sql: str, *values: Any) -> Any:
        await self._explain(sql, values)
        return await self._tx.rows(sql, *values)

    async def run(self, sql: str, *values: Any) -> Any:
        await self._explain(sql, values)
        return await self._tx.run(sql, *values)

    async def run_many(self, sql: str, values: Any) -> Any:
        for row in values[:1]:
            await self._explain(sql, row)
        return await self._tx.run_many(sql, values)

    async def _explain(self, sql: str, values: Any) -> None:
        if self._kind == "sqlite":
            steps = [row["detail"] for row in await self._tx.rows(f"EXPLAIN QUERY PLAN {sql}", *values)]
        else:
            await self._tx.run("SET LOCAL enable_seqscan = off")  # so that it is taken only where there is no other way
            steps = [row["QUERY PLAN"] for row in await self._tx.rows(f"EXPLAIN {sql}", *values)]
        self._whole += [f"{step.strip()}: {' '.join(sql.split())}" for step in steps if WHOLE[self._kind].search(step)]


async def owing(store: Any, count: int) -> None:
    """Owe so many deliveries to `chat`."""
    for n in range(count):
        hook = Verified("qa", "autosana", NOW, {}, b"{}", Verification("none", False), b"%032d" % n, NOW, True)
        receipt = await store.keep(hook)
        owed = [Delivery(receipt.id, "qa", "all", "chat", order_key=f"key-{n % 20}")]
        await store.write(partial(events.dispatched, event_id=receipt.id, kind="t", results=[], now=NOW))
        await store.write(partial(deliveries.add, event_id=receipt.id, owed=owed, now=NOW))


class Counted(Explained):
    """A transaction that counts the deliveries that are looked at."""

    seen = 0

    async def rows(self, sql: str, *values: Any) -> Any:
        rows = await self._tx.rows(sql, *values)
        self.seen += len(rows) if "FROM deliveries" in sql else 0
        return rows

    async def run_many(self, sql: str, values: Any) -> Any:
        return await self._tx.run_many(sql, values)

    async def run(self, sql: str, *values: Any) -> Any:
        return await self._tx.run(sql, *values)


def test_what_waits_behind_a_retry_of_its_subject_is_not_read_again_and_again(store_url):
    """However much of one subject waits, what is behind it is soon come to, and then each plan reads little."""
    many = 3 * MOST_SEEN

    async def story() -> None:
        store = await open_store(store_url, exclusive=True)
        keys = ["stuck"] * (many + 1) + ["free"]
        passed: Any = None
        on_way: list[Any] = []

        async def look(now: int) -> tuple[list[str], int]:
            nonlocal passed

            async def plan(tx: Any) -> tuple[Any, int]:
                counted = Counted(tx, "", [])
                planned: Any = await messages.plan(counted, "chat", token, 9, now, look=9, on_way=on_way, passed=passed)
                return planned, counted.seen

            planned, seen = await store.write(plan)
            passed = planned.passed
            on_way.extend(planned.messages)
            return [key for one in planned.messages for key in one.order_keys], seen

        try:
            receipt = await store.keep(
                Verified("qa", "autosana", NOW, {}, b"{}", Verification("none", False), b"%032d" % 1, NOW, True)
            )
            owed = [Delivery(receipt.id, "qa", "all", "chat", order_key=key) for key in keys]
            await store.write(partial(deliveries.add, event_id=receipt.id, owed=owed, now=NOW))
            token: Any = await store.write(partial(leases.take, name="target:chat", owner="one"))
            first: Any = await store.write(partial(messages.plan, target="chat", token=token, limit=1, now=NOW))
            again: Any = partial(messages.again, answer="retry", reason="503", began=NOW, now=NOW, next_at=NOW + 9)
            await store.write(partial(again, message=first.messages[0]))

            looks = [await look(NOW) for _ in range(4)]
            assert [found for found, _ in looks] == [[], [], [], ["free"]]
            assert max(seen for _, seen in looks) <= MOST_SEEN + PAGE
            assert await look(NOW) == ([], 0)
            assert set((await look(NOW + 9))[0]) == {"stuck"}
        finally:
            await store.close()

    asyncio.run(story())


def test_what_waits_is_found_by_the_index_of_what_waits_and_not_among_all_that_ever_came(store_url):
    kind = "sqlite" if store_url.startswith("sqlite") else "postgres"

    async def story() -> list[str]:
        store = await open_store(store_url, exclusive=True)
        steps: list[str] = []

        class Told(Explained):
            async def rows(self, sql: str, *values: Any) -> Any:
                if kind == "postgres":
                    await self._tx.run("SET LOCAL enable_seqscan = off")
                how = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
                steps.extend(str(dict(row)) for row in await self._tx.rows(f"{how} {sql}", *values))
                return await self._tx.rows(sql, *values)

        try:
            await owing(store, 300)
            await store.write(lambda tx: events.waiting(Told(tx, kind, []), sources=["qa", "ci"], limit=9))
            await store.write(lambda tx: events.waiting_since(Told(tx, kind, []), sources=["qa", "ci"]))
            await store.write(lambda tx: deliveries.owed(Told(tx, kind, [])))
        finally:
            await store.close()
        return steps

    told = "\n".join(asyncio.run(story()))
    assert "events_waiting" in told
    assert "deliveries_owed" in told
    assert "events_by_source" not in told
    assert "deliveries_by_message" not in told


@pytest.mark.parametrize("urgent", [False, True])
def test_no_step_of_delivering_reads_a_whole_table(store_url, urgent):
    kind = "sqlite" if store_url.startswith("sqlite") else "postgres"
    whole: list[str] = []

    async def story() -> None:
        store = await open_store(store_url, exclusive=True)

        def write(operation: Any, **named: Any) -> Any:
            return store.write(lambda tx: operation(Explained(tx, kind, whole), **named))

        try:
            await owing(store, 24)
            token = await write(leases.take, name="target:chat", owner="one")
            updates = {"routes": ["all"], "thread_key": lambda route, result: None, "now": NOW}
            await write(posts.supersede, target="chat", **updates)
            await write(posts.find, target="chat", keys=["run:1"])
            await write(posts.cover, target="chat", message_id="m", now=NOW)
            plan = partial(write, messages.plan, target="chat", token=token, now=NOW, look=50)
            digest = partial(digests, after=1, window=1, last={}, now=NOW, most=50)
            batched = (await plan(limit=2, gather=partial(batches, size=4, now=NOW))).messages
            single = (await plan(limit=3, on_way=batched)).messages
            ended: dict[str, Any] = {"began": NOW, "now": NOW}
            await write(members.of, message_ids=[one.id for one in batched], limit=3)
            await write(messages.halve, message=batched[0], answer="refused_message", reason="413", **ended)
            await write(messages.again, message=batched[1], answer="retry", reason="503", next_at=NOW, **ended)
            for one, operation in zip(single, (messages.sent, messages.dead, messages.put_back), strict=False):
                more: dict[str, Any] = {"answer": "refused_message", "reason": "422", **ended}
                if operation is messages.sent:
                    more = {"external_id": "42", **ended}
                if operation is messages.put_back:
                    more = {"next_at": NOW}
                await write(operation, message=one, **more)
            await plan(limit=9, gather=digest, urgent=urgent, alone=True, fresh_first=urgent)
            await plan(limit=9, gather=digest, alone=True)  # whatever was begun is an orphan now
            await write(messages.has_work, target="chat", now=NOW, urgent=urgent)
            await write(messages.next_due, target="chat", urgent=urgent)
            (row, *_) = await store.read(partial(deliveries.listed, state="dead"))
            await write(deliveries.attempts, message_id=row["message_id"])
            await write(deliveries.listed, message_id=row["message_id"])
            await write(deliveries.replay, delivery_id=row["id"], to=None, now=NOW)
            await write(deliveries.owed)
            old = await write(retention.old_events, before=NOW + 1, now=NOW)
            assert await write(retention.forget_events, event_ids=old.ids, before=NOW + 1)
            for forget in (refusals.forget, retention.forget_subjects, retention.forget_posts):
                await write(forget, before=NOW)
            await write(retention.forget_seen, now=NOW)
            await write(erasure.cancel_waiting, event_id=row["event_id"], now=NOW)
            await write(erasure.blank, event_id=row["event_id"], now=NOW)
            await write(erasure.wipe, event_id=row["event_id"])
        finally:
            await store.close()

    asyncio.run(story())
    assert whole == []
