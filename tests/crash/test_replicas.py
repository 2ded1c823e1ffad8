"""Three replicas on one PostgreSQL: killed, frozen for longer than their leases, restarted in turn.

Nothing acknowledged is lost, only what an attempt left in doubt is repeated, and each subject's verdicts arrive in the
order in which they were posted, through whichever replica they came in.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import defaultdict
from functools import partial
from typing import Any

import httpx2

from bridge import clock
from bridge.store import open_store
from bridge.vendors import load, samples
from bridge.verify import sign
from tests.bridges import SECRET, TOKEN
from tests.crash.lives import STEADY, Life, free_ports, short_span, together
from tests.crash.test_kill import arrivals, doubtful
from tests.fakes.asgi import App
from tests.fakes.balancer import Balancer
from tests.fakes.server import serving

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
REPLICAS = 3
SUBJECTS = 12
PAUSE = 0.1
"""Seconds between one subject's posts."""

ANSWERS_AFTER = 0.03
"""Seconds the target takes for each message, so that many are begun and not yet sent when their owner stands still."""

AHEAD = 300
"""Verdicts that may be acknowledged and not delivered: a busy machine is asked for no more than it can do."""

CONCURRENCY = 4
AWAKE = 0.5
"""Seconds after a sleep in which a replica finds out that it no longer owns anything."""

SOON = 300
"""Seconds in which another replica must have taken over, and all is delivered."""

TURNED_AWAY_AFTER = 2
"""Seconds after which a caller tries the next replica: the one that it asked may stand still."""

CONFIG = """
listen: "127.0.0.1:${{PORT}}"
admin: {{listen: "127.0.0.1:0", token: {token}}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, secret: {secret}}}}}
targets: {{lake: {{type: http, url: "{target}/in", concurrency: {concurrency}, headers: {{x-replica: "${{PORT}}"}}}}}}
routes: [{{name: all, to: [lake]}}]
"""


