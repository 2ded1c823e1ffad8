"""Flux's quirks, by name. https://fluxcd.io/flux/components/notification/events/"""

import hashlib
import hmac

import pytest

from tests.vendors.cases import is_genuine, read, said, sample


def test_the_body_is_signed_as_the_page_says():
    """https://fluxcd.io/flux/components/notification/providers/#generic-webhook-with-hmac"""
    body = b'{"severity":"info"}'
    signed = {"X-Signature": "sha256=" + hmac.new(b"token", body, hashlib.sha256).hexdigest()}
    assert is_genuine("flux", body, signed, "token")
    assert not is_genuine("flux", body + b" ", signed, "token")


@pytest.mark.parametrize(
    ("severity", "reason", "outcome"),
    [
        ("error", "HealthCheckFailed", "failed"),
        ("error", "ReconciliationSucceeded", "failed"),
        ("info", "UpgradeSucceeded", "passed"),
        ("info", "RollbackSucceeded", "neutral"),
        ("info", "Progressing", "neutral"),
        ("info", None, "neutral"),
        ("trace", "ReconciliationSucceeded", "unknown"),
        (None, "ReconciliationSucceeded", "unknown"),
    ],
)
def test_the_severity_decides_and_then_how_the_reason_ends(severity, reason, outcome):
    body = {**said("flux", "kustomization-failed"), "severity": severity, "reason": reason}
    assert read("flux", body).outcome == outcome


def test_a_revision_is_a_commit_in_either_spelling_or_a_charts_version():
    for name in ("kustomization-failed", "kustomization-passed"):
        vcs = sample("flux", name).vcs
        assert (vcs.ref, vcs.commit) == ("main", "4f1c09ab7d2e5b6388a0c1d4e97f2b3a5c6d7e8f")
    rolled_back = sample("flux", "release-rolled-back")
    assert (rolled_back.app.version, rolled_back.vcs.commit) == ("2.4.0", None)


def test_an_object_is_the_same_subject_whatever_is_said_of_it():
    assert sample("flux", "kustomization-failed").subject_key == "Kustomization/apps/shop"
    assert sample("flux", "kustomization-passed").subject_key == "Kustomization/apps/shop"
