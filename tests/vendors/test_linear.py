"""Linear's quirks, by name. https://linear.app/developers/webhooks"""

import hashlib
import hmac
import json

import pytest

from bridge import vendors
from bridge.verify import dedupe_key
from tests.vendors.cases import is_genuine, read, said, sample

SENT = 1772442900


def test_the_signed_time_stands_in_the_body_and_counts_for_a_minute():
    body = json.dumps({"type": "Issue", "webhookTimestamp": SENT * 1000}).encode()
    signed = {"Linear-Signature": hmac.new(b"secret", body, hashlib.sha256).hexdigest()}
    assert is_genuine("linear", body, signed, "secret", seconds=SENT + 60)
    assert not is_genuine("linear", body, signed, "secret", seconds=SENT + 61)
    assert not is_genuine("linear", body + b" ", signed, "secret", seconds=SENT)


@pytest.mark.parametrize(("priority", "severity"), [(0, "info"), (1, "high"), (2, "medium"), (3, "low"), (4, "info")])
def test_priority_1_is_the_most_urgent_and_0_is_none(priority, severity):
    body = said("linear", "issue-created")
    body["data"]["priority"] = priority
    assert read("linear", body).severity == severity


def test_nothing_in_linear_is_a_verdict():
    assert sample("linear", "issue-created").outcome == "neutral"


def test_a_comment_and_its_issue_are_one_thread():
    assert sample("linear", "comment-created").run_id == sample("linear", "issue-created").run_id


def test_a_retry_is_known_although_its_time_is_another():
    vendor, body = vendors.load("linear"), said("linear", "issue-created")
    retry, later = body | {"webhookTimestamp": body["webhookTimestamp"] + 60_000}, body | {"createdAt": "2026-03-03"}
    first, again, other = (
        dedupe_key(json.dumps(one).encode(), "room", vendor.dedupe, vendor.dated, None) for one in (body, retry, later)
    )
    assert first == again != other
