"""kill -9 right before and right after every commit there is, on each database; each life takes over from the last.

Each life is loaded with everything that a server does until its fuse kills it. After the last one, all accounts are
settled: what was answered with 200 was delivered, and a message arrived twice only where an attempt was left in doubt.
"""

import asyncio
import contextlib
import json
import random
import signal
import time
from collections import Counter, defaultdict
from functools import partial

import httpx2

from bridge import clock
from bridge.model import Verification, Verified
from bridge.store import deliveries, events, expected, open_store
from bridge.vendors import load, samples
from bridge.verify import sign
from tests.bridges import SECRET, TOKEN
from tests.crash.lives import Life, end_leases, free_ports
from tests.crash.points import KEEP, Fuse, operations
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving

LATEST = 3
"""A fuse burns down at the first to the third time."""

PATIENCE, TURNS = 60, 40
"""Seconds, and turns of the operator, in which every point must be come to. Seconds alone say little on a machine that
is busy with other things.
"""

LONGEST = 600
"""Seconds after which no more turns are waited for."""

AT_START = {"migrations.migrate"}
"""Points that are passed before there are hooks."""

AT_THE_END = {"leases.release"}
"""Points that are passed when a server is told to stop."""

ENOUGH = 10
"""Hooks that such a life has acknowledged before it is told to."""

ONCE = {"expected.change"}
"""Points that a life comes to once, where the lives before have not."""

FIRST = "retention.forget_events"
"""The point that is come to only while there is something old: what the first life finds, and leaves where it dies."""

NOT_REACHED = {"migrations.try_writing": "changes nothing, and is asked only after a hook could not be kept"}

AHEAD = 40
"""Deliveries that may be owed before the operator asks for no more. Else a busy machine falls behind ever further, and
what the operator is shown, the newest, has not been begun.
"""

AHEAD_OF_HOOKS = 10
"""The same for hooks: were it as many, they would always be first, and the operator's turn never come."""

OLD = 4
"""Events that are old enough to be let go of."""

SAMPLES = samples("autosana")

CONFIG = """
listen: "127.0.0.1:{port}"
admin: {{listen: "127.0.0.1:{admin_port}", token: {token}}}
store: {{url: "{store}", keep: 1d}}
sources: {{mobile: {{vendor: autosana, secret: {secret}, expect_every: 20h}}}}
targets:
  lake:
    {{type: http, url: "{target}/in", concurrency: 2, retry: {{first: 10ms, most: 50ms}}, fallback: sea,
      signing_secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}}
  sea:
    {{type: http, url: "{target}/in", batch: 5, retry: {{first: 10ms, most: 50ms}},
      signing_secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}}
  wall: {{type: discord, url: "{target}/api/webhooks/1/token", pace: 1000/s, digest: null}}
routes:
  - {{name: all, when: "(result.run_id or 1)|int // 0", to: [lake, sea]}}
  - {{name: said, when: "(result.vcs.commit or 0)|int % 3 == 0", to: [wall], stop: true}}
  - {{name: shown, to: [wall], mode: update, thread_key: result.subject_key}}
"""
"""The first route's condition fails, which counts as a match and raises an alarm."""


class Lake(App):
    """Refuses some for good and some once; `accepted` counts what it took, by message."""

    def __init__(self):
        super().__init__()
        self.seen: set[str] = set()
        self.accepted: Counter[str] = Counter()

    def reply(self, request):
        if request.path.startswith("/api/webhooks/"):  # the wall: it takes everything, and knows no repeats
            return Reply(200, {"id": "1"})
        message_id = request.headers["webhook-id"]
        said = request.json()
        numbers = [int(one["vcs"]["commit"] or 0) for one in (said if isinstance(said, list) else [said])]
        first = message_id not in self.seen
        self.seen.add(message_id)
        if any(number % 11 == 5 for number in numbers):
            return Reply(400, "not this one")
        if numbers[0] % 5 == 3 and first:
            return Reply(503, "not now")
        self.accepted[message_id] += 1
        return Reply(200)


def body(number: int) -> bytes:
    payload = json.loads(SAMPLES["failed" if number % 2 else "passed"])
    payload["app"]["id"] = f"app-{number % 3}"
    payload["git"]["commit_sha"] = f"{number:07d}"
    return json.dumps(payload).encode()


