"""Targets that cannot be reached at all: nothing arrives twice or too early, and nobody else waits for them."""

import asyncio
import contextlib
import socket
from functools import partial

import pytest

from bridge.store import deliveries
from tests.bridges import PATIENCE, config, told
from tests.fakes import hostile
from tests.fakes.asgi import App
from tests.fakes.server import listening, serving
from tests.test_faults import attempts, batch, until

QUICK = "timeout: {connect: 2s, read: 700ms}, retry: {first: 10ms, most: 50ms}"

TROUBLES = {
    "nameless": ("no such host", False),
    "closed": ("connection refused", False),
    "speechless": ("TLS failed", False),
    "unvouched": ("certificate does not hold", True),
    "metadata": ("link-local", True),
}
"""What an attempt's reason says, and whether the target is paused for it: what passes by itself is tried again."""


@pytest.fixture(scope="module")
def a_bad_day(tmp_path_factory, certificate):
    """(what each target's deliveries and attempts were, its condition, what the good target got)."""
    good, unvouched = App(), App()

    async def story(one):
        await one.post("mobile", batch("first"))
        await one.post("mobile", batch("second"))
        await until(lambda: len(good.requests) == 2)
        async with asyncio.timeout(PATIENCE):
            while True:
                rows = await one.server.store.read(partial(deliveries.listed, limit=100))
                tries = {row["target"]: await attempts(one, row) for row in rows if row["message_id"]}
                states = {state["name"]: state for state in (await one.api("/targets"))["targets"]}
                paused = [bool(states[name]["paused_at"]) for name in TROUBLES]
                if paused == [pauses for _, pauses in TROUBLES.values()] and all(tries.get(n) for n in TROUBLES):
                    return rows, tries, states
                await asyncio.sleep(0.02)

    with contextlib.ExitStack() as servers:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            closed = taken.getsockname()[1]
        urls = {
            "nameless": "http://no-such-host.invalid",
            "closed": f"http://127.0.0.1:{closed}",
            "speechless": servers.enter_context(listening(hostile.babbling)).replace("http:", "https:"),
            "unvouched": servers.enter_context(serving(unvouched, certificate)),
            "metadata": "http://2852039166",
            "good": servers.enter_context(serving(good)),
        }
        lines = [f'  {name}: {{type: http, url: "{url}/in", {QUICK}}}' for name, url in urls.items()]
        routes = f"routes: [{{name: all, match: {{source: mobile}}, to: [{', '.join(urls)}]}}]"
        text = "\n".join(["targets:", *lines, routes])
        rows, tries, states = told(config(tmp_path_factory.mktemp("unreachable"), text), story)
    return rows, tries, states, unvouched.requests


@pytest.mark.parametrize("name", TROUBLES)
def test_a_target_that_cannot_be_reached_keeps_its_queue_and_says_why(a_bad_day, name):
    rows, tries, states, unvouched = a_bad_day
    reason, pauses = TROUBLES[name]
    assert all(reason in why for _, why in tries[name])
    assert {answer for answer, _ in tries[name]} <= {"retry", "refused_target"}
    assert [row["state"] for row in rows if row["target"] == name] == ["waiting", "waiting"]
    assert bool(states[name]["paused_at"]) is pauses
    assert reason in states[name]["last_error"]
    assert unvouched == [], "something was sent to who could not prove who they are"


def test_the_good_target_beside_them_waits_for_nobody(a_bad_day):
    rows, _, _, _ = a_bad_day
    assert [row["state"] for row in rows if row["target"] == "good"] == ["sent", "sent"]
