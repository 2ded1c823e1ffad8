"""Sources that should be heard of and are not: alarms, each at most hourly, whatever restarts."""

import asyncio
from functools import partial

import pytest

from bridge import alarms, clock
from bridge.config import load
from bridge.model import Refusal, Verification, Verified
from bridge.silence import Silence
from bridge.store import events, open_store, refusals

NOW = 1_773_489_600_000_000
TEXT = """
sources: {qa: {vendor: autosana, secret: topsecret%s}}
targets: {screen: {type: inbox}}
routes: [{name: all, to: [screen]}]
"""


def told(url, folder, story, keys=", expect_every: 2h"):
    """Run a story with a store and a configuration; which alarms there are then, by their subjects and times."""
    (folder / "config.yaml").write_text(TEXT % keys)
    config = load(folder / "config.yaml", {})

    async def run():
        store = await open_store(url, exclusive=True)
        try:
            await story(store, config)
            rows = await store.read(partial(events.waiting, sources=[alarms.SOURCE], limit=100))
            return [((row.received_at - NOW) // clock.MINUTE, row.body) for row in rows]
        finally:
            await store.close()

    return asyncio.run(run())


def hook(at):
    proof = Verification("hmac-sha256", True, 1)
    return Verified("qa", "autosana", at, {}, b"{}", proof, at.to_bytes(32, "big"), at)


def refused(n, reason="missing_header", **changes):
    made = {"caller": None, "headers": (), "body": b"{}", "size": 2, **changes}
    return Refusal(f"r{n}", "qa", NOW - n * clock.MINUTE, reason, "has no header", "POST", **made)


def kept(*several):
    return partial(refusals.add, counts={}, last=several, now=NOW)


def test_a_source_that_is_silent_for_longer_than_it_says_raises_an_alarm_each_hour(store_url, tmp_path):
    async def story(store, config):
        silence = Silence()
        await store.keep(hook(NOW))
        for minutes in range(0, 300, 10):
            await silence.look(store, config, NOW + minutes * clock.MINUTE)

    raised = told(store_url, tmp_path, story)
    assert [minutes for minutes, _ in raised] == [130, 190, 250]
    assert b"Nothing comes from qa" in raised[0][1]


def test_silence_is_measured_from_when_something_was_first_expected_whatever_restarts(store_url, tmp_path):
    async def story(store, config):
        for minutes in range(0, 240, 10):
            await Silence().look(store, config, NOW + minutes * clock.MINUTE)

    assert [minutes for minutes, _ in told(store_url, tmp_path, story)] == [130, 190]


def test_two_replicas_raise_one_alarm(store_url, tmp_path):
    async def story(store, config):
        replicas = [Silence(), Silence()]
        for minutes in range(0, 190, 10):
            for silence in replicas:
                await silence.look(store, config, NOW + minutes * clock.MINUTE)

    assert [minutes for minutes, _ in told(store_url, tmp_path, story)] == [130]


def test_a_source_that_is_heard_of_raises_none(store_url, tmp_path):
    async def story(store, config):
        for minutes in range(0, 600, 60):
            await store.keep(hook(NOW + minutes * clock.MINUTE))
            await Silence().look(store, config, NOW + minutes * clock.MINUTE)

    assert told(store_url, tmp_path, story) == []


def test_what_is_no_longer_expected_is_forgotten(store_url, tmp_path):
    told(store_url, tmp_path, lambda store, config: Silence().look(store, config, NOW - clock.DAY))
    told(store_url, tmp_path, lambda store, config: Silence().look(store, config, NOW), keys="")
    assert told(store_url, tmp_path, lambda store, config: Silence().look(store, config, NOW)) == []


@pytest.mark.parametrize(
    ("several", "heard", "alarms_raised"),
    [
        ([refused(1), refused(2), refused(3)], None, 1),
        ([refused(1), refused(2), refused(3)], NOW - clock.DAY, 1),
        ([refused(1), refused(2), refused(3)], NOW - clock.MINUTE, 0),
        ([refused(1), refused(2)], None, 0),
        ([refused(1), refused(2), refused(61)], None, 0),
        ([refused(n, let_in=True) for n in range(4)], None, 0),
        ([refused(n, reason="not_a_post") for n in range(4)], None, 0),
    ],
)
def test_a_source_of_which_everything_is_refused_raises_an_alarm(store_url, tmp_path, several, heard, alarms_raised):
    async def story(store, config):
        await store.write(kept(*several))
        if heard:
            await store.keep(hook(heard))
        await Silence().look(store, config, NOW)

    raised = told(store_url, tmp_path, story, keys="")
    assert len(raised) == alarms_raised
    assert all(b"Everything that qa sends is refused" in body and b"has no header" in body for _, body in raised)
