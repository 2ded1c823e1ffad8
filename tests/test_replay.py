"""Dead letters and replays: what died is listed, told in full, sent again or let go of; one by one and by filter."""

import asyncio
import json

import pytest

from bridge import clock
from bridge.store.selection import Wanted
from bridge.web.again import STEP, wanted
from tests.bridges import PATIENCE, TOKEN, config, told
from tests.commands import drawbridge
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving
from tests.store.test_store import NOW

TARGETS = """
targets:
  one: {{type: http, url: "{one}/in", retry: {{first: 1ms}}}}
  two: {{type: http, url: "{two}/in", format: template}}
routes:
  - {{name: hooks, match: {{source: "!bridge"}}, to: [one]}}
"""


class World:
    def __init__(self, folder, one, two):
        self.one, self.two = one[0], two[0]
        self.folder = folder
        self.path = config(folder, TARGETS.format(one=one[1], two=two[1]))


@pytest.fixture
def world(tmp_path):
    one, two = App(), App()
    with serving(one) as first, serving(two) as second:
        yield World(tmp_path, (one, first), (two, second))


async def dead(bridge, world, count=3):
    """So many dead letters, oldest first."""
    world.one.then(*[Reply(422, f"no such field {n}") for n in range(count)])
    for n in range(count):
        await bridge.sample(("mobile", "nightly", "deploys")[n % 3], ("failed", "failed", "deployment-failed")[n % 3])
        await bridge.settled(n + 1)
    return (await bridge.api("/dead-letters"))["dead_letters"][::-1]


async def again(bridge, path="/replay", key=None, **body):
    headers = {"authorization": f"Bearer {TOKEN}"} | ({"idempotency-key": key} if key else {})
    return await bridge.client.post(f"{bridge.server.admin_url}/api{path}", json=body, headers=headers)


def test_a_dead_letter_is_told_in_full(world):
    async def story(bridge):
        (one,) = await dead(bridge, world, 1)
        return one, await bridge.api(f"/deliveries/{one['id']}")

    one, full = told(world.path, story)
    assert (full["state"], full["reason"]) == ("dead", one["reason"])
    assert full["event"]["source"] == "mobile"
    assert full["result"]["outcome"] == "failed"
    assert full["message"]["title"] == full["result"]["title"]
    (attempt,) = full["attempt_log"]
    assert (attempt["answer"], "no such field 0" in attempt["reason"]) == ("refused_message", True)


def test_the_message_of_a_delivery_is_what_the_templates_of_today_make_of_it(world):
    async def story(bridge):
        (one,) = await dead(bridge, world, 1)
        await again(bridge, f"/deliveries/{one['id']}/replay", to="two")
        rows = await bridge.settled(2)
        return await bridge.api(f"/deliveries/{rows[-1]['id']}")

    full = told(world.path, story)
    assert full["message"] == world.two.requests[0].json()


