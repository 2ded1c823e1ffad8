"""A target as a whole: composed by the real renderer, sent to a service that enforces its limits, and judged."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from bridge.model import Answer, Gone, RefusedMessage, RefusedTarget, Retry, Scope, Sent
from bridge.render import Renderer
from bridge.targets import Context, Target, build
from bridge.targets.wire import Outgoing
from tests.fakes import discord, slack
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving
from tests.targets.making import NOW, Saying, message, options, outgoing

SECRET = "very-secret-0123456789"


def delivered(target: Target, times: int = 1) -> list[Answer | Gone]:
    """What became of the same message, sent as often."""

    async def send() -> list[Answer | Gone]:
        out = target.compose(message(), Context(), NOW)
        answers = [await target.send(out) for _ in range(times)]
        await target.close()
        return answers

    return asyncio.run(send())


def reached(app: App, body: Any, **keys: Any) -> Target:
    return build("qa", options(**keys), Saying(body).renderer, transport=httpx2.ASGITransport(app))


def test_slack_takes_a_webhooks_message():
    app = slack.FakeSlack()
    with serving(app) as url:
        target = build("qa", options(type="slack", url=url + app.hook), Saying({"text": "hello"}).renderer)
        assert delivered(target, 3) == [Sent()] * 3
    assert app.messages == [{"text": "hello"}] * 3


def test_slack_takes_a_bots_message_and_says_how_it_is_known():
    app = slack.FakeSlack()
    target = reached(app, {"text": "hello"}, type="slack", token=app.token, channel=app.channel)
    assert delivered(target) == [Sent(external_id="C0123456:1405895017.000001")]


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"url": "https://hooks.slack.com/services/T0/B0/gone"}, RefusedTarget),
        ({"token": "wrong", "channel": "C0123456"}, RefusedTarget),
        ({"token": "xoxb-fake", "channel": "C9"}, RefusedTarget),
    ],
)
def test_slack_refuses_the_target(keys, kind):
    (answer,) = delivered(reached(slack.FakeSlack(), {"text": "hello"}, type="slack", **keys))
    assert isinstance(answer, kind)


def test_slack_refuses_a_message_and_names_the_place():
    app = slack.FakeSlack()
    body = {"text": "hello", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}
    (answer,) = delivered(reached(app, body, type="slack", token=app.token, channel=app.channel))
    assert isinstance(answer, RefusedMessage)
    assert "blocks[0].text" in answer.reason


def test_slack_may_ask_to_wait():
    app = slack.FakeSlack()
    app.then(slack.rate_limited(30))
    first, second = delivered(
        reached(app, {"text": "hello"}, type="slack", url="https://hooks.slack.com" + app.hook), 2
    )
    assert first == Retry("ratelimited (HTTP 429)", 30_000_000, Scope.TARGET)
    assert second == Sent()


def test_discord_takes_five_messages_and_makes_the_sixth_wait():
    app = discord.FakeDiscord(clock=lambda: 1000.0)
    with serving(app) as url:
        body = {"content": "hello", "allowed_mentions": {"parse": []}}
        target = build("qa", options(type="discord", url=url + app.hook), Saying(body).renderer)
        answers = delivered(target, 6)
    assert [type(answer) for answer in answers] == [Sent] * 5 + [Retry]
    assert [answer.hold for answer in answers[:5] if isinstance(answer, Sent)] == [None] * 4 + [2_000_000]
    assert answers[5] == Retry("answered 429: You are being rate limited.", 3_000_000, Scope.TARGET)
    assert [request.query for request in app.requests[:1]] == [{"wait": "true"}]


@pytest.mark.parametrize(
    ("hook", "body", "kind"),
    [
        ("/api/webhooks/1/secret", {"content": "x", "allowed_mentions": {"parse": []}}, RefusedTarget),
        ("/api/webhooks/223704706495545344/wrong", {"content": "x", "allowed_mentions": {"parse": []}}, RefusedTarget),
        ("/api/webhooks/223704706495545344/secret", {"content": "x" * 2001}, RefusedMessage),
        ("/api/webhooks/223704706495545344/secret", {"content": "x"}, RefusedMessage),
    ],
)
def test_discord_refuses(hook, body, kind):
    (answer,) = delivered(reached(discord.FakeDiscord(), body, type="discord", url="https://discord.com" + hook))
    assert isinstance(answer, kind)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"type": "http", "url": f"http://lake/in/{SECRET}?key=1"}, f"Cannot POST /in/{SECRET}?key=1"),
        ({"type": "http", "url": f"http://lake/in/{SECRET}/run"}, f"nobody is called {SECRET}"),
        ({"type": "http", "url": f"http://lake/in?key={SECRET}"}, f"no key {SECRET}"),
        ({"type": "http", "url": "http://lake/", "headers": {"X-Key": SECRET}}, f"bad key {SECRET}"),
        ({"type": "slack", "url": f"http://slack/services/{SECRET}"}, f"No route /services/{SECRET}"),
        ({"type": "slack", "token": f"xoxb-{SECRET}", "channel": "C1"}, f"no such token xoxb-{SECRET}"),
        ({"type": "discord", "url": f"http://discord/api/webhooks/42/{SECRET}"}, f"no webhook {SECRET}"),
        (
            {"type": "discord", "url": f"http://discord/api/webhooks/42/{SECRET}"},
            {"code": 9, "message": f"no {SECRET}"},
        ),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_an_answer_that_repeats_a_secret_is_recorded_without_it(keys, said, status):
    app = App()
    app.then(Reply(status, said))
    (answer,) = delivered(reached(app, {"text": "hello"}, **keys))
    assert SECRET not in repr(answer)


@pytest.mark.parametrize(
    "keys",
    [
        {"type": "http", "url": f"http://lake/{SECRET}", "headers": {"X-Key": SECRET}},
        {"type": "slack", "token": SECRET, "channel": "C1"},
        {"type": "discord", "url": f"http://discord/api/webhooks/42/{SECRET}"},
    ],
)
def test_nothing_secret_stands_in_the_repr_of_what_goes_out(keys):
    out = reached(App(), {"text": "hello"}, **keys).compose(message(), Context(), NOW)
    assert SECRET not in repr(out)


def test_a_certain_failure_and_an_uncertain_one_are_told_apart():
    async def send(target: Target, out: Outgoing) -> Answer | Gone:
        return await target.send(out)

    def failing(request: httpx2.Request) -> httpx2.Response:
        raise errors[request.url.path](request.url.path)

    errors = {"/connect": httpx2.ConnectError, "/read": httpx2.ReadTimeout, "/cut": httpx2.RemoteProtocolError}
    target = build(
        "lake", options(type="http", url="http://lake/"), Saying("x").renderer, transport=httpx2.MockTransport(failing)
    )
    kinds = {path: type(asyncio.run(send(target, outgoing("http://lake" + path)))).__name__ for path in errors}
    assert kinds == {"/connect": "Retry", "/read": "Unknown", "/cut": "Unknown"}


def test_a_target_says_what_the_deliverer_needs_to_know():
    target = build("lake", options(type="http", url="http://lake/", pace="30/m"), Saying("x").renderer)
    assert (target.name, target.type, target.concurrency) == ("lake", "http", 4)
    assert target.pace.rates[0].count == 30
    assert target.retry.give_up == 86_400_000_000
    inbox = build("screen", options(type="inbox"), Saying("x").renderer)
    assert (inbox.type, inbox.concurrency, inbox.pace.rates) == ("inbox", 1, ())


@pytest.mark.parametrize("kind", ["slack", "bot", "discord"])
def test_what_the_renderer_makes_is_taken(kind):
    """Even of a result that no template can read, the last rung of the renderer's ladder gets through."""
    chat, guild = slack.FakeSlack(), discord.FakeDiscord(strict_pace=False)
    keys = {
        "slack": {"type": "slack", "url": "https://hooks.slack.com" + chat.hook},
        "bot": {"type": "slack", "token": chat.token, "channel": chat.channel},
        "discord": {"type": "discord", "url": "https://discord.com" + guild.hook},
    }[kind]
    app = guild if kind == "discord" else chat
    target = build("qa", options(**keys), Renderer(), transport=httpx2.ASGITransport(app))
    (answer,) = delivered(target)
    assert isinstance(answer, Sent), answer
    assert "Login Suite" in json.dumps(app.messages)
