"""kill -9 at any moment loses nothing that was answered with 200, and repeats only what an attempt left in doubt."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import httpx2
import pytest

from bridge import clock
from bridge.store import deliveries, open_store
from bridge.vendors import load, samples
from bridge.verify import sign
from tests.bridges import SECRET, TOKEN
from tests.fakes.asgi import App
from tests.fakes.server import serving

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
CALLERS = 16
LONGEST_ROUND = 0.8

CONFIG = """
listen: 127.0.0.1:{port}
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


class Killed:
    """A server process that is started, loaded, and killed; what it acknowledged is remembered outside it."""

    def __init__(self, path, port):
        self.path, self.port, self.log = path, port, path.with_suffix(".log")
        self.acknowledged: set[str] = set()
        self.number = 0

    def start(self):
        command = [sys.executable, "-m", "bridge", "serve", "-c", str(self.path), "--logs", "json"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"http://127.0.0.1:{self.port}/healthz", trust_env=False).is_success:
                    return
            except httpx2.TransportError:
                assert self.process.poll() is None, self.log.read_text()
        raise AssertionError("the server did not start")

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(30)

    async def load_until_killed(self, after):
        """Post signed hooks from many callers; kill the server in the middle of it."""
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            callers = [asyncio.create_task(self._call(client)) for _ in range(CALLERS)]
            await asyncio.sleep(after)
            self.end(signal.SIGKILL)
            await asyncio.gather(*callers)

    async def _call(self, client):
        scheme = load("autosana").signature
        assert scheme
        while True:
            self.number += 1
            content = body(self.number)
            try:
                answer = await client.post(
                    f"http://127.0.0.1:{self.port}/hooks/mobile",
                    content=content,
                    headers=sign(scheme, SECRET, content, clock.now()),
                )
            except httpx2.TransportError:
                return
            if answer.status_code == 200:
                self.acknowledged.add(answer.json()["id"])


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


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


def test_nothing_acknowledged_is_lost_and_only_what_was_in_doubt_is_repeated(tmp_path, store_url):
    chance = random.Random(7)
    target = App()
    with serving(target) as url:
        port = free_port()
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG.format(port=port, token=TOKEN, store=store_url, secret=SECRET, target=url))
        server = Killed(path, port)
        for _ in range(ROUNDS):
            server.start()
            asyncio.run(server.load_until_killed(chance.uniform(0.05, LONGEST_ROUND)))
        server.start()
        deadline = time.monotonic() + 120
        delivered: Counter[str] = Counter()
        while time.monotonic() < deadline and not server.acknowledged <= delivered.keys():
            time.sleep(0.1)
            delivered = Counter(request.json()["id"] for request in list(target.requests))
        server.end(signal.SIGTERM)
        delivered = Counter(request.json()["id"] for request in target.requests)

    assert len(server.acknowledged) > ROUNDS
    assert server.acknowledged - delivered.keys() == set()
    in_doubt = asyncio.run(doubtful(store_url))
    too_often = {one: count for one, count in delivered.items() if count > 1 + in_doubt[one]}
    assert too_often == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops_in_order_and_quickly(tmp_path, number):
    port = free_port()
    path = tmp_path / "config.yaml"
    store = f"sqlite:///{tmp_path}/store.db"
    path.write_text(CONFIG.format(port=port, token=TOKEN, store=store, secret=SECRET, target="http://127.0.0.1:9"))
    server = Killed(path, port)
    server.start()
    began = time.monotonic()
    server.end(number)
    assert server.process.returncode == 0
    assert time.monotonic() - began < 10
