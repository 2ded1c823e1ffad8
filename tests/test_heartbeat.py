"""The heartbeat: an address is called for as long as all is well, and whoever looks is told why it is not."""

import asyncio
import logging
import socket
from dataclasses import replace
from functools import partial

import pytest

from bridge import clock
from bridge.config import load
from bridge.errors import StoreUnavailable
from bridge.heartbeat import PATIENCE, Heartbeat
from bridge.model import Delivery, Verification, Verified
from bridge.store import deliveries, events, leases, messages, open_store, targets
from tests import bridges
from tests.bridges import config, told
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving

NOW = 1_773_489_600_000_000
TOKEN = "a-very-long-token"
TEXT = """
sources: {{qa: {{vendor: autosana, secret: topsecret}}}}
targets: {{screen: {{type: inbox}}, lake: {{type: http, url: "https://lake.example.com/in"}}}}
routes: [{{name: all, to: [screen, lake]}}]
heartbeat: {heartbeat}
"""


class ReadOnly:
    """A store that can be read and not written to."""

    def __init__(self, store):
        self.read = store.read

    async def write(self, operation):
        raise StoreUnavailable("the disk is full")


def looked(url, folder, story, heartbeat, failed_at=None, reached=lambda store: store):
    """Run a story with a store and a heartbeat; `look(minutes)` looks, and returns the problem if there is one.

    `failed_at` is when a hook could last not be kept; the heartbeat has the store that `reached` makes of it.
    """
    (folder / "config.yaml").write_text(TEXT.format(heartbeat=heartbeat))
    current = [load(folder / "config.yaml", {})]

    async def run():
        store = await open_store(url, exclusive=True)
        beats = Heartbeat(reached(store), lambda: current[0], lambda: failed_at)

        async def look(minutes):
            await beats.look(NOW + round(minutes * clock.MINUTE))
            return beats.problem

        try:
            return await story(store, look, current)
        finally:
            await store.close()

    return asyncio.run(run())


def hook(at, source="qa"):
    proof = Verification("hmac-sha256", True, 1)
    return Verified(source, "autosana", at, {}, b"{}", proof, at.to_bytes(32, "big"), at)


async def dispatched(store, event_id):
    await store.write(partial(events.dispatched, event_id=event_id, kind="x", results=[], now=NOW))


async def condition(store, name, **said):
    async def change(tx):
        await targets.save(tx, replace(await targets.load_to_change(tx, name), **said))

    await store.write(change)


async def is_down(store, name, tried, faults=1):
    """Something is owed to a target and was tried at that time, and nothing went out since."""
    receipt = await store.keep(hook(tried))
    await dispatched(store, receipt.id)
    owed = [Delivery("r", "qa", "all", name)]
    await store.write(partial(deliveries.add, event_id=receipt.id, owed=owed, now=tried))
    token = await store.write(partial(leases.take, name=f"target:{name}", owner="somebody"))
    assert await store.write(partial(messages.plan, target=name, token=token, limit=1, now=tried))
    await condition(store, name, faults=faults, last_error="answered 503")


def test_the_address_is_called_each_time_that_it_is_due(store_url, tmp_path):
    watcher = App()

    async def story(_store, look, _current):
        for minutes in (0, 0.5, 1.9, 2, 3, 9, 9.1, 10.9):
            assert await look(minutes) is None
        return [(request.method, request.path, request.query, request.body) for request in watcher.requests]

    with serving(watcher) as base:
        calls = looked(store_url, tmp_path, story, f"{{url: '{base}/ping/{TOKEN}?from=bridge', every: 2m}}")

    assert calls == [("GET", f"/ping/{TOKEN}", {"from": "bridge"}, b"")] * 3


async def a_hook_waits(store, age, source="qa"):
    await store.keep(hook(NOW - age, source))


async def a_replay_waits(store):
    receipt = await store.keep(hook(NOW - clock.HOUR))
    await dispatched(store, receipt.id)
    await store.write(partial(events.replay, event_id=receipt.id))


