"""What waits together goes out together: digests for people, batches for machines, and what quiet hours held back."""

import asyncio
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from bridge import clock
from bridge.config import load
from bridge.deliver import LOOK, REST, Worker, at_once, gathering
from bridge.model import Delivery, Verification, Verified
from bridge.render import Renderer
from bridge.setup import set_up
from bridge.store import deliveries, erasure, events, leases, messages, open_store
from bridge.store.targets import TargetState
from bridge.targets import build
from bridge.targets.http import HttpOptions
from bridge.vendors import samples
from tests.bridges import config, told
from tests.fakes import slack as fake_slack
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving
from tests.targets.making import RESULT, options

BATCHED = """
targets:
  lake: {{type: http, url: "{url}/in", {more}, retry: {{first: 1ms}}}}
routes: [{{name: all, to: [lake]}}]
"""


def hook(number):
    payload = json.loads(samples("autosana")["passed"])
    payload["app"]["id"] = f"app-{number % 7}"
    payload["git"]["commit_sha"] = f"{number:07d}"
    return json.dumps(payload).encode()


class Picky(App):
    """Refuses whatever holds one of `bad`; `taken` is what it took, request by request."""

    def __init__(self, *bad):
        super().__init__()
        self.bad = set(bad)
        self.taken = []

    def reply(self, request):
        said = request.json()
        numbers = [int((one.get("data") or one)["vcs"]["commit"]) for one in said]
        if self.bad & set(numbers):
            return Reply(422, "not this one")
        self.taken.append(numbers)
        return Reply(200)


def batched(tmp_path, lake, count, more):
    """Post so many hooks at once; the deliveries, oldest first."""

    async def story(bridge):
        await asyncio.gather(*(bridge.post("mobile", hook(number)) for number in range(count)))
        return await bridge.settled(count)

    with serving(lake) as url:
        return told(config(tmp_path, BATCHED.format(url=url, more=more)), story)


@pytest.mark.parametrize(("batch", "looked_at"), [(1_000, 10_000), (300, 9_900), (2, 256)])
def test_what_is_put_into_batches_at_once_is_bounded(batch, looked_at):
    options = HttpOptions(type="http", url=SecretStr("https://lake.example.com/in"), batch=batch)
    lake = build("lake", options, Renderer())
    _, look = gathering(lake, TargetState("lake"), 128, clock.now())
    assert look == looked_at


@pytest.mark.parametrize("more", ["batch: 10", "batch: 10, format: cloudevents"])
def test_a_batch_holds_many_results_and_each_delivery_names_it(tmp_path, more):
    lake = Picky()
    rows = batched(tmp_path, lake, 40, more)

    assert sorted(number for numbers in lake.taken for number in numbers) == list(range(40))
    assert max(len(numbers) for numbers in lake.taken) == 10
    assert sum(Counter(row["message_id"] for row in rows).values()) == 40
    assert len({row["message_id"] for row in rows}) == len(lake.taken) < 15
    kind = "application/cloudevents-batch+json" if "cloudevents" in more else "application/json"
    assert {request.headers["content-type"].split(";")[0] for request in lake.requests} == {kind}


def test_a_batch_refused_for_its_content_is_halved_until_the_bad_ones_stand_alone(tmp_path):
    lake = Picky(3, 17, 18)
    rows = batched(tmp_path, lake, 40, "batch: 20")

    assert sorted(number for numbers in lake.taken for number in numbers) == sorted(set(range(40)) - lake.bad)
    assert Counter(row["state"] for row in rows) == {"sent": 37, "dead": 3}
    assert {row["reason"] for row in rows if row["state"] == "dead"} == {"answered 422: not this one"}


class Slow(App):
    """Answers the first request only after `count` others have come."""

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.enough = asyncio.Event()

    async def answer(self, send, reply):
        if len(self.requests) > self.count:
            self.enough.set()
        if len(self.requests) == 1:
            await self.enough.wait()
        await super().answer(send, reply)


def test_a_slow_message_holds_up_no_other_subject(tmp_path):
    lake = Slow(100)
    rows = batched(tmp_path, lake, 117, "concurrency: 2")

    assert {row["state"] for row in rows} == {"sent"}
    assert len(lake.requests) == 117


# ------------------------------------------------------------------------------------------------ digests

CHAT = """
targets:
  qa: {{{more}}}
routes:
  - {{name: all, to: [qa], mention: {{who: {{qa: "<!subteam^S1>"}}}}}}
  - {{name: others, to: [qa]}}
"""


