"""Render's quirks, by name. https://render.com/docs/webhooks"""

from datetime import UTC, datetime

from standardwebhooks import Webhook

from tests.vendors.cases import is_genuine, sample

SECRET = "whsec_dGVzdC1rZXktMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="


def test_it_signs_as_the_standards_own_library_does():
    sent, body = datetime(2026, 3, 2, 9, 19, 12, tzinfo=UTC), '{"type":"deploy_ended"}'
    seconds = int(sent.timestamp())
    signature = Webhook(SECRET).sign("evt-1", sent, body)
    headers = {"webhook-id": "evt-1", "webhook-timestamp": str(seconds), "webhook-signature": signature}
    assert is_genuine("render", body.encode(), headers, SECRET, seconds=seconds)
    assert not is_genuine("render", body.encode() + b" ", headers, SECRET, seconds=seconds)


def test_an_end_that_does_not_say_how_is_no_verdict():
    result = sample("render", "deploy-ended-without-status")
    assert (result.outcome, result.raw_status) == ("neutral", "ended")


def test_a_server_that_is_back_mends_the_one_that_failed():
    failed, back = sample("render", "server-failed"), sample("render", "server-available")
    assert failed.subject_key == back.subject_key == "srv-shop0001/server"
    assert (failed.outcome, back.outcome) == ("failed", "passed")


def test_a_build_and_a_deploy_of_one_service_are_two_subjects():
    assert sample("render", "build-canceled").subject_key != sample("render", "deploy-failed").subject_key


def test_times_have_nanoseconds():
    assert sample("render", "deploy-failed").time == datetime(2026, 3, 2, 9, 19, 12, 622872, tzinfo=UTC)
