"""`docs/vendors.md` says what happens: its hook is drafted, and its configuration is checked, as a reader would."""

import json
import re
from pathlib import Path

import yaml

from bridge.config.check import check
from bridge.config.draft import Captured, draft

PAGE = Path(__file__).parents[1] / "docs" / "vendors.md"
NOW = 1_800_000_000_000_000


def block(name: str) -> str:
    """The code on the page that is to stand in that file."""
    found = re.search(rf"```\w+ {re.escape(name)}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_pages_example_works(tmp_path):
    drafted = draft("my-ci", Captured(block("hook.json").encode(), {}, None), NOW)
    for path, content in drafted.files.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(content)
    config = tmp_path / "config.yaml"

    config.write_text(block("config.yaml"))
    assert check(config, {"MY_CI_SECRET": "s"}, NOW) == []

    config.write_text(drafted.text + "targets: {screen: {type: inbox}}\nroutes: [{name: all, to: [screen]}]\n")
    assert check(config, {"MY_CI_SECRET": "s"}, NOW) == []


def test_the_page_corrects_what_was_guessed_and_no_more():
    drafted = yaml.safe_load(draft("my-ci", Captured(block("hook.json").encode(), {}, None), NOW).text)
    guessed, corrected = drafted["vendors"]["my-ci"], yaml.safe_load(block("config.yaml"))["vendors"]["my-ci"]
    assert guessed["result"].items() <= corrected["result"].items()
    assert guessed["items"].items() <= corrected["items"].items()
    assert (guessed["dedupe"], guessed["outcomes"]) == (corrected["dedupe"], {"red": "unknown"})


def test_nothing_private_of_the_pages_hook_is_in_its_sample():
    (sample,) = draft("my-ci", Captured(block("hook.json").encode(), {}, None), NOW).files.values()
    assert b"ann@" not in sample
    assert b"5f2b1c" not in sample
    assert json.loads(sample)["build"]["name"] == "nightly"
