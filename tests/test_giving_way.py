"""While hooks come thick dispatch takes little at a time, for their vendors wait; but no message waits for long."""

import asyncio
from functools import partial

import pytest

from bridge import clock, dispatch
from bridge.config import load
from bridge.dispatch import AT_ONCE, PATIENCE, Dispatcher
from bridge.setup import set_up
from bridge.store import events, open_store
from tests.store.test_store import NOW, hook

CONFIG = """
sources: {qa: {vendor: autosana, secret: topsecret}}
targets: {screen: {type: inbox}}
routes: [{name: all, to: [screen]}]
"""


@pytest.mark.parametrize(
    ("busy", "waited", "dispatched"),
    [
        (False, [0, 0], AT_ONCE + 3),
        (True, [0, 0], 2),
        (True, [PATIENCE, PATIENCE], 2),
        (True, [PATIENCE + 1, PATIENCE + 1], 1 + AT_ONCE),
        (True, [PATIENCE + 1, 0], 1 + AT_ONCE),
    ],
    ids=["no hooks come", "hooks come thick", "it waited a while", "it waited too long", "the first waited too long"],
)
def test_of_what_was_kept_so_many_are_dispatched_in_two_turns(tmp_path, busy, waited, dispatched):
    (tmp_path / "config.yaml").write_text(CONFIG)
    setup = set_up(load(tmp_path / "config.yaml", {}))

    async def story():
        store = await open_store(f"sqlite:///{tmp_path}/bridge.db", exclusive=True)
        try:
            for n in range(AT_ONCE + 3):
                await store.keep(hook(b'{"n": %d}' % n))
            dispatcher = Dispatcher(store, lambda: setup, "me", lambda _: None, busy=lambda: busy)
            for age in waited:
                assert await dispatcher.turn(NOW + age)
            left = await store.read(partial(events.waiting, sources=["qa"], limit=100))
            return AT_ONCE + 3 - len(left)
        finally:
            await store.close()

    assert asyncio.run(story()) == dispatched


def test_however_long_a_turn_took_the_next_one_comes_after_a_moment(tmp_path, monkeypatch):
    monkeypatch.setattr(dispatch, "YIELD", 1_000_000_000)
    monkeypatch.setattr(dispatch, "LOOK", 0.01)
    (tmp_path / "config.yaml").write_text(CONFIG)
    setup = set_up(load(tmp_path / "config.yaml", {}))

    async def story():
        store = await open_store(f"sqlite:///{tmp_path}/bridge.db", exclusive=True)
        dispatcher = Dispatcher(store, lambda: setup, "me", lambda _: None, busy=lambda: True)
        running = asyncio.create_task(dispatcher.run())
        try:
            for n in range(3):
                await store.keep(hook(b'{"n": %d}' % n, received_at=clock.now()))
            async with asyncio.timeout(PATIENCE / clock.SECOND):
                while await store.read(partial(events.waiting, sources=["qa"], limit=100)):
                    await asyncio.sleep(0.01)
        finally:
            dispatcher.stop()
            await running
            await store.close()

    asyncio.run(story())
