"""Alarms: what raises one, how often, whom it reaches, and what happens where nobody takes it."""

import asyncio
import json
from functools import partial

import pytest

from bridge import alarms, clock
from bridge.alarms import Alarm
from bridge.model import Kind, Severity
from bridge.normalize import normalize
from bridge.setup import OWN
from bridge.store import events, retention
from bridge.vendors import samples
from bridge.vendors.bridge import AlarmKind
from tests.bridges import PATIENCE, config, told
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving
from tests.store.test_store import told as told_store

NOW = 1_773_489_600_000_000
PAUSED = alarms.target_paused("qa", "the webhook was deleted")
UNKNOWN_KIND = Alarm(
    kind=AlarmKind.UNKNOWN_EVENT, subject="source/s", once="s/t", title="t", summary="s", about={"source": "s"}
)


def raised(url, *pairs):
    """Whether each (alarm, time) was raised, in that order, on one store."""

    async def story(store):
        return [await store.write(partial(alarms.raise_alarm, alarm=alarm, now=now)) for alarm, now in pairs]

    return told_store(url, story)


@pytest.mark.parametrize(
    ("first", "second", "after", "twice"),
    [
        (PAUSED, PAUSED, clock.HOUR - 1, False),
        (PAUSED, PAUSED, clock.HOUR, True),
        (PAUSED, alarms.target_paused("ops", "the same"), 0, True),
        (PAUSED, alarms.target_paused("qa", "something else"), 0, False),
        (PAUSED, alarms.target_resumed("qa"), 0, True),
        (PAUSED, alarms.dead_letter("qa", "no", "id"), 0, True),
    ],
)
def test_an_alarm_is_raised_once_an_hour_for_its_kind_and_subject(store_url, first, second, after, twice):
    assert raised(store_url, (first, NOW), (second, NOW + after)) == [True, twice]


def news(kind: str, name: str) -> Alarm:
    return Alarm(kind=AlarmKind(kind), subject="source/s", once=f"s/{name}", title=name, summary=name)


def test_news_is_told_once_and_a_sender_that_makes_up_names_is_told_of_hourly(store_url):
    kind = "source.unknown_event"
    hours = [news(kind, name) for name in ("a", "b", "a", "b", "c")]
    times = [NOW, NOW, NOW + clock.HOUR, NOW + clock.HOUR, NOW + clock.HOUR]
    # b comes too soon after a and is told the next time; then c comes too soon after b
    assert raised(store_url, *zip(hours, times, strict=True)) == [True, False, False, True, False]


def test_two_replicas_that_find_the_same_raise_one_alarm(postgres_url):
    from bridge.store import open_store

    async def story(one):
        two = await open_store(postgres_url, exclusive=True)
        try:
            tries = [partial(alarms.raise_alarm, alarm=PAUSED, now=NOW)] * 4
            return await asyncio.gather(*(store.write(each) for each in tries for store in (one, two)))
        finally:
            await two.close()

    assert sum(told_store(postgres_url, story)) == 1


def test_tidying_up_lets_no_alarm_be_raised_twice(store_url):
    async def story(store):
        first = await store.write(partial(alarms.raise_alarm, alarm=PAUSED, now=NOW))
        await store.write(partial(retention.forget_seen, now=NOW + clock.HOUR - 1))
        return first, await store.write(partial(alarms.raise_alarm, alarm=PAUSED, now=NOW + clock.HOUR - 1))

    assert told_store(store_url, story) == (True, False)


EVERY = [
    PAUSED,
    alarms.target_resumed("qa"),
    alarms.dead_letter("qa", "Slack answered 400: invalid_blocks", "01a1"),
    alarms.template_failed("template slack/mine: templates/slack/mine.yaml:3:1: 'reslut' is undefined"),
    alarms.condition_failed("deploys", "when: 'reslut' is undefined", "01a1"),
    alarms.config_refused(["config.yaml:3:1: no target named 'x'", "config.yaml:4:1: another"]),
    UNKNOWN_KIND,
]


@pytest.mark.parametrize("alarm", EVERY, ids=lambda alarm: alarm.kind)
def test_an_alarm_is_a_result_like_any_other(store_url, alarm):
    async def story(store):
        await store.write(partial(alarms.raise_alarm, alarm=alarm, now=NOW))
        return await store.read(partial(events.waiting, sources=[alarms.SOURCE], limit=10))

    (event,) = told_store(store_url, story)
    (result,) = normalize(event, OWN.vendor)
    assert (result.source, result.kind, result.type, result.outcome) == ("bridge", Kind.SYSTEM, alarm.kind, "neutral")
    assert (result.title, result.summary, result.severity) == (alarm.title, alarm.summary, alarm.severity)
    assert (result.subject_key, result.labels) == (alarm.subject, dict(alarm.about))
    assert result.verification.verified
    assert result.attention == (alarm.severity in (Severity.HIGH, Severity.CRITICAL))
    assert OWN.vendor.knows(result.type)


