"""What waits together goes out together: digests for people, batches for machines, and what quiet hours held back."""

import asyncio
import json
from collections import Counter

import pytest

from bridge.vendors import samples
from tests.bridges import config, told
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving

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
