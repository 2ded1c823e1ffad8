"""Discord, by webhook. What it takes, and what its answers mean.

https://discord.com/developers/docs/resources/webhook#execute-webhook
https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
https://discord.com/developers/docs/topics/rate-limits
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson
from pydantic import AfterValidator, SecretStr

from bridge import __version__, clock
from bridge.editing import Edit, Mode
from bridge.model import Answer, Gone, Message, RefusedMessage, RefusedTarget, Retry, Scope, Sent, Unknown
from bridge.pace import Rate, Rates
from bridge.render import Renderer
from bridge.targets.settings import Common, Digest, Url, secrets_of
from bridge.targets.target import Context, view
from bridge.targets.wire import HttpAnswer, Outgoing, by_status, excerpt, retry_after, waiting

AGENT = f"DiscordBot (https://drawbridge.example, {__version__})"
"""https://discord.com/developers/docs/reference#user-agent"""

PACE = (Rate(3, 2 * clock.SECOND, burst=3), Rate(25, clock.MINUTE, burst=6))
"""Keeps within what is seen in practice: 5 in any 2 seconds per webhook, 30 in any minute per channel. A rate lets
`burst - 1 + count` through in one period. https://github.com/discord/discord-api-docs/issues/6753"""

ANSWER_LIMIT = 256 << 10
"""Bytes: the answer repeats the whole message, and only one with a message's id is a success."""

NEW_WEBHOOK = "make a new webhook in Discord and change the target's url"
CHANNEL_GONE = "the channel or server is gone; " + NEW_WEBHOOK
WRONG_CHANNEL = "this channel takes no such messages; make the webhook in another one"
FORUM = "the webhook belongs to a forum: add ?thread_id=... of one of its posts to the target's url"
THREAD = "the thread in the target's url is locked or archived; open it, or change the url"

REFUSES_TARGET = {
    10003: CHANNEL_GONE,
    10004: CHANNEL_GONE,
    10015: NEW_WEBHOOK,
    50027: NEW_WEBHOOK,
    50001: "the webhook may not post there any more; " + NEW_WEBHOOK,
    50013: "the webhook may not post there any more; " + NEW_WEBHOOK,
    50008: WRONG_CHANNEL,
    50024: WRONG_CHANNEL,
    40058: WRONG_CHANNEL,
    40067: "the forum wants a tag on every post; make the tag optional, or choose another channel",
    220001: FORUM,
    220002: FORUM,
    220003: "threads can be made in forums only; take thread_id out of the target's url",
    220004: "webhooks of this kind may not post in forums; make the webhook in another channel",
    160005: THREAD,
    50083: THREAD,
}
"""Code -> what the operator can do: every message would be refused like this one."""

REFUSES_MESSAGE = frozenset({50006, 50035, 50109, 40005, 200000, 240000})
"""What is wrong with this one message: empty, over a limit, not JSON, too large, or stopped by a content filter."""

GONE = frozenset({10008, 30046, 50005})
"""What was to be edited: it is unknown, was edited too often for its age, or is somebody else's."""

RETRIES = {
    20016: Scope.TARGET,
    20028: Scope.TARGET,
    20029: Scope.TARGET,
    40004: Scope.TARGET,
    40062: Scope.TARGET,
    130000: Scope.MESSAGE,
}
"""Slow mode, write limits, sending switched off for a while, overloaded; and who waits for it."""


def _is_webhook(url: SecretStr) -> SecretStr:
    path = urlsplit(url.get_secret_value()).path
    if not re.search(r"/webhooks/[0-9]+/[\w-]+/?$", path):
        raise ValueError(
            "must be a webhook's address as Discord shows it: https://discord.com/api/webhooks/<id>/<token>"
        )
    return url


def _is_username(name: str) -> str:
    """https://discord.com/developers/docs/resources/user#usernames-and-nicknames"""
    if not 1 <= len(name.strip()) <= 80 or re.search("clyde|discord", name, re.IGNORECASE):
        raise ValueError("must be 1 to 80 characters, and may contain neither 'clyde' nor 'discord'")
    return name


class DiscordOptions(Common):
    """`url` of a webhook, with `?thread_id=` where it posts to a thread."""

    type: Literal["discord"]
    url: Annotated[Url, AfterValidator(_is_webhook)]
    username: Annotated[str, AfterValidator(_is_username)] | None = None
    buttons: bool = False
    pace: Rates = PACE
    digest: Digest | None = Digest()


MENTIONS = "@here, @everyone, <@&id> for a role or <@id> for a user, with the id's digits"
_MENTION = re.compile(r"<@[&!]?\d{1,20}>|@(?:here|everyone)\b", re.ASCII)


def mention_problem(text: str) -> str | None:
    """Why nobody is notified by `text`, or not everybody it names; null where it works.

    https://docs.discord.com/developers/reference#message-formatting
    """
    found = _MENTION.search(text)
    plain = re.search(r"@[^\s<>]+|<[@!#][^<>]*>?", _MENTION.sub("", text))
    if found and not plain:
        return None
    meant = {"<!here>": "write @here", "<!everyone>": "write @everyone", "<!channel>": "write @everyone"}
    instead = meant.get(plain[0] if plain else "", f"Discord mentions by {MENTIONS}")
    return f"{plain[0] if plain else text!r} notifies nobody on Discord; {instead}"


