"""A paused target goes on in four ways: by command, by the API, by a change of its configuration, by the hourly try."""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from bridge import clock
from bridge.store import targets
from tests.bridges import PATIENCE, config, told
from tests.commands import drawbridge
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving

TARGETS = """
targets:
  lake: {{type: http, url: "{url}/in"{more}}}
  other: {{type: http, url: "{other}/in"}}
routes:
  - {{name: hooks, match: {{source: mobile}}, to: [lake]}}
  - {{name: watch, match: {{source: bridge}}, to: [other]}}
"""


async def by_command(bridge, folder, _):
    await asyncio.to_thread(drawbridge, folder, "targets", "resume", "lake")


async def by_api(bridge, _, __):
    await bridge.api("/targets/lake/resume", method="POST")


async def by_its_configuration(bridge, _, rewrite):
    rewrite(", timeout: {read: 14s}")
    await bridge.server.reload()


@pytest.mark.parametrize("way", [by_command, by_api, by_its_configuration])
def test_a_paused_target_goes_on_with_all_that_it_kept(tmp_path, way):
    lake, other = App(), App()
    with serving(lake) as url, serving(other) as elsewhere:

        def rewrite(more=""):
            return config(tmp_path, TARGETS.format(url=url, other=elsewhere, more=more))

        async def story(bridge):
            lake.then(Reply(410))
            await bridge.sample("mobile", "passed")
            async with asyncio.timeout(PATIENCE):
                while (await bridge.ready())["paused"] != ["lake"]:
                    await asyncio.sleep(0.01)
            await bridge.sample("mobile", "failed")
            await bridge.alarms_settled(1)
            held = len(lake.requests)
            await way(bridge, tmp_path, rewrite)
            rows = await bridge.settled(2)
            return held, rows, (await bridge.ready())["paused"]

        held, rows, paused = told(rewrite(), story)
    assert (held, paused) == (1, [])
    assert [row["state"] for row in rows] == ["sent", "sent"]


async def paused_an_hour_ago(bridge, target):
    """A hook's message is refused, the target paused and its alarm told; now it is due to be tried again."""
    target.then(Reply(410))
    await bridge.sample("mobile", "passed")
    await bridge.alarms_settled(1)

    async def an_hour_passes(tx):
        await targets.save(tx, replace(await targets.load_to_change(tx, "lake"), not_before=0))

    await bridge.server.store.write(an_hour_passes)


def test_a_try_that_was_put_back_is_still_due_and_not_an_hour_later(tmp_path):
    """A process remembers when it may send again; what the store says instead it learns from a try that is put back."""
    lake, other = App(), App()
    with serving(lake) as url, serving(other) as elsewhere:

        async def story(bridge):
            await paused_an_hour_ago(bridge, lake)
            rows = await bridge.settled(1)
            return rows, (await bridge.ready())["paused"]

        rows, paused = told(config(tmp_path, TARGETS.format(url=url, other=elsewhere, more="")), story)
    assert (paused, [row["state"] for row in rows]) == ([], ["sent"])


def test_a_paused_target_is_tried_hourly_and_goes_on_when_it_takes_the_message(tmp_path):
    lake, other = App(), App()
    with serving(lake) as url, serving(other) as elsewhere:
        path = config(tmp_path, TARGETS.format(url=url, other=elsewhere, more=""))

        async def after_an_hour(bridge):
            rows = await bridge.settled(1)
            await bridge.alarms_settled(2)
            return rows, (await bridge.ready())["paused"]

        told(path, partial(paused_an_hour_ago, target=lake))
        rows, paused = told(path, after_an_hour)
    assert (paused, [row["state"] for row in rows]) == ([], ["sent"])
    titles = [request.json()["title"] for request in other.requests]
    assert titles == ["Target lake is paused", "Target lake takes messages again"]


@pytest.mark.parametrize(
    ("reply", "wait"),
    [(Reply(410), clock.HOUR), (Reply(429, headers={"retry-after": "7200"}), 2 * clock.HOUR)],
    ids=["paused", "told to wait"],
)
def test_the_log_says_when_the_target_is_tried_again_and_not_when_the_message_could_be(tmp_path, caplog, reply, wait):
    lake, other = App(), App()
    began = clock.now()

    async def story(bridge):
        lake.then(reply)
        await bridge.sample("mobile", "passed")
        async with asyncio.timeout(PATIENCE):
            while not (said := [text for text in caplog.messages if "; next try " in text]):
                await asyncio.sleep(0.01)
        return datetime.fromisoformat(said[0].rpartition(" ")[2])

    with serving(lake) as url, serving(other) as elsewhere:
        when = told(config(tmp_path, TARGETS.format(url=url, other=elsewhere, more="")), story)

    assert wait <= clock.to_micros(when) - began < wait + wait // 2
