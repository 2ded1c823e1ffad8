"""`drawbridge preview`: which messages it shows, where the page goes, and what it says where it cannot."""

import contextlib
import json

import pytest
from click.testing import CliRunner

from bridge.cli import commands
from bridge.errors import BridgeError
from tests.bridges import config, told
from tests.cli.test_commands import ROUTES
from tests.commands import drawbridge
from tests.fakes.asgi import App
from tests.fakes.server import serving

SECRETS = {"A": "s3cret-of-a", "B": "s3cret-of-b"}
CONFIG = """\
store: {url: "sqlite:///x.db"}
templates: mine
sources:
  tests: {vendor: autosana, secret: "${A}"}
  nightly: {vendor: agnox, secret: "${B}"}
targets:
  qa: {type: slack, url: "https://hooks.slack.com/services/T000/B000/s3cretpath", style: blocks}
  team: {type: discord, url: "https://discord.com/api/webhooks/1/s3cretpath", username: Nightwatch}
  lake: {type: http, url: "https://lake.example.com/s3cretpath"}
routes:
  - name: broken
    match: {source: tests, transition: broke}
    to: [qa, team]
    template: short
    mention: {who: {qa: "<!subteam^S7>"}, transition: [broke]}
  - {name: all, match: {source: tests}, to: [lake]}
"""


