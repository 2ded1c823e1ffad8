"""Slack, by incoming webhook or with a bot token. What it takes, and what its answers mean.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.slack.dev/reference/methods/chat.postMessage
https://docs.slack.dev/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
"""

import re
from typing import Annotated, Any, Literal, Self, cast

import orjson
from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge import clock
from bridge.editing import Edit, New, Place, Reply
from bridge.model import Answer, Gone, Message, RefusedMessage, RefusedTarget, Retry, Scope, Sent, Unknown
from bridge.pace import Rate, Rates
from bridge.render import Renderer
from bridge.targets.settings import Common, Digest, Url, check_api_url, secrets_of
from bridge.targets.target import Context, view
from bridge.targets.wire import HttpAnswer, Outgoing, by_status, excerpt, retry_after

API = "https://slack.com/api/"
POST_MESSAGE = "chat.postMessage"
UPDATE = "chat.update"

CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{7,}")

PACE = (Rate(1, clock.SECOND, burst=3),)
"""One message a second per channel, short bursts tolerated. https://docs.slack.dev/apis/web-api/rate-limits"""

ANSWER_LIMIT = 256 << 10
"""Bytes: chat.postMessage repeats the whole message in its answer, and half of a JSON text says nothing."""

NEW_WEBHOOK = "make a new webhook in Slack and change the target's url"
NEW_TOKEN = "install the app anew and change the target's token"  # noqa: S105 - advice, not a token
SCOPE = "the app needs the scope chat:write; add it and install the app anew"
INVITE = "invite the app to the channel, or change the target's channel"
UNARCHIVE = "unarchive the channel, or choose another"
POLICY = "the workspace does not let this app post there; ask its admins, or choose another channel"

REFUSES_TARGET = {
    "invalid_token": NEW_WEBHOOK,
    "no_service": NEW_WEBHOOK,
    "no_service_id": NEW_WEBHOOK,
    "no_active_hooks": NEW_WEBHOOK,
    "no_team": NEW_WEBHOOK,
    "team_disabled": "the workspace was disabled",
    "action_prohibited": POLICY,
    "posting_to_general_channel_denied": POLICY,
    "channel_is_archived": UNARCHIVE,
    "is_archived": UNARCHIVE,
    "channel_not_found": INVITE,
    "not_in_channel": INVITE,
    "restricted_action": POLICY,
    "restricted_action_read_only_channel": POLICY,
    "restricted_action_thread_only_channel": POLICY,
    "restricted_action_non_threadable_channel": POLICY,
    "not_authed": NEW_TOKEN,
    "invalid_auth": NEW_TOKEN,
    "account_inactive": NEW_TOKEN,
    "token_revoked": NEW_TOKEN,
    "token_expired": NEW_TOKEN,
    "not_allowed_token_type": NEW_TOKEN,
    "missing_scope": SCOPE,
    "no_permission": SCOPE,
    "access_denied": POLICY,
    "ekm_access_denied": POLICY,
}
"""Code -> what the operator can do. Credentials and places: every message would be refused like this one."""

REFUSES_MESSAGE = frozenset(
    {
        "invalid_payload",
        "invalid_blocks",
        "invalid_blocks_format",
        "no_text",
        "missing_text_or_fallback_or_attachments",
        "too_many_attachments",
        "user_not_found",
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_arguments",
        "invalid_metadata_format",
    }
)
"""What is wrong with this one message."""

GONE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found", "cannot_reply_to_message"}
)
"""What was to be edited or replied to: https://docs.slack.dev/reference/methods/chat.update#errors"""

RETRIES = {
    "ratelimited": Scope.TARGET,
    "rate_limited": Scope.TARGET,
    "team_added_to_org": Scope.TARGET,
    "org_login_required": Scope.TARGET,
    "rollup_error": Scope.MESSAGE,
    "internal_error": Scope.MESSAGE,
    "fatal_error": Scope.MESSAGE,
    "service_unavailable": Scope.MESSAGE,
    "request_timeout": Scope.MESSAGE,
}
"""What passes, and who waits for it."""


ApiUrl = Annotated[str, AfterValidator(check_api_url)]


class SlackOptions(Common):
    """`url` of an incoming webhook, or a bot's `token` and the `channel` it posts to. `api_url` is where Slack's
    methods are, for those whose Slack is a separate one: GovSlack's is https://slack-gov.com/api/.
    """

    type: Literal["slack"]
    url: Url | None = None
    token: SecretStr | None = None
    channel: str | None = Field(default=None, min_length=1)
    api_url: ApiUrl = API
    style: Literal["bar", "blocks"] = "bar"
    buttons: bool = False
    username: str | None = Field(default=None, min_length=1, max_length=80)
    pace: Rates = PACE
    digest: Digest | None = Digest()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.url is not None and (self.token is not None or self.channel is not None):
            raise ValueError("has both a webhook's url and a token or channel; a webhook posts to its own channel only")
        if self.url is None and (self.token is None or self.channel is None):
            raise ValueError("needs the url of an incoming webhook, or a bot's token and a channel")
        if self.url is not None and self.api_url != API:
            raise ValueError("api_url needs a token: an incoming webhook's url is its whole address")
        if self.url is not None and self.username is not None:
            raise ValueError("username needs a token: an incoming webhook's name is set in Slack")
        if self.token is not None and not re.fullmatch(r"[!-~]+", self.token.get_secret_value()):
            raise ValueError("token must be printable ASCII without spaces, as in xoxb-...")
        return self


