"""A signed hook becomes messages: the whole path, with strict stand-ins for Slack and Discord at its end."""

import asyncio
import json
import re
import time
from functools import partial

import pytest

from bridge.store import events
from bridge.vendors import names, samples
from tests.bridges import PATIENCE, SECRET, config, of_vendors, told
from tests.fakes import discord as fake_discord
from tests.fakes import slack as fake_slack
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving

ROUTES = """
targets:
  qa: {{type: slack, url: "{slack}", pace: 1000/s}}
  team: {{type: discord, url: "{discord}", pace: 1000/s}}
  lake: {{type: http, url: "{http}", retry: {{first: 1ms}}}}
routes:
  - {{name: all, to: [qa, team, lake]}}
"""


class World:
    """Stand-ins on real ports, and the configuration that leads to them."""

    def __init__(self, folder, slack, discord, http, routes=ROUTES, store_url=None):
        self.slack, self.discord, self.http = slack[0], discord[0], http[0]
        self.urls = {
            "slack": slack[1] + slack[0].hook,
            "discord": discord[1] + discord[0].hook,
            "http": http[1] + "/in",
        }
        self.folder, self.store_url = folder, store_url
        self.path = self.configure(routes)

    def configure(self, routes):
        return config(self.folder, routes.format(**self.urls), self.store_url)


@pytest.fixture
def world(tmp_path):
    slack = fake_slack.FakeSlack()
    discord = fake_discord.FakeDiscord(strict_pace=False)
    http = App()
    with serving(slack) as one, serving(discord) as two, serving(http) as three:
        yield World(tmp_path, (slack, one), (discord, two), (http, three))


def bodies(app):
    return [json.loads(request.body) for request in app.requests]


@pytest.mark.parametrize("vendor", names())
def test_every_sample_of_every_vendor_reaches_every_kind_of_target_within_its_limits(world, vendor):
    path = config(world.folder, of_vendors(vendor) + ROUTES.format(**world.urls))
    source = vendor.replace("_", "-")

    async def story(bridge):
        for name in samples(vendor):
            answer = await bridge.sample(source, name)
            assert answer.status_code < 300, answer.text
        waiting = partial(events.waiting, sources=[source], limit=1)
        async with asyncio.timeout(PATIENCE):
            while await bridge.server.store.read(waiting):
                await asyncio.sleep(0.01)
        listed = await bridge.api(f"/events?limit=1000&source={source}")
        stories = [await bridge.api(f"/events/{one['id']}") for one in listed["events"]]
        # All of a vendor's own test events but one in an hour are silent.
        loud = [one for one in stories if one["deliveries"]]
        return await bridge.settled(3 * len(loud)), stories

    rows, stories = told(path, story)
    assert {row["state"] for row in rows} == {"sent"}
    assert len(rows) >= 3 * (len(stories) - 1)
    assert all(fake_slack.problems(body) == [] for body in bodies(world.slack))
    assert all(fake_discord.problems(body) == [] for body in bodies(world.discord))


def test_a_suite_that_passes_breaks_and_recovers_says_so_in_order(world):
    async def story(bridge):
        for name in ("passed", "failed", "recovered"):
            await bridge.sample("mobile", name)
        return await bridge.settled(9)

    told(world.path, story)
    texts = [body["text"] for body in bodies(world.slack)]
    assert [word in text for word, text in zip(("PASSED", "FAILED", "FIXED"), texts, strict=True)] == [True] * 3
    assert [body["history"]["transition"] for body in bodies(world.http)] == ["first", "broke", "fixed"]


