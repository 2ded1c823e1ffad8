"""Faults, over the real wire on a whole bridge: disks and databases that fail, targets and messages that misbehave.

What must hold in all of them: a hook is answered with 200 only when it is kept, what was kept is delivered once the
fault is over, nobody has to do anything for that, and a fault of one thing is not a fault of its neighbours.
"""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx2
import pytest

from bridge import clock
from bridge.errors import StoreRefused
from bridge.store import deliveries, events, open_store
from bridge.store.sqlite import open_sqlite
from bridge.vendors import load, samples
from bridge.verify import sign
from bridge.web.server import running
from tests.bridges import PATIENCE, SECRET, Bridge, bridge, config, told
from tests.crash.lives import Life, free_ports
from tests.crash.test_kill import CONFIG
from tests.fakes import hostile
from tests.fakes.asgi import App, Reply
from tests.fakes.server import listening, serving

QUICK = "timeout: {connect: 10s, read: 2s}, retry: {first: 10ms}"


class Gated(App):
    """Takes every request; answers only while its gate is open. `answered` counts."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.answered = 0

    async def __call__(self, scope, receive, send):
        async def held(message):
            while not self.gate.is_set():
                await asyncio.sleep(0.01)
            await send(message)

        await super().__call__(scope, receive, held)
        self.answered += 1

    def ids(self):
        return Counter(request.json()["id"] for request in list(self.requests))


class Judging(App):
    """Refuses what a test finds bad, whenever it comes; keeps the app ids of the rest in `taken`."""

    def __init__(self, bad):
        super().__init__()
        self.bad = bad
        self.tried: Counter[str] = Counter()
        self.taken: list[str] = []

    def reply(self, request):
        name = request.json()["app"]["id"]
        self.tried[name] += 1
        if self.bad(name):
            return Reply(500, "no")
        self.taken.append(name)
        return Reply(200)


def batch(app, sample="passed", **changes):
    """A test batch of that app, which is a subject of its own."""
    payload = json.loads(samples("autosana")[sample])
    payload["app"]["id"] = app
    return json.dumps(payload | changes).encode()


def large(app):
    """A batch that needs new pages in any database."""
    return batch(app, padding="x" * 50_000)


def lake(url, options="retry: {first: 10ms}"):
    """A configuration with one HTTP target that gets everything."""
    return f'targets: {{lake: {{type: http, url: "{url}/in", {options}}}}}\nroutes: [{{name: all, to: [lake]}}]'


async def until(holds, seconds=PATIENCE):
    """Wait until something is so; fails when it does not become so."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def kept(one):
    """The ids of all events in a bridge's store."""
    rows = await one.server.store.read(partial(events.recent, source=None, before=None, limit=10_000))
    return {row["id"] for row in rows}


async def attempts(one, row):
    """(answer, reason) of each attempt of a delivery."""
    made = await one.server.store.read(partial(deliveries.attempts, message_id=row["message_id"]))
    return [(attempt["answer"], attempt["reason"] or "") for attempt in made]


def refused_for_now(answer):
    """Whether a hook was told to come back later."""
    return answer.status_code == 503 and answer.headers["retry-after"].isdigit()


# ------------------------------------------------------------------------------------------------ SQLite is full


async def hold_to(tx, pages=None):
    """Let the database grow no further than so many pages; null: than it has now."""
    pages = pages or (await tx.rows("PRAGMA page_count"))[0][0]
    await tx.rows(f"PRAGMA max_page_count = {pages}")


def test_a_full_database_keeps_nothing_half_and_takes_hooks_again_when_there_is_room(tmp_path):
    async def story(one):
        before = (await one.post("mobile", batch("before"))).json()["id"]
        await one.settled(1)
        await one.server.store.write(hold_to)
        refused = await asyncio.gather(*(one.post("mobile", large(f"app-{n}")) for n in range(20)))
        held = await kept(one)
        healthy = await one.client.get(f"{one.server.hooks_url}/healthz")
        problems = [(await one.api("/problems"))["problems"]]
        await one.server.store.write(partial(hold_to, pages=1 << 30))
        taken = await asyncio.gather(*(one.post("mobile", large(f"app-{n}")) for n in range(20)))
        assert held == {before}
        assert healthy.status_code == 200
        assert all(refused_for_now(answer) for answer in refused)
        assert [answer.json()["status"] for answer in taken] == ["accepted"] * 20
        problems.append((await one.api("/problems"))["problems"])
        assert problems == [["the last hook that came could not be kept; the log says why"], []]
        return await one.settled(21)

    with serving(App()) as url:
        assert {row["state"] for row in told(config(tmp_path, lake(url)), story)} == {"sent"}


