"""Slack's answers are judged by code first and status second, as its pages list them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import MINUTE, SECOND
from bridge.editing import Edit
from bridge.model import RefusedMessage, RefusedTarget, Retry, Scope, Sent, Unknown, Why
from bridge.targets import Context
from bridge.targets.slack import compose, judge
from bridge.targets.wire import HttpAnswer
from tests.targets.making import NOW, Saying, answering, message, options

HOOK = "https://hooks.slack.com/services/T0/B0/secret"
WEBHOOK = options(type="slack", url=HOOK)
BOT = options(type="slack", token="xoxb-secret", channel="0123", username="Results")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "ok", Sent),
        (400, "invalid_payload", RefusedMessage),
        (400, "invalid_blocks", RefusedMessage),
        (400, "invalid_blocks_format", RefusedMessage),
        (400, "no_text", RefusedMessage),
        (400, "missing_text_or_fallback_or_attachments", RefusedMessage),
        (400, "too_many_attachments", RefusedMessage),
        (400, "user_not_found", RefusedMessage),
        (403, "invalid_token", RefusedTarget),
        (403, "action_prohibited", RefusedTarget),
        (400, "posting_to_general_channel_denied", RefusedTarget),
        (404, "channel_not_found", RefusedTarget),
        (404, "no_service", RefusedTarget),
        (404, "no_active_hooks", RefusedTarget),
        (404, "no_service_id", RefusedTarget),
        (404, "no_team", RefusedTarget),
        (403, "team_disabled", RefusedTarget),
        (404, "team_disabled", RefusedTarget),
        (410, "channel_is_archived", RefusedTarget),
        (429, {"retry_after": 1, "ok": False, "error": "rate_limited"}, Retry),
        (500, "rollup_error", Retry),
    ],
)
def test_an_incoming_webhook_answers_in_plain_text(status, body, kind):
    assert isinstance(judge(answering(status, body)), kind)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (code, kind)
        for kind, codes in {
            Retry: "ratelimited rate_limited internal_error fatal_error service_unavailable request_timeout "
            "team_added_to_org org_login_required",
            RefusedTarget: "not_authed invalid_auth account_inactive token_revoked token_expired no_permission "
            "missing_scope ekm_access_denied access_denied not_allowed_token_type channel_not_found not_in_channel "
            "is_archived restricted_action restricted_action_read_only_channel restricted_action_thread_only_channel "
            "restricted_action_non_threadable_channel",
            RefusedMessage: "msg_too_long msg_blocks_too_long no_text invalid_blocks invalid_blocks_format "
            "too_many_attachments invalid_arguments invalid_metadata_format",
        }.items()
        for code in codes.split()
    ],
)
@pytest.mark.parametrize("status", [200, 500])
def test_a_bot_is_told_by_code_whatever_the_status(code, kind, status):
    assert isinstance(judge(answering(status, {"ok": False, "error": code})), kind)


def test_a_bots_message_is_known_by_channel_and_ts():
    answer = judge(answering(200, {"ok": True, "channel": "C1", "ts": "1405895017.000506", "message": {"text": "ok"}}))
    assert answer == Sent(external_id="C1:1405895017.000506")


@pytest.mark.parametrize(
    ("answer", "scope", "after"),
    [
        (answering(429, {"ok": False, "error": "ratelimited"}, retry_after="30"), Scope.TARGET, 30 * SECOND),
        (answering(200, {"ok": False, "error": "ratelimited"}, retry_after="3"), Scope.TARGET, 3 * SECOND),
        (answering(429, "rate_limited", retry_after="1"), Scope.TARGET, SECOND),
        (answering(429, "<html>", retry_after="9"), Scope.TARGET, 9 * SECOND),
        (answering(429), Scope.TARGET, None),
        (answering(503, "<html>"), Scope.MESSAGE, None),
        (answering(200, {"ok": False, "error": "internal_error"}), Scope.MESSAGE, None),
        (answering(200, {"ok": False, "error": "org_login_required"}), Scope.TARGET, None),
    ],
)
def test_who_waits_and_how_long(answer, scope, after):
    judged = judge(answer)
    assert isinstance(judged, Retry)
    assert (judged.scope, judged.after) == (scope, after)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (200, "brand_new_error", RefusedMessage),
        (400, "brand_new_error", RefusedMessage),
        (403, "brand_new_error", RefusedTarget),
        (404, "brand_new_error", RefusedTarget),
        (410, "brand_new_error", RefusedTarget),
        (429, "brand_new_error", Retry),
        (502, "brand_new_error", Retry),
    ],
)
def test_an_unknown_code_refuses_the_message_unless_the_status_says_more(status, code, kind):
    answers = [judge(answering(status, code)), judge(answering(status, {"ok": False, "error": code}))]
    assert [type(answer) for answer in answers] == [kind, kind]
    assert all("brand_new_error" in repr(answer) for answer in answers)


@pytest.mark.parametrize(
    "body", [b"", b"<html>Welcome to the hotel</html>", b"OK", b"okay then", b'{"ok": fal', b"[]", b"\xff"]
)
def test_a_good_status_without_slacks_ok_is_not_success(body):
    assert isinstance(judge(answering(200, body)), Unknown)


@pytest.mark.parametrize(
    "body", ["o", "inval", "invalid_blocks", "no_ser", '{"ok": tr', '{"ok": false, "error": "no_te']
)
def test_words_that_broke_off_behind_a_good_status_say_nothing(body):
    assert isinstance(judge(replace(answering(200, body), whole=False)), Unknown)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(200, "ok", Sent), (400, "invalid_bl", RefusedMessage), (404, "no_ser", RefusedTarget), (500, "roll", Retry)],
)
def test_words_that_broke_off_leave_what_was_complete(status, body, kind):
    assert isinstance(judge(replace(answering(status, body), whole=False)), kind)


def test_a_reason_says_what_to_do():
    assert judge(answering(404, "no_service")) == RefusedTarget(
        "no_service (HTTP 404): make a new webhook in Slack and change the target's url"
    )


def test_invalid_blocks_name_their_place():
    said = {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": ["[ERROR] too long /blocks/3"]}}
    assert judge(answering(200, said)) == RefusedMessage("invalid_blocks (HTTP 200): [ERROR] too long /blocks/3")


@given(
    st.integers(100, 599),
    st.one_of(
        st.binary(),
        st.builds(
            lambda said: json.dumps(said).encode(),
            st.dictionaries(
                st.sampled_from(["ok", "error", "ts", "channel", "response_metadata"]),
                st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
                | st.just({"messages": [1]}),
            ),
        ),
    ),
)
def test_any_answer_is_judged_and_only_slacks_ok_is_success(status, body):
    judged = judge(HttpAnswer(status, {}, body, NOW))
    if isinstance(judged, Sent):
        assert status == 200
        assert body.strip() == b"ok" or json.loads(body)["ok"] is True


def test_a_webhook_gets_the_rendered_body_as_it_is():
    saying = Saying({"text": "Login Suite failed", "blocks": []})
    out = compose(WEBHOOK, message(attempts=2), Context(), saying.renderer, NOW)
    assert (out.method, out.url, out.at, out.attempts) == ("POST", HOOK, NOW, 2)
    assert json.loads(out.body) == {"text": "Login Suite failed", "blocks": []}
    assert "Authorization" not in out.headers
    assert not out.idempotent


def test_a_bot_says_who_it_is_where_it_posts_and_that_nothing_is_to_be_parsed():
    saying = Saying({"text": "hello", "parse": "full", "channel": "elsewhere"})
    out = compose(BOT, message(), Context(), saying.renderer, NOW)
    assert out.url == "https://slack.com/api/chat.postMessage"
    assert out.headers["Authorization"] == "Bearer xoxb-secret"
    assert json.loads(out.body) == {"text": "hello", "parse": "none", "channel": "0123"}


@pytest.mark.parametrize("api_url", ["https://slack-gov.com/api", "https://slack-gov.com/api/"])
def test_a_slack_of_its_own_has_its_methods_elsewhere(api_url):
    gov = options(type="slack", token="xoxb-secret", channel="C0123456", api_url=api_url)
    edit = Context(place=Edit("C0123456:1.5"))
    urls = [compose(gov, message(), where, Saying({"text": "hello"}).renderer, NOW).url for where in (Context(), edit)]
    assert urls == ["https://slack-gov.com/api/chat.postMessage", "https://slack-gov.com/api/chat.update"]


def test_the_renderer_is_shown_the_delivery_and_how_the_target_looks():
    saying = Saying({"text": "hello"}, falls=("template my-qa failed",))
    context = Context(templates={"broken tests": "my-qa"}, mentions={"broken tests": "<!subteam^S0123>"})
    shown = options(type="slack", token="x", channel="C1", username="Results", style="blocks", buttons=True)
    late = message(mention=True, created_at=NOW - 6 * MINUTE, why=Why.REPLAY)
    out = compose(shown, late, context, saying.renderer, NOW)
    ((kind, template, view),) = saying.seen
    assert (kind, template, view.route, view.mention) == ("slack", "my-qa", "broken tests", "<!subteam^S0123>")
    assert (view.style, view.buttons, view.username, view.why) == ("blocks", True, "Results", Why.REPLAY)
    assert view.late_by == 6 * MINUTE
    assert out.falls == ("template my-qa failed",)


def test_nobody_is_mentioned_unless_the_delivery_says_so_and_a_short_wait_is_not_late():
    saying = Saying({"text": "hello"})
    context = Context(mentions={"broken tests": "<!here>"})
    compose(WEBHOOK, message(mention=False, created_at=NOW - MINUTE), context, saying.renderer, NOW)
    assert saying.seen[0][2].mention is None
    assert saying.seen[0][2].late_by is None
