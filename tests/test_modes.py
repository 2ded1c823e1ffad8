"""Routes that update and thread, over the real wire: what is edited, what is posted, and what is dropped on the way."""

import asyncio
import json
from functools import partial

import pytest

from bridge import clock
from bridge.config import load
from bridge.deliver import Worker
from bridge.dispatch import Dispatcher
from bridge.ingest import ingest
from bridge.model import Received
from bridge.setup import set_up
from bridge.store import deliveries
from bridge.store.sqlite import SqliteStore
from bridge.vendors import samples
from tests.bridges import PATIENCE, bridge, config, told
from tests.fakes.discord import FakeDiscord
from tests.fakes.server import serving
from tests.fakes.slack import FakeSlack

STARTED = b'{"type":"deployment.started","data":{"taskId":"task_2"}}'
BUILDING = b'{"type":"deployment.started","data":{"taskId":"task_2","description":"building"}}'
COMPLETED = b'{"type":"deployment.completed","data":{"taskId":"task_2"}}'
FAILED = b'{"type":"deployment.failed","data":{"taskId":"task_2"}}'
OTHER = b'{"type":"deployment.started","data":{"taskId":"task_3"}}'


@pytest.fixture
def discord():
    fake = FakeDiscord(strict_pace=False)
    with serving(fake) as url:
        yield fake, url


def updating(folder, url, fake, keys="", store_url=None):
    body = f"""
targets:
  team: {{type: discord, url: "{url}{fake.hook}", pace: 1000/s{keys}}}
routes:
  - {{name: deploys, to: [team], mode: update}}
"""
    return config(folder, body, store_url)


async def post_all(one, *bodies):
    for n, body in enumerate(bodies, start=1):
        assert (await one.post("deploys", body)).status_code == 200
        await one.settled(n)


def texts(fake):
    """What stands there, each message as one text."""
    return [json.dumps(message, ensure_ascii=False) for message in fake.shown.values()]


def test_a_run_that_ends_takes_the_place_of_its_beginning(tmp_path, discord):
    fake, url = discord
    told(updating(tmp_path, url, fake), partial(post_all_of, [STARTED, COMPLETED, OTHER]))
    assert [request.method for request in fake.requests] == ["POST", "PATCH", "POST"]
    assert len(fake.shown) == 2
    assert "SUCCEEDED" in texts(fake)[0]
    edited = json.loads(fake.requests[1].body)
    assert edited["allowed_mentions"] == {"parse": []}


async def post_all_of(bodies, one):
    await post_all(one, *bodies)


def test_what_is_gone_is_posted_anew_and_edited_from_then_on(tmp_path, discord):
    fake, url = discord

    async def story(one):
        await post_all(one, STARTED)
        fake.shown.clear()
        assert (await one.post("deploys", BUILDING)).status_code == 200
        await one.settled(2)
        assert (await one.post("deploys", COMPLETED)).status_code == 200
        return await one.settled(3)

    rows = told(updating(tmp_path, url, fake), story)
    assert {row["state"] for row in rows} == {"sent"}
    assert [request.method for request in fake.requests] == ["POST", "PATCH", "POST", "PATCH"]
    assert len(fake.shown) == 1


def test_the_ids_outlive_a_restart(tmp_path, discord, store_url):
    fake, url = discord
    path = updating(tmp_path, url, fake, store_url=store_url)
    told(path, partial(post_all_of, [STARTED]))

    async def story(one):
        assert (await one.post("deploys", COMPLETED)).status_code == 200
        await one.settled(2)

    told(path, story)
    assert [request.method for request in fake.requests] == ["POST", "PATCH"]


def test_of_updates_that_waited_only_the_last_is_sent_and_the_others_say_so(tmp_path, discord):
    fake, url = discord

    async def story():
        async with bridge(updating(tmp_path, url, fake)) as one:
            await one.api("/targets/team/pause", method="POST")
            for body in (STARTED, BUILDING, COMPLETED):
                assert (await one.post("deploys", body)).status_code == 200
            async with asyncio.timeout(PATIENCE):
                while len(await listed(one.server.store)) < 3:
                    await asyncio.sleep(0.01)
            await one.api("/targets/team/resume", method="POST")
            return await one.settled(3)

    rows = asyncio.run(story())
    assert [row["state"] for row in rows] == ["superseded", "superseded", "sent"]
    assert rows[2]["id"] in rows[1]["reason"]
    assert len(fake.requests) == 1