@pytest.mark.parametrize(
    ("body", "which"),
    [
        ({}, [0, 1, 2]),
        ({"source": "mobile"}, [0]),
        ({"reason": "FIELD 1"}, [1]),
        ({"reason": "100%"}, []),
        ({"target": "one", "route": "hooks", "state": "dead"}, [0, 1, 2]),
        ({"target": "two"}, []),
        ({"since": "1h"}, [0, 1, 2]),
        ({"until": "1h"}, []),
        ({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02"}, []),
        ({"state": "sent"}, []),
    ],
)
def test_many_are_replayed_by_filter_once_and_marked(world, body, which):
    async def story(bridge):
        letters = await dead(bridge, world)
        counted = (await again(bridge, dry_run=True, **body)).json()
        first = (await again(bridge, **body)).json()
        second = (await again(bridge, **body)).json()
        rows = await bridge.settled(3 + len(which))
        left = (await bridge.api("/dead-letters"))["dead_letters"]
        return letters, counted, first, second, rows, left

    letters, counted, first, second, rows, left = told(world.path, story)
    assert counted == {"matched": len(which)}
    assert first == {"replayed": len(which), "next": None}
    assert second["replayed"] == 0
    assert [row["result_id"] for row in rows[3:]] == [letters[n]["result_id"] for n in which]
    assert {row["why"] for row in rows[3:]} <= {"replay"}
    assert {row["state"] for row in rows[3:]} <= {"sent"}
    assert len(left) == 3 - len(which)


def test_what_was_sent_is_replayed_once_under_a_key(world):
    async def story(bridge):
        for name in ("passed", "failed"):
            await bridge.sample("mobile", name)
        await bridge.settled(2)
        answers = [(await again(bridge, key="k1", state="sent", until="0s")).json() for _ in range(2)]
        return answers, await bridge.settled(4)

    answers, rows = told(world.path, story)
    assert answers == [{"replayed": 2, "next": None}] * 2
    assert [row["why"] for row in rows] == ["new", "new", "replay", "replay"]


def test_a_replay_under_the_same_key_is_the_same_replay(world):
    async def story(bridge):
        (one,) = await dead(bridge, world, 1)
        path = f"/deliveries/{one['id']}/replay"
        answers = [(await again(bridge, path, key="k1")).json() for _ in range(3)]
        other = (await again(bridge, path, key="k2")).json()
        return answers, other, await bridge.settled(3)

    answers, other, rows = told(world.path, story)
    assert len({answer["delivery"] for answer in answers}) == 1
    assert other != answers[0]
    assert len(rows) == 3


def test_a_replay_goes_elsewhere_and_leaves_the_old_target_alone(world):
    async def story(bridge):
        await dead(bridge, world)
        await again(bridge, to="two")
        await bridge.settled(6)

    told(world.path, story)
    assert (len(world.one.requests), len(world.two.requests)) == (3, 3)
    assert all(request.json()["title"] for request in world.two.requests)


def test_a_replay_cancels_the_pending_retry(world):
    world.one.then(Reply(500, b"", {"retry-after": "600"}))

    async def story(bridge):
        await bridge.sample("mobile", "failed")
        async with asyncio.timeout(PATIENCE):
            while not any(row["attempts"] for row in (await bridge.api("/deliveries"))["deliveries"]):
                await asyncio.sleep(0.01)
        await again(bridge, state="waiting", to="two")
        return await bridge.settled(2)

    old, new = told(world.path, story)
    assert (old["state"], old["reason"]) == ("cancelled", f"replayed as {new['id']}")
    assert (new["target"], new["state"]) == ("two", "sent")
    assert len(world.one.requests) == 1


def test_dead_letters_are_discarded_by_filter_and_told_so(world):
    async def story(bridge):
        await dead(bridge, world)
        done = (await again(bridge, "/discard", reason="field 2")).json()
        return done, await bridge.api("/deliveries"), (await bridge.api("/dead-letters"))["dead_letters"]

    done, listed, left = told(world.path, story)
    assert done == {"discarded": 1, "next": None}
    assert len(left) == 2
    assert listed["deliveries"][0]["state"] == "cancelled"
    assert "discarded, after it died" in listed["deliveries"][0]["reason"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/replay", {"state": "lost"}),
        ("/replay", {"to": "nowhere"}),
        ("/replay", {"since": "yesterday"}),
        ("/replay", {"targte": "one"}),
        ("/replay", {"target": 1}),
        ("/replay", {"after": -1}),
        ("/discard", {"until": "soon"}),
    ],
)
def test_a_filter_that_says_nothing_sensible_is_400_and_nothing_is_done(world, path, body):
    async def story(bridge):
        await dead(bridge, world, 1)
        answer = await again(bridge, path, **body)
        return answer, await bridge.settled(1)

    answer, rows = told(world.path, story)
    assert (answer.status_code, len(rows)) == (400, 1)


def test_more_than_a_step_is_replayed_in_several(world):
    async def story(bridge):
        bodies = [f'{{"status": "PASSED", "executionId": "{n}"}}'.encode() for n in range(STEP + 5)]
        for body in bodies:
            await bridge.post("nightly", body)
        await bridge.settled(STEP + 5)
        return (await again(bridge, state="sent")).json(), await bridge.settled(2 * STEP + 10)

    done, rows = told(world.path, story)
    assert done == {"replayed": STEP + 5, "next": None}
    assert [row["why"] for row in rows].count("replay") == STEP + 5


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, Wanted(state="dead")),
        ({"state": "any"}, Wanted()),
        ({"since": "2h"}, Wanted(state="dead", since=NOW - 2 * clock.HOUR)),
        ({"since": "9999999999999999999d"}, Wanted(state="dead", since=0)),
        ({"until": "1970-01-02"}, Wanted(state="dead", until=clock.DAY)),
        ({"until": "1970-01-01T01:00:00+01:00"}, Wanted(state="dead", until=0)),
    ],
)
def test_a_filter_is_read(given, meant):
    assert wanted(given, NOW, state="dead") == meant


def test_the_commands_do_the_same(world):
    async def story(bridge):
        await dead(bridge, world)

    told(world.path, story)
    run = lambda *words: drawbridge(world.folder, *words)  # noqa: E731
    letters = json.loads(run("deliveries", "--state", "dead", "--json").stdout)
    full = json.loads(run("deliveries", "show", letters[0]["id"]).stdout)
    assert full["result"]["source"] == "deploys"
    assert "3 would be owed again" in run("replay", "--state", "dead", "--dry-run").stdout
    assert "1 discarded" in run("deliveries", "discard", "--source", "deploys").stdout
    assert "1 owed again" in run("replay", "--reason", "field 0", "--to", "two").stdout
    assert "delivered again as" in run("replay", letters[1]["id"]).stdout
    assert json.loads(run("deliveries", "--state", "dead", "--json").stdout) == []
    waiting = json.loads(run("deliveries", "--state", "waiting", "--json").stdout)
    assert [(one["target"], one["why"]) for one in waiting] == [("one", "replay"), ("two", "replay")]
    nothing = run("replay")
    assert (nothing.returncode, "name the ids" in nothing.stderr) == (2, True)
    assert "must be a span" in run("deliveries", "--since", "yesterday").stderr