@pytest.fixture
def configured(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    for kind, text in (
        ("slack", 'text: "SHORT {{ result.title }}"'),
        ("discord", 'content: "SHORT {{ result.title }}"'),
    ):
        folder = tmp_path / "mine" / kind
        folder.mkdir(parents=True)
        (folder / "short.yaml").write_text(text)
    return tmp_path


def preview(folder, *words, env=None):
    """Run the command in `folder`; its exit status and all that it printed."""
    with contextlib.chdir(folder):
        run = CliRunner().invoke(commands, ["preview", *words], env={"DRAWBRIDGE_CONFIG": None, **(env or {})})
    if isinstance(run.exception, BridgeError):
        return 1, str(run.exception)
    assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
    return run.exit_code, run.output


def shown(folder, *words, env=None):
    """What `preview --json` gives."""
    status, text = preview(folder, "--json", *words, env=env)
    assert status == 0, text
    return json.loads(text)


def refused(folder, *words):
    status, text = preview(folder, *words)
    assert status != 0
    assert not (folder / "preview.html").exists()
    return text


def test_without_a_configuration_it_shows_what_the_five_vendors_say(tmp_path):
    assert "preview.html shows the messages" in preview(tmp_path)[1]
    html = (tmp_path / "preview.html").read_text("utf-8")
    for vendor in ("autosana/", "autonoma/", "agnox/", "autousers/", "autotab/"):
        assert f">{vendor}" in html
    assert "FIXED after" in html


def test_with_one_it_shows_what_its_routes_send_for_its_first_source(configured):
    cases = shown(configured, env=SECRETS)
    assert [case["about"] for case in cases] == ["broke", "still failing", "failures changed", "fixed", "still passing"]
    assert {case["case"] for case in cases} == {"tests/failed", "tests/passed"}
    broke = {message["target"]: message["body"] for message in cases[0]["messages"]}
    assert list(broke) == ["qa (slack), route broken", "team (discord), route broken", "lake (http), route all"]
    qa, team, lake = broke.values()
    assert qa["text"] == "SHORT My App (android) <!subteam^S7>"
    assert (team["content"], team["username"]) == ("SHORT My App (android)", "Nightwatch")
    assert (lake["outcome"], "payload" in lake) == ("failed", False)
    assert [message["target"] for message in cases[1]["messages"]] == ["lake (http), route all"]


def test_what_no_route_sends_is_said_and_shown_all_the_same(configured):
    for case in shown(configured, "--sample", "nightly/failed", env=SECRETS):
        assert "no route of the configuration sends it anywhere" in case["about"]
        assert [message["target"] for message in case["messages"]] == ["slack", "discord", "http", "inbox"]


def test_a_target_and_a_template_can_be_chosen(configured):
    words = ("--sample", "autosana/passed", "--target", "team", "--target", "inbox", "--template", "short")
    (case,) = shown(configured, *words, env=SECRETS)
    team, inbox = case["messages"]
    assert team["body"]["content"] == "SHORT My App (android)"
    assert inbox["falls"] == ["template inbox/short: there is no such template"]


@pytest.mark.parametrize(
    ("sample", "change", "words"),
    [
        ("failed", "broke", "Broke: passing for the 12 runs before"),
        ("failed", "still_failing", "STILL FAILING for 3 h (4th run)"),
        ("failed", "failures_changed", "DIFFERENT TESTS FAILING (4th run)"),
        ("passed", "fixed", "FIXED after 2 h (2 runs)"),
        ("passed", "still_passing", "PASSED"),
        ("passed", "first", "PASSED"),
    ],
)
def test_what_has_changed_can_be_chosen(tmp_path, sample, change, words):
    found = shown(tmp_path, "--sample", f"autosana/{sample}", "--transition", change, "--target", "inbox")
    assert [case["about"] for case in found] == [change.replace("_", " ")]
    assert words in found[0]["messages"][0]["body"]


def test_verdicts_that_came_before_can_be_named(tmp_path):
    found = shown(tmp_path, "--sample", "autosana/failed", "--after", "passed,failed,failed", "--target", "inbox")
    assert "STILL FAILING for 2 h (3rd run)" in found[0]["messages"][0]["body"]


@pytest.mark.parametrize("occasion", ["late", "replay", "test"])
def test_the_template_of_an_occasion_is_shown_on_it(tmp_path, occasion):
    found = shown(tmp_path, "--sample", "autosana/failed", "--template", occasion, "--target", "slack")
    assert found[0]["messages"][0]["body"]["text"].startswith(f"{occasion.upper()} · ❌ ")


def test_several_results_can_be_one_message(tmp_path):
    (case,) = shown(tmp_path, "--digest", "9", "--target", "slack")
    assert case["messages"][0]["body"]["text"].startswith("❌ 9 results: ")


def test_a_body_in_a_file_is_shown_as_if_it_had_come(tmp_path):
    (tmp_path / "body.json").write_text('{"title": "<script>night</script>", "status": "failed"}')
    words = ("--file", "body.json", "--source", "generic", "--out", "-")
    _, html = preview(tmp_path, *words)
    assert "&lt;script&gt;night" in html
    assert "<script" not in html


def test_a_kept_event_is_shown_as_it_was_understood(tmp_path):
    with serving(App()) as url:
        path = config(tmp_path, ROUTES.format(url=url))

        async def story(bridge):
            await bridge.sample("mobile", "failed")
            await bridge.settled(1)

        told(path, story)
    (event,) = json.loads(drawbridge(tmp_path, "events", "--json").stdout)
    (case,) = shown(tmp_path, "--event", event["id"])
    assert [message["body"]["id"] for message in case["messages"]] == [event["id"]]
    assert "no event 7" in preview(tmp_path, "--event", "7")[1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--sample", "nobody"], "no vendor named 'nobody'; there are agnox"),
        (["--sample", "autosana/nothing"], "autosana has no sample 'nothing'; it has: all-skipped"),
        (
            ["--sample", "autosana/passed", "--transition", "broke"],
            "ended as passed: it cannot be broke; choose another",
        ),
        (["--sample", "autosana/empty-batch", "--transition", "fixed"], "is no verdict"),
        (["--sample", "autousers/webhook-test", "--transition", "first"], "is a test, and has no history"),
        (["--target", "qa"], "no target named 'qa'; there are: slack, discord, http, inbox"),
        (["--template", "mine"], "no template named 'mine'; there are: alarm, default, digest, late, replay, test"),
        (["--after", "red"], "'red' is no verdict; there are: passed, failed"),
        (["--after", "passed", "--transition", "broke"], "give one of them"),
        (["--sample", "agnox", "--file", "x"], "give one of them"),
        (["--source", "agnox"], "--source says of whom --file is"),
        (["--file", "nowhere.json", "--source", "agnox"], "nowhere.json cannot be read"),
        (["--file", "body.json"], "say whose body body.json is"),
        (["--event", "7"], "config.yaml: no such file. Copy config.example.yaml"),
        (["-c", "other.yaml"], "other.yaml: no such file"),
        (["--out", "nowhere/page.html"], "nowhere/page.html cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_said_with_what_to_do(tmp_path, words, reason):
    (tmp_path / "body.json").write_text("{}")
    assert reason in refused(tmp_path, *words)


def test_no_secret_stands_on_the_page(configured):
    _, html = preview(configured, "--out", "-", env=SECRETS)
    assert "SHORT My App" in html
    assert "s3cret" not in html
