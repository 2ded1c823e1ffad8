"""An event is forgotten at its operator's word: over the API and as a command; what of it waits goes out no more."""

import asyncio
import json
import re
import threading
from collections import Counter

from bridge.vendors import samples
from tests.bridges import TOKEN, config, told
from tests.commands import drawbridge
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving

TARGET = """
targets: {{lake: {{type: http, url: "{url}/in", {more}retry: {{first: 1ms}}}}}}
routes: [{{name: all, match: {{source: mobile}}, to: [lake]}}]
"""
WORDS = re.compile("My App|Login Flow|feature/login")
"""What the sample says of somebody's work."""


def hook(number):
    payload = json.loads(samples("autosana")["failed"])
    payload["app"]["id"] = f"app-{number}"
    payload["git"]["commit_sha"] = f"{number:07d}"
    return json.dumps(payload).encode()


async def forget(bridge, event_id):
    """What the API says, and with what status."""
    url = f"{bridge.server.admin_url}/api/events/{event_id}/forget"
    answer = await bridge.client.post(url, headers={"authorization": f"Bearer {TOKEN}"})
    return answer.status_code, answer.text


def test_a_forgotten_event_is_listed_and_says_nothing(tmp_path):
    lake = App()
    lake.then(Reply(422, "My App is not known here"))

    async def story(bridge):
        event_id = (await bridge.post("mobile", hook(1))).json()["id"]
        await bridge.settled(1)
        before = await bridge.api(f"/events/{event_id}")
        said = await forget(bridge, event_id)
        replayed = await bridge.client.post(
            f"{bridge.server.admin_url}/api/events/{event_id}/replay", headers={"authorization": f"Bearer {TOKEN}"}
        )
        return event_id, before, said, await bridge.api(f"/events/{event_id}"), replayed.status_code

    with serving(lake) as url:
        event_id, before, said, after, replayed = told(config(tmp_path, TARGET.format(url=url, more="")), story)
    assert WORDS.search(json.dumps(before))
    assert (said[0], json.loads(said[1])) == (200, {"erased": event_id})
    assert not WORDS.search(json.dumps(after))
    assert (after["id"], after["body"], after["results"]) == (event_id, "", [])
    (delivery,) = after["deliveries"]
    assert (delivery["state"], [one["answer"] for one in delivery["attempt_log"]]) == ("dead", ["refused_message"])
    assert replayed == 404


def test_an_event_that_nobody_knows_cannot_be_forgotten(tmp_path):
    done = told(config(tmp_path, TARGET.format(url="http://127.0.0.1:9", more="")), lambda one: forget(one, "nothing"))
    assert done[0] == 404
    assert "no event nothing" in done[1]


class Held(App):
    """Answers only when it may."""

    def __init__(self):
        super().__init__()
        self.may = threading.Event()

    async def answer(self, send, reply):
        await asyncio.to_thread(self.may.wait, 10)
        await super().answer(send, reply)


def test_an_event_is_not_forgotten_while_a_message_of_it_is_on_its_way(tmp_path):
    lake = Held()

    async def story(bridge):
        event_id = (await bridge.post("mobile", hook(1))).json()["id"]
        while not lake.requests:
            await asyncio.sleep(0.01)
        said = await forget(bridge, event_id)
        kept = await bridge.api(f"/events/{event_id}")
        lake.may.set()
        (row,) = await bridge.settled(1)
        return said, kept, row["state"], await forget(bridge, event_id)

    with serving(lake) as url:
        said, kept, state, then = told(config(tmp_path, TARGET.format(url=url, more="")), story)
    assert said[0] == 409
    assert "on its way now" in said[1]
    assert WORDS.search(kept["body"])
    assert (state, then[0]) == ("sent", 200)


def test_the_others_of_a_batch_are_delivered_when_one_is_forgotten_that_waits_with_them(tmp_path):
    lake = App()
    lake.then(Reply(503, headers={"retry-after": "1"}))

    async def story(bridge):
        answers = await asyncio.gather(*(bridge.post("mobile", hook(number)) for number in range(5)))
        gone = answers[2].json()["id"]
        while not lake.requests:
            await asyncio.sleep(0.01)
        while (await forget(bridge, gone))[0] == 409:
            await asyncio.sleep(0.01)
        return gone, await bridge.settled(5)

    with serving(lake) as url:
        gone, rows = told(config(tmp_path, TARGET.format(url=url, more="batch: 5, ")), story)
    states = {row["event_id"]: (row["state"], row["reason"]) for row in rows}
    assert states.pop(gone) == ("dead", "the event is no longer in the store")
    assert set(states.values()) == {("sent", None)}
    first, *later = [request.json() for request in lake.requests]
    assert len(first) == 5
    told_of = Counter(result["vcs"]["commit"] for results in later for result in results)
    assert told_of == {f"{number:07d}": 1 for number in (0, 1, 3, 4)}


def test_the_command_forgets_an_event_too(tmp_path):
    lake = App()

    async def story(bridge):
        event_id = (await bridge.post("mobile", hook(1))).json()["id"]
        await bridge.settled(1)
        return event_id

    with serving(lake) as url:
        event_id = told(config(tmp_path, TARGET.format(url=url, more="")), story)
    before = drawbridge(tmp_path, "events", event_id).stdout
    done = drawbridge(tmp_path, "events", "forget", event_id)
    after = drawbridge(tmp_path, "events", event_id).stdout
    unknown = drawbridge(tmp_path, "events", "forget", "nothing")
    unnamed = drawbridge(tmp_path, "events", "forget")
    assert WORDS.search(before)
    assert not WORDS.search(after)
    assert (done.returncode, done.stdout) == (0, f"{event_id}: its body and every text made of it are erased\n")
    assert (unknown.returncode, "no event nothing" in unknown.stderr) == (1, True)
    assert (unnamed.returncode, "events forget ID" in unnamed.stderr) == (2, True)