@pytest.mark.parametrize(
    "alarm",
    [
        alarms.target_paused("n" * 63, "x" * 5_000),
        alarms.dead_letter("n" * 63, "x" * 5_000, clock.uuid7(NOW)),
        alarms.template_failed(f"template slack/mine: {'x' * 5_000}"),
        alarms.condition_failed("name", "x" * 5_000, clock.uuid7(NOW)),
        alarms.config_refused(["x" * 5_000]),
    ],
    ids=lambda alarm: alarm.kind,
)
def test_however_long_a_reason_is_the_command_that_helps_is_in_the_message(alarm):
    assert len(alarm.summary) <= alarms.MOST_SAID
    assert "drawbridge " in alarm.summary


# ---------------------------------------------------------------------------------------------- over the real path

TWO = """
targets:
  one: {{type: http, url: "{one}/in", retry: {{first: 1ms}}}}
  two: {{type: http, url: "{two}/in"}}
"""
ALL = "routes: [{name: all, to: [one, two]}]"


class World:
    def __init__(self, folder, one, two):
        self.folder, self.one, self.two = folder, *(app for app, _ in (one, two))
        self.urls = {"one": one[1], "two": two[1]}

    def configure(self, routes=ALL, sources=""):
        return config(self.folder, sources + TWO.format(**self.urls) + routes)


@pytest.fixture
def world(tmp_path):
    one, two = App(), App()
    with serving(one) as first, serving(two) as second:
        yield World(tmp_path, (one, first), (two, second))


def alarms_at(app):
    found = [json.loads(request.body) for request in app.requests]
    return [result for result in found if result["source"] == alarms.SOURCE]


def unheard_of(**changes):
    return json.dumps(json.loads(samples("autosana")["passed"]) | {"event": "batch.dreamt"} | changes).encode()


def test_an_unknown_event_is_kept_and_told_once_with_its_id(world):
    async def story(bridge):
        first = await bridge.post("mobile", unheard_of())
        await bridge.alarms_settled(2)
        await bridge.post("mobile", unheard_of(batch_id="another"))
        await bridge.settled(4)
        return first.json()["id"], await bridge.alarms_settled(2)

    event_id, rows = told(world.configure(), story)
    assert len(rows) == 2
    (alarm,) = alarms_at(world.one)
    assert (alarm["type"], alarm["labels"]) == ("source.unknown_event", {"source": "mobile"})
    assert event_id in alarm["summary"]
    assert "batch.dreamt" in alarm["summary"]


def test_a_word_never_seen_before_is_told_once(world):
    body = json.loads(samples("agnox")["failed"]) | {"status": "BEWITCHED"}

    async def story(bridge):
        for execution in ("1", "2"):
            await bridge.post("nightly", json.dumps(body | {"executionId": execution}).encode())
        await bridge.settled(4)
        return await bridge.alarms_settled(2)

    told(world.configure(), story)
    (alarm,) = alarms_at(world.one)
    assert alarm["type"] == "source.unknown_word"
    assert "“BEWITCHED”" in alarm["summary"]
    assert "sources.nightly.options.outcomes" in alarm["summary"]


def test_of_an_unknown_outcome_the_item_with_the_unknown_word_is_to_blame(world):
    body = json.loads(samples("autosana")["passed"])
    body["run_groups"][0]["runs"][0]["status"] = "bewitched"

    async def story(bridge):
        await bridge.post("mobile", json.dumps(body).encode())
        return await bridge.alarms_settled(2)

    told(world.configure(), story)
    (alarm,) = alarms_at(world.one)
    assert "“bewitched”" in alarm["summary"]


def test_an_error_in_when_counts_as_a_match_and_is_told(world):
    routes = """routes:
      - {name: picky, match: {source: mobile}, when: "result.counts.total / 0 > 1", to: [one]}
      - {name: watch, match: {source: bridge}, to: [two]}"""

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        await bridge.alarms_settled(1)
        return await bridge.settled(1)

    rows = told(world.configure(routes), story)
    assert [(row["route"], row["state"]) for row in rows] == [("picky", "sent")]
    (alarm,) = alarms_at(world.two)
    assert (alarm["type"], alarm["labels"]["route"]) == ("route.condition_failed", "picky")