MENTIONS = "<!here>, <!channel>, <!everyone>, <!subteam^S...> for a group or <@U...> for a member"
_MENTION = re.compile(r"<!(?:here|channel|everyone|subteam\^S[A-Z0-9]+)(?:\|[^<>]*)?>|<@[UW][A-Z0-9]+(?:\|[^<>]*)?>")


def mention_problem(text: str) -> str | None:
    """Why nobody is notified by `text`, or not everybody it names; null where it works.

    https://docs.slack.dev/messaging/formatting-message-text#mentions
    """
    found = _MENTION.search(text)
    plain = re.search(r"@[^\s<>]+|<[@!][^<>]*>?", _MENTION.sub("", text))
    if found and not plain:
        return None
    word = plain[0].lstrip("@") if plain else ""
    meant = f"write <!{word}>" if word in ("here", "channel", "everyone") else f"Slack mentions by {MENTIONS}"
    return f"{plain[0] if plain else text!r} notifies nobody on Slack; {meant}"


def compose(options: SlackOptions, message: Message, context: Context, renderer: Renderer, now: int) -> Outgoing:
    """The message as Slack takes it. Slack has no idempotency key, so an attempt of unknown outcome may double it."""
    shape = {"style": options.style, "buttons": options.buttons, "username": options.username}
    rendered = renderer.render("slack", context.template(message), view(message, context, now, **shape))
    body = cast(dict[str, Any], rendered.body)
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if options.url is not None:
        url = secret = options.url.get_secret_value()
    else:
        secret = options.token.get_secret_value() if options.token else ""
        headers["Authorization"] = f"Bearer {secret}"
        method, body = _placed({**body, "parse": "none"}, options.channel, context.place)
        url = options.api_url + method
    return Outgoing(
        url=url,
        headers=headers,
        body=orjson.dumps(body),
        at=now,
        idempotent=isinstance(context.place, Edit),
        attempts=message.attempts,
        falls=rendered.falls,
        secrets=(secret,) if options.token else secrets_of(secret),
    )


def _placed(body: dict[str, Any], channel: str | None, place: Place) -> tuple[str, dict[str, Any]]:
    """The method, and the message as it takes it. An edit is of the channel in which the message stands; attachments
    that it does not give anew would stay, and it knows neither names nor unfurling.
    """
    if isinstance(place, New):
        return POST_MESSAGE, {**body, "channel": channel}
    channel, _, ts = place.external_id.partition(":")
    if isinstance(place, Reply):
        return POST_MESSAGE, {**body, "channel": channel, "thread_ts": ts}
    kept = {key: value for key, value in body.items() if key not in ("username", "unfurl_links", "unfurl_media")}
    return UPDATE, {"attachments": [], **kept, "channel": channel, "ts": ts}


def mode_problem(options: SlackOptions) -> str | None:
    """Why messages of this target can be neither edited nor replied to; null where they can."""
    if options.token is None:
        return "an incoming webhook only posts; give the target a bot's token and a channel instead of its url"
    return None


def posts_beside(options: SlackOptions, external_id: str) -> bool:
    """Whether the message stands in the target's channel. Of a channel that is not given by its id nobody can tell."""
    channel, _, _ = external_id.partition(":")
    return channel == options.channel or not CHANNEL_ID.fullmatch(options.channel or "")


def judge(answer: HttpAnswer) -> Answer | Gone:
    """What Slack's answer means: by its error code, which both ways share, and by its status where there is none.

    An older webhook answers 500 for what newer ones answer 4xx for, and chat.postMessage answers 200 for nearly all.
    """
    said = answer.json()
    code = said.get("error") if said else answer.body.decode("utf-8", "replace").strip()
    if answer.status == 200 and (said.get("ok") is True or code == "ok"):
        return Sent(external_id=_place(said))
    if answer.status < 300 and not said and not answer.whole:
        return Unknown(f"answered {answer.status}, and its words broke off")  # the beginning of a word is not the word
    if not isinstance(code, str) or not re.fullmatch(r"[a-z][a-z0-9_]{1,79}", code):
        return by_status(answer)
    if code in REFUSES_TARGET:
        return RefusedTarget(f"{code} (HTTP {answer.status}): {REFUSES_TARGET[code]}")
    reason = f"{code} (HTTP {answer.status}){_details(said)}"
    if code in GONE:
        return Gone(reason)
    if code in RETRIES:
        return Retry(reason, retry_after(answer), RETRIES[code])
    if code in REFUSES_MESSAGE or answer.status < 300:
        return RefusedMessage(reason)
    return by_status(answer, reason)


def _place(said: dict[str, Any]) -> str | None:
    """`channel:ts`, by which a message is known later. A ts is text: as a number it would lose its last digits."""
    channel, ts = said.get("channel"), said.get("ts")
    return f"{channel}:{ts}" if isinstance(channel, str) and isinstance(ts, str) else None


def _details(said: dict[str, Any]) -> str:
    """`invalid_blocks` names the place: https://docs.slack.dev/reference/methods/chat.postMessage#errors"""
    metadata = said.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    return ": " + excerpt("; ".join(str(each) for each in messages)) if isinstance(messages, list) and messages else ""
