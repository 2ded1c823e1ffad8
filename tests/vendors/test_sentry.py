"""Sentry's quirks, by name. https://docs.sentry.io/organization/integrations/integration-platform/webhooks/"""

import hashlib
import hmac
import json

import pytest

from bridge import history, vendors
from tests.vendors.cases import is_genuine, read, said, sample


def test_the_body_is_signed_and_the_headers_are_not():
    body = b'{"action":"created"}'
    signed = {"Sentry-Hook-Signature": hmac.new(b"made-up", body, hashlib.sha256).hexdigest()}
    for resource in ("issue", "comment"):
        assert is_genuine("sentry", body, {**signed, "Sentry-Hook-Resource": resource}, "made-up")
    assert not is_genuine("sentry", body + b" ", signed, "made-up")


@pytest.mark.parametrize(
    ("names", "transitions"),
    [
        (
            ("metric-alert-warning", "metric-alert-critical", "metric-alert-resolved"),
            ["broke", "still_failing", "fixed"],
        ),
        (("issue-created", "issue-alert", "issue-resolved"), ["broke", "still_failing", "fixed"]),
        (("issue-resolved", "issue-regressed"), ["first", "broke"]),
        (("issue-created", "issue-assigned"), ["broke", "none"]),
    ],
)
def test_an_issue_and_a_metric_break_and_are_fixed(names, transitions):
    subject, told = None, []
    for name in names:
        result = sample("sentry", name)
        subject = history.place(subject, result) or subject
        told.append(result.history.transition)
    assert told == transitions


@pytest.mark.parametrize(
    ("level", "outcome", "severity"),
    [
        ("fatal", "failed", "critical"),
        ("error", "failed", "high"),
        ("warning", "neutral", "medium"),
        ("info", "neutral", "info"),
    ],
)
def test_an_issue_below_error_is_no_failure(level, outcome, severity):
    body = said("sentry", "issue-created")
    body["data"]["issue"]["level"] = level
    result = read("sentry", body, headers=vendors.sample_headers("sentry", "issue-created"))
    assert (result.outcome, result.severity) == (outcome, severity)


def test_the_resolution_of_a_mild_issue_is_no_success():
    body = said("sentry", "issue-resolved")
    body["data"]["issue"]["level"] = "warning"
    result = read("sentry", body, headers=vendors.sample_headers("sentry", "issue-resolved"))
    assert (result.outcome, result.severity) == ("neutral", "info")


def test_an_action_that_nobody_knows_is_unknown():
    body = said("sentry", "metric-alert-resolved") | {"action": "splendid"}
    result = read("sentry", body, headers=vendors.sample_headers("sentry", "metric-alert-resolved"))
    assert (result.outcome, result.raw_status) == ("unknown", "splendid")


def test_an_alert_names_the_project_by_its_address_only():
    assert sample("sentry", "issue-alert").title == "shop-web: TypeError: total is undefined"
    body = json.loads(json.dumps(said("sentry", "issue-alert")).replace("/projects/", "/"))
    headers = vendors.sample_headers("sentry", "issue-alert")
    assert read("sentry", body, headers=headers).title == "TypeError: total is undefined"