def test_an_alarm_whose_own_route_fails_to_judge_it_raises_no_other(world):
    routes = 'routes: [{name: picky, match: {kind: system}, when: "1 / 0", to: [one]}]'

    async def story(bridge):
        await bridge.post("mobile", unheard_of())
        await bridge.alarms_settled(1)
        await bridge.post("mobile", unheard_of(batch_id="another"))
        return await bridge.alarms_settled(1), await bridge.api("/events?source=bridge")

    rows, kept = told(world.configure(routes), story)
    assert [row["state"] for row in rows] == ["sent"]
    assert [event["type"] for event in kept["events"]] == ["source.unknown_event"]


def test_a_refused_configuration_is_told_by_the_one_in_use(world):
    async def story(bridge):
        (world.folder / "config.yaml").write_text("sources: [")
        await bridge.server.reload()
        return await bridge.alarms_settled(2)

    told(world.configure(), story)
    (alarm,) = alarms_at(world.one)
    assert alarm["type"] == "config.refused"
    assert "config.yaml" in alarm["summary"]


def test_an_alarm_that_no_route_takes_is_in_the_log_and_among_the_problems(world, caplog):
    async def story(bridge):
        await bridge.post("mobile", unheard_of())
        async with asyncio.timeout(PATIENCE):
            while not (problems := (await bridge.api("/problems"))["problems"]):
                await asyncio.sleep(0.01)
        return problems

    (problem,) = told(world.configure("routes: [{name: hooks, match: {source: '!bridge'}, to: [one]}]"), story)
    assert "mobile sent an event that its vendor does not document" in problem
    assert "no route takes" in caplog.text


def test_nobody_can_post_alarms(world):
    async def story(bridge):
        body = {"alarm": "target.paused", "title": "x", "subject": "x"}
        return await bridge.post("bridge", json.dumps(body).encode(), headers={})

    assert told(world.configure(), story).status_code == 404


def test_a_target_that_is_paused_is_told_elsewhere_with_the_command_that_resumes_it(world):
    world.one.then(Reply(404, "gone"))

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        rows = await bridge.alarms_settled(1)
        await bridge.api("/targets/one/resume", method="POST")
        await bridge.settled(2)
        return rows

    rows = told(world.configure(), story)
    assert [(row["target"], row["state"]) for row in rows] == [("two", "sent")]
    (alarm,) = alarms_at(world.two)
    assert alarm["title"] == "Target one is paused"
    assert "404" in alarm["summary"]
    assert "drawbridge targets resume one" in alarm["summary"]
    assert alarms_at(world.one) == []


def test_a_dead_letter_is_told_elsewhere_with_the_command_that_sends_it_again(world):
    world.one.then(Reply(422, "no such field"))

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        rows = await bridge.settled(2)
        await bridge.alarms_settled(1)
        return next(row for row in rows if row["state"] == "dead")

    dead = told(world.configure(), story)
    (alarm,) = alarms_at(world.two)
    assert alarm["type"] == "delivery.dead"
    assert f"drawbridge replay {dead['id']}" in alarm["summary"]
    assert "no such field" in alarm["summary"]


def test_an_alarm_that_dies_raises_no_other(world):
    world.one.then(Reply(422))
    world.two.then(Reply(422), Reply(422))
    routes = (
        "routes: [{name: hooks, match: {source: mobile}, to: [one]}, {name: watch, match: {source: bridge}, to: [two]}]"
    )

    async def story(bridge):
        await bridge.sample("mobile", "passed")
        rows = await bridge.alarms_settled(1)
        await bridge.sample("mobile", "failed")
        await bridge.settled(2)
        return rows, (await bridge.api("/events?source=bridge"))["events"]

    rows, kept = told(world.configure(routes), story)
    assert [row["state"] for row in rows] == ["dead"]
    assert [event["type"] for event in kept] == ["delivery.dead"]


def test_a_template_that_fails_is_told_once_and_the_message_goes_out(world):
    folder = world.folder / "templates" / "http"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("said: '{{ result.counts.total / 0 }}'\n")
    routes = """templates: templates
routes:
  - {name: hooks, match: {source: mobile}, to: [page], template: mine}
  - {name: watch, match: {source: bridge}, to: [two]}
"""
    targets = TWO.replace("targets:", 'targets:\n  page: {{type: http, url: "{one}/in", format: template}}')
    path = config(world.folder, targets.format(**world.urls) + routes)

    async def story(bridge):
        for name in ("passed", "failed"):
            await bridge.sample("mobile", name)
        await bridge.settled(2)
        return await bridge.alarms_settled(1)

    told(path, story)
    assert len(world.one.requests) == 2
    (alarm,) = alarms_at(world.two)
    assert (alarm["type"], alarm["labels"]["template"]) == ("template.failed", "http/mine")
    assert "drawbridge check" in alarm["summary"]
