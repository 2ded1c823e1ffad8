"""Any JSON: the common names are found wherever senders put them, and only common words are believed."""

import pytest

from bridge import vendors
from bridge.verify import dedupe_key
from bridge.verify.dedupe import WITH_ID_OR_TIME, WITHOUT
from tests.vendors.cases import read


@pytest.mark.parametrize("around", ["", "data", "build", "payload"])
def test_common_names_are_found_at_the_top_and_one_level_below(around):
    said = {"name": "nightly", "status": "success", "html_url": "https://ci.example.com/1", "branch": "main"}
    result = read("generic", {around: said} if around else said)
    assert (result.title, result.outcome, result.url) == ("nightly", "passed", "https://ci.example.com/1")
    assert result.vcs.ref == "main"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"status": "failed"}, "failed"),
        ({"status": "mostly fine"}, "unknown"),
        ({"status": "completed"}, "neutral"),
        ({"status": "completed", "conclusion": "failure"}, "failed"),
        ({"status": 200}, "unknown"),
        ({"status": True}, "unknown"),
        ({"success": True}, "neutral"),
        ({"text": "hello"}, "neutral"),
        ([], "neutral"),
        ("text", "neutral"),
    ],
)
def test_only_a_common_word_is_a_verdict(body, outcome):
    assert read("generic", body).outcome == outcome


def test_a_status_that_is_not_the_end_is_none():
    result = read("generic", {"status": "running"})
    assert (result.state, result.outcome) == ("running", None)


def test_a_repeat_is_known_by_its_bytes_for_long_where_they_hold_an_id():
    vendor = vendors.load("generic")
    windows = [dedupe_key(body, "s", vendor.dedupe, vendor.dated, None)[1] for body in (b'{"id": 1}', b'{"a": 1}')]
    assert windows == [WITH_ID_OR_TIME, WITHOUT]
