"""Every answer that the targets document, given over the real wire; and waits that they ask for, however they write it.

The tables are the vendors' own lists, class by class: https://docs.slack.dev/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage, https://discord.com/developers/docs/topics/opcodes-and-status-codes,
and RFC 9110, 8470 and 4918 for HTTP.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from bridge.clock import DAY, HOUR, SECOND
from bridge.editing import NEW, Edit, Place, Reply
from bridge.model import Gone, RefusedMessage, RefusedTarget, Retry, Sent, Unknown
from bridge.store import targets as stored
from bridge.targets import Context, build
from tests.bridges import PATIENCE, config, told
from tests.fakes.asgi import App
from tests.fakes.asgi import Reply as Answer
from tests.fakes.server import serving
from tests.targets.making import NOW, Saying, message, options
from tests.test_faults import batch, until


@dataclass(frozen=True)
class Row:
    """One row of a table: who answers what, and what that means."""

    kind: str
    status: int
    body: Any
    means: type
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        said = self.body.get("code", self.body.get("error", "")) if isinstance(self.body, dict) else self.body
        return f"{self.kind}-{self.status}-{said}"


def slack(means, status, *codes):
    return [Row("slack", status, code, means) for code in codes]


def api(means, *codes, status=200, kind="api"):
    """Slack's Web API, which says nearly all of it with a good status."""
    said = [{"ok": False, "error": code} for code in codes]
    return [Row(kind, status, body, means, {"Retry-After": "1"} if status == 429 else {}) for body in said]


def discord(means, status, *codes):
    return [Row("discord", status, {"code": code, "message": "because"}, means) for code in codes]


def http(means, *statuses):
    return [Row("http", status, b"", means) for status in statuses]


ROWS = [
    *slack(Sent, 200, "ok"),
    *slack(RefusedMessage, 400, "invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text"),
    *slack(RefusedMessage, 400, "missing_text_or_fallback_or_attachments", "too_many_attachments", "user_not_found"),
    *slack(RefusedTarget, 403, "invalid_token", "action_prohibited", "posting_to_general_channel_denied"),
    *slack(RefusedTarget, 404, "channel_not_found", "no_service", "no_active_hooks", "no_service_id", "no_team"),
    *slack(RefusedTarget, 403, "team_disabled"),
    *slack(RefusedTarget, 404, "team_disabled"),
    *slack(RefusedTarget, 410, "channel_is_archived"),
    *slack(RefusedMessage, 500, "invalid_blocks", "no_text"),
    *slack(RefusedTarget, 500, "no_service"),
    *slack(Retry, 500, "rollup_error", "whatever"),
    *slack(Retry, 502, "<html>Bad Gateway</html>"),
    Row("slack", 429, {"retry_after": 1, "ok": False, "error": "rate_limited"}, Retry, {"Retry-After": "1"}),
    Row("slack", 200, "inval", Unknown, {"Content-Length": "500"}),
    Row("api", 200, {"ok": True, "channel": "C0123456", "ts": "1405895017.000506"}, Sent),
    Row("edit", 200, {"ok": True, "channel": "C0123456", "ts": "1405895017.000506"}, Sent),
    *api(Retry, "ratelimited", "rate_limited", status=429),
    *api(Retry, "ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"),
    *api(Retry, "team_added_to_org", "org_login_required"),
    *api(RefusedTarget, "not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired"),
    *api(RefusedTarget, "no_permission", "missing_scope", "ekm_access_denied", "access_denied"),
    *api(RefusedTarget, "not_allowed_token_type", "channel_not_found", "not_in_channel", "is_archived"),
    *api(RefusedTarget, "restricted_action", "restricted_action_read_only_channel"),
    *api(RefusedTarget, "restricted_action_thread_only_channel", "restricted_action_non_threadable_channel"),
    *api(RefusedMessage, "msg_too_long", "msg_blocks_too_long", "no_text", "invalid_blocks", "invalid_blocks_format"),
    *api(RefusedMessage, "too_many_attachments", "invalid_arguments", "invalid_metadata_format"),
    *api(RefusedMessage, "a_code_that_is_new"),
    *api(Retry, "service_unavailable", status=503),
    Row("api", 502, "<html>Bad Gateway</html>", Retry),
    Row("api", 200, '{"ok": true, "chan', Unknown, {"Content-Length": "500"}),
    *api(Gone, "message_not_found", "cant_update_message", "edit_window_closed", kind="edit"),
    *api(Retry, "ratelimited", status=429, kind="edit"),
    *api(RefusedTarget, "token_revoked", kind="edit"),
    *api(Gone, "thread_not_found", "cannot_reply_to_message", kind="reply"),
    Row("discord", 200, {"id": "1"}, Sent),
    Row("discord", 204, b"", Unknown),
    *discord(RefusedTarget, 404, 10015, 10003, 10004),
    *discord(RefusedTarget, 401, 50027),
    *discord(RefusedTarget, 403, 50001, 50013),
    *discord(RefusedTarget, 400, 50008, 50024, 40058, 220001, 220002, 220003, 220004, 40067, 160005, 50083),
    *discord(RefusedMessage, 400, 50006, 50035, 50109, 200000, 240000),
    *discord(RefusedMessage, 413, 40005),
    *discord(Retry, 429, 20028, 20029, 20016, 0, None, 40062),
    *discord(Retry, 403, 40004),
    *discord(Retry, 400, 40004),
    *discord(Retry, 500, 0, 130000),
    *discord(Retry, 503, 0, 130000),
    *[Row("discord", status, "<html>Cloudflare</html>", Retry) for status in (429, 502, 504)],
    *http(Sent, 200, 201, 202, 204),
    *http(RefusedTarget, 301, 302, 307, 308, 401, 403, 404, 405, 410),
    *http(RefusedMessage, 400, 413, 415, 422),
    *http(Retry, 408, 425, 429, 500, 502, 503, 504, 507),
]
PATHS = {"slack": "/services/T0/B0/{}", "discord": "/api/webhooks/{}/token", "http": "/in/{}"}
BODIES = {"discord": {"content": "hello"}, "http": {}}
PLACES: dict[str, Place] = {"edit": Edit("C0123456:1405895017.000506"), "reply": Reply("C0123456:1405895017.000506")}


