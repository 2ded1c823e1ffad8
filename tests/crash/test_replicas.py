"""Three replicas on one PostgreSQL: one is killed, the next stands still for longer than its lease and wakes up again.

Nothing acknowledged is lost, only what an attempt left in doubt is repeated, and each subject's verdicts arrive in the
order in which they were posted, through whichever replica they came in.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from functools import partial
from typing import Any

import httpx2

from bridge import clock
from bridge.store import leases, open_store
from bridge.vendors import load, samples
from bridge.verify import sign
from tests.bridges import SECRET, TOKEN
from tests.crash.test_kill import doubtful, free_port
from tests.fakes.asgi import App
from tests.fakes.server import serving

REPLICAS = 3
SUBJECTS = 12
PAUSE = 0.25
"""Seconds between one subject's posts."""

ANSWERS_AFTER = 0.03
"""Seconds the target takes for each message, so that many are begun and not yet sent when their owner stands still."""

CONCURRENCY = 4
FROZEN = leases.SPAN / clock.SECOND + 2
SOON = leases.SPAN / clock.SECOND + 10
"""Seconds in which another replica has taken over."""

CONFIG = """
listen: "127.0.0.1:${{PORT}}"
admin: {{listen: "127.0.0.1:0", token: {token}}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, secret: {secret}}}}}
targets: {{lake: {{type: http, url: "{target}/in", concurrency: {concurrency}, headers: {{x-replica: "${{PORT}}"}}}}}}
routes: [{{name: all, to: [lake]}}]
"""


class Slow(App):
    """A target that takes its time, and remembers when what arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def reply(self, request):
        self.at.append(time.monotonic())
        return super().reply(request)

    async def __call__(self, scope, receive, send):
        async def later(message):
            if message["type"] == "http.response.start":
                await asyncio.sleep(ANSWERS_AFTER)
            await send(message)

        await super().__call__(scope, receive, later)

    def by(self, port: int) -> int:
        """How many messages that replica has sent."""
        return sum(request.headers["x-replica"] == str(port) for request in list(self.requests))


class Replica:
    """One of the processes."""

    def __init__(self, path, log):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "bridge", "serve", "-c", str(path), "--logs", "json"]
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | {"PORT": str(self.port)})
        self.log = log

    def up(self, client):
        """Wait until it answers."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"{self.url}/healthz").is_success:
                    return
            time.sleep(0.05)
        raise AssertionError("the replica did not start")

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Stop it in order, whatever state it is in."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def replicas(folder, store_url, target_url):
    """So many replicas, started at the same moment on an empty database."""
    path = folder / "config.yaml"
    path.write_text(
        CONFIG.format(token=TOKEN, store=store_url, secret=SECRET, target=target_url, concurrency=CONCURRENCY)
    )
    started = [Replica(path, folder / f"{n}.log") for n in range(REPLICAS)]
    try:
        with httpx2.Client(trust_env=False) as client:
            for replica in started:
                replica.up(client)
        yield started
    finally:
        for replica in started:
            replica.end()


def body(subject: int, number: int) -> bytes:
    """One subject's verdicts alternate, and each is later than the one before."""
    payload = json.loads(samples("autosana")["failed" if number % 2 else "passed"])
    payload["app"]["id"] = f"app-{subject}"
    payload["timestamp"] = clock.to_iso(clock.now())
    payload["git"]["commit_sha"] = f"{number:07d}"
    return json.dumps(payload).encode()


def transition(number: int) -> str:
    """What such a verdict changes: they begin with a pass."""
    return "first" if number == 0 else "broke" if number % 2 else "fixed"


class Load:
    """Subjects whose verdicts are posted one after the other, through one replica after another, until acknowledged."""

    def __init__(self, started):
        self._urls = [replica.url for replica in started]
        self._stopping = False
        self.acknowledged: dict[tuple[int, int], str] = {}

    async def run(self, story):
        async with httpx2.AsyncClient(timeout=2, trust_env=False) as client:
            callers = [asyncio.create_task(self._call(client, subject)) for subject in range(SUBJECTS)]
            try:
                await story()
            finally:
                self._stopping = True
                await asyncio.gather(*callers)

    async def _call(self, client, subject):
        number = 0
        while not self._stopping:
            self.acknowledged[subject, number] = await self._post(client, subject, number)
            number += 1
            await asyncio.sleep(PAUSE)

    async def _post(self, client, subject, number):
        """As a vendor that retries does it, behind a balancer that goes round."""
        scheme = load("autosana").signature
        assert scheme
        content = body(subject, number)
        for turn in range(subject + number, subject + number + 60):
            with contextlib.suppress(httpx2.TransportError):
                answer = await client.post(
                    f"{self._urls[turn % REPLICAS]}/hooks/mobile",
                    content=content,
                    headers=sign(scheme, SECRET, content, clock.now()),
                )
                if answer.status_code == 200:
                    return answer.json()["id"]
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)
        raise AssertionError(f"no replica took verdict {number} of subject {subject}")


