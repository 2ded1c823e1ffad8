"""PagerDuty's quirks, by name. https://developer.pagerduty.com/docs/webhooks-overview"""

import hashlib
import hmac

import pytest

from bridge import history
from tests.vendors.cases import is_genuine, read, said, sample


def test_the_signature_is_a_list_with_one_for_each_secret_in_rotation():
    body = b'{"event":{}}'
    old, new = (hmac.new(secret, body, hashlib.sha256).hexdigest() for secret in (b"old", b"new"))
    header = {"X-PagerDuty-Signature": f"v1={new},v1={old}"}
    assert is_genuine("pagerduty", body, header, "old")
    assert is_genuine("pagerduty", body, header, "new")
    assert not is_genuine("pagerduty", body, {"X-PagerDuty-Signature": f"v0={new}"}, "new")


def test_an_incident_breaks_and_is_fixed_and_what_people_do_moves_nothing():
    subject, told = None, []
    for name in ("triggered", "acknowledged", "annotated", "escalated", "resolved"):
        result = sample("pagerduty", name)
        subject = history.place(subject, result) or subject
        told.append(result.history.transition)
    assert told == ["broke", "none", "none", "none", "fixed"]


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("triggered", "high"),
        ("triggered-low-urgency", "low"),
        ("escalated", "high"),
        ("acknowledged", "info"),
        ("resolved", None),
    ],
)
def test_what_asks_for_somebody_is_as_severe_as_the_incident_is_urgent(name, severity):
    assert sample("pagerduty", name).severity == severity


def test_a_note_says_which_incident_it_belongs_to_and_what_was_written():
    result = sample("pagerduty", "annotated")
    assert result.title == "Checkout answers 503"
    assert result.summary == "annotated by Sam Poe: Rolled back to 2.3.9, errors are going down"
    assert result.subject_key == sample("pagerduty", "triggered").subject_key


def test_pagey_is_a_test():
    assert sample("pagerduty", "ping").is_test


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("responder-added", "responder added by Sam Poe: Jane Roe (pending): Please look at the database"),
        ("workflow-completed", "workflow completed: Open the bridge"),
        ("custom-fields-updated", "custom field values updated by Sam Poe: environment"),
        ("task-completed", "task completed by Sam Poe: Tell the customers (done)"),
        ("action-created", "action invocation created by Sam Poe: Restart the shop (created)"),
        ("priority-updated", "priority updated by Sam Poe: P1"),
    ],
)
def test_it_says_whom_or_what_an_event_is_about(name, summary):
    result = sample("pagerduty", name)
    assert result.summary == summary
    assert result.subject_key == sample("pagerduty", "triggered").subject_key
    assert result.outcome == "neutral"


def test_a_policy_that_was_asked_to_respond_is_named_where_no_user_is():
    body = said("pagerduty", "responder-added")
    body["event"]["data"]["user"] = None
    summary = read("pagerduty", body).summary
    assert summary == "responder added by Sam Poe: Default (pending): Please look at the database"


def test_an_incident_that_is_only_referred_to_may_have_no_name():
    result = sample("pagerduty", "custom-fields-updated")
    assert (result.title, result.url) == ("Incident", "https://acme.pagerduty.com/incidents/PGR0VU2")


def test_a_workflow_names_the_service_beside_the_incident():
    assert sample("pagerduty", "workflow-completed").title == "Checkout: Checkout answers 503"
