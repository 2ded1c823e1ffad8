"""Discord's answers are judged by code first and status second; only one with a message's id is a success."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.clock import DAY, SECOND
from bridge.model import RefusedMessage, RefusedTarget, Retry, Scope, Sent, Unknown
from bridge.targets import Context
from bridge.targets.discord import compose, judge
from bridge.targets.wire import HttpAnswer
from tests.targets.making import NOW, Saying, answering, message, options

HOOK = "https://discord.com/api/webhooks/42/secret-token"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, 10015, RefusedTarget),
        (401, 50027, RefusedTarget),
        (404, 10003, RefusedTarget),
        (404, 10004, RefusedTarget),
        (403, 50001, RefusedTarget),
        (403, 50013, RefusedTarget),
        (400, 50008, RefusedTarget),
        (400, 50024, RefusedTarget),
        (400, 40058, RefusedTarget),
        (400, 40067, RefusedTarget),
        (400, 160005, RefusedTarget),
        (400, 50083, RefusedTarget),
        (400, 220001, RefusedTarget),
        (400, 220002, RefusedTarget),
        (400, 220003, RefusedTarget),
        (400, 220004, RefusedTarget),
        (400, 50006, RefusedMessage),
        (400, 50035, RefusedMessage),
        (400, 50109, RefusedMessage),
        (413, 40005, RefusedMessage),
        (400, 200000, RefusedMessage),
        (400, 240000, RefusedMessage),
        (429, 20028, Retry),
        (429, 20029, Retry),
        (429, 20016, Retry),
        (429, 0, Retry),
        (429, None, Retry),
        (429, 40062, Retry),
        (403, 40004, Retry),
        (400, 40004, Retry),
        (503, 0, Retry),
        (500, 130000, Retry),
    ],
)
def test_a_code_says(status, code, kind):
    assert isinstance(judge(answering(status, {"code": code, "message": "because"})), kind)


@pytest.mark.parametrize("code", [10015, 50027, 50035, 40004])
@pytest.mark.parametrize("status", [400, 404, 500])
def test_the_code_counts_more_than_the_status(code, status):
    at_400, here = (judge(answering(each, {"code": code})) for each in (400, status))
    assert type(at_400) is type(here)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedMessage),
        (401, RefusedTarget),
        (403, RefusedTarget),
        (404, RefusedTarget),
        (405, RefusedTarget),
        (413, RefusedMessage),
        (429, Retry),
        (502, Retry),
        (302, RefusedTarget),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>error code: 1010</html>", {"code": 999999}, {"code": "x"}, [1]])
def test_an_unknown_code_or_a_web_page_leaves_the_status(status, kind, body):
    assert isinstance(judge(answering(status, body)), kind)


def test_a_success_is_known_by_its_id():
    assert judge(answering(200, {"id": "1100000000000000001", "type": 0})) == Sent("1100000000000000001")


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("body", [b"", {}, {"id": None}, {"id": ""}, {"id": 5}, [], b'{"id": "1"', b"<html>"])
def test_without_an_id_nobody_knows_whether_it_was_posted(status, body):
    assert isinstance(judge(answering(status, body)), Unknown)


@pytest.mark.parametrize(
    ("remaining", "reset_after", "hold"),
    [("0", "1.337", 1_337_000), ("0", "0", 0), ("1", "1.337", None), ("0", "", None), ("0", "soon", None)],
)
def test_the_last_message_of_a_bucket_holds_the_next_one(remaining, reset_after, hold):
    headers = {"x_ratelimit_remaining": remaining, "x_ratelimit_reset_after": reset_after}
    assert judge(answering(200, {"id": "1"}, **headers)) == Sent("1", hold=hold)


@pytest.mark.parametrize(
    ("body", "header", "after"),
    [
        ({"retry_after": 0.65}, None, 650_000),
        ({"retry_after": 0.65}, "1", SECOND),
        ({"retry_after": 64.57}, "1", 64_570_000),
        (b"<html>banned</html>", "3600", 3600 * SECOND),
        ({"retry_after": "x"}, None, None),
        ({"retry_after": -5}, None, None),
        ({"retry_after": 10**12}, None, DAY),
        ({}, None, None),
    ],
)
def test_a_limit_waits_for_the_larger_of_body_and_header(body, header, after):
    judged = judge(answering(429, body, **({"retry_after": header} if header else {})))
    assert isinstance(judged, Retry)
    assert (judged.after, judged.scope) == (after, Scope.TARGET)


def test_a_server_error_is_the_messages_own_until_another_fails_too():
    judged = judge(answering(500, {"code": 0, "message": "Internal"}))
    assert judged == Retry("answered 500: Internal", None, Scope.MESSAGE)


def test_an_invalid_form_names_its_places():
    errors = {
        "embeds": {"0": {"title": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 256 or fewer."}]}}}
    }
    judged = judge(answering(400, {"code": 50035, "message": "Invalid Form Body", "errors": errors}))
    assert judged == RefusedMessage("50035 (HTTP 400): Invalid Form Body; embeds.0.title: Must be 256 or fewer.")


def test_a_reason_says_what_to_do():
    assert judge(answering(404, {"code": 10015, "message": "Unknown Webhook"})) == RefusedTarget(
        "10015 (HTTP 404): make a new webhook in Discord and change the target's url"
    )


@example(101, b'{"id": "1"}', {})
@given(
    st.integers(100, 599),
    st.binary()
    | st.dictionaries(
        st.sampled_from(["id", "code", "message", "errors", "retry_after"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda each: st.lists(each) | st.dictionaries(st.sampled_from(["_errors", "0", "message"]), each),
        ),
    ).map(lambda said: json.dumps(said).encode()),
    st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset-after"]), st.text()),
)
def test_any_answer_is_judged_and_only_an_id_is_success(status, body, headers):
    judged = judge(HttpAnswer(status, headers, body, NOW))
    if isinstance(judged, Sent):
        assert 200 <= status < 300
        assert judged.external_id == json.loads(body)["id"]


@pytest.mark.parametrize(
    ("url", "body", "goes_to"),
    [
        (HOOK, {"content": "x"}, HOOK + "?wait=true"),
        (HOOK + "?thread_id=7&wait=false", {"content": "x"}, HOOK + "?thread_id=7&wait=true"),
        (HOOK, {"content": "x", "components": [1]}, HOOK + "?wait=true&with_components=true"),
    ],
)
def test_every_post_waits_for_the_messages_id(url, body, goes_to):
    saying = Saying(body)
    out = compose(options(type="discord", url=url), message(), Context(), saying.renderer, NOW)
    assert out.url == goes_to
    assert json.loads(out.body) == body
    assert not out.idempotent


def test_the_renderer_is_shown_the_delivery_and_how_the_target_looks():
    saying = Saying({"content": "x"})
    target = options(type="discord", url=HOOK, username="Results", buttons=True)
    compose(
        target, message(mention=True), Context({"broken tests": "t"}, {"broken tests": "<@&42>"}), saying.renderer, NOW
    )
    ((kind, template, view),) = saying.seen
    assert (kind, template, view.mention, view.username, view.buttons) == ("discord", "t", "<@&42>", "Results", True)