AILMENTS = {
    "a hook is not dispatched": (
        lambda store: a_hook_waits(store, PATIENCE + 1),
        "a hook that was kept waits to be dispatched for more than 5 minutes",
    ),
    "a target is paused": (
        lambda store: condition(store, "lake", paused_at=NOW, paused_reason="answered 401"),
        "target lake is paused: answered 401",
    ),
    "a target is down": (
        lambda store: is_down(store, "lake", NOW - PATIENCE - 1),
        "target lake takes nothing: answered 503",
    ),
}


@pytest.mark.parametrize(("ail", "reason"), AILMENTS.values(), ids=AILMENTS)
def test_it_is_not_called_while_something_ails_and_the_reason_is_said(store_url, tmp_path, caplog, ail, reason):
    watcher = App()

    async def story(store, look, _current):
        await ail(store)
        problems = [await look(minutes) for minutes in (0, 1, 2)]
        return problems, len(watcher.requests)

    with serving(watcher) as base, caplog.at_level(logging.INFO, "bridge.heartbeat"):
        problems, calls = looked(store_url, tmp_path, story, f"{{url: '{base}/'}}")

    assert calls == 0
    assert problems == [f"no heartbeat is sent: {reason}"] * 3
    assert caplog.messages == problems[:1], "said once, not each minute"


async def down_and_paused(store):
    await is_down(store, "lake", NOW - clock.HOUR)
    await store.write(partial(targets.pause, name="lake", reason=targets.BY_OPERATOR, now=NOW))


HARMLESS = {
    "a hook that has just come": lambda store: a_hook_waits(store, PATIENCE),
    "a hook of a source that is no longer in the file": lambda store: a_hook_waits(store, clock.DAY, "gone"),
    "a replay of an old hook": a_replay_waits,
    "a target that its operator paused": lambda store: store.write(
        partial(targets.pause, name="lake", reason=targets.BY_OPERATOR, now=NOW)
    ),
    "a target that is no longer in the file": lambda store: condition(store, "gone", paused_at=NOW, paused_reason="x"),
    "a target that stumbled": lambda store: is_down(store, "lake", NOW - PATIENCE, faults=9),
    "a target that was down when something was last owed to it": lambda store: condition(store, "lake", faults=9),
    "a target that one message has not reached": lambda store: is_down(store, "lake", NOW - clock.HOUR, faults=0),
    "a target that was down and then paused by its operator": down_and_paused,
}