class Loaded:
    """What is asked of one life after another, and what they acknowledged."""

    def __init__(self, port):
        self.hooks = f"http://127.0.0.1:{port}/hooks/mobile"
        self.api = f"http://127.0.0.1:{port + 1}/api"
        self.head = {"authorization": f"Bearer {TOKEN}"}
        self.acknowledged: set[str] = set()
        self.erased: set[str] = set()
        self.number = 0
        self.owed = 0
        self.turns = 0
        """How often the operator came to the end of what an operator does."""

    async def until_killed(self, life, fuse):
        """Work until the fuse has burnt down; whether it has."""
        async with httpx2.AsyncClient(timeout=5, trust_env=False, verify=False) as client:
            await self._listening(life)
            work = [self._vendor, self._vendor, self._stranger, self._operator]
            tasks = [asyncio.create_task(self._again_and_again(one, client, life)) for one in work]
            began, turns, before, told = time.monotonic(), self.turns, len(self.acknowledged), False
            while life.alive and (waited := time.monotonic() - began) < LONGEST:
                if waited > PATIENCE and self.turns > turns + TURNS:
                    break
                if fuse.point in AT_THE_END and len(self.acknowledged) > before + ENOUGH and not told:
                    life.signal(signal.SIGTERM)
                    told = True
                await asyncio.sleep(0.01)
            by_its_fuse = life.status == -signal.SIGKILL
            life.kill()
            await asyncio.gather(*tasks)
        return by_its_fuse

    async def _listening(self, life):
        """Wait until the life can be connected to, unless it ends before."""
        while life.alive:
            with contextlib.suppress(OSError):
                _, line = await asyncio.open_connection("127.0.0.1", life.port)
                line.close()
                return
            await asyncio.sleep(0.01)

    async def _again_and_again(self, work, client, life):
        """For as long as the life lasts, which begins to answer and ends when it likes."""
        while life.alive:
            with contextlib.suppress(httpx2.TransportError):
                await work(client)
            await asyncio.sleep(0.01)

    async def _vendor(self, client):
        if self.owed > AHEAD_OF_HOOKS:
            return
        scheme = load("autosana").signature
        assert scheme
        self.number += 1
        content = body(self.number)
        answer = await client.post(self.hooks, content=content, headers=sign(scheme, SECRET, content, clock.now()))
        if answer.status_code == 200:
            self.acknowledged.add(answer.json()["id"])

    async def _stranger(self, client):
        await client.post(self.hooks, content=b"{}")

    async def _operator(self, client):
        """Replays, pauses, resumes and discards."""
        head = self.head
        await client.post(f"{self.api}/targets/lake/resume", headers=head)  # the last life may have ended in a pause
        targets = (await client.get(f"{self.api}/targets", headers=head)).json()["targets"]
        self.owed = sum(target["waiting"] for target in targets)
        if self.owed > AHEAD:
            return
        rows = (await client.get(f"{self.api}/deliveries?limit=100", headers=head)).json()["deliveries"]
        if rows:
            one, other = rows[0], rows[-1]
            await client.post(f"{self.api}/deliveries/{other['id']}/replay", headers=head)
            await client.post(f"{self.api}/events/{other['event_id']}/replay", headers=head)
            for sent in [row for row in rows if row["message_id"]][-1:]:
                carried = {"state": "any", "message": sent["message_id"]}
                await client.post(f"{self.api}/replay", headers=head, json=carried)
                self.erased.add(sent["event_id"])
                await client.post(f"{self.api}/events/{sent['event_id']}/forget", headers=head)
            await client.post(f"{self.api}/targets/lake/pause", headers=head)
            again = f"{self.api}/deliveries/{one['id']}/replay"  # it waits for the resumption, to be discarded
            await client.post(again, headers=head, json={"to": "lake"})
            await client.post(f"{self.api}/deliveries/{one['id']}/discard", headers=head)
            waiting = {"state": "waiting", "event": one["event_id"]}
            await client.post(f"{self.api}/discard", headers=head, json=waiting)
            await client.post(f"{self.api}/targets/lake/resume", headers=head)
            self.turns += 1


async def grow_old(store_url):
    """Put events and dedupe keys of long ago into the store."""
    store = await open_store(store_url, exclusive=False)
    then = clock.now() - 9 * clock.DAY
    try:
        for n in range(OLD):
            proof = Verification("hmac-sha256", True, 1)
            hook = Verified("mobile", "autosana", then, {}, b"{}", proof, b"%032d" % n, then + clock.SECOND)
            receipt = await store.keep(hook)
            await store.write(partial(events.dispatched, event_id=receipt.id, kind="old", results=[], now=then))
    finally:
        await store.close()


