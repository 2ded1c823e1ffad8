"""HCP Terraform's quirks, by name.

https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations
"""

import hashlib
import hmac

import pytest

from tests.vendors.cases import is_genuine, read, said, sample


def test_the_body_is_signed_with_sha_512():
    body = b'{"payload_version":1}'
    signed = {"X-TFE-Notification-Signature": hmac.new(b"token", body, hashlib.sha512).hexdigest()}
    assert is_genuine("terraform", body, signed, "token")
    assert not is_genuine("terraform", body + b" ", signed, "token")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("applied", "passed"),
        ("planned_and_finished", "passed"),
        ("discarded", "cancelled"),
        ("canceled", "cancelled"),
        ("force_canceled", "cancelled"),
        ("policy_soft_failed", "failed"),
        ("splendid", "unknown"),
    ],
)
def test_completed_says_nothing_and_the_status_does(status, outcome):
    body = said("terraform", "run-completed-applied")
    body["notifications"][0]["run_status"] = status
    assert read("terraform", body).outcome == outcome


def test_a_run_that_waits_to_be_confirmed_runs_and_matters():
    result = sample("terraform", "run-needs-attention")
    assert (result.state, result.outcome, result.attention) == ("running", None, True)


def test_saving_the_notification_sends_a_test():
    assert sample("terraform", "verification").is_test


def test_drift_is_told_when_it_comes_and_not_when_it_is_gone_so_it_is_no_verdict():
    result = sample("terraform", "drift-detected")
    assert (result.outcome, result.severity, result.subject_key) == ("neutral", "high", None)