@pytest.mark.parametrize("harmless", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_fault_of_the_bridge_does_not_keep_it(store_url, tmp_path, harmless):
    watcher = App()

    async def story(store, look, _current):
        await harmless(store)
        return await look(0)

    with serving(watcher) as base:
        assert looked(store_url, tmp_path, story, f"{{url: '{base}/'}}") is None
    assert len(watcher.requests) == 1


def test_a_store_that_cannot_be_written_to_stops_it(store_url, tmp_path):
    watcher = App()

    async def story(_store, look, _current):
        return await look(0)

    with serving(watcher) as base:
        problem = looked(store_url, tmp_path, story, f"{{url: '{base}/'}}", reached=ReadOnly)
    assert problem == "no heartbeat is sent: the store cannot be used now: the disk is full"
    assert not watcher.requests


def test_a_hook_that_could_not_be_kept_stops_it_for_a_while(store_url, tmp_path):
    watcher = App()

    async def story(_store, look, _current):
        return [await look(minutes) for minutes in (0, 3, 4.9, 6)]

    with serving(watcher) as base:
        problems = looked(store_url, tmp_path, story, f"{{url: '{base}/'}}", failed_at=NOW)
    assert problems == [*["no heartbeat is sent: a hook could not be kept; the log says why"] * 3, None]
    assert len(watcher.requests) == 1


def test_a_call_that_was_not_heard_is_made_again_within_a_minute_however_seldom_it_is_due(store_url, tmp_path):
    watcher = App()
    watcher.then(Reply(503))

    async def story(_store, look, _current):
        return [await look(minutes) for minutes in (0, 0.9, 1, 30, 60, 61)]

    with serving(watcher) as base:
        problems = looked(store_url, tmp_path, story, f"{{url: '{base}/', every: 1h}}")
    assert problems == [*["the heartbeat does not arrive: its address answered 503"] * 2, None, None, None, None]
    assert len(watcher.requests) == 3


def test_a_clock_that_is_set_back_does_not_silence_it(store_url, tmp_path):
    watcher = App()

    async def story(_store, look, _current):
        for minutes in (0, -120, -119.5, -119):
            assert await look(minutes) is None

    with serving(watcher) as base:
        looked(store_url, tmp_path, story, f"{{url: '{base}/'}}")
    assert len(watcher.requests) == 3


def test_it_goes_on_when_all_is_well_again(store_url, tmp_path, caplog):
    watcher = App()

    async def story(store, look, _current):
        await condition(store, "lake", paused_at=NOW, paused_reason="answered 401")
        paused = await look(0)
        await store.write(partial(targets.resume, name="lake", now=NOW))
        return paused, await look(1)

    with serving(watcher) as base, caplog.at_level(logging.INFO, "bridge.heartbeat"):
        paused, resumed = looked(store_url, tmp_path, story, f"{{url: '{base}/'}}")

    assert paused is not None
    assert resumed is None
    assert len(watcher.requests) == 1
    assert caplog.messages[-1] == "the heartbeat is heard again"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(404, TOKEN), "its address answered 404; correct heartbeat.url"),
        (
            Reply(302, headers={"location": "http://169.254.169.254/"}),
            "its address answered 302; correct heartbeat.url",
        ),
        (Reply(429), "its address answered 429; make heartbeat.every longer"),
        (Reply(503), "its address answered 503"),
        (None, "127.0.0.1: connection refused"),
    ],
    ids=["not found", "moved", "too often", "failing", "nobody there"],
)
def test_a_call_that_does_not_arrive_is_told_without_its_address(store_url, tmp_path, caplog, reply, said):
    watcher = App()
    if reply:
        watcher.then(reply)

    async def story(_store, look, _current):
        return await look(0)

    with serving(watcher) as base, socket.socket() as closed, caplog.at_level(logging.DEBUG):
        closed.bind(("127.0.0.1", 0))  # and does not listen
        address = base if reply else f"http://127.0.0.1:{closed.getsockname()[1]}"
        problem = looked(store_url, tmp_path, story, f"{{url: '{address}/{TOKEN}'}}")

    assert problem == f"the heartbeat does not arrive: {said}"
    assert TOKEN not in caplog.text


def test_a_changed_file_is_followed_at_once(store_url, tmp_path):
    first, second = App(), App()

    async def story(_store, look, current):
        (tmp_path / "config.yaml").write_text(TEXT.format(heartbeat=f"{{url: '{there}/', every: 1h}}"))
        await look(0)
        current[0] = load(tmp_path / "config.yaml", {})
        second.then(Reply(503))
        assert await look(1) is not None
        current[0] = replace(current[0], heartbeat=None)
        assert await look(2) is None
        return len(first.requests), len(second.requests)

    with serving(first) as here, serving(second) as there:
        assert looked(store_url, tmp_path, story, f"{{url: '{here}/', every: 1h}}") == (1, 1)


def test_a_running_bridge_calls_it_and_says_why_when_it_is_not_heard(tmp_path):
    watcher = App()

    async def story(one):
        async with asyncio.timeout(bridges.PATIENCE):
            while not watcher.requests:
                await asyncio.sleep(0.02)
            assert (await one.ready())["problems"] == 0
            path = tmp_path / "config.yaml"
            path.write_text(path.read_text().replace(f"{base}/well", f"{base}/{TOKEN}"))
            watcher.then(Reply(404))
            while not (problems := (await one.api("/problems"))["problems"]):
                await asyncio.sleep(0.02)
        return problems

    with serving(watcher) as base:
        body = f"targets: {{screen: {{type: inbox}}}}\nroutes: []\nheartbeat: {{url: '{base}/well'}}"
        problems = told(config(tmp_path, body), story)

    assert problems == ["the heartbeat does not arrive: its address answered 404; correct heartbeat.url"]