def compose(options: DiscordOptions, message: Message, context: Context, renderer: Renderer, now: int) -> Outgoing:
    """The message as Discord takes it. There is no idempotency key: an attempt of unknown outcome may double it."""
    shape = {"buttons": options.buttons, "username": options.username}
    rendered = renderer.render("discord", context.template(message), view(message, context, now, **shape))
    secret = options.url.get_secret_value()
    url, body, edits = _execute(secret, "components" in rendered.body), rendered.body, isinstance(context.place, Edit)
    if isinstance(context.place, Edit):
        url, body = _edited(url, cast(dict[str, Any], rendered.body), context.place)
    return Outgoing(
        method="PATCH" if edits else "POST",
        url=url,
        headers={"Content-Type": "application/json"},
        body=orjson.dumps(body),
        idempotent=edits,
        at=now,
        attempts=message.attempts,
        falls=rendered.falls,
        secrets=secrets_of(secret),
    )


def _execute(url: str, with_components: bool) -> str:
    """Without `wait=true` a message that Discord could not save raises no error."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | {"wait": "true"} | ({"with_components": "true"} if with_components else {})
    return urlunsplit(parts._replace(query=urlencode(query), fragment=""))


def _edited(url: str, body: dict[str, Any], place: Edit) -> tuple[str, dict[str, Any]]:
    """The address and the body of an edit. What it does not give anew would stay; a name cannot be changed.

    https://docs.discord.com/developers/resources/webhook#edit-webhook-message
    """
    parts = urlsplit(url)
    query = {key: value for key, value in parse_qsl(parts.query) if key in ("thread_id", "with_components")}
    path = f"{parts.path.rstrip('/')}/messages/{place.external_id}"
    kept = {key: value for key, value in body.items() if key != "username"}
    return urlunsplit(parts._replace(path=path, query=urlencode(query))), {
        "content": "",
        "embeds": [],
        "components": [],
        "flags": 0,
        **kept,
    }


def mode_problem(mode: Mode) -> str | None:
    """Why a webhook cannot do what a route's mode asks; null where it can."""
    return "a Discord webhook cannot reply to a message; use `mode: update`" if mode is Mode.THREAD else None


def judge(answer: HttpAnswer) -> Answer | Gone:
    """What Discord's answer means: by its error code, and by its status where the code is none that we know."""
    said = answer.json()
    if 200 <= answer.status < 300:
        return _sent(answer, said)
    code = said.get("code")
    if not isinstance(code, int):
        code = 0
    if code in REFUSES_TARGET:
        return RefusedTarget(f"{code} (HTTP {answer.status}): {REFUSES_TARGET[code]}")
    reason = _reason(answer, code, said)
    if code in GONE:
        return Gone(reason)
    if code in REFUSES_MESSAGE:
        return RefusedMessage(reason)
    if code in RETRIES or answer.status == 429:
        return Retry(reason, _wait(answer, said), RETRIES.get(code, Scope.TARGET))
    return by_status(answer, reason)


def _sent(answer: HttpAnswer, said: dict[str, Any]) -> Answer:
    message_id = said.get("id")
    if not isinstance(message_id, str) or not message_id:
        return Unknown(f"answered {answer.status} without a message's id")
    return Sent(message_id, hold=_hold(answer))


def _hold(answer: HttpAnswer) -> int | None:
    """How long the bucket stays empty after this message, where it was the last that fitted."""
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return None
    return _seconds(answer.headers.get("x-ratelimit-reset-after", ""))


def _wait(answer: HttpAnswer, said: dict[str, Any]) -> int | None:
    """The larger of the body's and the header's wait; a ban by Cloudflare has only the header."""
    known = [wait for wait in (waiting(said.get("retry_after")), retry_after(answer)) if wait is not None]
    return max(known, default=None)


def _seconds(text: str) -> int | None:
    return waiting(float(text)) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else None


def _reason(answer: HttpAnswer, code: int, said: dict[str, Any]) -> str:
    message = said.get("message")
    start = f"{code} (HTTP {answer.status})" if code else f"answered {answer.status}"
    texts = [message] if isinstance(message, str) else []
    texts += _errors(said.get("errors"), "")
    return f"{start}: {excerpt('; '.join(texts))}" if texts else start


def _errors(node: Any, path: str, depth: int = 0) -> Iterator[str]:
    """The nested `_errors` as `embeds.0.title: Must be 256 or fewer in length.`

    https://discord.com/developers/docs/reference#error-messages
    """
    if not isinstance(node, dict) or depth > 10:
        return
    for key, each in node.items():
        if key == "_errors" and isinstance(each, list):
            yield from (f"{path}: {error.get('message')}" for error in each if isinstance(error, dict))
        else:
            yield from _errors(each, f"{path}.{key}" if path else str(key), depth + 1)