async def until(true, seconds):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def test_one_killed_and_one_frozen_replica_lose_nothing_and_keep_the_order(tmp_path, postgres_url):
    target = Slow()
    with serving(target) as url, replicas(tmp_path, postgres_url, url) as started:
        posted = Load(started)
        left = list(started)
        woken_at = 0.0
        killed = frozen = started[0]

        def sender():
            """Which of those left has sent something since the last change."""
            return next((one for one in left if target.by(one.port) > 0), None)

        async def story():
            nonlocal killed, frozen, woken_at
            await until(lambda: len(target.requests) > SUBJECTS, SOON)
            killed = sender()
            left.remove(killed)
            killed.signal(signal.SIGKILL)
            await until(sender, SOON)  # another owns the target now, and has much to catch up with
            frozen = sender()
            left.remove(frozen)
            frozen.signal(signal.SIGSTOP)
            frozen_at = time.monotonic()
            await until(sender, 2 * SOON)
            await until(lambda: time.monotonic() > frozen_at + FROZEN, SOON)
            frozen.signal(signal.SIGCONT)
            woken_at = time.monotonic()
            await asyncio.sleep(1)

        asyncio.run(posted.run(story))
        owed = set(posted.acknowledged.values())
        arrived: Counter[str] = Counter()
        deadline = time.monotonic() + SOON
        while not owed <= arrived.keys() and time.monotonic() < deadline:
            time.sleep(0.1)
            arrived = Counter(request.json()["id"] for request in list(target.requests))

    assert len(started) - len(left) == 2
    arrivals = [request.json() for request in target.requests]
    arrived = Counter(result["id"] for result in arrivals)
    assert owed - arrived.keys() == set()

    in_doubt = asyncio.run(doubtful(postgres_url))
    assert sum(in_doubt.values()) > CONCURRENCY, "nothing was begun when its owner stood still"
    assert {one: count for one, count in arrived.items() if count > 1 + in_doubt[one]} == {}

    of_subject: dict[str, list[dict[str, Any]]] = defaultdict(list)
    firsts = {result["id"]: result for result in reversed(arrivals)}
    for result in dict.fromkeys(result["id"] for result in arrivals):
        of_subject[firsts[result]["app"]["id"]].append(firsts[result])
    for results in of_subject.values():
        numbers = [int(result["vcs"]["commit"]) for result in results]
        assert numbers == list(range(len(numbers)))
        assert [result["history"]["transition"] for result in results] == [transition(number) for number in numbers]

    # Whoever slept through its lease no longer owns the target: it sends at most what was on its way already.
    seen: set[str] = set()
    stale = 0
    for at, request in zip(target.at, target.requests, strict=True):
        repeated = request.json()["id"] in seen
        seen.add(request.json()["id"])
        stale += repeated and at > woken_at and request.headers["x-replica"] == str(frozen.port)
    assert stale <= CONCURRENCY


def test_replicas_that_start_together_on_an_empty_database_migrate_it_once(tmp_path, postgres_url):
    async def versions(tx):
        return await tx.rows("SELECT version FROM schema_version")

    async def look():
        store = await open_store(postgres_url, exclusive=False)
        try:
            return await store.read(versions)
        finally:
            await store.close()

    with serving(App()) as url, replicas(tmp_path, postgres_url, url) as started:
        posted = Load(started)
        asyncio.run(posted.run(partial(until, lambda: len(posted.acknowledged) >= SUBJECTS * REPLICAS, 20)))
    assert len(asyncio.run(look())) == 1
    assert len(set(posted.acknowledged.values())) == len(posted.acknowledged)
    assert all(" error" not in line.lower() for replica in started for line in replica.log.read_text().splitlines())
