"""Expo's quirks, by name. https://docs.expo.dev/eas/webhooks/"""

import hashlib
import hmac

import pytest

from bridge.normalize import as_json
from tests.vendors.cases import is_genuine, read, said, sample


def test_the_body_is_signed_with_sha_1_as_the_page_says():
    body = b'{"id":"1"}'
    mac = hmac.new(b"at-least-16-characters", body, hashlib.sha1).hexdigest()
    assert is_genuine("expo", body, {"expo-signature": f"sha1={mac}"}, "at-least-16-characters")
    assert not is_genuine("expo", body + b" ", {"expo-signature": f"sha1={mac}"}, "at-least-16-characters")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("finished", "passed"), ("errored", "failed"), ("canceled", "cancelled"), ("completed", "neutral")],
)
def test_finished_is_this_vendors_good_end(status, outcome):
    body = said("expo", "build-finished")
    body["status"] = status
    assert read("expo", body).outcome == outcome


def test_a_body_does_not_name_its_event():
    build, submission = sample("expo", "build-finished"), sample("expo", "submission-errored")
    assert (build.type, build.kind) == ("build", "test_run")
    assert (submission.type, submission.kind) == ("submission", "deployment")


def test_a_platform_and_a_profile_have_a_history_of_their_own():
    assert sample("expo", "build-finished").subject_key != sample("expo", "build-errored").subject_key


def test_the_address_of_the_app_is_shown_to_nobody():
    (artifact,) = sample("expo", "build-finished").artifacts
    assert (artifact.kind, artifact.sensitive) == ("build", True)
    assert "artifacts/eas" not in str(as_json(sample("expo", "submission-errored")))


def test_how_long_a_build_took_is_the_span_between_its_two_times():
    body = said("expo", "build-finished")
    body["metrics"]["buildStartTimestamp"] = body["metrics"]["buildEndTimestamp"] - 26_723
    assert read("expo", body).duration_ms == 26_723
