"""Autonoma's quirks, by name. https://www.theautonoma.io/docs/webhooks"""

import pytest

from bridge import clock, vendors
from bridge.model import Received
from bridge.verify import SchemeOverride, dedupe_key, verify
from tests.vendors.cases import RECEIVED_AT, options, read, sample, scheme


@pytest.mark.parametrize(
    ("type_", "kind", "state", "outcome", "severity"),
    [
        ("code.generated", "code", "finished", "neutral", "info"),
        ("code.reviewed", "code", "finished", "neutral", "info"),
        ("code.merged", "code", "finished", "neutral", "info"),
        ("deployment.started", "deployment", "running", None, None),
        ("deployment.completed", "deployment", "finished", "passed", None),
        ("deployment.failed", "deployment", "finished", "failed", None),
        ("deployment.rollback", "deployment", "finished", "failed", None),
        ("security.vulnerability_detected", "security", "finished", "neutral", "high"),
        ("security.vulnerability_fixed", "security", "finished", "passed", None),
        ("security.compliance_check", "security", "finished", "neutral", None),
        ("system.anomaly_detected", "system", "finished", "neutral", "high"),
        ("system.self_healing_triggered", "system", "finished", "neutral", "info"),
        ("system.performance_alert", "system", "finished", "neutral", "medium"),
    ],
)
@pytest.mark.parametrize("data", [{}, None, "free text", [1, 2], 7, True, {"id": None, "service": []}])
def test_an_event_means_what_its_name_says_whatever_the_data(type_, kind, state, outcome, severity, data):
    result = read("autonoma", {"type": type_, "data": data})
    assert (result.kind, result.state, result.outcome, result.severity) == (kind, state, outcome, severity)
    assert result.title


def test_a_rollback_is_a_failure_with_its_reason():
    assert sample("autonoma", "deployment-rollback-null-data").reason == "rollback"


def test_text_data_is_the_summary():
    assert sample("autonoma", "anomaly-detected-text-data").summary == "free text"


def test_list_data_is_counted():
    counts = sample("autonoma", "self-healing-list-data").counts
    assert (counts.total, counts.unit, counts.origin) == (2, "entry", "derived")


def test_absent_data_still_gives_a_message():
    assert sample("autonoma", "performance-alert-no-data").title == "Performance alert"


def test_the_severity_in_the_data_comes_before_the_events():
    for said, severity in [("Critical", "critical"), ("low", "low"), ("spicy", "high")]:
        event = {"type": "security.vulnerability_detected", "data": {"severity": said}}
        assert read("autonoma", event).severity == severity


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("passed", "passed"), ("FAILED", "failed"), ("completed", "neutral"), ("spicy", "neutral"), (None, "neutral")],
)
def test_a_compliance_check_is_judged_by_its_status_where_that_is_a_verdict(status, outcome):
    result = read("autonoma", {"type": "security.compliance_check", "data": {"status": status}})
    assert (result.outcome, result.raw_status) == (outcome, status)


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        ({"service": "checkout", "environment": "production", "app": "shop"}, "checkout"),
        ({"environment": "production", "app": "shop"}, "production"),
        ({"app": "shop"}, "shop"),
        ({"taskId": "task_1"}, None),
    ],
)
def test_the_subject_is_the_first_of_service_environment_and_app(data, subject):
    assert read("autonoma", {"type": "deployment.failed", "data": data}).subject_key == subject


def test_a_vulnerability_is_its_own_subject():
    detected, fixed = sample("autonoma", "vulnerability-detected"), sample("autonoma", "vulnerability-fixed")
    assert detected.subject_key == fixed.subject_key == "pred_1"


@pytest.mark.parametrize("kind", ["security.vulnerability_fixed", "security.compliance_check"])
def test_a_verdict_on_security_is_none_on_the_deployment_of_the_same_service(kind):
    data = {"service": "pay", "status": "passed"}
    keys = {read("autonoma", {"type": one, "data": data}).subject_key for one in ("deployment.failed", kind)}
    assert len(keys) == 2


def test_the_operator_says_where_a_field_is_when_the_vendor_does_not():
    where = options("autonoma", result={"title": "data.headline", "url": ["data.nowhere", "data.page"]})
    data = {"headline": "Canary stopped", "page": "https://example.com/1"}
    result = read("autonoma", {"type": "deployment.failed", "data": data}, where)
    assert (result.title, result.url) == ("Canary stopped", "https://example.com/1")


# The check vectors: body and MAC computed apart, with a general HMAC tool and a JavaScript engine.
SPACED = b'{ "event": "ping",\n  "n": 1.0 }'
COMPACT_MAC = "e7d48084a66912fe749791c191bade5c6a70a8d800169cc263aa50c03f41b7d8"


def arriving(body: bytes, header: str = "x-autonoma-signature", prefix: str = "sha256=") -> Received:
    return Received("room", "POST", "/hooks/room", ((header, prefix + COMPACT_MAC),), body, RECEIVED_AT)


def test_a_body_signed_in_its_javascript_form_is_genuine():
    proof = verify(arriving(SPACED), scheme("autonoma"), ["topsecret"], RECEIVED_AT)
    assert proof.covered == b'{"event":"ping","n":1}'


def test_the_namesakes_header_and_bare_digits_are_an_override_away():
    theirs = scheme("autonoma").with_(SchemeOverride(header="x-signature", prefix_mode="none"))
    body = b'{"event":"ping","n":1}'
    assert verify(arriving(body, "x-signature", ""), theirs, ["topsecret"], RECEIVED_AT).covered == body


@pytest.mark.parametrize(
    ("sample_name", "window"),
    [("deployment-failed-with-details", 30 * clock.DAY), ("performance-alert-no-data", 10 * clock.MINUTE)],
)
def test_only_data_with_an_id_or_a_time_is_remembered_for_30_days(sample_name, window):
    vendor, body = vendors.load("autonoma"), vendors.samples("autonoma")[sample_name]
    assert dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)[1] == window
