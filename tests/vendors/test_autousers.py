"""Autousers' quirks, by name. https://docs.autousers.ai/webhooks/overview"""

from typing import Any

import pytest

from bridge import clock, vendors
from bridge.errors import Refused
from bridge.model import Received
from bridge.normalize import as_json
from bridge.verify import Scheme, SchemeOverride, dedupe_key, verify
from tests.vendors.cases import options, read, said, sample, scheme

BODY = b'{"event":"ping","n":1}'
SECRET = "whsec_dGVzdC1rZXktMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="
SIGNED_AT = 1_714_867_200
WHOLE = "e8f8b28788ee06d7ba1dd637a313138d03c4444d3d7c81dac1025fb1d4efbe26"


def arriving(value: str) -> Received:
    return Received("room", "POST", "/", (("autousers-signature", value),), BODY, SIGNED_AT * clock.SECOND)


def is_genuine(value: str, theirs: Scheme | None = None, now: int = SIGNED_AT) -> bool:
    try:
        verify(arriving(value), theirs or scheme("autousers"), [SECRET], now * clock.SECOND)
    except Refused:
        return False
    return True


def test_the_key_is_the_whole_whsec_text():
    assert is_genuine(f"t={SIGNED_AT},v1={WHOLE}")


@pytest.mark.parametrize(
    ("key", "mac"),
    [
        ("sha256_hex", "6bd1ffa691b9bfefe4bf3be793cc5906ddeaa7dc47b07cbbf4ac549681a267de"),
        ("sha256_bytes", "d1733ba02c81392247f76a084a22b47fd6d19a168493cf9bbf64c436dc03d5bc"),
        ("whsec", "f8610c8fc93f79ce9c606d0d67f526418352a005e21bb6c9a73ebbfead786da4"),
    ],
)
def test_another_reading_of_the_secret_is_an_override_away(key, mac):
    value = f"t={SIGNED_AT},v1={mac}"
    assert not is_genuine(value)
    assert is_genuine(value, scheme("autousers").with_(SchemeOverride(key=key)))


def test_during_a_rotation_any_of_several_v1_may_match():
    assert is_genuine(f"t={SIGNED_AT},v1={WHOLE},v1={'0' * 64}")
    assert is_genuine(f"t={SIGNED_AT},v1={'0' * 64},v1={WHOLE}")


@pytest.mark.parametrize(("late", "genuine"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_hook_may_be_300_seconds_off_either_way(late, genuine):
    assert is_genuine(f"t={SIGNED_AT},v1={WHOLE}", now=SIGNED_AT + late) is genuine


@pytest.mark.parametrize(
    ("status", "state", "outcome"),
    [
        ("Draft", "queued", None),
        ("Running", "running", None),
        ("Ended", "finished", "neutral"),
        ("Archived", "finished", "unknown"),
        (None, "finished", "unknown"),
    ],
)
@pytest.mark.parametrize("event", ["evaluation-created", "evaluation-status-changed"])
def test_how_far_an_evaluation_is_stands_in_its_status(event, status, state, outcome):
    body = said("autousers", event)
    body["data"]["object"]["status"] = status
    result = read("autousers", body)
    assert (result.state, result.outcome, result.raw_status) == (state, outcome, status)


def test_a_completed_evaluation_has_no_verdict_of_its_own():
    result = sample("autousers", "evaluation-completed")
    assert (result.outcome, result.extra["alpha"]) == ("neutral", 0.74)
    assert (result.counts.total, result.counts.passed, result.counts.failed) == (6, 6, 0)


def test_a_completed_evaluation_with_failed_runs_failed():
    assert sample("autousers", "evaluation-completed-with-failed-runs").outcome == "failed"


def agreed(text: str, values: Any) -> bool:
    """Stands in for Jinja: the operator's text is a bound for alpha, and alpha is where the vendor puts it."""
    return bool(values["payload"]["data"]["object"]["summary"]["krippendorffAlpha"] >= float(text))


@pytest.mark.parametrize(
    ("evaluate", "outcome"),
    [
        (agreed, "passed"),
        (lambda text, values: not agreed(text, values), "failed"),
        (lambda text, values: "Failure", "failed"),
        (lambda text, values: "error", "error"),
        (lambda text, values: "completed", "neutral"),
        (lambda text, values: "splendid", "unknown"),
        (lambda text, values: None, "unknown"),
        (lambda text, values: 1, "unknown"),
        (lambda text, values: values["alpha"], "unknown"),
        (None, "unknown"),
    ],
)
def test_outcome_when_gives_a_completed_evaluations_verdict(evaluate, outcome):
    body = vendors.samples("autousers")["evaluation-completed"]
    result = read("autousers", body, options("autousers", outcome_when="0.7"), evaluate)
    assert result.outcome == outcome
    assert (result.reason == "outcome_when gave no verdict") is (outcome == "unknown")


def test_outcome_when_cannot_excuse_failed_runs():
    body = vendors.samples("autousers")["evaluation-completed-with-failed-runs"]
    assert read("autousers", body, options("autousers", outcome_when="0.7"), agreed).outcome == "failed"


def test_outcome_when_over_a_null_alpha_is_unknown():
    body = said("autousers", "evaluation-completed")
    body["data"]["object"]["summary"]["krippendorffAlpha"] = None
    assert read("autousers", body, options("autousers", outcome_when="0.7"), agreed).outcome == "unknown"


def test_a_test_of_any_event_is_other_and_belongs_to_no_subject():
    result = sample("autousers", "test-of-evaluation-completed")
    assert (result.is_test, result.kind, result.subject_key, result.outcome) == (True, "other", None, "neutral")


def test_the_share_token_is_nowhere_but_in_the_payload():
    for name in vendors.samples("autousers"):
        assert "shr_1" not in str(as_json(sample("autousers", name)))


def test_the_artifacts_path_is_a_sensitive_report():
    (artifact,) = sample("autousers", "run-completed").artifacts
    assert (artifact.kind, artifact.url, artifact.sensitive) == ("report", "gs://bucket/runs/arun_1/", True)


def test_a_failed_run_says_why():
    result = sample("autousers", "run-failed")
    assert (result.outcome, result.summary) == ("failed", "Stimulus URL returned 503 after 3 retries.")


@pytest.mark.parametrize("name", ["webhook-test", "test-of-evaluation-completed"])
def test_a_test_is_known_by_its_type_or_its_id(name):
    assert sample("autousers", name).is_test


def test_calibration_frozen_has_no_object_id():
    result = sample("autousers", "calibration-frozen")
    assert (result.run_id, result.subject_key) == (None, None)
    assert result.title == "Calibration frozen: Healthcare-portal patient"


def test_the_time_is_the_envelopes_whatever_the_object_says():
    assert as_json(sample("autousers", "evaluation-created"))["time"] == "2024-05-05T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("evaluation-created", "eval_1"),
        ("evaluation-completed", "eval_1"),
        ("run-completed", "eval_1/auto_first_time_buyer"),
        ("run-failed", "eval_1/auto_first_time_buyer"),
        ("rating-created", None),
    ],
)
def test_the_subject_is_the_evaluation_or_its_autouser(name, subject):
    assert sample("autousers", name).subject_key == subject


def test_a_repeat_is_known_by_the_event_id_alone_for_30_days():
    vendor = vendors.load("autousers")
    keys = [
        dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)
        for body in (b'{"id":"event_c1","attempt":1}', b'{"id":"event_c1","attempt":2}')
    ]
    assert keys[0] == keys[1]
    assert keys[0][1] == 30 * clock.DAY