class Slow(App):
    """A target that takes its time, and remembers when what arrived. It answers only while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []
        self.gate = threading.Event()
        self.gate.set()
        self.held = 0
        """Messages that came and wait for the gate."""

    def reply(self, request):
        self.at.append(time.monotonic())
        return super().reply(request)

    async def __call__(self, scope, receive, send):
        async def later(message):
            if message["type"] == "http.response.start":
                await asyncio.sleep(ANSWERS_AFTER)
                self.held += 1
                while not self.gate.is_set():
                    await asyncio.sleep(0.01)
                self.held -= 1
            await send(message)

        await super().__call__(scope, receive, later)


@contextlib.contextmanager
def replicas(folder, store_url, target_url, *, steady=True):
    """So many replicas, started at the same moment. What takes their places is ended too. `steady`: no lease has to end
    by itself, and the database is empty.
    """
    path = folder / "config.yaml"
    path.write_text(
        CONFIG.format(token=TOKEN, store=store_url, secret=SECRET, target=target_url, concurrency=CONCURRENCY)
    )
    span = STEADY if steady else short_span(path, free_ports())
    started = [Life(path, free_ports(), span=span, log=folder / f"{n}.log") for n in range(REPLICAS)]
    with together(started):
        for replica in started:
            replica.up()
        yield started


def reborn(started, n):
    """A new replica in the place of one that has ended."""
    old = started[n]
    started[n] = Life(old.path, old.port, span=old.span, log=old.log)
    return started[n]


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

    def __init__(self, urls, target, patience=TURNED_AWAY_AFTER):
        self._urls = urls
        self._target = target
        self._patience = patience
        self._stopping = False
        self.turned_away = 0
        self.acknowledged: dict[tuple[int, int], str] = {}

    async def run(self, story):
        async with httpx2.AsyncClient(timeout=self._patience, trust_env=False, verify=False) as client:
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
            while len(self.acknowledged) > len(self._target.requests) + AHEAD and not self._stopping:
                await asyncio.sleep(PAUSE)

    async def _post(self, client, subject, number):
        """As a vendor that retries does it, behind a balancer that goes round."""
        scheme = load("autosana").signature
        assert scheme
        content = body(subject, number)
        for turn in range(subject + number, subject + number + 60):
            with contextlib.suppress(httpx2.TransportError):
                answer = await client.post(
                    f"{self._urls[turn % len(self._urls)]}/hooks/mobile",
                    content=content,
                    headers=sign(scheme, SECRET, content, clock.now()),
                )
                if answer.status_code == 200:
                    return answer.json()["id"]
                assert answer.status_code == 503, answer.text
            self.turned_away += 1
            await asyncio.sleep(0.05)
        raise AssertionError(f"no replica took verdict {number} of subject {subject}")


async def until(true, seconds):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def in_order(results):
    """Each subject's verdicts came first in the order in which they were posted, and say what they changed. A copy of
    what was in doubt may come later: who slept through its lease sends what was on its way when it wakes.
    """
    first: dict[str, dict[str, Any]] = {}
    for result in results:
        first.setdefault(result["id"], result)
    of_subject: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for result in first.values():
        of_subject[result["app"]["id"]].append(result)
    for one in of_subject.values():
        numbers = [int(result["vcs"]["commit"]) for result in one]
        assert numbers == list(range(len(numbers)))
        assert [result["history"]["transition"] for result in one] == [transition(number) for number in numbers]


async def delivered(target, posted):
    """Wait until all that was acknowledged has arrived."""
    owed = set(posted.acknowledged.values())
    await until(lambda: len(target.requests) >= len(owed) and owed <= arrivals(target).keys(), SOON)


def test_replicas_killed_and_frozen_at_random_lose_nothing_and_keep_the_order(tmp_path, postgres_url):
    target, chance = Slow(), random.Random(5)
    thawed: list[tuple[int, float]] = []

    with serving(target) as url, replicas(tmp_path, postgres_url, url, steady=False) as started:
        posted = Load([replica.url for replica in started], target)

        def sender():
            """Who has sent the last message."""
            ports = [str(replica.port) for replica in started]
            return ports.index(target.requests[-1].headers["x-replica"])

        async def kill(n):
            started[n].kill()
            target.gate.set()
            await asyncio.sleep(chance.uniform(0, started[n].span))
            await asyncio.to_thread(reborn(started, n).up)

        async def freeze(n):
            started[n].signal(signal.SIGSTOP)
            target.gate.set()
            await asyncio.sleep(started[n].span + chance.uniform(0.3, 1))
            started[n].signal(signal.SIGCONT)
            thawed.append((started[n].port, time.monotonic()))
            await asyncio.sleep(AWAKE)

        async def story():
            await until(lambda: len(target.requests) > SUBJECTS, SOON)
            for number in range(max(ROUNDS, 2)):
                deed = (kill, freeze)[number] if number < 2 else chance.choice([kill, freeze])
                if number < 2:  # who has sent something, while its answer is on its way
                    target.gate.clear()
                    await until(lambda: target.held, SOON)
                    await deed(sender())
                else:
                    await deed(chance.randrange(REPLICAS))
                before = len(target.requests)
                await until(lambda before=before: len(target.requests) > before + SUBJECTS, SOON)

        asyncio.run(posted.run(story))
        asyncio.run(delivered(target, posted))

    results = [request.json() for request in target.requests]
    in_doubt = asyncio.run(doubtful(postgres_url))
    assert {one: count for one, count in arrivals(target).items() if count > 1 + in_doubt[one]} == {}
    assert in_doubt, "nothing was begun when its owner was killed or stood still"
    in_order(results)

    # Whoever slept through its lease no longer owns the target: it sends at most what was on its way already.
    for port, woken_at in thawed:
        seen: set[str] = set()
        stale = 0
        for at, request in zip(target.at, target.requests, strict=True):
            repeated = request.json()["id"] in seen
            seen.add(request.json()["id"])
            stale += repeated and woken_at < at < woken_at + AWAKE and request.headers["x-replica"] == str(port)
        assert stale <= CONCURRENCY


def test_a_rolling_restart_refuses_nothing_loses_nothing_and_repeats_nothing(tmp_path, postgres_url):
    target = Slow()
    with serving(target) as url, replicas(tmp_path, postgres_url, url) as started:
        balancer = Balancer([replica.url for replica in started])

        async def story():
            for n, old in enumerate(list(started)):
                before = len(target.requests)
                await until(lambda before=before: len(target.requests) > before + SUBJECTS, SOON)
                old.signal(signal.SIGTERM)
                assert await asyncio.to_thread(old.died, SOON)
                await asyncio.to_thread(reborn(started, n).up)
                assert old.status == 0

        with serving(balancer) as front:
            posted = Load([front], target, patience=SOON)
            asyncio.run(posted.run(story))
            asyncio.run(delivered(target, posted))
    assert posted.turned_away == 0
    assert set(arrivals(target).values()) == {1}
    assert arrivals(target).keys() == set(posted.acknowledged.values())
    in_order([request.json() for request in target.requests])


def test_replicas_that_start_together_on_an_empty_database_migrate_it_once(tmp_path, postgres_url):
    async def versions(tx):
        return await tx.rows("SELECT version FROM schema_version")

    async def look():
        store = await open_store(postgres_url, exclusive=False)
        try:
            return await store.read(versions)
        finally:
            await store.close()

    target = App()
    with serving(target) as url, replicas(tmp_path, postgres_url, url) as started:
        posted = Load([replica.url for replica in started], target, patience=SOON)
        asyncio.run(posted.run(partial(until, lambda: len(posted.acknowledged) >= SUBJECTS * REPLICAS, SOON)))
    assert len(asyncio.run(look())) == 1
    assert len(set(posted.acknowledged.values())) == len(posted.acknowledged)
    assert all(" error" not in line.lower() for replica in started for line in replica.log.read_text().splitlines())
