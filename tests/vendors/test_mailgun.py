"""Mailgun's quirks, by name. https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks"""

import hashlib
import hmac
import json
from typing import Any

import pytest

from bridge import vendors
from bridge.verify import dedupe_key
from tests.vendors.cases import is_genuine, read, said, sample, scheme

SENT = 1772442900


def body(token: str = "one", **event: Any) -> bytes:
    mac = hmac.new(b"made-up", f"{SENT}{token}".encode(), hashlib.sha256).hexdigest()
    signature = {"timestamp": str(SENT), "token": token, "signature": mac}
    return json.dumps({"signature": signature, "event-data": event}).encode()


def test_the_signature_stands_in_the_body_and_counts_for_five_minutes():
    assert is_genuine("mailgun", body(), {}, "made-up", seconds=SENT)
    assert not is_genuine("mailgun", body(), {}, "another", seconds=SENT)
    assert not is_genuine("mailgun", body(), {}, "made-up", seconds=SENT + 301)


def test_what_happened_is_not_signed_so_a_token_counts_once_whatever_is_said_with_it():
    vendor = vendors.load("mailgun")
    assert is_genuine("mailgun", body(event="delivered"), {}, "made-up", seconds=SENT)
    assert scheme("mailgun").name == "hmac-sha256-without-body"
    first, forged, other = (
        dedupe_key(one, "room", vendor.dedupe, vendor.dated, None)
        for one in (body(event="failed"), body(event="delivered"), body("two", event="failed"))
    )
    assert first == forged != other


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("delivered", "passed", None),
        ("failed-permanent", "failed", "bounce (550)"),
        ("failed-temporary", "neutral", "generic (452)"),
        ("complained", "neutral", None),
    ],
)
def test_a_failure_is_one_once_it_is_not_tried_again(name, outcome, reason):
    result = sample("mailgun", name)
    assert (result.outcome, result.reason) == (outcome, reason)


def test_a_failure_that_does_not_say_whether_it_is_tried_again_is_one():
    failed = said("mailgun", "failed-temporary")
    del failed["event-data"]["severity"]
    assert read("mailgun", failed).outcome == "failed"


def test_mail_in_test_mode_is_a_test():
    sent = said("mailgun", "delivered")
    sent["event-data"]["flags"]["is-test-mode"] = True
    assert read("mailgun", sent).is_test


def test_who_a_mail_went_to_is_told_nowhere_but_in_the_payload():
    result = sample("mailgun", "failed-permanent")
    result.payload = None
    assert "jane" not in str(result)
