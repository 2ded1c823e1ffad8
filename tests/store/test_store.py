"""The store's promises, the same for both engines."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from bridge import clock
from bridge.errors import StoreRefused
from bridge.model import Delivery, Refusal, Status, Verification, Verified, Why
from bridge.store import Store, deliveries, events, leases, members, messages, open_store, refusals, subjects, targets

NOW = 1_773_489_600_000_000
OWNER = "replica-1"
PAIRS = (("qa", "malformed"), ("qa", "too_old"), ("ci", "malformed"))
VERIFIED = Verification("hmac-sha256", True, 1)


def hook(body: bytes = b"{}", *, source: str = "qa", key: bytes | None = None, **changes: Any) -> Verified:
    made = Verified(
        source=source,
        vendor="autosana",
        received_at=NOW,
        headers={"content-type": "application/json"},
        body=body,
        verification=VERIFIED,
        dedupe_key=(key or body).ljust(32, b"\0")[:32],
        dedupe_until=NOW + clock.DAY,
    )
    return replace(made, **changes)


def told(url: str, story: Callable[[Store], Awaitable[Any]]) -> Any:
    """Run a story on a freshly opened store, and close it."""

    async def run() -> Any:
        store = await open_store(url, exclusive=True)
        try:
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def owing(store: Store, *keys: str | None, target: str = "chat") -> list[str]:
    """Owe one delivery for each order key; returns their result ids."""
    ids = []
    for n, key in enumerate(keys):
        receipt = await store.keep(hook(f"{key}-{n}".encode()))
        owed = Delivery(result_id=receipt.id, source="qa", route="all", target=target, order_key=key)

        async def dispatch(tx, receipt=receipt, owed=owed):
            await events.dispatched(tx, receipt.id, "t", [{"id": receipt.id, "title": receipt.id}], NOW)
            await deliveries.add(tx, receipt.id, [owed], NOW)

        await store.write(dispatch)
        ids.append(receipt.id)
    return ids


async def owning(store: Store, target: str = "chat", owner: str = OWNER) -> int:
    token = await store.write(partial(leases.take, name=f"target:{target}", owner=owner))
    assert token is not None
    return token


async def plan(store: Store, token: int, *, now: int = NOW, limit: int = 10, **how: Any) -> Any:
    """Messages that are begun, with their members; null where the lease is lost."""
    operation: Any = partial(messages.plan, target="chat", token=token, limit=limit, now=now, **how)
    planned = await store.write(operation)
    if planned is None:
        return None
    found, _ = await store.read(partial(members.of, message_ids=[message.id for message in planned.messages]))
    return [replace(message, members=tuple(found[message.id])) for message in planned.messages]


# ------------------------------------------------------------------------------------------------ custody


def test_a_kept_hook_comes_back_byte_for_byte(store_url):
    body = bytes(range(256)) * 3

    async def story(store):
        receipt = await store.keep(hook(body))
        (event,) = await store.read(partial(events.waiting, sources=["qa", "other"], limit=10))
        return receipt, event

    receipt, event = told(store_url, story)
    assert receipt.status is Status.ACCEPTED
    assert (event.id, event.body, event.verification, event.is_test) == (receipt.id, body, VERIFIED, False)
    assert event.headers == {"content-type": "application/json"}


def test_what_was_kept_is_there_after_a_restart(store_url):
    receipt = told(store_url, lambda store: store.keep(hook()))
    waiting = told(store_url, lambda store: store.read(partial(events.waiting, sources=["qa", "other"], limit=10)))
    assert [event.id for event in waiting] == [receipt.id]


def test_many_hooks_at_once_are_all_kept(store_url):
    async def story(store):
        await asyncio.gather(*(store.keep(hook(f"{n}".encode())) for n in range(700)))
        return await store.read(partial(events.waiting, sources=["qa"], limit=1000))

    assert {event.body for event in told(store_url, story)} == {f"{n}".encode() for n in range(700)}


def test_what_was_kept_first_is_dispatched_first(store_url):
    async def story(store):
        for n in range(20):
            await store.keep(hook(f"{n}".encode(), received_at=NOW - n))
        return await store.read(partial(events.waiting, sources=["qa"], limit=1000))

    assert [event.body for event in told(store_url, story)] == [f"{n}".encode() for n in range(20)]


def test_events_of_other_sources_are_left_waiting(store_url):
    async def story(store):
        await store.keep(hook(source="gone"))
        return await store.read(partial(events.waiting, sources=["qa"], limit=9))

    assert told(store_url, story) == []


def test_a_second_copy_is_a_duplicate_that_names_the_first(store_url):
    async def story(store):
        return [await store.keep(hook()), await store.keep(hook())]

    first, second = told(store_url, story)
    assert (second.id, second.status) == (first.id, Status.DUPLICATE)


def test_of_copies_that_come_together_exactly_one_is_kept(store_url):
    async def story(store):
        receipts = await asyncio.gather(*(store.keep(hook()) for _ in range(50)))
        return receipts, await store.read(partial(events.waiting, sources=["qa", "other"], limit=10))

    receipts, kept = told(store_url, story)
    assert [receipt.status for receipt in receipts].count(Status.ACCEPTED) == 1
    assert {receipt.id for receipt in receipts} == {event.id for event in kept}


@pytest.mark.parametrize(
    ("why", "second"),
    [
        ("another source", hook(source="other")),
        ("an unverified hook is never a verified one's copy", hook(verification=Verification("none", False))),
        ("the window is over", hook(received_at=NOW + clock.DAY, dedupe_until=NOW + 2 * clock.DAY)),
        ("a sample that we sent ourselves", hook(is_test=True)),
    ],
)
def test_not_a_duplicate(store_url, why, second):
    async def story(store):
        return [await store.keep(hook()), await store.keep(second)]

    receipts = told(store_url, story)
    assert [receipt.status for receipt in receipts] == [Status.ACCEPTED, Status.ACCEPTED], why


def test_a_test_sample_makes_no_later_hook_a_duplicate(store_url):
    async def story(store):
        await store.keep(hook(is_test=True))
        return await store.keep(hook())

    assert told(store_url, story).status is Status.ACCEPTED


def test_a_failed_operation_undoes_itself_and_nothing_else(store_url):
    async def broken(tx):
        await subjects.save(tx, "qa", "broken", "{}", NOW)
        raise ValueError("no")

    async def story(store):
        kept = asyncio.create_task(store.keep(hook()))
        with pytest.raises(ValueError, match="no"):
            await store.write(broken)
        assert (await kept).status is Status.ACCEPTED
        return await store.write(partial(subjects.load, source="qa", key="broken"))

    assert told(store_url, story) is None


# ------------------------------------------------------------------------------------------------ dispatch


def test_an_event_is_dispatched_once(store_url):
    async def story(store):
        receipt = await store.keep(hook())
        done = partial(events.dispatched, event_id=receipt.id, kind="t", results=[], now=NOW)
        return (
            await store.write(done),
            await store.write(done),
            await store.read(partial(events.waiting, sources=["qa"], limit=9)),
        )

    assert told(store_url, story) == (True, False, [])


def test_a_replayed_event_is_dispatched_again_and_says_so(store_url):
    async def story(store):
        receipt = await store.keep(hook())
        await store.write(partial(events.dispatched, event_id=receipt.id, kind="t", results=[{"id": "x"}], now=NOW))
        assert await store.write(partial(events.replay, event_id=receipt.id))
        (event,) = await store.read(partial(events.waiting, sources=["qa"], limit=9))
        return event.is_replay, await store.read(partial(events.results, event_id=receipt.id))

    assert told(store_url, story) == (True, [{"id": "x"}])


def test_a_subject_is_remembered(store_url):
    async def story(store):
        await store.write(partial(subjects.save, source="qa", key="a", state="1", now=NOW))
        await store.write(partial(subjects.save, source="qa", key="a", state="2", now=NOW))
        return [await store.write(partial(subjects.load, source=s, key="a")) for s in ("qa", "other")]

    assert told(store_url, story) == ["2", None]


# ------------------------------------------------------------------------------------------------ delivery


def test_owed_deliveries_are_planned_in_order_with_their_results(store_url):
    async def story(store):
        ids = await owing(store, "a", "b", None)
        return ids, await plan(store, await owning(store))

    ids, planned = told(store_url, story)
    assert [message.members[0].result["id"] for message in planned] == ids
    assert [(message.attempts, message.members[0].why) for message in planned] == [(0, Why.NEW)] * 3


def test_a_plan_takes_no_more_than_asked_and_nothing_twice(store_url):
    async def story(store):
        ids = await owing(store, None, None, None)
        token, plans = await owning(store), []
        for _ in range(3):
            planned = await plan(store, token, limit=2)
            for message in planned:
                await store.write(partial(messages.sent, message=message, external_id=None, began=NOW, now=NOW))
            plans.append([message.members[0].result["id"] for message in planned])
        return ids, plans

    ids, plans = told(store_url, story)
    assert plans == [ids[:2], ids[2:], []]


def test_a_later_message_of_the_same_key_waits_for_the_earlier_and_others_go_on(store_url):
    async def story(store):
        ids = await owing(store, "a", "a", "b", "a")
        token = await owning(store)
        (first,) = await plan(store, token, limit=1)
        await store.write(
            partial(messages.again, message=first, answer="retry", reason="500", began=NOW, now=NOW, next_at=NOW + 9)
        )
        others = await plan(store, token)
        for message in others:
            await store.write(partial(messages.sent, message=message, external_id=None, began=NOW, now=NOW))
        later = await plan(store, token, now=NOW + 9)
        return ids, others, later

    ids, others, later = told(store_url, story)
    assert [message.members[0].result["id"] for message in others] == [ids[2]]
    assert [message.members[0].result["id"] for message in later] == [ids[0], ids[1], ids[3]]
    assert later[0].attempts == 1


def test_a_sent_message_is_done_and_its_attempt_recorded(store_url):
    async def story(store):
        await owing(store, "a")
        (message,) = await plan(store, await owning(store))
        assert await store.write(partial(messages.sent, message=message, external_id="42", began=NOW, now=NOW + 5))
        (delivery,) = await store.read(deliveries.listed)
        return delivery, await store.read(partial(deliveries.attempts, message_id=message.id))

    delivery, (attempt,) = told(store_url, story)
    assert (delivery["state"], delivery["external_id"], delivery["attempts"]) == ("sent", "42", 1)
    assert (attempt["answer"], attempt["began_at"], attempt["ended_at"]) == ("sent", NOW, NOW + 5)


def test_a_dead_message_carries_its_reason_to_the_delivery(store_url):
    async def story(store):
        await owing(store, "a")
        (message,) = await plan(store, await owning(store))
        await store.write(
            partial(
                messages.dead, message=message, answer="refused_message", reason="invalid_blocks", began=NOW, now=NOW
            )
        )
        return await store.read(partial(deliveries.listed, state="dead")), await store.read(deliveries.owed)

    (delivery,), owed = told(store_url, story)
    assert (delivery["reason"], owed) == ("invalid_blocks", {})


def test_an_attempt_begun_and_never_recorded_is_tried_again_by_the_next_owner(store_url):
    async def story(store):
        await owing(store, "a")
        token = await owning(store)
        (message,) = await plan(store, token)
        await store.write(partial(leases.release, owner=OWNER))
        new_token = await owning(store, owner="replica-2")
        assert new_token > token
        (again,) = await plan(store, new_token)
        return message, again, await store.read(partial(deliveries.attempts, message_id=message.id))

    message, again, attempts = told(store_url, story)
    assert (again.id, again.attempts) == (message.id, 1)
    assert [attempt["answer"] for attempt in attempts] == ["interrupted"]


def test_what_an_old_owner_still_writes_is_refused(store_url):
    async def story(store):
        await owing(store, "a")
        token = await owning(store)
        (message,) = await plan(store, token)
        await store.write(partial(leases.release, owner=OWNER))
        await plan(store, await owning(store, owner="replica-2"))
        late = await store.write(partial(messages.sent, message=message, external_id=None, began=NOW, now=NOW))
        return late, await plan(store, token)

    assert told(store_url, story) == (False, None)


def test_a_message_put_back_was_never_begun(store_url):
    async def story(store):
        await owing(store, "a")
        token = await owning(store)
        (message,) = await plan(store, token)
        await store.write(partial(messages.put_back, message=message, next_at=NOW))
        (again,) = await plan(store, token)
        return again.attempts, await store.read(partial(messages.next_due, target="chat"))

    assert told(store_url, story) == (0, None)


def test_thousands_of_blocked_deliveries_do_not_hide_a_free_one(store_url):
    async def story(store):
        token = await owning(store)
        await owing(store, "a")
        (first,) = await plan(store, token)
        await store.write(
            partial(messages.again, message=first, answer="retry", reason="500", began=NOW, now=NOW, next_at=NOW + 99)
        )
        receipt = await store.keep(hook(b"many"))
        blocked = Delivery(result_id=receipt.id, source="qa", route="all", target="chat", order_key="a")
        owed = [*[blocked] * 500, replace(blocked, order_key="free")]
        await store.write(partial(deliveries.add, event_id=receipt.id, owed=owed, now=NOW))
        return [message.id for message in await plan(store, token)], first.id

    planned, first = told(store_url, story)
    assert len(planned) == 1
    assert first not in planned


# ------------------------------------------------------------------------------------------------ the operator


@pytest.mark.parametrize("to", [None, "elsewhere"])
def test_a_dead_delivery_can_be_replayed_to_its_target_or_another(store_url, to):
    async def story(store):
        (result_id,) = await owing(store, "a")
        (message,) = await plan(store, await owning(store))
        await store.write(partial(messages.dead, message=message, answer="x", reason="no", began=NOW, now=NOW))
        (dead,) = await store.read(partial(deliveries.listed, state="dead"))
        new_id = await store.write(partial(deliveries.replay, delivery_id=dead["id"], to=to, now=NOW))
        (waiting,) = await store.read(partial(deliveries.listed, state="waiting"))
        return result_id, new_id, waiting

    result_id, new_id, waiting = told(store_url, story)
    assert (waiting["id"], waiting["result_id"], waiting["why"]) == (new_id, result_id, "replay")
    assert waiting["target"] == (to or "chat")


def test_a_replay_cancels_the_pending_retry(store_url):
    async def story(store):
        await owing(store, "a")
        token = await owning(store)
        (message,) = await plan(store, token)
        await store.write(
            partial(messages.again, message=message, answer="retry", reason="503", began=NOW, now=NOW, next_at=NOW + 9)
        )
        (old,) = await store.read(deliveries.listed)
        await store.write(partial(deliveries.replay, delivery_id=old["id"], to=None, now=NOW))
        planned = await plan(store, token, now=NOW + 99)
        return [member.why for message in planned for member in message.members]

    assert told(store_url, story) == [Why.REPLAY]


def test_replaying_what_does_not_exist_says_so(store_url):
    assert (
        told(store_url, lambda store: store.write(partial(deliveries.replay, delivery_id="?", to=None, now=1))) is None
    )


def test_a_targets_condition_is_remembered_and_a_resume_clears_it(store_url):
    state = targets.TargetState("chat", not_before=7, faults=3, pace={"spent": [1, 2]}, settings="abc", last_sent_at=5)

    async def story(store):
        await store.write(partial(targets.save, state=state))
        await store.write(partial(targets.pause, name="chat", reason="gone", now=NOW))
        paused = await store.read(partial(targets.load, name="chat"))
        resumed = await store.write(partial(targets.resume, name="chat", now=NOW))
        return paused, resumed, await store.read(partial(targets.load, name="chat"))

    paused, resumed, after = told(store_url, story)
    assert (paused.paused_at, paused.paused_reason, paused.not_before, paused.pace) == (
        NOW,
        "gone",
        targets.NEVER,
        state.pace,
    )
    assert resumed
    assert after == replace(state, not_before=0, faults=0, down_until=NOW)


def test_waiting_deliveries_are_counted_by_target(store_url):
    async def story(store):
        await owing(store, "a", "b", None)
        await plan(store, await owning(store), limit=1)
        return await store.read(deliveries.owed)

    assert told(store_url, story) == {"chat": 3}


def test_refusals_are_counted(store_url):
    async def story(store):
        for count in (2, 3):
            counts = {("qa", "malformed"): (count, "why")}
            await store.write(partial(refusals.add, counts=counts, last=[], now=NOW + count))
        return await store.read(refusals.all_counts)

    assert told(store_url, story) == [
        {"source": "qa", "reason": "malformed", "count": 5, "last_at": NOW + 3, "last_detail": "why"}
    ]


def refused(n: int, *, source: str = "qa", reason: str = "malformed") -> Refusal:
    return Refusal(
        id=f"{source}-{reason}-{n}",
        source=source,
        at=NOW + n,
        reason=reason,
        detail="why",
        method="POST",
        caller="2001:db8::1",
        headers=(("x-a", "1"), ("x-a", "\x00\xff")),
        body=b"\x00\xff" * n,
        size=2 * n,
        let_in=n % 2 == 1,
    )


def test_of_what_was_refused_the_last_few_of_each_source_and_reason_are_kept(store_url):
    made = [refused(n, source=source, reason=reason) for n in range(9) for source, reason in PAIRS]

    async def story(store):
        for start in range(0, len(made), 5):
            await store.write(partial(refusals.add, counts={}, last=made[start : start + 5], now=NOW))
        found = await store.read(partial(refusals.find, refusal_id="qa-malformed-8"))
        gone = await store.read(partial(refusals.find, refusal_id="qa-malformed-1"))
        return await store.read(refusals.recent), await store.read(partial(refusals.recent, source="ci")), found, gone

    everything, of_ci, found, gone = told(store_url, story)
    assert sorted(one.id for one in everything) == sorted(one.id for one in made[-4 * len(PAIRS) :])
    assert [one.at - NOW for one in of_ci] == [8, 7, 6, 5]
    assert (found, gone) == (refused(8), None)


def test_what_was_refused_long_ago_is_let_go_of(store_url):
    async def story(store):
        await store.write(partial(refusals.add, counts={}, last=[refused(1), refused(2)], now=NOW))
        return await store.write(partial(refusals.forget, before=NOW + 2)), await store.read(refusals.recent)

    assert told(store_url, story) == (1, [refused(2)])


# ------------------------------------------------------------------------------------------------ leases, schema


def test_a_lease_has_one_owner_until_it_is_released(store_url):
    async def story(store):
        take = [
            await store.write(partial(leases.take, name="target:x", owner=owner)) for owner in ("one", "two", "one")
        ]
        await store.write(partial(leases.release, owner="one"))
        return [*take, await store.write(partial(leases.take, name="target:x", owner="two"))]

    first, second, renewed, taken_over = told(store_url, story)
    assert (second, renewed) == (None, first)
    assert taken_over == first + 1


def test_a_store_of_a_newer_schema_is_refused(store_url):
    async def newer(tx):
        await tx.run("UPDATE schema_version SET version = 999")

    told(store_url, lambda store: store.write(newer))
    with pytest.raises(StoreRefused, match="999"):
        told(store_url, lambda store: store.keep(hook()))


def test_an_address_of_no_kind_we_know_is_refused():
    with pytest.raises(StoreRefused, match="sqlite:///"):
        asyncio.run(open_store("mysql://x", exclusive=True))