def keys_of(row, number, url):
    """The options of a target whose requests name the row's number in their path."""
    if row.kind in PATHS:
        return {"type": row.kind, "url": url + PATHS[row.kind].format(number)}
    return {"type": "slack", "token": "xoxb-1", "channel": "C0123456", "api_url": f"{url}/{number}/api"}


class Answering(App):
    """Answers what the row says whose number is in the path."""

    def reply(self, request):
        row = ROWS[int(next(part for part in request.path.split("/") if part.isdigit()))]
        if row.kind in ("api", "edit", "reply"):
            assert request.path.endswith("/api/chat.update" if row.kind == "edit" else "/api/chat.postMessage")
            assert request.headers["authorization"] == "Bearer xoxb-1"
        return Answer(row.status, row.body, row.headers)

    async def answer(self, send, reply):
        if "Content-Length" not in reply.headers:
            await super().answer(send, reply)
            return
        promised = [(b"content-length", reply.headers["Content-Length"].encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": promised})
        await send({"type": "http.response.body", "body": reply.encoded(), "more_body": True})


@pytest.fixture(scope="module")
def judged():
    """What each row's answer was judged to be."""

    async def send(url, number, row):
        target = build(
            "qa",
            options(**keys_of(row, number, url), timeout={"connect": "20s", "read": "20s"}),
            Saying(BODIES.get(row.kind, {"text": "hello"})).renderer,
        )
        try:
            return await target.send(target.compose(message(), Context(place=PLACES.get(row.kind, NEW)), NOW))
        finally:
            await target.close()

    async def send_all(url):
        return [await send(url, number, row) for number, row in enumerate(ROWS)]

    with serving(Answering()) as url:
        return asyncio.run(send_all(url))


@pytest.mark.parametrize(("number", "row"), list(enumerate(ROWS)), ids=[str(row) for row in ROWS])
def test_every_documented_answer_means_the_same_over_the_wire(judged, number, row):
    assert type(judged[number]) is row.means, judged[number]


# ------------------------------------------------------------------------------------------------ waits


def in_seconds(seconds):
    """An HTTP date."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


WAITS: dict[str, tuple[str | Callable[[], str], int, int]] = {
    "seconds": ("600", 600 * SECOND, 602 * SECOND),
    "a float": ("600.5", 600 * SECOND, 602 * SECOND),
    "a date": (partial(in_seconds, HOUR // SECOND), HOUR - 60 * SECOND, HOUR + 60 * SECOND),
    "a date that has passed": (partial(in_seconds, -600), 0, 2 * SECOND),
    "absurd": ("9" * 30, DAY, DAY + 2 * SECOND),
    "negative": ("-5", 100 * SECOND, 130 * SECOND),
    "nonsense": ("soon", 100 * SECOND, 130 * SECOND),
}
"""What Retry-After says, and the least and the most that is waited. What cannot be read leaves the target's backoff."""


@pytest.fixture(scope="module")
def waits(tmp_path_factory):
    """(how long each target is waited for, how many requests it got)."""
    apps = {name: App() for name in WAITS}
    names = {name: name.replace(" ", "-") for name in WAITS}

    async def story(one):
        await one.post("mobile", batch("first"))
        await until(lambda: all(app.requests for app in apps.values()))
        async with asyncio.timeout(PATIENCE):
            while True:
                states = {state.name: state for state in await one.server.store.read(stored.listed)}
                known = [states[name] for name in names.values() if name in states]
                if len(known) == len(names) and all(state.last_error or state.last_sent_at for state in known):
                    break
                await asyncio.sleep(0.01)
        await one.post("mobile", batch("second"))
        await asyncio.sleep(0.3)
        return states

    with contextlib.ExitStack() as servers:
        lines = []
        for name, app in apps.items():
            said = WAITS[name][0]
            app.then(Answer(429, "slow down", {"Retry-After": said if isinstance(said, str) else said()}))
            url = servers.enter_context(serving(app))
            lines.append(f'  {names[name]}: {{type: http, url: "{url}/in", retry: {{first: 100s}}}}')
        routes = f"routes: [{{name: all, to: [{', '.join(names.values())}]}}]"
        text = "\n".join(["targets:", *lines, routes])
        asked = round(datetime.now(UTC).timestamp() * SECOND)
        states = told(config(tmp_path_factory.mktemp("waits"), text), story)
    return {name: (states[names[name]].not_before - asked, len(app.requests)) for name, app in apps.items()}


@pytest.mark.parametrize("name", WAITS)
def test_nothing_is_sent_before_the_time_that_a_target_asked_for(waits, name):
    _, least, most = WAITS[name]
    wait, requests = waits[name]
    assert wait <= most + PATIENCE * SECOND
    assert (wait >= least and requests == 1) or least == 0
