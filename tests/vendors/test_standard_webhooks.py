"""What senders that follow Standard Webhooks, under either name of its headers, make of it.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix

from tests.vendors.cases import is_genuine, read, sample

SECRET = "whsec_dGVzdC1rZXktMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="
SENT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
SECONDS, BODY = int(SENT.timestamp()), '{"type":"user.created"}'


def headers(family: str, signature: str) -> dict[str, str]:
    return {f"{family}-id": "msg_1", f"{family}-timestamp": str(SECONDS), f"{family}-signature": signature}


@pytest.mark.parametrize(
    ("vendor", "family", "signature"),
    [
        ("standard_webhooks", "webhook", standardwebhooks.Webhook(SECRET).sign("msg_1", SENT, BODY)),
        ("svix", "svix", svix.Webhook(SECRET).sign("msg_1", SENT, BODY)),
    ],
)
def test_it_takes_what_the_senders_own_library_signs(vendor, family, signature):
    sent = headers(family, f"v1,c29tZXRoaW5nIGVsc2U= {signature}")
    assert is_genuine(vendor, BODY.encode(), sent, SECRET, seconds=SECONDS)
    assert not is_genuine(vendor, BODY.encode(), sent, SECRET, seconds=SECONDS + 301)
    assert not is_genuine(vendor, BODY.encode(), {**sent, f"{family}-id": "msg_2"}, SECRET, seconds=SECONDS)


def test_svixs_documented_example():
    """https://docs.svix.com/receiving/verifying-payloads/how-manual"""
    sent = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert is_genuine("svix", b'{"test": 2432232314}', sent, secret, seconds=1_614_265_330)


@pytest.mark.parametrize(
    ("type_", "title", "outcome"),
    [
        ("batch.failed", "Batch", "failed"),
        ("fine_tuning.job.succeeded", "Fine tuning job", "passed"),
        ("eval.run.canceled", "Eval run", "cancelled"),
        ("batch.expired", "Batch expired", "timed_out"),
        ("email.bounced", "Email bounced", "failed"),
        ("response.completed", "Response completed", "neutral"),
        ("user.created", "User created", "neutral"),
        ("failed", "Failed", "neutral"),
    ],
)
def test_the_last_word_of_a_type_is_a_verdict_where_it_is_one(type_, title, outcome):
    result = read("standard_webhooks", {"type": type_, "data": {}})
    assert (result.type, result.title, result.outcome) == (type_, title, outcome)


@pytest.mark.parametrize(
    ("status", "state", "outcome"),
    [
        ("starting", "queued", None),
        ("processing", "running", None),
        ("succeeded", "finished", "passed"),
        ("canceled", "finished", "cancelled"),
        ("splendid", "finished", "unknown"),
    ],
)
def test_replicate_sends_the_prediction_itself_without_a_type(status, state, outcome):
    result = read("standard_webhooks", {"id": "p1", "model": "acme/upscaler", "status": status})
    assert (result.title, result.state, result.outcome) == ("acme/upscaler", state, outcome)


def test_a_body_that_says_nothing_is_unknown():
    assert read("standard_webhooks", {"data": {}}).outcome == "unknown"


def test_who_a_mail_went_to_is_told_nowhere_but_in_the_payload():
    result = sample("svix", "resend-email-complained")
    assert "jane@example.com" in str(result.payload)
    result.payload = None
    assert "jane@example.com" not in str(result)
