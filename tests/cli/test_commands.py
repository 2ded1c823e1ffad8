"""The commands, as somebody types them: what they print, and the exit status."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bridges import config, told
from tests.commands import drawbridge
from tests.fakes.asgi import App
from tests.fakes.server import serving

ROUTES = 'targets: {{lake: {{type: http, url: "{url}"}}}}\nroutes: [{{name: all, to: [lake]}}]\n'


def test_the_module_is_the_command_too(tmp_path):
    words = [sys.executable, "-m", "bridge", "vendors", "show", "acme"]
    done = subprocess.run(words, cwd=Path.cwd(), capture_output=True, text=True, timeout=120)
    assert (done.returncode, "no vendor named 'acme'" in done.stderr) == (1, True)


@pytest.fixture
def delivered(tmp_path):
    """A folder with a configuration and a store in which one hook was delivered and one refused."""
    app = App()
    with serving(app) as url:
        path = config(tmp_path, ROUTES.format(url=url))

        async def story(bridge):
            await bridge.sample("mobile", "passed")
            await bridge.settled(1)
            await bridge.post("mobile", b"{}", {})

        told(path, story)
    return tmp_path


def test_what_was_delivered_is_listed(delivered):
    events = json.loads(drawbridge(delivered, "events", "--json").stdout)
    deliveries = json.loads(drawbridge(delivered, "deliveries", "--json").stdout)
    assert [(one["source"], one["outcome"]) for one in events] == [("mobile", "passed")]
    assert [(one["route"], one["target"], one["state"]) for one in deliveries] == [("all", "lake", "sent")]
    assert "batch.completed" in drawbridge(delivered, "events").stdout


def test_an_event_is_told_from_beginning_to_end(delivered):
    (event,) = json.loads(drawbridge(delivered, "events", "--json").stdout)
    story = json.loads(drawbridge(delivered, "events", event["id"]).stdout)
    assert story["verification"]["verified"] is True
    assert [one["answer"] for one in story["deliveries"][0]["attempt_log"]] == ["sent"]


def test_what_was_refused_is_listed_by_source(delivered):
    (one,) = json.loads(drawbridge(delivered, "refusals", "mobile", "--json").stdout)
    assert (one["reason"], one["caller"], one["size"]) == ("missing_header", "127.0.0.1", 2)
    assert "missing_header" in drawbridge(delivered, "refusals").stdout
    assert drawbridge(delivered, "refusals", "deploys").stdout == "Nothing was refused.\n"


def test_the_doctor_says_what_is_wrong_and_fails(delivered):
    done = drawbridge(delivered, "doctor", "mobile")
    checks = json.loads(drawbridge(delivered, "doctor", "mobile", "--json").stdout)
    assert (done.returncode, [check["state"] for check in checks if check["about"] == "mobile"]) == (1, ["wrong"])
    assert "one was refused. It has no header x-autosana-signature-256." in done.stdout
    assert [check["state"] for check in checks[:2]] == ["ok", "doubt"], "the store answers, and no server runs"


def test_the_doctor_tries_a_captured_request(delivered):
    (delivered / "hook.http").write_bytes(b"POST /hooks/mobile HTTP/1.1\r\nHost: x\r\n\r\n{}")
    done = drawbridge(delivered, "doctor", "--request", "hook.http")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1,
        "Not certain: It has no header x-autosana-signature-256.",
    )
    (one,) = json.loads(drawbridge(delivered, "refusals", "mobile", "--json").stdout)
    assert drawbridge(delivered, "doctor", "--refusal", one["id"]).stdout == done.stdout


@pytest.mark.parametrize("words", [["--help"], ["deliveries", "--help"], ["targets", "--help"], ["vendors", "--help"]])
def test_the_list_of_commands_says_what_each_does_in_whole_sentences(tmp_path, words):
    assert "..." not in drawbridge(tmp_path, *words, env={"COLUMNS": "80"}).stdout.partition("Commands:")[2]


@pytest.mark.parametrize("command", ["events", "deliveries", "refusals"])
def test_an_id_stands_in_one_piece_however_narrow_the_terminal(delivered, command):
    (row,) = json.loads(drawbridge(delivered, command, "--json").stdout)
    lines = drawbridge(delivered, command, env={"COLUMNS": "80"}).stdout.splitlines()
    assert len(lines) == 2
    assert row["id"] in lines[1]


def test_a_sample_for_a_paused_target_says_so_and_that_it_waits(tmp_path):
    app = App()
    with serving(app) as url:
        path = config(tmp_path, ROUTES.format(url=url))

        async def story(bridge):
            drawbridge(tmp_path, "targets", "pause", "lake")
            return await asyncio.to_thread(drawbridge, tmp_path, "send", "mobile", "failed")

        done = told(path, story)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[1:] == ["all -> lake: waiting (lake is paused)"]


def test_a_paused_target_is_listed_and_resumed(delivered):
    assert "is paused" in drawbridge(delivered, "targets", "pause", "lake").stdout
    (paused,) = json.loads(drawbridge(delivered, "targets", "--json").stdout)
    assert paused["paused_at"]
    assert "paused" not in drawbridge(delivered, "targets", "resume", "lake", "-c", "config.yaml").stdout
    (resumed,) = json.loads(drawbridge(delivered, "targets", "--json").stdout)
    assert resumed["paused_at"] is None


def test_a_replay_is_owed_again(delivered):
    (delivery,) = json.loads(drawbridge(delivered, "deliveries", "--json").stdout)
    assert "delivered again as" in drawbridge(delivered, "replay", delivery["id"]).stdout
    assert "understood and routed again" in drawbridge(delivered, "replay", delivery["event_id"]).stdout
    (waiting,) = json.loads(drawbridge(delivered, "deliveries", "--state", "waiting", "--json").stdout)
    assert waiting["why"] == "replay"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["replay", "nothing"], "no such delivery or event"),
        (["replay", "x", "--to", "nowhere"], "no target named 'nowhere'; there are: lake"),
        (["targets", "resume", "nowhere"], "no target named 'nowhere'"),
        (["send", "nowhere"], "no source named 'nowhere'"),
        (["send", "mobile", "no-such-sample"], "no sample 'no-such-sample'"),
        (["events", "nothing"], "no event nothing"),
        (["events", "--source", "nowhere"], "no source named 'nowhere'; there are: deploys, mobile"),
        (["vendors", "show", "acme"], "no vendor named 'acme'; there are agnox"),
        (["check", "-c", "elsewhere.yaml"], "no such file"),
        (["health"], "/readyz: [Errno"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_with_exit_status_1(delivered, words, said):
    text = (
        (delivered / "config.yaml")
        .read_text()
        .replace('admin: {listen: "127.0.0.1:0"', 'admin: {listen: "127.0.0.1:9"')
    )
    (delivered / "config.yaml").write_text(text)
    done = drawbridge(delivered, *words)
    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_broken_file_is_reported_whole_with_exit_status_1(delivered):
    (delivered / "config.yaml").write_text("sources: {a: {vendor: acme}}\nlisten: nowhere\ncolour: red\n")
    done = drawbridge(delivered, "check")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) >= 3
    assert all(line.startswith("config.yaml:") for line in done.stdout.splitlines())


@pytest.mark.parametrize(("good", "broken"), [("sources:", "nonsense: 1\nsources:"), ("type: http", "type: htp")])
def test_who_asks_only_the_store_does_not_need_a_whole_file(delivered, good, broken):
    path = delivered / "config.yaml"
    path.write_text(path.read_text().replace(good, broken))
    (one,) = json.loads(drawbridge(delivered, "deliveries", "--json").stdout)
    asked = {
        ("events",): "batch.completed",
        ("targets",): "lake",
        ("refusals",): "missing_header",
        ("deliveries", "show", one["id"]): '"result"',
        ("targets", "pause", "lake"): "lake is paused",
        ("targets", "resume", "lake"): "lake is sent to again",
        ("replay", one["id"]): "delivered again",
        ("deliveries", "discard", "--state", "waiting", "--target", "lake"): "1 discarded",
    }
    for words, said in asked.items():
        done = drawbridge(delivered, *words)
        assert (done.returncode, said in done.stdout) == (0, True), (words, done)
        assert done.stderr.startswith("warning: config.yaml has "), done.stderr


@pytest.mark.parametrize(
    "store",
    [
        pytest.param("", id="it is not said"),
        pytest.param("store: {url: '${NOT_SET}'}", id="a variable of it is not set"),
        pytest.param("store: {url: mysql://db}", id="it is of no kind that there is"),
    ],
)
def test_which_store_it_is_must_be_readable_and_none_is_begun_in_its_place(tmp_path, store):
    (tmp_path / "config.yaml").write_text(f"{store}\nnonsense: 1\n")
    done = drawbridge(tmp_path, "deliveries")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nonsense" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_good_file_is_good(delivered):
    done = drawbridge(delivered, "check")
    assert done.returncode == 0
    assert done.stdout.endswith("\nconfig.yaml is good\n")


def test_a_good_file_with_an_open_door_says_so(delivered):
    said = drawbridge(delivered, "check").stdout.splitlines()
    listed = json.loads(drawbridge(delivered, "check", "--json").stdout)
    assert said[0].startswith("config.yaml:")
    assert "warning: sources.open.verify: 'none' lets everybody in" in said[0]
    assert [one["warning"] for one in listed] == [True]


def test_the_environment_names_the_file_where_the_folder_has_none(delivered, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = drawbridge(elsewhere, "check", env={"DRAWBRIDGE_CONFIG": str(delivered / "config.yaml")})
    assert done.returncode == 0


def test_vendors_are_listed_with_title_and_scheme(tmp_path):
    rows = {row["name"]: row for row in json.loads(drawbridge(tmp_path, "vendors", "--json").stdout)}
    assert (rows["autosana"]["title"], rows["autosana"]["scheme"]) == ("Autosana", "hmac-sha256")
    assert "hmac-sha256" in drawbridge(tmp_path, "vendors").stdout


def test_a_vendor_is_shown_as_yaml_to_copy(tmp_path):
    shown = drawbridge(tmp_path, "vendors", "show", "autosana").stdout
    assert "vendors:\n  my-autosana:\n" in shown
    assert "setup: " in shown
    assert "# Samples of 'autosana'" in shown


def test_a_vendor_is_drafted_from_an_event_that_was_kept(delivered):
    (event,) = json.loads(drawbridge(delivered, "events", "--json").stdout)
    done = drawbridge(delivered, "vendors", "new", "my-tests", "--from-event", event["id"])
    assert "X-Autosana-Signature-256" in done.stdout
    assert "samples/my-tests" in done.stderr
    assert len(list((delivered / "samples" / "my-tests").glob("*.json"))) == 1
    again = drawbridge(delivered, "vendors", "new", "my-tests", "--from-event", event["id"])
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


HOOK = '{"name": "nightly", "status": "ok", "secret": "s3cr3t"}'
REQUEST = f"POST /hooks/x HTTP/1.1\r\nHost: a\r\nX-Acme-Event: build.done\r\nX-Acme-Signature: s3cr3t\r\n\r\n{HOOK}"


def test_a_vendor_is_drafted_from_a_captured_request(tmp_path):
    (tmp_path / "hook.txt").write_bytes(REQUEST.encode())
    done = drawbridge(tmp_path, "vendors", "new", "my-ci", "--from-event", "hook.txt")
    assert (done.returncode, "event: header:x-acme-event" in done.stdout) == (0, True), done.stderr
    assert "header: x-acme-signature" in done.stdout
    body, headers = sorted((tmp_path / "samples" / "my-ci").iterdir(), key=lambda file: file.suffix, reverse=True)
    assert headers.read_text() == "x-acme-event: build.done\n"
    assert "s3cr3t" not in done.stdout + body.read_text()


def test_a_vendor_is_drafted_from_a_file(tmp_path):
    (tmp_path / "hook.json").write_text(HOOK)
    done = drawbridge(tmp_path, "vendors", "new", "my-ci", "--from-event", "hook.json")
    assert (done.returncode, "title: name" in done.stdout) == (0, True)
    (sample,) = (tmp_path / "samples" / "my-ci").iterdir()
    assert "s3cr3t" not in sample.read_text()


def test_a_server_in_good_health_stays_so_when_its_file_breaks(tmp_path):
    path = config(tmp_path, "targets: {}\n")

    async def story(bridge):
        port = bridge.server.admin_url.rpartition(":")[2]
        text = path.read_text().replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"')
        path.write_text(text + "bogus: 1\n")
        import asyncio

        return await asyncio.to_thread(drawbridge, tmp_path, "health")

    done = told(path, story)
    assert (done.returncode, done.stdout.startswith("ready")) == (0, True), done.stderr