class Chat:
    """A Slack target with its worker, whose time is ours, and what it was owed."""

    def __init__(self, store, worker, slack, now):
        self.store, self.worker, self.slack, self.now = store, worker, slack, now
        self.number = 0

    async def owe(self, count, *, failed=0, route="all", mention=False, urgent=False):
        """Owe so many results of as many subjects, of which the first failed."""
        hooks = []
        for _ in range(count):
            self.number += 1
            proof = Verification("none", False)
            hooks.append(Verified("qa", "autosana", self.now, {}, b"{}", proof, b"%032d" % self.number, self.now, True))
        receipts = await asyncio.gather(*(self.store.keep(hook) for hook in hooks))

        async def dispatch(tx):
            for n, receipt in enumerate(receipts):
                outcome = "failed" if n < failed else "passed"
                result = RESULT | {"id": receipt.id, "subject_key": receipt.id, "outcome": outcome, "items": []}
                await events.dispatched(tx, receipt.id, "t", [result], self.now)
                owed = Delivery(receipt.id, "qa", route, "qa", order_key=receipt.id, mention=mention, urgent=urgent)
                await deliveries.add(tx, receipt.id, [owed], self.now)

        await self.store.write(dispatch)

    async def until_settled(self, most=clock.DAY):
        """Let time pass, second by second, until nothing waits; how much of it passed."""
        began = self.now
        while await self.store.read(deliveries.owed):
            assert self.now - began <= most, "it is not delivered"
            await self.turn()
            self.now += clock.SECOND
        return self.now - began

    async def turn(self):
        await self.worker.turn(self.now)
        await self.worker.ended()
        await self.worker.recorded()

    @property
    def texts(self):
        """The headline of each message."""
        return [json.loads(request.body)["text"] for request in self.slack.requests]


def chatting(tmp_path, story, more="pace: 1/s burst 3", start=None):
    slack = fake_slack.FakeSlack()

    async def run(path):
        setup = set_up(load(path, {}))
        store = await open_store(f"sqlite:///{tmp_path}/chat.db", exclusive=True)
        worker = Worker("qa", store, lambda: setup, "one")
        try:
            return await story(Chat(store, worker, slack, start or clock.now()))
        finally:
            await setup.targets["qa"].close()
            await store.close()

    with serving(slack) as url:
        options = (more if "type:" in more else f'type: slack, url: "{{url}}", {more}').format(url=url + slack.hook)
        text = CHAT.format(more=options)
        if "type:" in more:  # who is no chat mentions nobody
            text = re.sub(", mention: .*", "}", text)
        return asyncio.run(run(config(tmp_path, text)))


def test_ten_thousand_at_once_are_a_handful_of_messages_within_minutes_and_no_failure_vanishes(tmp_path):
    async def story(chat):
        await chat.owe(10_000, failed=1_234)
        took = await chat.until_settled()
        return took, chat.texts, await chat.store.read(partial(deliveries.listed, limit=20_000))

    took, texts, rows = chatting(tmp_path, story)
    assert took < 3 * clock.MINUTE
    assert len(texts) < 8
    assert sum(int(n.replace(",", "")) for text in texts for n in re.findall(r"([\d,]+) failed", text)) == 1_234
    assert sum(int(n.replace(",", "")) for text in texts for n in re.findall(r"([\d,]+) results", text)) == 10_000
    carried = Counter(row["message_id"] for row in rows if row["state"] == "sent")
    assert (sum(carried.values()), len(carried)) == (10_000, len(texts))


def test_a_few_are_told_one_by_one(tmp_path):
    async def story(chat):
        await chat.owe(5, failed=5)
        await chat.until_settled()
        return chat.texts

    assert len(chatting(tmp_path, story)) == 5


def test_while_more_comes_a_route_gets_one_digest_in_a_window(tmp_path):
    async def story(chat):
        for _ in range(120):
            await chat.owe(10)
            await chat.turn()
            chat.now += clock.SECOND
        await chat.until_settled()
        return chat.texts

    assert len(chatting(tmp_path, story)) == 3


def test_while_all_that_waits_is_held_back_being_woken_costs_nothing(tmp_path):
    async def story(chat):
        await chat.owe(10)
        await chat.turn()
        await chat.owe(10)
        await chat.turn()
        return await chat.worker.turn(chat.now + 1), await chat.worker.turn(chat.now + REST)

    soon, then = chatting(tmp_path, story)
    assert (soon, then) == (REST - 1, LOOK)


def test_each_route_has_its_own_digest_and_mentions_once_where_one_of_its_members_would(tmp_path):
    async def story(chat):
        await chat.owe(7, failed=7)
        await chat.owe(1, failed=1, mention=True)
        await chat.owe(1, failed=1, mention=True)
        await chat.owe(9, route="others")
        await chat.until_settled()
        return chat.texts

    mine, others = chatting(tmp_path, story)
    assert ("9 failed" in mine, mine.count("<!subteam^S1>")) == (True, 1)
    assert ("9 results" in others, others.count("<!subteam^S1>")) == (True, 0)


def test_what_came_while_a_target_was_down_comes_together_and_says_so(tmp_path):
    async def story(chat):
        chat.slack.then(*[Reply(503)] * 3)
        await chat.owe(2)
        await chat.turn()
        await chat.owe(20, failed=2)
        await chat.until_settled()
        return [text for text in chat.texts if "22 results" in text or "20 results" in text or "results" in text]

    said = chatting(tmp_path, story)
    assert "while qa took no messages" in said[-1]
    assert "2 failed" in said[-1]


LAKE = 'type: http, url: "{url}", format: json'
"""A target that can tell copies apart, in the place of the chat."""


