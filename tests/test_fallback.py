"""A target's fallback: where messages go that died, how they are marked, and that they fall only once."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.bridges import PATIENCE, config, told
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving

TARGETS = """
targets:
  first: {{type: http, url: "{first}/{secret}", fallback: second, retry: {{first: 1ms}}}}
  second: {{type: http, url: "{second}/in", format: template, fallback: third}}
  third: {{type: http, url: "{third}/in", format: template}}
"""
SECRET = "a-secret-part-of-the-address"


class World:
    def __init__(self, folder, *targets):
        self.folder = folder
        self.apps = {name: app for name, (app, _) in zip(("first", "second", "third"), targets, strict=True)}
        self.urls = {name: url for name, (_, url) in zip(self.apps, targets, strict=True)}

    def configure(self, routes):
        return config(self.folder, TARGETS.format(secret=SECRET, **self.urls) + routes)

    def bodies(self, name):
        return [json.loads(request.body) for request in self.apps[name].requests]


@pytest.fixture
def world(tmp_path):
    apps = App(), App(), App()
    with serving(apps[0]) as one, serving(apps[1]) as two, serving(apps[2]) as three:
        yield World(tmp_path, *zip(apps, (one, two, three), strict=True))


HOOKS = "routes: [{name: hooks, match: {source: mobile}, to: [first]}]"


def test_what_dies_at_a_target_goes_to_its_fallback_and_says_why(world):
    world.apps["first"].then(Reply(422, f"no such path /{SECRET}"))

    async def story(bridge):
        await bridge.sample("mobile", "failed")
        return await bridge.settled(2)

    dead, second = told(world.configure(HOOKS), story)
    assert (dead["target"], dead["state"]) == ("first", "dead")
    assert (second["target"], second["state"], second["why"]) == ("second", "sent", "fallback")
    assert second["result_id"] == dead["result_id"]
    (body,) = world.bodies("second")
    assert "first" in body["note"]
    assert "422" in body["note"]
    assert SECRET not in json.dumps(body)


def test_what_dies_at_the_fallback_falls_no_further_and_an_alarm_tells_of_it(world):
    world.apps["first"].then(Reply(422))
    world.apps["second"].then(Reply(422))
    routes = HOOKS[:-1] + ", {name: watch, match: {source: bridge}, to: [third]}]"

    async def story(bridge):
        await bridge.sample("mobile", "failed")
        rows = await bridge.settled(2)
        await bridge.alarms_settled(1)
        return rows

    rows = told(world.configure(routes), story)
    assert [(row["target"], row["state"]) for row in rows] == [("first", "dead"), ("second", "dead")]
    (alarm,) = world.bodies("third")
    assert "second" in alarm["title"]


def test_a_target_with_a_fallback_raises_no_alarm_for_a_dead_letter(world):
    world.apps["first"].then(Reply(422))

    async def story(bridge):
        await bridge.sample("mobile", "failed")
        await bridge.settled(2)
        return (await bridge.api("/events?source=bridge"))["events"]

    assert told(world.configure(HOOKS), story) == []


def test_a_paused_target_keeps_its_queue_and_does_not_fall_back(world):
    world.apps["first"].then(Reply(404))

    async def story(bridge):
        await bridge.sample("mobile", "failed")
        async with asyncio.timeout(PATIENCE):
            while "first" not in (await bridge.ready())["paused"]:
                await asyncio.sleep(0.01)
        return (await bridge.api("/deliveries"))["deliveries"]

    (row,) = told(world.configure(HOOKS), story)
    assert (row["target"], row["state"]) == ("first", "waiting")
    assert world.bodies("second") == []


def hours(begin, end):
    """Quiet hours from so many hours before or after now."""
    at = [f"{datetime.now(UTC) + timedelta(hours=by):%H:%M}" for by in (begin, end)]
    return f"between: '{at[0]}-{at[1]}', zone: UTC"


def test_in_the_fallbacks_quiet_hours_its_own_condition_says_what_does_not_wait(world):
    world.apps["first"].then(Reply(422), Reply(422))
    targets = f"""
targets:
  first:
    type: http
    url: {world.urls["first"]}/in
    fallback: second
    quiet_hours: {{{hours(6, 7)}, let_through: "result.outcome == 'failed'"}}
  second:
    type: http
    url: {world.urls["second"]}/in
    quiet_hours: {{{hours(-3, 3)}, let_through: "result.outcome == 'passed' and payload.event == 'batch.completed'"}}
"""

    async def story(bridge):
        for sample in ("failed", "passed"):
            await bridge.sample("mobile", sample)
        async with asyncio.timeout(PATIENCE):
            while True:
                rows = (await bridge.api("/deliveries?target=second"))["deliveries"]
                if "sent" in [row["state"] for row in rows] and len(rows) == 2:
                    return {row["result_id"]: row["state"] for row in rows}
                await asyncio.sleep(0.01)

    states = told(config(world.folder, targets + HOOKS), story)
    (body,) = world.bodies("second")
    assert body["outcome"] == "passed"
    assert states.pop(body["id"]) == "sent"
    assert list(states.values()) == ["waiting"]


def test_an_alarm_about_the_fallback_does_not_fall_back_to_it(world):
    world.apps["second"].then(Reply(404))
    world.apps["first"].then(Reply(422))
    routes = """routes:
  - {name: hooks, match: {source: mobile}, to: [second]}
  - {name: watch, match: {source: bridge}, to: [first]}"""

    async def story(bridge):
        await bridge.sample("mobile", "failed")
        return await bridge.alarms_settled(1)

    (row,) = told(world.configure(routes), story)
    assert (row["target"], row["state"]) == ("first", "dead")