async def post_to(server, client, app):
    scheme = load("autosana").signature
    assert scheme
    content = batch(app)
    headers = sign(scheme, SECRET, content, clock.now())
    return await client.post(f"http://127.0.0.1:{server.port}/hooks/mobile", content=content, headers=headers)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process's files")
def test_with_a_full_disk_hooks_are_refused_and_what_was_on_its_way_arrives_once(tmp_path):
    target = Gated()

    def leave_room(server, size):
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    async def story(server):
        async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            target.gate.clear()
            ids = {(await post_to(server, client, f"before-{n}")).json()["id"] for n in range(6)}
            await until(lambda: target.requests)
            leave_room(server, 0)
            target.gate.set()
            await until(lambda: target.answered)
            refused = [await post_to(server, client, f"during-{n}") for n in range(20)]
            assert all(refused_for_now(answer) for answer in refused)
            leave_room(server, resource.RLIM_INFINITY)
            taken = [await post_to(server, client, f"during-{n}") for n in range(20)]
            assert [answer.json()["status"] for answer in taken] == ["accepted"] * 20
            ids |= {answer.json()["id"] for answer in taken}
            await until(lambda: target.ids().keys() >= ids)
            return ids

    with serving(target) as url:
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG.format(token="t", store=f"sqlite:///{tmp_path}/store.db", secret=SECRET, target=url))
        with Life(path, free_ports()) as server:
            ids = asyncio.run(story(server.up()))
    assert server.status == 0
    assert target.ids() == dict.fromkeys(ids, 1)


# ------------------------------------------------------------------------------------------------ SQLite is locked

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
held.execute("ROLLBACK")
"""


@contextlib.asynccontextmanager
async def write_locked(path):
    """Another process holds the write lock of that database while the block runs."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:  # noqa: ASYNC220
        assert holder.stdin
        assert holder.stdout
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        try:
            yield
        finally:
            holder.stdin.close()
            await asyncio.to_thread(holder.wait)


@pytest.mark.parametrize(
    ("why", "patience", "status"),
    [("shorter than the store's patience", 1_000 * PATIENCE, 200), ("longer than the store's patience", 50, 503)],
)
def test_while_another_process_holds_the_write_lock_hooks_wait_or_are_refused(tmp_path, why, patience, status):
    target = Gated()

    async def wait_for_locks(tx):
        await tx.rows(f"PRAGMA busy_timeout = {patience}")

    async def story(one):
        target.gate.clear()
        await one.server.store.write(wait_for_locks)
        await one.post("mobile", batch("before"))
        await until(lambda: target.requests)
        async with write_locked(tmp_path / "bridge.db"):
            posts = [asyncio.create_task(one.post("mobile", batch(f"app-{n}"))) for n in range(5)]
            target.gate.set()
            await until(lambda: target.answered)
            await asyncio.wait(posts, timeout=0.5 if status == 200 else PATIENCE)
            assert (await one.client.get(f"{one.server.hooks_url}/healthz")).status_code == 200
            assert (await one.client.get(f"{one.server.admin_url}/readyz")).status_code == status
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {status}, why
        assert status == 200 or all(refused_for_now(answer) for answer in answers)
        again = [(await one.post("mobile", batch(f"app-{n}"))).json()["status"] for n in range(5)]
        assert again == (["duplicate"] if status == 200 else ["accepted"]) * 5
        return await one.settled(6)

    with serving(target) as url:
        rows = told(config(tmp_path, lake(url)), story)
    assert {row["state"] for row in rows} == {"sent"}
    assert set(target.ids().values()) == {1}