def run(minute, app="one", sample="failed"):
    """A run of that app's tests, which ended at that minute of an hour."""
    said = json.loads(samples("autosana")[sample])
    said["app"]["id"] = app
    said["timestamp"] = f"2025-03-03T09:{minute:02}:00.000Z"
    return json.dumps(said).encode()


def test_what_goes_on_failing_after_a_digest_of_it_stands_below_the_digest(tmp_path, discord):
    fake, url = discord
    keys = ", digest: {after: 1, window: 1s}"

    async def story(one):
        for n, minute in enumerate((1, 2), start=1):
            assert (await one.post("mobile", run(minute))).status_code == 200
            await one.settled(n)
        await one.api("/targets/team/pause", method="POST")
        for app in ("one", "two", "three"):
            assert (await one.post("mobile", run(3, app))).status_code == 200
        async with asyncio.timeout(PATIENCE):
            while len(await listed(one.server.store)) < 5:
                await asyncio.sleep(0.01)
        await one.api("/targets/team/resume", method="POST")
        await one.settled(5)
        for n, minute in enumerate((4, 5), start=6):
            assert (await one.post("mobile", run(minute))).status_code == 200
            await one.settled(n)

    told(updating(tmp_path, url, fake, keys), story)
    assert [request.method for request in fake.requests] == ["POST", "PATCH", "POST", "POST", "PATCH"]
    assert "3 results" in texts(fake)[1]


def test_the_end_of_a_run_does_not_take_the_place_of_what_called_for_attention_while_it_went_on(tmp_path, discord):
    fake, url = discord
    alert = {"title": "Disk", "run_id": "7", "status": "running", "severity": "critical"}
    hooks = [alert, alert | {"severity": "low"}, alert | {"status": "passed", "severity": "low"}]

    async def story(one):
        for n, said in enumerate(hooks, start=1):
            assert (await one.post("any", json.dumps(said).encode(), {})).status_code == 200
            await one.settled(n)

    path = updating(tmp_path, url, fake)
    path.write_text(path.read_text().replace("sources:", "sources:\n  any: {vendor: generic, verify: none}"))
    told(path, story)
    assert [request.method for request in fake.requests] == ["POST", "POST", "PATCH"]
    assert len(fake.shown) == 2


# ------------------------------------------------------------------------------------------- Slack, by a bot's token


class SlowDisk(SqliteStore):
    """A store whose commits take their time."""

    async def write(self, operation):
        await asyncio.sleep(0.02)
        return await super().write(operation)


def slack_story(folder, mode, bodies, fake, *, together=False, channel=None, target="", route=""):
    """Dispatch and deliver those hooks to Slack's Web API, one after the other; or `together`, when all are owed."""
    at = channel or fake.channel
    body = f"""
sources: {{deploys: {{vendor: autonoma, verify: none}}}}
targets:
  ops: {{type: slack, token: {fake.token}, channel: "{at}", api_url: "{{url}}/api", pace: 1000/s burst 9{target}}}
routes: [{{name: deploys, to: [ops], mode: {mode}{route}}}]
"""

    async def run(setup):
        store = SlowDisk(folder / "bridge.db", None, clock.now)
        store.start(exclusive=True)
        dispatcher = Dispatcher(store, lambda: setup, "me", lambda _: None)
        worker = Worker("ops", store, lambda: setup, "me")
        before = len(await listed(store))
        running = None if together else asyncio.create_task(worker.run())
        for n, hook in enumerate(bodies, start=before + 1):
            now = clock.now()
            await ingest(
                Received("deploys", "POST", "", (), hook, now), setup.sources["deploys"], store, now, lambda *_: None
            )
            while await dispatcher.turn(now):
                pass
            worker.wake()
            if running:
                await sent(store, n)
        if running is None:
            running = asyncio.create_task(worker.run())
            await sent(store, before + len(bodies))
        worker.stop()
        await running
        await store.close()

    with serving(fake) as url:
        asyncio.run(run(set_up(load(config(folder, body.replace("{url}", url)), {}))))