@pytest.mark.parametrize(
    ("more", "deaths", "turn_came", "state"),
    [
        pytest.param("pace: 1/s", 3, True, "dead", id="it ends the process each time"),
        pytest.param("pace: 1/s", 2, True, "sent", id="it ended the process twice"),
        pytest.param("pace: 1/s", 9, False, "sent", id="the lease was lost each time before its turn came"),
        pytest.param(LAKE, 5, True, "dead", id="it ends the process, and copies could be told"),
        pytest.param(LAKE, 4, True, "sent", id="not as often"),
        pytest.param(LAKE, 9, False, "sent", id="the lease was lost each time, and copies could be told"),
    ],
)
def test_what_is_found_interrupted_so_often_is_not_sent_once_more(tmp_path, more, deaths, turn_came, state):
    async def story(chat):
        await chat.owe(1)
        lease = partial(leases.take, name="target:qa", owner="one")
        for _ in range(deaths):  # begun, and nobody ever records what became of it
            token = await chat.store.write(lease)
            plan = partial(messages.plan, target="qa", token=token, limit=1, now=chat.now, alone=more != LAKE)
            (message,) = (await chat.store.write(plan)).messages
            assert not turn_came or await chat.store.write(partial(messages.go_out, message=message))
        chat.slack.then(Reply(200, "ok"))
        await chat.turn()
        return len(chat.slack.requests), await chat.store.read(deliveries.listed)

    requests, (row,) = chatting(tmp_path, story, more)
    assert (row["state"], requests) == (state, int(state == "sent"))
    if state == "dead":
        assert row["reason"].startswith(f"possibly delivered: in doubt {deaths} times")


def test_what_was_in_doubt_is_tried_alone(tmp_path):
    async def story(chat):
        await chat.owe(3)
        token = await chat.store.write(partial(leases.take, name="target:qa", owner="one"))
        plan = partial(messages.plan, target="qa", token=token, now=chat.now, limit=3)
        await chat.store.write(plan)
        begun = [await chat.store.write(partial(plan, alone=True)) for _ in range(2)]
        return [len(one.messages) for one in begun]

    assert chatting(tmp_path, story) == [1, 1]


def test_a_digest_that_must_be_sent_again_has_the_same_members(tmp_path):
    async def story(chat):
        chat.slack.then(Reply(503))
        await chat.owe(10, failed=1)
        await chat.turn()
        (before,) = {row["message_id"] for row in await chat.store.read(deliveries.listed)}
        await chat.owe(3)
        await chat.until_settled()
        rows = await chat.store.read(deliveries.listed)
        return before, chat.texts, Counter(row["message_id"] for row in rows)

    before, texts, carried = chatting(tmp_path, story)
    assert carried[before] == 10
    assert len({text for text in texts if "10 results" in text}) == 1


def test_the_others_of_a_digest_are_delivered_when_one_is_erased_that_waits_with_them(tmp_path):
    async def story(chat):
        chat.slack.then(Reply(503))
        await chat.owe(10, failed=1)
        await chat.turn()
        rows = await chat.store.read(deliveries.listed)
        assert await erasure.erase(chat.store, rows[3]["event_id"], chat.now)
        await chat.until_settled()
        return rows, await chat.store.read(deliveries.listed)

    before, after = chatting(tmp_path, story)
    assert len({row["message_id"] for row in before}) == 1
    events_of = {state: [row["event_id"] for row in after if row["state"] == state] for state in ("dead", "sent")}
    assert events_of["dead"] == [row["event_id"] for row in before if row["event_id"] == before[3]["event_id"]]
    assert len(events_of["dead"]) + len(events_of["sent"]) == 10


# ------------------------------------------------------------------------------------------------ quiet hours

NIGHT = "quiet_hours: {{between: '22:00-07:00', zone: Europe/Berlin}}"


def test_in_quiet_hours_only_what_is_let_through_is_sent_and_the_rest_comes_together_after_them(tmp_path):
    tomorrow = (datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(1)).replace(hour=22, minute=30)

    async def story(chat):
        await chat.owe(3, failed=1)
        await chat.owe(1, failed=1, urgent=True)
        await chat.turn()
        in_the_night = chat.texts
        chat.now += 9 * clock.HOUR
        await chat.until_settled()
        return in_the_night, chat.texts[1:]

    in_the_night, after = chatting(tmp_path, story, NIGHT, start=clock.to_micros(tomorrow))
    assert len(in_the_night) == 1
    assert ["3 results in quiet hours" in text for text in after] == [True]


@pytest.mark.parametrize(
    ("keys", "most"),
    [
        ({"type": "slack", "url": "https://hooks.slack.com/services/T0/B0/x"}, 3),
        ({"type": "discord", "url": "https://discord.com/api/webhooks/1/token"}, 5),
        ({"type": "http", "url": "https://example.com/in"}, 64),
        ({"type": "http", "url": "https://example.com/in", "pace": "1/s", "concurrency": 2}, 2),
    ],
)
def test_no_more_wait_for_a_slow_answer_than_may_go_out_at_once_after_it(keys, most):
    assert at_once(build("qa", options(**keys), Renderer())) == most
