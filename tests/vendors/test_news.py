"""What tells of people's doings and of money: each one's signature as its page says, and its quirks by name."""

import base64
import hashlib
import hmac

import pytest

from bridge import history
from tests.vendors.cases import is_genuine, read, said, sample

SENT, BODY = 1772442900, b'{"id":"made-up"}'


def mac(message: bytes) -> bytes:
    return hmac.new(b"made-up", message, hashlib.sha256).digest()


@pytest.mark.parametrize(
    ("vendor", "headers"),
    [
        # https://developer.zendesk.com/documentation/webhooks/verifying/
        (
            "zendesk",
            {
                "X-Zendesk-Webhook-Signature": base64.b64encode(mac(b"2026-03-02T09:15:00Z" + BODY)).decode(),
                "X-Zendesk-Webhook-Signature-Timestamp": "2026-03-02T09:15:00Z",
            },
        ),
        # https://developer.clickup.com/docs/webhooksignature
        ("clickup", {"X-Signature": mac(BODY).hex()}),
        # https://www.typeform.com/developers/webhooks/secure-your-webhooks/
        ("typeform", {"Typeform-Signature": "sha256=" + base64.b64encode(mac(BODY)).decode()}),
        ("calendly", {"Calendly-Webhook-Signature": f"t={SENT},v1={mac(f'{SENT}.'.encode() + BODY).hex()}"}),
        # https://developer.paddle.com/webhooks/signature-verification
        ("paddle", {"Paddle-Signature": f"ts={SENT};h1={mac(f'{SENT}:'.encode() + BODY).hex()}"}),
    ],
)
def test_it_signs_as_its_page_says(vendor, headers):
    assert is_genuine(vendor, BODY, headers, "made-up", seconds=SENT)
    assert not is_genuine(vendor, BODY + b" ", headers, "made-up", seconds=SENT)
    assert not is_genuine(vendor, BODY, headers, "another", seconds=SENT)


def test_paddles_own_librarys_example():
    """https://github.com/PaddleHQ/paddle-python-sdk/blob/main/tests/Unit/Notification/test_Verifier.py"""
    mac = "d96299976a6eb066f484d7fde011ac56fc32b38fc9940bc419d6e537fdc6ef02"
    for header in (f"ts=1696195954;h1={mac}", f"ts=1696195954;h1=dummy;h1={mac}"):
        signed = {"Paddle-Signature": header}
        right = "pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_WvRO0eL4Bj9rgYYIBZY6wZhG4EHy9jzh"
        wrong = "pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_vB/yIOnTOCWIvpBadM5jzBZPHc7OmdSo"
        assert is_genuine("paddle", b"hello-world", signed, right, seconds=1696195954)
        assert not is_genuine("paddle", b"hello-world", signed, wrong, seconds=1696195954)


def test_a_zendesk_ticket_is_linked_where_the_operator_says_where_its_agents_work():
    assert sample("zendesk", "ticket-created").url is None
    linked = sample("zendesk", "ticket-created", url="https://acme.zendesk.com/")
    assert linked.url == "https://acme.zendesk.com/agent/tickets/5158"


@pytest.mark.parametrize(
    ("priority", "severity"), [("URGENT", "high"), ("HIGH", "medium"), ("LOW", "info"), (None, "info")]
)
def test_a_zendesk_ticket_is_as_severe_as_its_priority(priority, severity):
    body = said("zendesk", "ticket-created")
    body["detail"]["priority"] = priority
    assert read("zendesk", body).severity == severity


def test_a_clickup_change_says_from_what_to_what():
    assert sample("clickup", "task-status-updated").summary == "status: to do → in progress"
    assert sample("clickup", "task-created").summary == "status: to do"


def test_a_meeting_that_is_moved_is_cancelled_and_booked_again():
    booked = said("calendly", "booked")
    booked["payload"]["old_invitee"] = "https://api.calendly.com/scheduled_events/A/invitees/A"
    assert sample("calendly", "moved").title == "30 Minute Meeting cancelled, because it was moved"
    assert read("calendly", booked).title == "30 Minute Meeting moved"


def test_a_calendly_event_without_a_meeting_is_told_by_its_name():
    """Of a contact that is deleted only its address comes. https://developer.calendly.com/release-notes/2026/5/27"""
    uri = "https://api.calendly.com/contacts/AAAAAAAAAAAAAAAA"
    gone = {"event": "contact.deleted", "created_at": "2026-03-02T09:14:30Z", "payload": {"uri": uri}}
    result = read("calendly", gone)
    assert (result.title, result.summary, result.run_id) == ("Contact deleted", None, None)


def test_a_paddle_payment_that_completes_after_all_is_fixed():
    failed, paid = sample("paddle", "payment-failed"), sample("paddle", "transaction-completed")
    history.place(history.place(None, failed), paid)
    assert paid.history.transition == "fixed"
    assert failed.subject_key == paid.subject_key


@pytest.mark.parametrize(
    ("vendor", "name"),
    [("typeform", "response"), ("calendly", "booked"), ("calendly", "cancelled"), ("clickup", "task-created")],
)
def test_who_it_was_is_told_nowhere_but_in_the_payload(vendor, name):
    result = sample(vendor, name)
    result.payload = None
    assert "jane@example.com" not in str(result)
    assert "Jane Roe" not in str(result)
