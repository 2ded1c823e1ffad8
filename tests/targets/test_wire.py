import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import DAY, SECOND
from bridge.model import RefusedMessage, RefusedTarget, Retry, Scope, Unknown
from bridge.targets.wire import (
    EXCERPT,
    Failure,
    FailureKind,
    HttpAnswer,
    after_failure,
    by_status,
    excerpt,
    retry_after,
    waiting,
)
from tests.targets.making import NOW, answering, outgoing


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, RefusedTarget) for status in (301, 302, 307, 308, 401, 403, 404, 405, 410)]
    + [(status, RefusedMessage) for status in (400, 402, 406, 409, 413, 414, 415, 422, 431, 451)]
    + [(status, Retry) for status in (408, 425, 429, 500, 501, 502, 503, 504, 507, 520, 599)]
    + [(status, Unknown) for status in (101, 200, 204, 299)],
)
def test_a_status_alone_says(status, kind):
    assert isinstance(by_status(answering(status)), kind)


@pytest.mark.parametrize(("status", "scope"), [(429, Scope.TARGET), (408, Scope.MESSAGE), (503, Scope.MESSAGE)])
def test_only_too_many_requests_makes_the_whole_target_wait(status, scope):
    answer = by_status(answering(status))
    assert isinstance(answer, Retry)
    assert answer.scope is scope


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", 0),
        ("30", 30 * SECOND),
        ("1.5", 1_500_000),
        (" 7 ", 7 * SECOND),
        ("86400", DAY),
        ("9" * 400, DAY),
        ("Sat, 14 Mar 2026 12:00:20 GMT", 20 * SECOND),
        ("Sat, 14 Mar 2026 11:00:00 GMT", 0),
        ("Sat, 14 Mar 2099 11:00:00 GMT", DAY),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1e3", None),
        ("\u0663", None),
        ("Sat, 99 Mar 2026 12:00:20 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_more_than_a_day(header, wait):
    assert retry_after(answering(429, retry_after=header)) == wait


def test_a_date_is_measured_against_the_clock_of_who_gave_it():
    skewed = answering(429, retry_after="Sat, 14 Mar 2026 15:00:20 GMT", date="Sat, 14 Mar 2026 15:00:00 GMT")
    assert retry_after(skewed) == 20 * SECOND


@given(st.text(), st.text())
def test_no_retry_after_can_break_us(header, date):
    wait = retry_after(answering(429, retry_after=header, date=date))
    assert wait is None or 0 <= wait <= DAY


@pytest.mark.parametrize(
    ("seconds", "wait"),
    [
        (0.65, 650_000),
        (0.0000001, 1),
        (2, 2 * SECOND),
        (1e300, DAY),
        (float("inf"), DAY),
        (float("nan"), None),
        (-1, None),
        (True, None),
        (None, None),
        ("1", None),
        ([], None),
        ({}, None),
    ],
)
def test_a_number_of_seconds_is_never_cut_short(seconds, wait):
    assert waiting(seconds) == wait


@pytest.mark.parametrize("kind", [FailureKind.DNS, FailureKind.CONNECT, FailureKind.TLS, FailureKind.TIMEOUT])
@pytest.mark.parametrize("idempotent", [True, False])
def test_what_was_never_sent_is_tried_again_and_the_target_waits(kind, idempotent):
    answer = after_failure(Failure(kind, True, "why"), outgoing(idempotent=idempotent, attempts=50))
    assert answer == Retry("why", scope=Scope.TARGET)


@pytest.mark.parametrize("kind", [FailureKind.TIMEOUT, FailureKind.CUT])
def test_what_may_have_arrived_is_unknown_unless_the_receiver_knows_a_repeat(kind):
    failure = Failure(kind, False, "why")
    assert after_failure(failure, outgoing(idempotent=False)) == Unknown("why")
    assert after_failure(failure, outgoing(idempotent=True)) == Retry("why")


def test_a_certificate_that_does_not_hold_pauses_the_target_at_the_third_try():
    failure = Failure(FailureKind.CERTIFICATE, True, "expired")
    answers = [after_failure(failure, outgoing(attempts=attempts)) for attempts in range(4)]
    assert [type(answer) for answer in answers] == [Retry, Retry, RefusedTarget, RefusedTarget]


def test_a_link_local_address_pauses_the_target_at_once():
    assert after_failure(Failure(FailureKind.ADDRESS, True, "why"), outgoing()) == RefusedTarget("why")


def test_a_reason_shows_the_beginning_of_what_was_said_on_one_line():
    answer = by_status(answering(422, "title:\r\n\x1b[31mtoo\x00 long\u2028!"))
    assert answer == RefusedMessage("answered 422: title: [31mtoo long !")
    assert len(excerpt("x" * 10_000)) == EXCERPT


@pytest.mark.parametrize("body", [b"", b"<html><h1>502</h1>", b"  \n"])
def test_a_web_page_says_nothing(body):
    assert by_status(answering(502, body)) == Retry("answered 502")


@given(st.integers(100, 599), st.binary(), st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text()))
def test_any_answer_is_judged(status, body, headers):
    assert by_status(HttpAnswer(status, headers, body, NOW))