# ------------------------------------------------------------------------------------------------ stores to refuse


def a_store(path):
    """A store as an orderly server leaves it."""

    async def run():
        await (await open_store(f"sqlite:///{path}", exclusive=True)).close()

    asyncio.run(run())


def change(path, *statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def newer(path):
    a_store(path)
    change(path, "UPDATE schema_version SET version = 99")


def newer_copy(path):
    """As `VACUUM INTO` makes it: a copy is not in WAL mode."""
    newer(path)
    change(path, f"VACUUM INTO '{path}.copy'")
    Path(f"{path}.copy").rename(path)


def cut_in_half(path):
    a_store(path)
    os.truncate(path, path.stat().st_size // 8192 * 4096)


def foreign(path):
    change(path, "CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO events VALUES (1, 'theirs')")


REFUSED_STORES = [
    ("text", lambda path: path.write_text("dear diary\n" * 500), "not a database"),
    ("a few bytes", lambda path: path.write_bytes(b"hello"), "not a database"),
    ("noise", lambda path: path.write_bytes(bytes(range(256)) * 64), "not a database"),
    ("noise that begins well", lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8_176), "be used"),
    ("a store cut in half", cut_in_half, "malformed"),
    ("a directory", lambda path: path.mkdir(), "unable to open"),
    ("a missing folder", lambda path: path.parent.rmdir(), "no folder"),
    ("of a newer schema", newer, "version 99"),
    ("a copy of a newer schema", newer_copy, "version 99"),
    ("another program's", foreign, "another program's database"),
]


@pytest.mark.parametrize(("what", "make", "said"), REFUSED_STORES, ids=[case[0] for case in REFUSED_STORES])
def test_a_file_that_is_no_store_of_ours_is_refused_and_left_as_it_is(tmp_path, what, make, said):
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "store.db"
    make(path)

    def content():
        return path.read_bytes() if path.is_file() else (path.exists(), folder.exists())

    before = content()

    async def start():
        async with running(config(tmp_path, lake("http://127.0.0.1:9"), f"sqlite:///{path}"), {}):
            raise AssertionError(f"it started on {what}")

    with pytest.raises(StoreRefused, match=said) as refused:
        asyncio.run(start())
    assert str(folder) in str(refused.value) or "version" in str(refused.value)
    assert content() == before


@contextlib.contextmanager
def not_as_root():
    """As somebody whom file modes hold back."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.mark.parametrize(
    ("why", "file_mode", "folder_mode"), [("the file", 0o444, 0o777), ("its folder", 0o444, 0o555)]
)
def test_a_store_that_cannot_be_written_is_refused(why, file_mode, folder_mode):
    folder = Path(tempfile.mkdtemp())
    path = folder / "store.db"
    a_store(path)
    path.with_name("store.db.lock").unlink()
    before = path.read_bytes()
    path.chmod(file_mode)
    folder.chmod(folder_mode)
    try:
        with not_as_root(), pytest.raises(StoreRefused, match=r"readonly|cannot be written|unable to open"):
            asyncio.run(open_store(f"sqlite:///{path}", exclusive=True))
        assert path.read_bytes() == before, why
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_second_server_on_the_same_file_is_refused_and_the_first_one_goes_on(tmp_path):
    async def story(one):
        with pytest.raises(StoreRefused, match="another drawbridge serves"):
            open_sqlite(tmp_path / "bridge.db", exclusive=True, lock_wait=0.05)
        assert (await one.post("mobile", batch("after"))).status_code == 200
        return await one.settled(1)

    with serving(App()) as url:
        assert [row["state"] for row in told(config(tmp_path, lake(url)), story)] == ["sent"]


def test_a_newer_schema_is_refused_on_postgres_too(tmp_path, postgres_url):
    async def make_newer(tx):
        await tx.run("UPDATE schema_version SET version = 99")

    path = config(tmp_path, lake("http://127.0.0.1:9"), postgres_url)
    told(path, lambda one: one.server.store.write(make_newer))
    with pytest.raises(StoreRefused, match="version 99"):
        told(path, kept)


# ------------------------------------------------------------------------------------------------ PostgreSQL

OTHERS = "SELECT {} FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
SPELL = 1.2
"""Seconds for which a trouble lasts."""


class Outside:
    """A superuser beside the bridge, who makes trouble; connects anew each time, for the trouble is its own too."""

    def __init__(self, url):
        self.url = url
        self.database = url.partition("?")[0].rpartition("/")[2]

    async def run(self, *statements, database=None):
        import asyncpg

        connection = await asyncpg.connect(self.url, database=database)
        try:
            for statement in statements:
                rows = await connection.fetch(statement)
        finally:
            await connection.close()
        return rows

    async def terminate(self):
        await self.run(OTHERS.format("pg_terminate_backend(pid)"))

    async def terminate_again_and_again(self):
        await self.run(*[OTHERS.format("pg_terminate_backend(pid)"), "SELECT pg_sleep(0.05)"] * int(SPELL / 0.05))

    async def crash(self):
        """One backend is killed: PostgreSQL drops everybody, restarts itself and recovers from its log."""
        pids = await self.run(OTHERS.format("pid"))
        with contextlib.suppress(Exception):  # it takes us along
            await self.run(f"COPY (SELECT 1) TO PROGRAM 'kill -9 {pids[0]['pid']}'")
            await self.run("SELECT pg_sleep(1)")
        await asyncio.sleep(SPELL)

    async def turn_read_only(self):
        """As managed databases do when their disk is nearly full."""
        own = {"database": "postgres"}
        await self.run(f"ALTER DATABASE {self.database} SET default_transaction_read_only = on", **own)
        await self.terminate()
        await asyncio.sleep(SPELL)
        await self.run(f"ALTER DATABASE {self.database} RESET ALL", **own)
        await self.terminate()

    async def turn_away(self):
        """As while it is copied or moved."""
        own = {"database": "postgres"}
        pids = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.database}'"
        await self.run(f"ALTER DATABASE {self.database} ALLOW_CONNECTIONS false", pids, **own)
        await asyncio.sleep(SPELL)
        await self.run(f"ALTER DATABASE {self.database} ALLOW_CONNECTIONS true", **own)


TROUBLES = [Outside.terminate_again_and_again, Outside.crash, Outside.turn_read_only, Outside.turn_away]


@dataclass
class Load:
    """Callers who post and post, each time something new, and what they were answered."""

    one: Bridge
    on: bool = True
    number: int = 0

    def __post_init__(self):
        self.answers = []

    async def call(self):
        while self.on:
            self.number += 1
            self.answers.append(await self.one.post("mobile", batch(f"app-{self.number}")))
            await asyncio.sleep(0.01)

    def acknowledged(self):
        return {answer.json()["id"] for answer in self.answers if answer.status_code == 200}


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_a_troubled_postgres_loses_nothing_acknowledged_and_all_goes_on_by_itself(tmp_path, postgres_url, trouble):
    target, outside = Gated(), Outside(postgres_url)

    async def listeners():
        return await outside.run(OTHERS.format("pid") + " AND query LIKE 'LISTEN%'")

    async def story(one):
        load = Load(one)
        callers = [asyncio.create_task(load.call()) for _ in range(4)]
        await until(lambda: load.acknowledged())
        target.gate.clear()
        await until(lambda: len(target.requests) > target.answered)
        asyncio.get_running_loop().call_later(SPELL / 2, target.gate.set)  # what is on its way is answered meanwhile
        await trouble(outside)
        after = len(load.answers)
        await until(lambda: 200 in [answer.status_code for answer in load.answers[after:]])
        load.on = False
        await asyncio.gather(*callers)
        await one.settled(len(load.acknowledged()))
        async with asyncio.timeout(PATIENCE):
            while not await listeners():
                await asyncio.sleep(0.05)
        return load

    with serving(target) as url:
        load = told(config(tmp_path, lake(url), postgres_url), story)
    assert all(answer.status_code == 200 or refused_for_now(answer) for answer in load.answers)
    assert load.acknowledged() - target.ids().keys() == set()
    assert {one: count for one, count in target.ids().items() if count > 1} == {}


FAREWELL = 0.3
"""Seconds between a database's last words and the end of the connection, on a slow line."""


@contextlib.asynccontextmanager
async def slow_to_hang_up(socket, database):
    """A line to the database on which its end of a connection is seen only a while after its last words."""
    lines: set[asyncio.Task[None]] = set()

    async def pass_on(reader, writer, delay):
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        await asyncio.sleep(delay)
        writer.transport.abort()

    async def connected(reader, writer):
        there, back = await asyncio.open_unix_connection(database)
        for way in (pass_on(reader, back, 0), pass_on(there, writer, FAREWELL)):
            lines.add(asyncio.create_task(way))

    server = await asyncio.start_unix_server(connected, socket)
    try:
        yield
    finally:
        server.close()
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


def test_an_answer_is_recorded_though_its_connection_is_just_being_hung_up(tmp_path, postgres_url):
    target, outside = Gated(), Outside(postgres_url)
    name, _, folder = postgres_url.partition("?host=")
    sockets = [f"{at}/.s.PGSQL.5432" for at in (tmp_path, folder)]

    async def story():
        async with slow_to_hang_up(*sockets), bridge(path) as one:
            for n in range(3):
                await one.post("mobile", batch(f"before-{n}"))
            await one.settled(3)
            target.gate.clear()
            for n in range(8):
                await one.post("mobile", batch(f"app-{n}"))
            await until(lambda: len(target.requests) > 3)
            await outside.terminate()
            await asyncio.sleep(FAREWELL / 6)
            target.gate.set()
            await asyncio.sleep(2 * FAREWELL)  # from here on the line is well again
            return await one.settled(11)

    with serving(target) as url:
        path = config(tmp_path, lake(url), f"{name}?host={tmp_path}")
        rows = asyncio.run(story())
    assert {row["state"] for row in rows} == {"sent"}
    assert {one: count for one, count in target.ids().items() if count > 1} == {}


# ------------------------------------------------------------------------------------------------ hostile targets

METADATA = hostile.answering(
    302, headers={"Location": "http://169.254.169.254/latest/meta-data/", "Connection": "close"}
)
MAYBE = "possibly delivered"

HABITS = {
    "silent": hostile.silent,
    "resetting": hostile.resetting,
    "hanging-up": hostile.hanging_up,
    "cutting-off": hostile.cutting_off,
    "babbling": hostile.babbling,
    "trickling-headers": hostile.trickling_headers,
    "trickling-body": hostile.trickling_body,
    "flooding": None,
    "redirecting": METADATA,
}
PROPER = {"http": b"", "slack": b"ok", "discord": b'{"id": "1"}'}
PATHS = {"http": "/in", "slack": "/services/T0/B0/X", "discord": "/api/webhooks/1/token"}

FIRST_ANSWERS = [
    ("http", "silent", "retry", "no answer in time"),
    ("http", "resetting", "retry", "broke before there was an answer"),
    ("http", "hanging-up", "retry", "broke before there was an answer"),
    ("http", "cutting-off", "sent", ""),
    ("http", "babbling", "retry", "broke before there was an answer"),
    ("http", "trickling-headers", "retry", "no answer in time"),
    ("http", "trickling-body", "sent", ""),
    ("http", "flooding", "sent", ""),
    ("http", "redirecting", "refused_target", "redirects are not followed"),
    ("slack", "silent", "unknown", "no answer in time"),
    ("slack", "resetting", "unknown", "broke before there was an answer"),
    ("slack", "cutting-off", "sent", ""),
    ("slack", "flooding", "unknown", "answered 200"),
    ("slack", "redirecting", "refused_target", "redirects are not followed"),
    ("discord", "silent", "unknown", "no answer in time"),
    ("discord", "cutting-off", "unknown", "without a message's id"),
    ("discord", "trickling-body", "unknown", "without a message's id"),
    ("discord", "flooding", "unknown", "without a message's id"),
    ("discord", "redirecting", "refused_target", "redirects are not followed"),
]


class Reforming:
    """Bad for one connection and proper ever after."""

    def __init__(self, habit, proper):
        self.habit, self.proper, self.met = habit, hostile.answering(200, proper), 0

    async def __call__(self, reader, writer):
        self.met += 1
        await (self.habit if self.met == 1 else self.proper)(reader, writer)


@pytest.fixture(scope="module")
def hostile_day(tmp_path_factory):
    """All hostile targets at once on one bridge, and a good one among them: what was recorded, by target."""
    good = App()
    floods: dict[str, hostile.Flood] = {}
    with contextlib.ExitStack() as servers:
        lines = [f'  good: {{type: http, url: "{servers.enter_context(serving(good))}/in"}}']
        for kind, habit, *_ in FIRST_ANSWERS:
            name = f"{kind}-{habit}"
            behaviour = HABITS[habit] or floods.setdefault(name, hostile.Flood())
            url = servers.enter_context(listening(Reforming(behaviour, PROPER[kind])))
            lines.append(f'  {name}: {{type: {kind}, url: "{url}{PATHS[kind]}", pace: 1000/s, {QUICK}}}')
        url = servers.enter_context(listening(hostile.silent))
        lines.append(f'  hopeless: {{type: slack, url: "{url}{PATHS["slack"]}", pace: 1000/s, {QUICK}}}')
        names = [line.split(":")[0].strip() for line in lines]
        text = "\n".join(["targets:", *lines, f"routes: [{{name: all, to: [{', '.join(names)}]}}]"])

        async def story(one):
            await one.post("mobile", batch("first"))
            await until(lambda: good.requests)
            await one.post("mobile", batch("second"))
            await until(lambda: len(good.requests) == 2)
            owed = await one.server.store.read(partial(deliveries.listed, target="hopeless"))
            assert {row["state"] for row in owed} == {"waiting"}, "the good one had to wait for the others' time-outs"
            redirecting = [name for name in names if name.endswith("redirecting")]
            async with asyncio.timeout(PATIENCE):
                while True:
                    states = {state["name"]: state for state in (await one.api("/targets"))["targets"]}
                    if all(states[name]["paused_at"] for name in redirecting):
                        break
            for name in redirecting:
                await one.api(f"/targets/{name}/resume", method="POST")
            rows = await one.settled(2 * len(names))
            by_target = {name: [row for row in rows if row["target"] == name] for name in names}
            tries = {name: await attempts(one, rows[0]) for name, rows in by_target.items()}
            return by_target, tries, states

        yield *told(config(tmp_path_factory.mktemp("hostile"), text), story), floods


@pytest.mark.parametrize(("kind", "habit", "answer", "reason"), FIRST_ANSWERS)
def test_a_hostile_target_is_judged_rightly_and_gets_its_messages_when_it_is_well(
    hostile_day, kind, habit, answer, reason
):
    rows, tries, states, _ = hostile_day
    name = f"{kind}-{habit}"
    first, *more = tries[name]
    assert (first[0], reason in first[1]) == (answer, True)
    assert [answer for answer, _ in more] == ([] if answer == "sent" else ["sent"])
    assert [row["state"] for row in rows[name]] == ["sent", "sent"]
    assert bool(states[name]["paused_at"]) == (answer == "refused_target")


def test_a_target_that_never_answers_gives_dead_letters_that_say_they_may_have_arrived(hostile_day):
    rows, tries, _, _ = hostile_day
    assert [answer for answer, _ in tries["hopeless"]] == ["unknown"] * 3
    assert [(row["state"], row["reason"].startswith(MAYBE)) for row in rows["hopeless"]] == [("dead", True)] * 2


def test_of_a_hundred_megabytes_next_to_nothing_is_read(hostile_day):
    floods = hostile_day[-1]
    assert floods
    assert all(flood.written < flood.SIZE / 10 for flood in floods.values())


# ------------------------------------------------------------------------------------------------ poison

SOON = 20
"""Seconds in which those are through that do not wait for the poison: it is tried for days."""


@pytest.mark.parametrize("poisonous", [1, 2, 3])
def test_messages_that_always_get_500_step_aside_for_those_of_other_subjects(tmp_path, poisonous):
    target = Judging(lambda name: name.startswith("poison"))

    async def story(one):
        for n in range(poisonous):
            await one.post("mobile", batch(f"poison-{n}"))
        await until(lambda: len(target.tried) == poisonous)
        await one.post("mobile", batch("poison-0", "failed"))
        for n in range(20):
            await one.post("mobile", batch(f"well-{n}"))
        await until(lambda: len(target.taken) == 20, seconds=SOON)
        async with asyncio.timeout(SOON):
            while len(await one.server.store.read(partial(deliveries.listed, state="waiting"))) != poisonous + 1:
                await asyncio.sleep(0.01)

    with serving(target) as url:
        told(config(tmp_path, lake(url)), story)
    assert sorted(target.taken) == sorted(f"well-{n}" for n in range(20))


def test_a_template_that_always_fails_still_delivers_and_says_so(tmp_path):
    apps = {"slack": App(), "discord": App(), "http": App()}
    apps["slack"].then(*[Reply(200, "ok")] * 3)
    apps["discord"].then(*[Reply(200, {"id": "1"})] * 3)
    leaf = {
        "slack": 'text: "{{ 1 // 0 }}"',
        "discord": 'content: "{{ result.nothing }}"',
        "http": 'body: "{{ 1 // 0 }}"',
    }
    for kind, text in leaf.items():
        (tmp_path / "templates" / kind).mkdir(parents=True)
        (tmp_path / "templates" / kind / "broken.yaml").write_text(text)

    async def story(one):
        for n in range(3):
            await one.post("mobile", batch(f"app-{n}", "failed"))
        return await one.settled(9)

    with contextlib.ExitStack() as servers:
        urls = {kind: servers.enter_context(serving(app)) + PATHS[kind] for kind, app in apps.items()}
        rows = told(
            config(
                tmp_path,
                f"""
templates: {tmp_path}/templates
targets:
  slack: {{type: slack, url: "{urls["slack"]}", pace: 1000/s}}
  discord: {{type: discord, url: "{urls["discord"]}", pace: 1000/s}}
  http: {{type: http, url: "{urls["http"]}", format: template}}
routes: [{{name: all, match: {{source: mobile}}, template: broken, to: [slack, discord, http]}}]
""",
            ),
            story,
        )
    assert [row["state"] for row in rows] == ["sent"] * 9
    for kind, app in apps.items():
        said = [request.body.decode() for request in app.requests]
        assert len(said) == 3
        assert all("My App" in text and (kind == "http" or "broken" in text) for text in said)


def test_a_message_whose_event_is_gone_is_a_dead_letter_and_the_next_one_goes_out(tmp_path):
    target = App()
    target.then(Reply(503))

    async def forget(tx, event_id):
        await tx.run("DELETE FROM events WHERE id = $1", event_id)

    async def story(one):
        gone = (await one.post("mobile", batch("same"))).json()["id"]
        await until(lambda: target.requests)
        await one.server.store.write(partial(forget, event_id=gone))
        after = (await one.post("mobile", batch("same", "failed"))).json()["id"]
        return gone, after, await one.settled(2)

    with serving(target) as url:
        gone, after, (first, second) = told(config(tmp_path, lake(url, "retry: {first: 300ms}")), story)
    assert (first["event_id"], first["state"]) == (gone, "dead")
    assert "no longer in the store" in first["reason"]
    assert (second["event_id"], second["state"]) == (after, "sent")


# ------------------------------------------------------------------------------------------------ a vendor's mistakes


def raising(body, context):
    raise KeyError("no such thing")


def raising_midway(body, context):
    yield context.read(body)
    raise RecursionError


def giving(make):
    def understand(body, context):
        return make(context.read(body))

    return understand


MISTAKES = {
    "raises": raising,
    "raises midway": raising_midway,
    "gives nothing to go through": giving(lambda draft: 7),
    "gives no drafts": giving(lambda draft: ["passed"]),
    "gives a title that is no text": giving(lambda draft: [replace(draft, title=7)]),
    "gives a time without a zone": giving(lambda draft: [replace(draft, time=datetime(2026, 1, 1))]),
    "gives items that are none": giving(lambda draft: [replace(draft, items=["a"])]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_vendors_mistake_costs_no_event_and_holds_up_nobody(tmp_path, mistake):
    target = App()

    def mistaken(setup):
        source = setup.sources["mobile"]
        wrong = replace(source, vendor=source.vendor.model_copy(update={"understand": MISTAKES[mistake]}))
        return replace(setup, config=replace(setup.config, sources={**setup.sources, "mobile": wrong}))

    async def story(one):
        one.server.live.setup = mistaken(one.server.live.setup)
        await one.post("open", batch("before"), headers={})
        await one.settled(1)  # the look that had begun with the setup of before is over
        wrong = (await one.post("mobile", batch("wrong"))).json()["id"]
        right = (await one.post("open", batch("right"), headers={})).json()["id"]
        await until(lambda: len(target.requests) == 3)
        return wrong, right

    with serving(target) as url:
        wrong, right = told(config(tmp_path, lake(url)), story)
    results = {request.json()["id"]: request.json() for request in target.requests}
    assert results[right]["outcome"] == "passed"
    assert results[wrong]["outcome"] == "unknown"
    assert "could not be understood" in results[wrong]["reason"]


# ------------------------------------------------------------------------------------------------ clocks

PAST = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "2000-02-29T12:00:00+14:00"]
FUTURE = ["2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 32_503_680_000, 32_503_680_000_000]
BEYOND = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-2000-01-01T00:00:00Z", 1e300, -(10**30), 10**30]


TIMES = [*PAST, *FUTURE, *BEYOND]


@pytest.fixture(scope="module")
def far_away(tmp_path_factory):
    """For each time: what was delivered of a pass of now, a failure of then, and a failure of now."""
    target = App()

    async def story(one):
        for n, time in enumerate(TIMES):
            for sample, far in (("passed", None), ("failed", time), ("failed", None)):
                said = clock.to_iso(clock.now()) if far is None else far
                assert (await one.post("mobile", batch(f"app-{n}", sample, timestamp=said))).status_code == 200
        return await one.settled(3 * len(TIMES))

    with serving(target) as url:
        rows = told(config(tmp_path_factory.mktemp("times"), lake(url)), story)
    assert {row["state"] for row in rows} == {"sent"}
    told_of = [request.json() for request in target.requests]
    return [[one for one in told_of if one["app"]["id"] == f"app-{n}"] for n in range(len(TIMES))]


@pytest.mark.parametrize(("n", "time"), list(enumerate(TIMES)), ids=[str(time) for time in TIMES])
def test_an_event_from_far_away_in_time_is_delivered_and_spoils_no_history(far_away, n, time):
    _, far, after = far_away[n]
    at, received = (datetime.fromisoformat(far[name]) for name in ("time", "received_at"))
    assert at <= received + timedelta(minutes=5)
    assert (far["history"]["late"], far["history"]["transition"]) == (
        (True, "none") if time in PAST else (False, "broke")
    )
    assert after["history"]["transition"] == (
        "broke" if time in PAST else "none" if time in FUTURE else "still_failing"
    )


def test_memory_survives_a_clock_that_was_set_back(tmp_path):
    """A verdict that was remembered from the future makes later ones late, and they are delivered all the same."""

    async def story(one):
        state = '{"verdict":[%d,"passed",1,%d],"failing":{},"mentioned":{"all":%d}}'
        ahead = clock.now() + 400 * clock.DAY
        await one.post("mobile", batch("same"))
        await one.settled(1)

        async def set_ahead(tx):
            assert await tx.run("UPDATE subjects SET state = $1", state % (ahead, ahead, ahead)) == 1

        await one.server.store.write(set_ahead)
        await one.post("mobile", batch("same", "failed", timestamp=clock.to_iso(clock.now())))
        return await one.settled(2)

    target = App()
    with serving(target) as url:
        rows = told(config(tmp_path, lake(url)), story)
    assert [row["state"] for row in rows] == ["sent"] * 2
    assert [request.json()["history"]["late"] for request in target.requests] == [False, True]
