"""kill -9 at any moment loses nothing that was answered with 200, and repeats only what an attempt left in doubt.

Where exactly a server can be killed is gone through in `test_points`; here the moment is left to chance, under load.
"""

import asyncio
import contextlib
import json
import os
import random
import time
from collections import Counter
from functools import partial

import httpx2

from bridge import clock
from bridge.store import deliveries, open_store
from bridge.vendors import load, samples
from bridge.verify import sign
from tests.bridges import PATIENCE, SECRET, TOKEN
from tests.crash.lives import Life, free_ports, short_span
from tests.fakes.asgi import App
from tests.fakes.server import serving

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
CALLERS = 16
LONGEST_ROUND = 0.8

CONFIG = """
listen: "127.0.0.1:${{PORT}}"
admin: {{listen: "127.0.0.1:0", token: {token}}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, secret: {secret}}}}}
targets: {{lake: {{type: http, url: "{target}/in", concurrency: 4}}}}
routes: [{{name: all, to: [lake]}}]
"""


def body(number: int) -> bytes:
    payload = json.loads(samples("autosana")["failed"])
    payload["app"]["id"] = f"app-{number % 7}"
    payload["number"] = number
    return json.dumps(payload).encode()


class Load:
    """Many callers, who remember what was acknowledged to them."""

    def __init__(self):
        self.acknowledged: set[str] = set()
        self.number = 0

    async def until_killed(self, life, after):
        """Post signed hooks from many callers; kill the server in the middle of it, so long after its first answer."""
        before = len(self.acknowledged)
        async with httpx2.AsyncClient(timeout=30, trust_env=False, verify=False) as client:
            callers = [asyncio.create_task(self._call(client, life.url)) for _ in range(CALLERS)]
            async with asyncio.timeout(PATIENCE):
                while len(self.acknowledged) == before:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(after)
            life.kill()
            await asyncio.gather(*callers)

    async def _call(self, client, url):
        scheme = load("autosana").signature
        assert scheme
        with contextlib.suppress(httpx2.TransportError):
            while True:
                self.number += 1
                content = body(self.number)
                signed = sign(scheme, SECRET, content, clock.now())
                answer = await client.post(f"{url}/hooks/mobile", content=content, headers=signed)
                if answer.status_code == 200:
                    self.acknowledged.add(answer.json()["id"])


async def doubtful(store_url) -> Counter[str]:
    """By event: how many attempts ended with nobody knowing whether they arrived."""
    store = await open_store(store_url, exclusive=False)
    try:
        rows = await store.read(partial(deliveries.listed, limit=100_000))
        counts: Counter[str] = Counter()
        for row in rows:
            if row["attempts"] and row["attempts"] > 1:
                attempts = await store.read(partial(deliveries.attempts, message_id=row["message_id"]))
                counts[row["event_id"]] += sum(one["answer"] in ("interrupted", "unknown") for one in attempts)
        return counts
    finally:
        await store.close()


def arrivals(target) -> Counter[str]:
    """How often each event's message came."""
    return Counter(request.json()["id"] for request in list(target.requests))


def test_nothing_acknowledged_is_lost_and_only_what_was_in_doubt_is_repeated(tmp_path, store_url):
    chance = random.Random(7)
    target, posted, port = App(), Load(), free_ports()
    path = tmp_path / "config.yaml"
    with serving(target) as url:
        path.write_text(CONFIG.format(token=TOKEN, store=store_url, secret=SECRET, target=url))
        span = short_span(path, port)
        for _ in range(ROUNDS):
            with Life(path, port, span=span) as life:
                asyncio.run(posted.until_killed(life.up(), chance.uniform(0.05, LONGEST_ROUND)))
        with Life(path, port, span=span) as life:
            life.up()
            deadline = time.monotonic() + 300
            while time.monotonic() < deadline and not posted.acknowledged <= arrivals(target).keys():
                time.sleep(0.1)
    delivered = arrivals(target)
    assert len(posted.acknowledged) >= ROUNDS
    assert posted.acknowledged - delivered.keys() == set()
    in_doubt = asyncio.run(doubtful(store_url))
    assert {one: count for one, count in delivered.items() if count > 1 + in_doubt[one]} == {}
