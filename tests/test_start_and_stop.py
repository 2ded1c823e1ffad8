"""What is checked before the first hook is taken, and what becomes of the last one."""

import asyncio
import signal
import sqlite3
import threading
from functools import partial

import asyncpg
import pytest

from bridge import clock
from bridge.errors import StoreRefused, StoreUnavailable
from bridge.store import deliveries, leases, messages, open_store
from bridge.store.sqlite import open_sqlite
from tests.bridges import PATIENCE, SECRET, TOKEN, bridge, config
from tests.crash.lives import Life, free_ports
from tests.fakes import hostile
from tests.fakes.asgi import App
from tests.fakes.server import listening, serving
from tests.test_faults import a_store, batch, lake, until, write_locked


def opened(url):
    async def run():
        await (await open_store(url, exclusive=True)).close()

    asyncio.run(run())


# ------------------------------------------------------------------------------------------------ the start


def test_a_sqlite_too_old_for_the_statements_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreRefused, match=r"too old: 3\.35 or newer"):
        opened(f"sqlite:///{tmp_path}/store.db")
    assert not (tmp_path / "store.db").exists()


def test_a_store_that_another_program_is_writing_to_says_so_and_advises_no_restore(tmp_path):
    path = tmp_path / "store.db"
    a_store(path)

    async def story():
        async with write_locked(path):
            await asyncio.to_thread(open_sqlite, path, exclusive=True)

    with pytest.raises(StoreRefused, match="database is locked") as refused:
        asyncio.run(story())
    assert "Another program is writing to it" in str(refused.value)
    assert "restore" not in str(refused.value)
    opened(f"sqlite:///{path}")


def test_a_new_server_waits_for_the_old_one_to_let_go_of_the_file(tmp_path):
    path = tmp_path / "store.db"
    old = asyncio.new_event_loop()

    async def start():
        return open_sqlite(path, exclusive=True)

    store = old.run_until_complete(start())
    waiting = threading.Event()

    def end():
        waiting.wait()
        old.run_until_complete(store.close())
        old.close()

    ending = threading.Thread(target=end)
    ending.start()
    waiting.set()
    opened(f"sqlite:///{path}")
    ending.join()


async def told_postgres(url, *statements):
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def shown(url, setting):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(f"SHOW {setting}")
    finally:
        await connection.close()


def test_a_postgres_that_would_lose_what_it_commits_is_refused(postgres_url):
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    asyncio.run(told_postgres(postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = off"))
    with pytest.raises(StoreRefused, match="synchronous_commit off"):
        opened(postgres_url)
    asyncio.run(told_postgres(postgres_url, f"ALTER DATABASE {name} RESET synchronous_commit"))
    opened(postgres_url)


def test_a_postgres_without_fsync_is_refused(postgres_url):
    async def turned(setting):
        await told_postgres(postgres_url, f"ALTER SYSTEM SET fsync = {setting}", "SELECT pg_reload_conf()")
        async with asyncio.timeout(PATIENCE):
            while await shown(postgres_url, "fsync") != setting:
                await asyncio.sleep(0.01)

    asyncio.run(turned("off"))
    try:
        with pytest.raises(StoreRefused, match="fsync off"):
            opened(postgres_url)
    finally:
        asyncio.run(turned("on"))
    opened(postgres_url)


@pytest.mark.parametrize(
    "url",
    ["postgresql://nobody@127.0.0.1:9/none", "postgresql://nobody@no-such-host.invalid/none"],
    ids=["refusing", "unknown"],
)
def test_a_postgres_that_is_not_there_is_told_as_what_it_is(url):
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        opened(url)


def test_a_postgres_without_that_database_is_told_as_what_it_is(postgres_url):
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        opened(postgres_url.replace(name, "no_such_database"))


# ------------------------------------------------------------------------------------------------ the end


class Held(App):
    """Answers when it is told to."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()

    async def __call__(self, scope, receive, send):
        async def held(message):
            while not self.gate.is_set():
                await asyncio.sleep(0.005)
            await send(message)

        await super().__call__(scope, receive, held)


CONFIG = """
listen: "127.0.0.1:${{PORT}}"
admin: {{listen: "127.0.0.1:0", token: {token}}}
store: {{url: "sqlite:///{folder}/store.db"}}
sources: {{open: {{vendor: autosana, verify: none}}}}
targets: {{lake: {{type: http, url: "{url}/in"}}}}
routes: [{{name: all, to: [lake]}}]
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_on_its_way_when_the_server_is_told_to_stop_arrives_once_and_is_recorded(tmp_path, number):
    import httpx2

    target, path = Held(), tmp_path / "config.yaml"
    with serving(target) as url:
        path.write_text(CONFIG.format(token=TOKEN, folder=tmp_path, url=url, secret=SECRET))
        with Life(path, free_ports()) as life:
            life.up()
            for n in range(3):
                hooks = f"{life.url}/hooks/open"
                assert httpx2.post(hooks, content=batch(f"app-{n}"), timeout=PATIENCE, trust_env=False).is_success
            asyncio.run(until(lambda: target.requests))
            life.signal(number)
            target.gate.set()
            assert life.died(PATIENCE)
            assert life.status == 0
        with Life(path, free_ports()) as life:
            life.up()
            asyncio.run(until(lambda: len({request.json()["id"] for request in target.requests}) == 3))
    assert len(target.requests) == 3


def test_who_hangs_is_left_at_the_deadline_and_the_next_owner_takes_over_at_once(tmp_path, store_url):
    """The answer that never came is in doubt, and is not waited for longer than the deadline says."""
    came = threading.Event()

    async def silent(reader, writer):
        await hostile.request(reader)
        came.set()
        await asyncio.Event().wait()

    async def story():
        async with bridge(path) as one:
            await one.post("open", batch("app"), headers={})
            await until(came.is_set)
            await one.server.deliverer.stop(0.05)
            owner = "the-next-one"

            async def take_over(tx):
                token = await leases.take(tx, "target:lake", owner)
                assert token is not None, "the lease was not let go of"
                planned = await messages.plan(tx, "lake", token, 9, clock.now())
                assert planned is not None
                return planned.messages

            (message,) = await one.server.store.write(take_over)
            rows = await one.server.store.read(partial(deliveries.attempts, message_id=message.id))
            return [row["answer"] for row in rows]

    with listening(silent) as url:
        path = config(tmp_path, lake(url), store_url)
        assert asyncio.run(story()) == ["interrupted"]