async def sent(store, count):
    async with asyncio.timeout(PATIENCE):
        while len([row for row in await listed(store) if row["state"] == "sent"]) < count:
            await asyncio.sleep(0.01)


async def listed(store):
    return await store.read(partial(deliveries.listed, limit=100))


def test_slack_updates_with_a_token(tmp_path):
    fake = FakeSlack()
    slack_story(tmp_path, "update", [STARTED, COMPLETED], fake)
    assert [request.path for request in fake.requests] == ["/api/chat.postMessage", "/api/chat.update"]
    (shown,) = fake.shown.values()
    assert "SUCCEEDED" in shown["text"]
    assert isinstance(shown["ts"], str)


@pytest.mark.parametrize(("mode", "asked"), [("update", "chat.update"), ("thread", "chat.postMessage")])
def test_what_is_gone_in_slack_is_posted_anew_and_found_from_then_on(tmp_path, mode, asked):
    fake = FakeSlack()
    slack_story(tmp_path, mode, [STARTED], fake)
    fake.shown.clear()
    slack_story(tmp_path, mode, [BUILDING, COMPLETED], fake)
    post = "/api/chat.postMessage"
    assert [request.path for request in fake.requests] == [post, f"/api/{asked}", post, f"/api/{asked}"]
    if mode == "thread":
        assert ["thread_ts" in request.json() for request in fake.requests] == [False, True, False, True]


def test_a_thread_stands_below_its_first_message_and_tells_nobody_in_the_channel(tmp_path):
    fake = FakeSlack()
    slack_story(tmp_path, "thread", [STARTED, FAILED, OTHER], fake)
    first, second, other = fake.messages
    assert second["thread_ts"] == next(iter(fake.shown))
    assert "thread_ts" not in first
    assert "thread_ts" not in other
    assert not second.get("reply_broadcast")


def test_what_was_owed_together_stands_in_one_thread_too(tmp_path):
    fake = FakeSlack()
    slack_story(tmp_path, "thread", [STARTED, BUILDING, COMPLETED], fake, together=True)
    first, *replies = fake.messages
    assert "thread_ts" not in first
    assert [reply.get("thread_ts") for reply in replies] == [next(iter(fake.shown))] * 2


@pytest.mark.parametrize(
    ("mode", "place"), [("thread", "chat.postMessage"), ("update", "chat.update")], ids=["thread", "update"]
)
def test_of_several_subjects_that_belong_together_only_one_message_is_the_first(tmp_path, mode, place):
    fake = FakeSlack()
    many = {"target": ", concurrency: 4", "route": ", thread_key: result.environment or 'all'"}
    hooks = [STARTED.replace(b"task_2", b"task_%d" % n) for n in range(6)]
    slack_story(tmp_path, mode, hooks, fake, together=True, **many)
    assert [request.path for request in fake.requests] == ["/api/chat.postMessage"] + [f"/api/{place}"] * 5
    if mode == "thread":
        assert len({message.get("thread_ts") for message in fake.messages[1:]}) == 1


def test_what_broke_is_a_post_of_its_own(tmp_path):
    fake = FakeSlack()
    slack_story(tmp_path, "update", [STARTED, FAILED], fake)
    assert [request.path for request in fake.requests] == ["/api/chat.postMessage"] * 2


@pytest.mark.parametrize("mode", ["update", "thread"])
@pytest.mark.parametrize("channel", ["C0999999", "#elsewhere"], ids=["by its id", "by its name"])
def test_when_the_channel_is_another_the_next_message_is_a_post_there(tmp_path, mode, channel):
    fake = FakeSlack()
    slack_story(tmp_path, mode, [STARTED], fake)
    fake.channel = channel
    slack_story(tmp_path, mode, [COMPLETED], fake, channel=channel)
    assert [message["channel"] for message in fake.messages] == ["C0123456", channel]
    assert "thread_ts" not in fake.messages[1]


def test_a_channel_that_was_left_is_not_written_to_though_it_could_be(tmp_path):
    fake = FakeSlack()
    slack_story(tmp_path, "update", [STARTED], fake)
    fake.channel = "C0999999"
    slack_story(tmp_path, "update", [COMPLETED], fake, channel="C0999999")
    assert [request.path for request in fake.requests] == ["/api/chat.postMessage"] * 2