HOSTILE = [
    "<!channel> <@U123> <https://evil.example|click>",
    "@everyone @here <@&42> <@42>",
    "{{ 7*7 }} {% raw %} {{ config }}",
    "*bold* _it_ ~no~ `code` ```fence``` [x](https://evil.example) # h\n> q",
    "\u202eevil\u202c \u05d0\u05d1\u05d2 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "x" * 5_000,
    "&<>" * 2_000,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_vendor_calls_its_things_no_target_refuses_and_nobody_is_pinged(world, name):
    body = json.loads(samples("autosana")["failed"])
    body["app"]["name"] = name
    for group in body["run_groups"]:
        group["name"] = name
        for run in group["runs"]:
            run["name"] = name

    async def story(bridge):
        await bridge.post("mobile", json.dumps(body).encode())
        return await bridge.settled(3)

    assert {row["state"] for row in told(world.path, story)} == {"sent"}
    (slack,) = bodies(world.slack)
    (discord,) = bodies(world.discord)
    said = json.dumps(slack)
    assert not any(ping in said for ping in ("<!channel>", "<@U123>", "<https://evil.example|click>"))
    assert discord["allowed_mentions"] == {"parse": []}
    assert "49" not in slack["text"]


def test_five_thousand_failing_items_fit_everywhere(world):
    body = json.loads(samples("autosana")["failed"])
    run = {"name": "test <!here> " + "n" * 200, "status": "failed", "url": "https://autosana.ai/runs/flow/1"}
    runs = [run | {"name": f"{n} {run['name']}"} for n in range(5_000)]
    body["run_groups"] = [{"name": "Big", "status": "failed", "url": "https://autosana.ai/g/1", "runs": runs}]

    async def story(bridge):
        answer = await bridge.post("big", json.dumps(body).encode())
        assert answer.status_code == 200
        return await bridge.settled(3)

    world.path = config(
        world.folder, "sources: {big: {vendor: autosana, secret: topsecret}}\n" + ROUTES.format(**world.urls)
    )
    assert {row["state"] for row in told(world.path, story)} == {"sent"}
    assert re.search(r"\+ 4,?9\d\d more", json.dumps(bodies(world.discord)))


def test_targets_are_independent_of_each_other(world):
    world.slack.then(*[Reply(503)] * 50)

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        async with asyncio.timeout(PATIENCE):
            while not (world.http.requests and world.discord.requests):
                await asyncio.sleep(0.01)
        rows = await bridge.api("/deliveries")
        return {row["target"]: row["state"] for row in rows["deliveries"]}

    states = told(world.path, story)
    assert states["qa"] == "waiting"


def test_a_refused_message_is_a_dead_letter_with_its_reason_and_can_be_replayed(world):
    world.http.then(Reply(422, "no such field"))

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        await bridge.settled(3)
        (dead,) = (await bridge.api("/dead-letters"))["dead_letters"]
        await bridge.api(f"/deliveries/{dead['id']}/replay", method="POST")
        rows = await bridge.settled(4)
        return dead, rows[-1]

    dead, replayed = told(world.path, story)
    assert "422" in dead["reason"]
    assert "no such field" in dead["reason"]
    assert (replayed["state"], replayed["why"], replayed["result_id"]) == ("sent", "replay", dead["result_id"])
    ids = [request.json()["id"] for request in world.http.requests]
    assert ids[0] == ids[1]


def test_a_refused_target_pauses_keeps_its_queue_and_goes_on_when_resumed(world):
    world.slack.then(Reply(404, "no_service"))

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        async with asyncio.timeout(PATIENCE):
            while not (paused := [t for t in (await bridge.api("/targets"))["targets"] if t["paused_at"]]):
                await asyncio.sleep(0.01)
        await bridge.sample("mobile", "failed")
        await bridge.api("/targets/qa/resume", method="POST")
        return paused, await bridge.settled(6)

    (paused,), rows = told(world.path, story)
    assert (paused["name"], "no_service" in paused["paused_reason"]) == ("qa", True)
    assert {row["state"] for row in rows} == {"sent"}
    assert [("PASSED" in body["text"]) for body in bodies(world.slack)] == [True, True, False]


def test_what_was_owed_when_it_stopped_is_delivered_when_it_starts_again(world):
    world.slack.then(*[Reply(500)] * 3)

    async def before(bridge):
        await bridge.sample("mobile", "passed")
        async with asyncio.timeout(PATIENCE):
            while not world.slack.requests:
                await asyncio.sleep(0.01)

    told(world.path, before)
    rows = told(world.path, lambda bridge: bridge.settled(3))
    assert {row["state"] for row in rows} == {"sent"}


def test_a_sample_that_we_send_ourselves_is_marked_and_moves_nothing(world):
    async def story(bridge):
        await bridge.sample("mobile", "passed")
        await bridge.api("/sources/mobile/send", method="POST", content=samples("autosana")["failed"])
        await bridge.sample("mobile", "recovered")
        return await bridge.settled(9)

    rows = told(world.path, story)
    assert [row["why"] for row in rows].count("test") == 3
    transitions = [body["history"]["transition"] for body in bodies(world.http)]
    assert transitions == ["first", "none", "still_passing"]
    assert "TEST" in bodies(world.slack)[1]["text"]


def test_a_changed_file_is_taken_up_and_a_broken_one_is_not(world):
    async def story(bridge):
        await bridge.sample("mobile", "passed")
        await bridge.settled(3)
        world.configure(ROUTES.replace("to: [qa, team, lake]", "to: [lake]"))
        await bridge.server.reload()
        await bridge.sample("mobile", "failed")
        await bridge.settled(4)
        world.path.write_text("sources: [")
        await bridge.server.reload()
        problems = (await bridge.api("/problems"))["problems"]
        await bridge.sample("mobile", "recovered")
        return await bridge.settled(5), problems

    rows, problems = told(world.path, story)
    assert [row["target"] for row in rows[3:]] == ["lake", "lake"]
    assert "config.yaml" in problems[0]


def test_a_broken_file_is_refused_with_what_is_wrong_and_not_with_what_is_doubtful(world):
    async def story(bridge):
        text = world.path.read_text().replace("sources:", "sources:\n  lab: {vendor: generic, verify: none}", 1)
        world.path.write_text(text.replace("to: [lake]", "to: [lakes]").replace("lake]", "lakes]"))
        await bridge.server.reload()
        return (await bridge.api("/problems"))["problems"]

    problems = told(world.path, story)
    assert problems
    assert all("no target named 'lakes'" in problem for problem in problems)


def test_a_replayed_event_is_marked_and_moves_nothing(world):
    async def story(bridge):
        await bridge.sample("mobile", "passed")
        failed = await bridge.sample("mobile", "failed")
        await bridge.settled(6)
        await bridge.api(f"/events/{failed.json()['id']}/replay", method="POST")
        await bridge.settled(9)
        await bridge.sample("mobile", "recovered")
        return await bridge.settled(12)

    rows = told(world.path, story)
    assert [row["why"] for row in rows] == ["new"] * 6 + ["replay"] * 3 + ["new"] * 3
    histories = [body["history"] for body in bodies(world.http)]
    assert [one["transition"] for one in histories] == ["first", "broke", "broke", "fixed"]
    assert histories[3]["previous_streak"] == 1
    assert "REPLAY" in bodies(world.slack)[2]["text"]


def test_an_operators_pause_holds_until_the_operator_ends_it(world):
    async def story(bridge):
        await bridge.api("/targets/lake/pause", method="POST")
        await bridge.sample("mobile", "passed")
        async with asyncio.timeout(PATIENCE):
            while not (world.slack.requests and world.discord.requests):
                await asyncio.sleep(0.01)
        held = len(world.http.requests)
        await bridge.api("/targets/lake/resume", method="POST")
        return held, await bridge.settled(3)

    held, rows = told(world.path, story)
    assert held == 0
    assert {row["state"] for row in rows} == {"sent"}


def test_after_a_429_nothing_is_sent_to_that_target_until_it_said(world):
    world.http.then(Reply(429, b"", {"retry-after": "1"}))

    async def story(bridge):
        began = time.monotonic()
        for name in ("passed", "failed", "recovered"):
            await bridge.sample("mobile", name)
        await bridge.sample("nightly", "failed")
        await bridge.settled(12)
        return time.monotonic() - began, len(world.http.requests)

    took, requests = told(world.path, story)
    assert took >= 0.9
    assert requests <= 5 + 3  # the four and the refused one, and at most what was on its way beside it


def test_a_target_that_left_the_file_keeps_its_queue_until_it_is_back(world):
    world.slack.then(*[Reply(500)] * 1_000)  # until it recovers: a reload takes its time on a busy machine

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        async with asyncio.timeout(PATIENCE):
            while not world.slack.requests:
                await asyncio.sleep(0.01)
        world.configure(ROUTES.replace("qa:", "other:").replace("[qa, team, lake]", "[lake]"))
        await bridge.server.reload()
        parked = {one["name"]: one for one in (await bridge.api("/targets"))["targets"]}["qa"]
        world.slack.recover()
        world.configure(ROUTES)
        await bridge.server.reload()
        return parked, await bridge.settled(3)

    parked, rows = told(world.path, story)
    assert (parked["configured"], parked["waiting"]) == (False, 1)
    assert {row["state"] for row in rows} == {"sent"}


def test_the_admin_api_wants_its_token(world):
    async def story(bridge):
        url = f"{bridge.server.admin_url}/api/events"
        tried = [None, "Bearer wrong", "Basic the-admin-token", "Bearer", "bearer the-admin-token"]
        return [
            (await bridge.client.get(url, headers={"authorization": one} if one else {})).status_code for one in tried
        ]

    assert told(world.path, story) == [401, 401, 401, 401, 200]


def test_the_same_path_runs_on_postgres(tmp_path, postgres_url):
    http = App()
    with serving(http) as url:
        routes = f'targets: {{lake: {{type: http, url: "{url}/in"}}}}\nroutes: [{{name: all, to: [lake]}}]'

        async def story(bridge):
            for name in ("passed", "failed", "recovered"):
                await bridge.sample("mobile", name)
            return await bridge.settled(3)

        rows = told(config(tmp_path, routes, postgres_url), story)
    assert {row["state"] for row in rows} == {"sent"}
    assert [body["history"]["transition"] for body in bodies(http)] == ["first", "broke", "fixed"]
    assert SECRET not in json.dumps(rows)