async def expect_nothing(store_url):
    """Forget that something is expected, which is written down only once."""
    store = await open_store(store_url, exclusive=False)
    try:
        await store.write(partial(expected.change, begin=[], end=["mobile"], now=clock.now()))
    finally:
        await store.close()


async def settled(tx):
    """Whether nothing waits any more."""
    waiting = await events.waiting(tx, sources=["mobile", "bridge"], limit=1)
    return not waiting and not await deliveries.owed(tx)


async def books(tx):
    """(deliveries by event, attempts in doubt by message, ids of kept events)."""
    by_event = defaultdict(list)
    for row in await deliveries.listed(tx, limit=1_000_000):
        if row["source"] == "mobile":
            by_event[row["event_id"]].append(row)
    doubts = await tx.rows("SELECT message_id FROM attempts WHERE answer IN ('interrupted', 'unknown')")
    kept = await tx.rows("SELECT id FROM events WHERE source = 'mobile'")
    return by_event, Counter(row["message_id"] for row in doubts), {row["id"] for row in kept}


async def settled_books(store_url):
    """The books, once nothing waits any more."""
    store = await open_store(store_url, exclusive=False)
    try:
        async with asyncio.timeout(LONGEST):
            while not await store.read(settled):
                await asyncio.sleep(0.1)
        return await store.read(books)
    finally:
        await store.close()


def fuses(chance):
    """The points before and after their commits, `FIRST` first, the others in an order of chance."""
    points = sorted(operations() - AT_START - NOT_REACHED.keys() | {KEEP})
    found = [
        Fuse(point, when, 1 if point in AT_THE_END | ONCE | {FIRST} else chance.randint(1, LATEST))
        for point in points
        for when in ("before", "after")
    ]
    chance.shuffle(found)
    return sorted(found, key=lambda fuse: (fuse.point != FIRST, fuse.point == FIRST and fuse.when == "after"))


def test_killed_at_every_commit_it_loses_nothing_and_repeats_only_what_was_in_doubt(tmp_path, store_url):
    chance = random.Random(11)
    lake, port = Lake(), free_ports()
    load_ = Loaded(port)
    path = tmp_path / "config.yaml"
    with serving(lake) as url:
        path.write_text(
            CONFIG.format(port=port, admin_port=port + 1, token=TOKEN, store=store_url, secret=SECRET, target=url)
        )
        for point in AT_START:
            with Life(path, port, fuse=Fuse(point, "before")) as life:
                assert life.died(LONGEST), point
        Life(path, port).up().end()
        asyncio.run(grow_old(store_url))
        for fuse in fuses(chance):
            if fuse.point in ONCE:
                asyncio.run(expect_nothing(store_url))
            with Life(path, port, fuse=fuse) as life:
                assert asyncio.run(load_.until_killed(life, fuse)), f"{fuse} was never come to"
            end_leases(store_url)
        with Life(path, port) as last:
            last.up()
            resume = f"{load_.api}/targets/lake/resume"  # a life may have ended while its operator had it paused
            assert httpx2.post(resume, headers=load_.head, timeout=PATIENCE, trust_env=False).is_success
            by_event, in_doubt, kept = asyncio.run(settled_books(store_url))
    assert len(load_.acknowledged) > len(by_event) / 2
    assert load_.acknowledged <= kept == by_event.keys()  # the old ones are gone, nothing else is
    states = {event_id: [row["state"] for row in rows] for event_id, rows in by_event.items()}
    assert {one for one in load_.acknowledged if not {"sent", "dead", "cancelled"} & set(states[one])} == set()
    for rows in by_event.values():
        for row in rows:
            if row["target"] == "wall":
                continue
            if row["state"] == "sent":
                assert lake.accepted[row["message_id"]] >= 1, "recorded as sent, and never arrived"
            if row["state"] == "dead" and row["event_id"] not in load_.erased:
                assert "not this one" in row["reason"]
    assert {one: n for one, n in lake.accepted.items() if n > 1 + in_doubt[one]} == {}
    assert in_doubt


def test_a_point_that_is_said_to_be_out_of_reach_is_one():
    assert (NOT_REACHED.keys() | AT_START | AT_THE_END) <= operations()
