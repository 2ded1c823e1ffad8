"""Any endpoint: the formats, the signature, and what an answer means."""

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from bridge import clock
from bridge.clock import SECOND
from bridge.model import RefusedMessage, RefusedTarget, Retry, Scope, Sent
from bridge.targets import Context, Outgoing
from bridge.targets.export import attributes, binary_headers, exported, written
from bridge.targets.http import compose, judge
from tests.targets.making import MESSAGE_ID, NOW, RESULT, Saying, answering, message, options

URL = "https://lake.example.com/in?key=1"
OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def composed(now: int = NOW, saying: Saying | None = None, **keys: Any) -> Outgoing:
    target = options(type="http", url=URL, **keys)
    return compose(target, message(), Context(), (saying or Saying("unused")).renderer, now)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, Sent) for status in (200, 201, 202, 204, 299)]
    + [(status, RefusedTarget) for status in (301, 302, 303, 307, 308, 401, 403, 404, 405, 410)]
    + [(status, RefusedMessage) for status in (400, 413, 415, 422)]
    + [(status, Retry) for status in (408, 425, 429, 500, 502, 503, 504, 507)],
)
def test_an_http_target_judges_by_status(status, kind):
    assert isinstance(judge(answering(status)), kind)


def test_a_receiver_may_say_how_long_to_wait():
    assert judge(answering(429, "slow down", retry_after="30")) == Retry(
        "answered 429: slow down", 30 * SECOND, Scope.TARGET
    )
    assert judge(answering(503, retry_after="5")) == Retry("answered 503", 5 * SECOND, Scope.MESSAGE)


def test_a_redirect_is_not_followed_and_says_so():
    judged = judge(answering(302, location="http://169.254.169.254/"))
    assert isinstance(judged, RefusedTarget)
    assert "redirects are not followed" in judged.reason


def test_json_is_the_result_itself():
    out = composed(method="PUT", headers={"Authorization": "Bearer x"})
    assert (out.method, out.url) == ("PUT", URL)
    assert out.headers == {"Content-Type": "application/json", "Authorization": "Bearer x"}
    assert json.loads(out.body) == exported(RESULT, ())
    assert out.idempotent


@pytest.mark.parametrize(
    ("include", "holds"),
    [
        ([], set()),
        (["payload"], {"payload"}),
        (["extra"], {"extra"}),
        (["artifacts"], {"https://example.com/app.apk"}),
        (["payload", "extra", "artifacts"], {"payload", "extra", "https://example.com/app.apk"}),
    ],
)
@pytest.mark.parametrize("form", ["json", "cloudevents", "cloudevents-binary"])
def test_an_export_holds_what_is_private_only_where_the_target_asks(form, include, holds):
    body = composed(format=form, include=include).body.decode()
    assert {word for word in ("payload", "extra", "https://example.com/app.apk") if word in body} == holds
    assert "https://example.com/report" in body


@pytest.mark.parametrize("odd", [2**70, -(2**70), "\ud83d", {"deep": [2**64]}])
def test_an_odd_value_in_a_payload_is_exported_as_it_is(odd):
    assert json.loads(written({"payload": odd})) == {"payload": odd}


def test_an_export_leaves_the_result_as_it_was():
    before = json.dumps(RESULT)
    exported(RESULT, ())
    assert json.dumps(RESULT) == before


@pytest.mark.parametrize("form", ["cloudevents", "cloudevents-binary"])
def test_the_cloudevents_library_reads_what_we_send(form):
    out = composed(format=form)
    event = from_http_event(HTTPMessage(dict(out.headers), out.body))
    assert event.get_id() == RESULT["id"]
    assert event.get_source() == "/drawbridge/mobile-tests"
    assert event.get_type() == "drawbridge.result.finished"
    assert event.get_subject() == "com.example.myapp/android/main"
    assert str(event.get_time()) == "2026-03-14 11:59:00+00:00"
    assert event.get_data() == exported(RESULT, ())


def test_a_result_without_a_subject_is_an_event_without_one():
    assert "subject" not in attributes({**RESULT, "subject_key": None})
    assert "subject" not in attributes({**RESULT, "subject_key": ""})


@given(st.text(min_size=1).filter(lambda text: text.isprintable() or "\n" in text))
def test_any_subject_is_a_safe_header_and_comes_back_whole(subject):
    headers = binary_headers(attributes({**RESULT, "subject_key": subject}))
    assert all(33 <= ord(letter) <= 126 for letter in headers["ce-subject"])
    event = from_http_event(HTTPMessage(headers, b"{}"))
    assert event.get_subject() == subject


@pytest.mark.parametrize("form", ["json", "cloudevents", "cloudevents-binary"])
def test_the_standard_library_verifies_our_signature_with_the_old_secret_and_the_new(form):
    now = clock.now()
    out = composed(format=form, signing_secret=[NEW, OLD], now=now)
    for secret in (OLD, NEW):
        Webhook(secret).verify(out.body, dict(out.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(out.body + b" ", dict(out.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(out.body, {**out.headers, "webhook-id": "another"})


def test_every_attempt_has_the_same_id_and_its_own_time():
    first, second = (composed(signing_secret=OLD, now=NOW + each * SECOND) for each in (0, 60))
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == MESSAGE_ID
    assert "." not in MESSAGE_ID
    times = [int(each.headers["webhook-timestamp"]) for each in (first, second)]
    assert times == [NOW // SECOND, NOW // SECOND + 60]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"a": 1}, "application/json", b'{"a":1}'),
        ("a=1", "application/x-www-form-urlencoded", b"a=1"),
    ],
)
def test_a_template_says_what_the_body_is(body, content_type, sent):
    saying = Saying(body, content_type, ("fell",))
    out = composed(format="template", saying=saying)
    assert (out.body, out.headers["Content-Type"], out.falls) == (sent, content_type, ("fell",))
    assert saying.seen[0][0] == "http"


@pytest.mark.parametrize(
    ("keys", "idempotent"),
    [
        ({"format": "json"}, True),
        ({"format": "cloudevents"}, True),
        ({"format": "cloudevents-binary"}, True),
        ({"format": "template"}, False),
        ({"format": "template", "signing_secret": OLD}, True),
    ],
)
def test_only_an_unsigned_template_may_lack_an_id_to_know_a_repeat_by(keys, idempotent):
    assert composed(**keys).idempotent is idempotent


def test_an_operators_content_type_counts():
    out = composed(headers={"Content-Type": "application/vnd.example+json"})
    assert out.headers["Content-Type"] == "application/vnd.example+json"
