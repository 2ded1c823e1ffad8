"""Autotab's quirks, by name. https://docs.autotab.com/api-reference/webhooks.md"""

import pytest

from bridge import vendors
from bridge.normalize import as_json
from bridge.verify import dedupe_key
from tests.vendors.cases import read, said, sample


@pytest.mark.parametrize(
    ("state", "type_", "ours", "outcome", "reason"),
    [
        ("play", "run_session.play", "running", None, None),
        ("editing", "run_session.editing", "running", None, None),
        ("pause", "run_session.pause", "running", None, "pause"),
        ("reset", "run_session.reset", "running", None, "reset"),
        ("finish", "run_session.finish", "finished", "passed", None),
        ("FINISH", "run_session.finish", "finished", "passed", None),
        ("Cancel", "run_session.cancel", "finished", "cancelled", None),
        ("timeout", "run_session.timeout", "finished", "timed_out", None),
    ],
)
def test_the_state_decides_without_regard_to_case(state, type_, ours, outcome, reason):
    result = read("autotab", {**said("autotab", "finish"), "state": state})
    assert (result.type, result.state, result.outcome, result.reason) == (type_, ours, outcome, reason)
    assert (result.kind, result.raw_status) == ("session", state)


@pytest.mark.parametrize(
    ("state", "type_"),
    [(None, "run_session.unknown"), ("finished", "run_session.finished"), ({}, "run_session.unknown")],
)
def test_a_state_that_is_none_of_the_seven_is_unknown(state, type_):
    result = read("autotab", {**said("autotab", "finish"), "state": state})
    assert (result.type, result.outcome) == (type_, "unknown")


def test_a_cancelled_run_is_a_failure_where_the_operator_says_so():
    assert sample("autotab", "cancel").outcome == "cancelled"
    result = sample("autotab", "cancel", cancel_is_failure=True)
    assert (result.outcome, result.reason, result.attention) == ("failed", "cancelled", True)


def test_camel_case_is_read_as_snake_case_is():
    result = sample("autotab", "finish-camel-case")
    assert result.subject_key == "skill_6f1c2d3e-0000-4000-8000-00000000000a"
    assert result.duration_ms == 180_000
    assert result.artifacts[0].url == "https://example.com/v/5.mp4"


def test_the_older_models_macro_is_the_skill():
    assert read("autotab", {"id": "run_1", "macro_id": "macro_1", "state": "finish"}).subject_key == "macro_1"


def test_nulls_are_nulls():
    result = sample("autotab", "timeout-nulls")
    assert (result.environment, result.finished_at, result.duration_ms, result.artifacts) == (None, None, None, [])
    assert result.title == "Run session"


def test_inputs_and_data_stay_in_the_payload():
    personal = {"inputs": {"login": "ada@example.com"}, "data": {"iban": "DE00"}}
    result = read("autotab", {**said("autotab", "finish"), **personal})
    assert result.payload["data"] == {"iban": "DE00"}
    assert "ada@example.com" not in str(as_json(result))
    assert "DE00" not in str(as_json(result))


def test_a_repeat_is_known_by_id_state_and_the_rest_of_the_body():
    vendor = vendors.load("autotab")
    bodies = [
        b'{"id":"run_1","state":"play"}',
        b'{"id":"run_1","state":"pause"}',
        b'{"id":"run_1","state":"play","n":1}',
    ]
    assert len({dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)[0] for body in bodies}) == 3
