"""Browser Use's quirks, by name. https://docs.browser-use.com/cloud/guides/webhooks"""

import hashlib
import hmac
import json

import pytest

from tests.vendors.cases import is_genuine, read, said, sample

SENT = 1772442900
PAYLOAD = {"type": "agent.task.status_update", "payload": {"status": "idle", "metadata": {"b": 1, "a": "é"}}}


def signature(message: str) -> str:
    return hmac.new(b"made-up", message.encode(), hashlib.sha256).hexdigest()


def test_the_signature_is_of_the_body_with_sorted_keys_however_it_is_written():
    signed = f"{SENT}.{json.dumps(PAYLOAD, separators=(',', ':'), sort_keys=True)}"
    headers = {"X-Browser-Use-Signature": signature(signed), "X-Browser-Use-Timestamp": str(SENT)}
    for body in (json.dumps(PAYLOAD), json.dumps(PAYLOAD, indent=2), json.dumps(PAYLOAD, ensure_ascii=False)):
        assert is_genuine("browser_use", body.encode(), headers, "made-up", seconds=SENT)
    assert not is_genuine("browser_use", b'{"type":"test"}', headers, "made-up", seconds=SENT)
    assert not is_genuine("browser_use", json.dumps(PAYLOAD).encode(), headers, "made-up", seconds=SENT + 301)


def test_another_edition_of_the_pages_signs_the_body_as_it_is():
    body = json.dumps(PAYLOAD)
    assert is_genuine("browser_use", body.encode(), {"X-Webhook-Signature": signature(body)}, "made-up", variant="raw")


@pytest.mark.parametrize(
    ("status", "state", "outcome"),
    [
        ("running", "running", None),
        ("paused", "running", None),
        ("idle", "finished", "neutral"),
        ("finished", "finished", "passed"),
        ("stopped", "finished", "cancelled"),
        ("splendid", "finished", "unknown"),
    ],
)
def test_only_a_task_that_finished_went_well(status, state, outcome):
    body = said("browser_use", "task-idle")
    body["payload"]["status"] = status
    result = read("browser_use", body)
    assert (result.state, result.outcome) == (state, outcome)


def test_fields_may_be_in_camel_case():
    body = said("browser_use", "task-idle")
    body["payload"] = {"taskId": "task_abc123", "status": "finished", "sessionId": "session_xyz"}
    result = read("browser_use", body)
    assert (result.run_id, result.labels) == ("task/task_abc123", {"session": "session_xyz"})


def test_the_test_is_one():
    assert sample("browser_use", "test").is_test
