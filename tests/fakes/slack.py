"""Slack as its documentation describes it: an oracle of what it refuses, and an app that answers as it does.

Written from Slack's pages alone, without a look at our renderer, so that the two can disagree.

https://docs.slack.dev/reference/block-kit/blocks
https://docs.slack.dev/reference/messaging/attachments
https://docs.slack.dev/messaging/formatting-message-text
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.fakes.asgi import App, Reply, Request

MESSAGE_KEYS = {
    "text",
    "blocks",
    "attachments",
    "channel",
    "thread_ts",
    "reply_broadcast",
    "mrkdwn",
    "parse",
    "link_names",
    "unfurl_links",
    "unfurl_media",
    "username",
    "icon_emoji",
    "icon_url",
    "metadata",
}
ATTACHMENT_KEYS = {
    "blocks",
    "color",
    "fallback",
    "pretext",
    "author_name",
    "author_link",
    "author_icon",
    "title",
    "title_link",
    "text",
    "fields",
    "image_url",
    "thumb_url",
    "footer",
    "footer_icon",
    "ts",
    "mrkdwn_in",
}
MAX_TEXT = 40_000
MAX_BLOCKS = 50
MAX_ATTACHMENTS = 100
MAX_FOOTER = 300
MAX_BLOCKS_JSON = 12_000
"""`msg_blocks_too_long` is not documented; it was seen from about 13,200 characters (slackapi/bolt-js issue 2509)."""

CONTROL = re.compile(
    r"<(?:https?://[^<>|\s]+(?:\|[^<>|\n]+)?|mailto:[^<>|\s]+(?:\|[^<>|\n]+)?|@[UW][A-Z0-9]+|#C[A-Z0-9]+|"
    r"!subteam\^S[A-Z0-9]+(?:\|[^<>|]+)?|!(?:here|channel|everyone)|!date\^\d+\^[^<>|^]+(?:\^https?://[^<>|\s]+)?\|[^<>|]+)>"
)
ENTITY = re.compile(r"&(?:amp|lt|gt);")

Problems = Iterator[str]


def problems(payload: Any) -> list[str]:
    """What Slack would not take, or would not show as written, in this body of a webhook or of chat.postMessage."""
    try:
        json.dumps(payload, allow_nan=False).encode()
        payload = json.loads(json.dumps(payload, ensure_ascii=False).encode())
    except (TypeError, ValueError) as error:
        return [f"not JSON: {error}"]
    if not isinstance(payload, dict):
        return ["not an object"]
    return list(_message(payload))


def _message(payload: dict[str, Any]) -> Problems:
    yield from _keys("message", payload, MESSAGE_KEYS)
    if "text" in payload:
        yield from _text("text", payload["text"], 1, MAX_TEXT)
        yield from _marks("text", payload["text"])
    elif not payload.get("blocks") and not payload.get("attachments"):
        yield "no_text"
    else:
        yield "text: missing, and it is what a notification shows"
    for key in ("unfurl_links", "unfurl_media", "mrkdwn", "reply_broadcast"):
        if key in payload and not isinstance(payload[key], bool):
            yield f"{key}: not a boolean"
    attachments = payload.get("attachments", [])
    blocks = _listed(payload.get("blocks", []))
    yield from _blocks("blocks", payload.get("blocks", []))
    if not isinstance(attachments, list):
        yield "attachments: not a list"
        return
    if len(attachments) > MAX_ATTACHMENTS:
        yield f"too_many_attachments: {len(attachments)}"
    for number, attachment in enumerate(attachments):
        yield from _attachment(f"attachments[{number}]", attachment)
        if isinstance(attachment, dict):
            blocks += _listed(attachment.get("blocks", []))
    yield from _all_blocks(blocks)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _all_blocks(blocks: list[Any]) -> Problems:
    if len(blocks) > MAX_BLOCKS:
        yield f"invalid_blocks: {len(blocks)} blocks in the message"
    size = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")).encode()) if blocks else 0
    if size > MAX_BLOCKS_JSON:
        yield f"msg_blocks_too_long: {size} bytes of blocks"
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and isinstance(block.get("block_id"), str)]
    if len(ids) != len(set(ids)):
        yield "blocks: a block_id is not unique"
    if sum(len(str(block.get("text"))) for block in blocks if _is(block, "markdown")) > 12_000:
        yield "blocks: markdown blocks above 12,000 characters"
    if sum(_is(block, "table") for block in blocks) > 1:
        yield "blocks: more than one table"


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, dict) and block.get("type") == kind


def _attachment(path: str, attachment: Any) -> Problems:
    if not isinstance(attachment, dict):
        yield f"{path}: not an object"
        return
    yield from _keys(path, attachment, ATTACHMENT_KEYS)
    if not attachment.keys() & {"blocks", "text", "fallback", "fields", "title"}:
        yield f"{path}: missing_text_or_fallback_or_attachments"
    color = attachment.get("color", "good")
    if not isinstance(color, str) or not re.fullmatch(r"good|warning|danger|#[0-9A-Fa-f]{6}", color):
        yield f"{path}.color: {color!r}"
    if "footer" in attachment:
        yield from _text(f"{path}.footer", attachment["footer"], 1, MAX_FOOTER)
    for key in ("text", "pretext"):
        if key in attachment:
            yield from _text(f"{path}.{key}", attachment[key], 1, MAX_TEXT)
            yield from _marks(f"{path}.{key}", attachment[key])
    yield from _blocks(f"{path}.blocks", attachment.get("blocks", []))


def _blocks(path: str, blocks: Any) -> Problems:
    if not isinstance(blocks, list):
        yield f"{path}: not a list"
        return
    if len(blocks) > MAX_BLOCKS:
        yield f"{path}: {len(blocks)} blocks"
    for number, block in enumerate(blocks):
        yield from _block(f"{path}[{number}]", block)


def _block(path: str, block: Any) -> Problems:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str) or kind not in BLOCKS:
        yield f"{path}: invalid_blocks: unknown type {kind!r}"
        return
    keys, check = BLOCKS[kind]
    yield from _keys(path, block, {"type", "block_id", *keys.split()})
    if "block_id" in block:
        yield from _text(f"{path}.block_id", block["block_id"], 1, 255)
    yield from check(path, block)


def _section(path: str, block: dict[str, Any]) -> Problems:
    if "text" not in block and "fields" not in block:
        yield f"{path}: neither text nor fields"
    if "text" in block:
        yield from _object(f"{path}.text", block["text"], 3000)
    if "fields" in block:
        yield from _list(f"{path}.fields", block["fields"], 10)
        for number, each in enumerate(_listed(block["fields"])):
            yield from _object(f"{path}.fields[{number}]", each, 2000)
    if "accessory" in block:
        yield from _element(f"{path}.accessory", block["accessory"])


def _header(path: str, block: dict[str, Any]) -> Problems:
    yield from _object(f"{path}.text", block.get("text"), 150, plain=True)


def _context(path: str, block: dict[str, Any]) -> Problems:
    yield from _list(f"{path}.elements", block.get("elements"), 10)
    for number, each in enumerate(_listed(block.get("elements"))):
        place = f"{path}.elements[{number}]"
        if _is(each, "image"):
            yield from _element(place, each)
        else:
            yield from _object(place, each, 3000)


def _actions(most: int) -> Callable[[str, dict[str, Any]], Problems]:
    def check(path: str, block: dict[str, Any]) -> Problems:
        yield from _list(f"{path}.elements", block.get("elements"), most)
        for number, each in enumerate(_listed(block.get("elements"))):
            yield from _element(f"{path}.elements[{number}]", each)

    return check


def _image(path: str, block: dict[str, Any]) -> Problems:
    yield from _text(f"{path}.image_url", block.get("image_url"), 1, 3000)
    yield from _text(f"{path}.alt_text", block.get("alt_text"), 1, 2000)
    if "title" in block:
        yield from _object(f"{path}.title", block["title"], 2000, plain=True)


def _markdown(path: str, block: dict[str, Any]) -> Problems:
    yield from _text(f"{path}.text", block.get("text"), 1, 12_000)


def _table(path: str, block: dict[str, Any]) -> Problems:
    yield from _list(f"{path}.rows", block.get("rows"), 100)
    for number, row in enumerate(_listed(block.get("rows"))):
        yield from _list(f"{path}.rows[{number}]", row, 20)


def _divider(path: str, block: dict[str, Any]) -> Problems:
    yield from ()


BLOCKS: dict[str, tuple[str, Callable[[str, dict[str, Any]], Problems]]] = {
    "section": ("text fields accessory expand", _section),
    "header": ("text", _header),
    "context": ("elements", _context),
    "actions": ("elements", _actions(25)),
    "context_actions": ("elements", _actions(5)),
    "image": ("image_url slack_file alt_text title", _image),
    "markdown": ("text", _markdown),
    "table": ("rows column_settings", _table),
    "divider": ("", _divider),
}


def _element(path: str, element: Any) -> Problems:
    if _is(element, "image"):
        yield from _keys(path, element, {"type", "image_url", "slack_file", "alt_text"})
        yield from _text(f"{path}.image_url", element.get("image_url"), 1, 3000)
        yield from _text(f"{path}.alt_text", element.get("alt_text"), 1, 2000)
    elif _is(element, "button"):
        yield from _button(path, element)
    else:
        yield f"{path}: an element that we do not send"


def _button(path: str, button: dict[str, Any]) -> Problems:
    keys = "type text action_id url value style confirm accessibility_label"
    yield from _keys(path, button, set(keys.split()))
    yield from _object(f"{path}.text", button.get("text"), 75, plain=True)
    for key, most in (("action_id", 255), ("url", 3000), ("value", 2000)):
        if key in button:
            yield from _text(f"{path}.{key}", button[key], 1, most)
    if not re.match(r"https?://[^\s]+$", str(button.get("url", "https://x"))):
        yield f"{path}.url: not an http(s) address"
    if button.get("style", "primary") not in ("primary", "danger"):
        yield f"{path}.style: {button['style']!r}"


def _object(path: str, value: Any, most: int, plain: bool = False) -> Problems:
    """A text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object"""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in ("plain_text", "mrkdwn"):
        yield f"{path}: not a text object"
        return
    if plain and kind != "plain_text":
        yield f"{path}: must be plain_text"
    yield from _keys(path, value, {"type", "text", "emoji"} if kind == "plain_text" else {"type", "text", "verbatim"})
    yield from _text(f"{path}.text", value.get("text"), 1, most)
    if kind == "mrkdwn":
        yield from _marks(f"{path}.text", value.get("text"))
    for flag in ("emoji", "verbatim"):
        if flag in value and not isinstance(value[flag], bool):
            yield f"{path}.{flag}: not a boolean"


def _marks(path: str, text: Any) -> Problems:
    """Loose control characters: Slack wants `&`, `<` and `>` escaped wherever they are not its own syntax."""
    if not isinstance(text, str):
        return
    rest = re.sub(r"(?m)^>+", "", CONTROL.sub("", text))
    if "&" in ENTITY.sub("", rest):
        yield f"{path}: a loose or cut '&'"
    if "<" in rest or ">" in rest:
        yield f"{path}: a loose, cut or unknown '<…>'"
    if text.count("```") % 2:
        yield f"{path}: a fence is not closed"


def _text(path: str, value: Any, least: int, most: int) -> Problems:
    if not isinstance(value, str):
        yield f"{path}: not text"
    elif not least <= len(value) <= most or not value.strip():
        yield f"{path}: {len(value)} characters, {least} to {most} allowed and some to see"


def _list(path: str, value: Any, most: int) -> Problems:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        yield f"{path}: must be a list of 1 to {most}"


def _keys(path: str, value: dict[str, Any], known: set[str]) -> Problems:
    for key in value.keys() - known:
        yield f"{path}: unknown key {key!r}"


class FakeSlack(App):
    """Incoming webhooks at `/services/...`, `/api/chat.postMessage` and `/api/chat.update`.

    `messages` holds what was posted, `shown` what stands there by its ts.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    https://docs.slack.dev/reference/methods/chat.postMessage
    """

    def __init__(
        self, hook: str = "/services/T0/B0/secret", token: str = "xoxb-fake", channel: str = "C0123456"
    ) -> None:
        super().__init__()
        self.hook = hook
        self.token = token
        self.channel = channel
        self.messages: list[dict[str, Any]] = []
        self.shown: dict[str, dict[str, Any]] = {}

    def reply(self, request: Request) -> Reply:
        if request.method != "POST":
            return Reply(405, "method_not_allowed")
        if request.path in ("/api/chat.postMessage", "/api/chat.update"):
            return self._api(request)
        return self._webhook(request) if request.path == self.hook else Reply(404, "no_service")

    def _webhook(self, request: Request) -> Reply:
        try:
            payload = request.json()
        except ValueError:
            return Reply(400, "invalid_payload")
        wrong = problems(payload)
        if wrong:
            return Reply(400, _code(wrong))
        self.messages.append(payload)
        return Reply(200, "ok", {"content-type": "text/html"})

    def _api(self, request: Request) -> Reply:
        authorization = request.headers.get("authorization")
        if authorization != f"Bearer {self.token}":
            return _failed("invalid_auth" if authorization else "not_authed")
        try:
            payload = request.json()
        except ValueError:
            return _failed("invalid_json")
        if payload.get("channel") != self.channel:
            return _failed("channel_not_found")
        updates = request.path == "/api/chat.update"
        known = payload.get("ts" if updates else "thread_ts")
        if (updates or known is not None) and known not in self.shown:
            return _failed("message_not_found" if updates else "thread_not_found")
        wrong = problems({key: value for key, value in payload.items() if key != "ts" or not updates})
        if wrong:
            return _failed(_code(wrong), {"messages": [f"[ERROR] {each}" for each in wrong]})
        if updates:
            ts = str(known)
        else:
            self.messages.append(payload)
            ts = f"1405895017.{len(self.messages):06}"
        self.shown[ts] = payload
        return Reply(200, {"ok": True, "channel": self.channel, "ts": ts, "message": payload})


def rate_limited(seconds: int) -> Reply:
    """https://docs.slack.dev/apis/web-api/rate-limits"""
    return Reply(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(seconds)})


def _failed(code: str, metadata: dict[str, Any] | None = None) -> Reply:
    return Reply(200, {"ok": False, "error": code, **({"response_metadata": metadata} if metadata else {})})


def _code(wrong: list[str]) -> str:
    """The code that Slack would answer with, for the first problem found."""
    known = re.match(r"no_text|too_many_attachments|msg_blocks_too_long", wrong[0])
    if known:
        return known[0]
    return "invalid_blocks" if "blocks" in wrong[0] else "invalid_payload"
