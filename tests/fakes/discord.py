"""Discord as its documentation describes it: an oracle of what it refuses, and an app that answers as it does.

Written from Discord's pages alone, without a look at our renderer, so that the two can disagree. Lengths are counted in
UTF-16 units, the strictest reading of a unit that Discord does not document.

https://discord.com/developers/docs/resources/webhook#execute-webhook
https://discord.com/developers/docs/resources/message#embed-object-embed-limits
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.fakes.asgi import App, Reply, Request

MESSAGE_KEYS = {
    "content",
    "username",
    "avatar_url",
    "tts",
    "embeds",
    "allowed_mentions",
    "components",
    "flags",
    "thread_name",
    "applied_tags",
}
EMBED_KEYS = {
    "title",
    "type",
    "description",
    "url",
    "timestamp",
    "color",
    "footer",
    "image",
    "thumbnail",
    "author",
    "fields",
}
MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_EMBED_SUM = 6000
MAX_FIELDS = 25
MAX_BUTTONS = 5
MAX_ROWS = 5

Problems = Iterator[str]


def problems(payload: Any) -> list[str]:
    """What Discord would not take, or would ping by surprise, in this body of an executed webhook."""
    try:
        payload = json.loads(json.dumps(payload, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        return [f"50109 not JSON: {error}"]
    if not isinstance(payload, dict):
        return ["50109 not an object"]
    return list(_message(payload))


def units(text: str) -> int:
    """Length in UTF-16 units after the trimming that Discord does before it counts."""
    return len(text.strip().encode("utf-16-le")) // 2


def _message(payload: dict[str, Any]) -> Problems:
    yield from _keys("message", payload, MESSAGE_KEYS)
    content = payload.get("content", "")
    if not isinstance(content, str):
        yield "content: not text"
    elif units(content) > MAX_CONTENT:
        yield f"content: {units(content)} of {MAX_CONTENT}"
    elif not content.strip() and not payload.get("embeds") and not payload.get("components"):
        yield "50006 empty message"
    if "username" in payload:
        yield from _username(payload["username"])
    if not isinstance(payload.get("tts", False), bool):
        yield "tts: not a boolean"
    yield from _mentions(payload.get("allowed_mentions"))
    yield from _embeds(payload.get("embeds", []))
    yield from _components(payload.get("components", []))


def _username(name: Any) -> Problems:
    yield from _text("username", name, 80)
    if isinstance(name, str) and re.search("clyde|discord", name, re.IGNORECASE):
        yield "username: may not contain 'clyde' or 'discord'"


def _mentions(allowed: Any) -> Problems:
    """https://discord.com/developers/docs/resources/message#allowed-mentions-object"""
    if not isinstance(allowed, dict) or not isinstance(allowed.get("parse"), list):
        yield "allowed_mentions: without a parse list, everything in the text pings"
        return
    yield from _keys("allowed_mentions", allowed, {"parse", "roles", "users", "replied_user"})
    for kind in allowed["parse"]:
        if kind not in ("roles", "users", "everyone"):
            yield f"allowed_mentions.parse: unknown {kind!r}"
        elif allowed.get(kind):
            yield f"allowed_mentions: parse has {kind} and so has the list of ids"
    for kind in ("roles", "users"):
        ids = allowed.get(kind, [])
        if not isinstance(ids, list) or len(ids) > 100 or not all(re.fullmatch(r"\d+", str(each)) for each in ids):
            yield f"allowed_mentions.{kind}: must be at most 100 ids"


def _embeds(embeds: Any) -> Problems:
    if not isinstance(embeds, list) or len(embeds) > MAX_EMBEDS:
        yield f"embeds: must be a list of at most {MAX_EMBEDS}"
        return
    for number, embed in enumerate(embeds):
        yield from _embed(f"embeds[{number}]", embed)
    total = sum(units(text) for embed in embeds if isinstance(embed, dict) for text in _counted(embed))
    if total > MAX_EMBED_SUM:
        yield f"embeds: {total} of {MAX_EMBED_SUM} over all embeds"
    urls = [embed["url"] for embed in embeds if isinstance(embed, dict) and embed.get("url")]
    if len(urls) != len(set(urls)):
        yield "embeds: of embeds with one url only the first is shown"


def _counted(embed: dict[str, Any]) -> Iterator[str]:
    found = [embed.get("title"), embed.get("description")]
    found += [embed[part].get(key) for part, key in (("footer", "text"), ("author", "name")) if _is_object(embed, part)]
    for each in embed.get("fields") or []:
        found += [each.get("name"), each.get("value")] if isinstance(each, dict) else []
    return (text for text in found if isinstance(text, str))


def _is_object(embed: dict[str, Any], part: str) -> bool:
    return isinstance(embed.get(part), dict)


def _embed(path: str, embed: Any) -> Problems:
    if not isinstance(embed, dict):
        yield f"{path}: not an object"
        return
    yield from _keys(path, embed, EMBED_KEYS)
    if not any(embed.get(key) for key in ("title", "description", "fields", "author", "footer", "image", "thumbnail")):
        yield f"{path}: an embed with nothing to show"
    for key, most in (("title", 256), ("description", 4096)):
        if key in embed:
            yield from _text(f"{path}.{key}", embed[key], most)
    if "url" in embed:
        yield from _url(f"{path}.url", embed["url"])
    if "timestamp" in embed:
        yield from _timestamp(f"{path}.timestamp", embed["timestamp"])
    color = embed.get("color", 0)
    if type(color) is not int or not 0 <= color <= 0xFFFFFF:
        yield f"{path}.color: {color!r}"
    yield from _part(f"{path}.footer", embed.get("footer"), "text", 2048, ("icon_url",))
    yield from _part(f"{path}.author", embed.get("author"), "name", 256, ("url", "icon_url"))
    for key in ("image", "thumbnail"):
        if key in embed:
            yield from _url(f"{path}.{key}.url", (embed[key] or {}).get("url"))
    yield from _fields(f"{path}.fields", embed.get("fields", []))


def _part(path: str, part: Any, key: str, most: int, urls: tuple[str, ...]) -> Problems:
    if part is None:
        return
    if not isinstance(part, dict):
        yield f"{path}: not an object"
        return
    yield from _keys(path, part, {key, *urls})
    yield from _text(f"{path}.{key}", part.get(key), most)
    for each in urls:
        if each in part:
            yield from _url(f"{path}.{each}", part[each])


def _fields(path: str, fields: Any) -> Problems:
    if not isinstance(fields, list) or len(fields) > MAX_FIELDS:
        yield f"{path}: must be a list of at most {MAX_FIELDS}"
        return
    for number, each in enumerate(fields):
        if not isinstance(each, dict):
            yield f"{path}[{number}]: not an object"
            continue
        yield from _keys(f"{path}[{number}]", each, {"name", "value", "inline"})
        yield from _text(f"{path}[{number}].name", each.get("name"), 256)
        yield from _text(f"{path}[{number}].value", each.get("value"), 1024)
        if not isinstance(each.get("inline", False), bool):
            yield f"{path}[{number}].inline: not a boolean"


def _components(rows: Any) -> Problems:
    """Link buttons in action rows, which are all that a plain webhook may send."""
    if not isinstance(rows, list) or len(rows) > MAX_ROWS:
        yield f"components: must be a list of at most {MAX_ROWS}"
        return
    for number, row in enumerate(rows):
        path = f"components[{number}]"
        buttons = row.get("components") if isinstance(row, dict) and row.get("type") == 1 else None
        if not isinstance(buttons, list) or not 1 <= len(buttons) <= MAX_BUTTONS:
            yield f"{path}: must be an action row of 1 to {MAX_BUTTONS} buttons"
            continue
        for place, button in enumerate(buttons):
            yield from _button(f"{path}.components[{place}]", button)


def _button(path: str, button: Any) -> Problems:
    if not isinstance(button, dict) or button.get("type") != 2 or button.get("style") != 5:
        yield f"{path}: not a link button"
        return
    yield from _keys(path, button, {"type", "style", "label", "emoji", "url", "disabled"})
    yield from _text(f"{path}.label", button.get("label"), 80)
    yield from _url(f"{path}.url", button.get("url"), 512)


def _timestamp(path: str, value: Any) -> Problems:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        yield f"{path}: not ISO 8601: {value!r}"


def _url(path: str, value: Any, most: int = 2048) -> Problems:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/?#]+\S*", value) or units(value) > most:
        yield f"{path}: must be an http(s) address of at most {most}"


def _text(path: str, value: Any, most: int) -> Problems:
    if not isinstance(value, str):
        yield f"{path}: not text"
    elif not 1 <= units(value) <= most:
        yield f"{path}: {units(value)} of 1 to {most}"


def _keys(path: str, value: dict[str, Any], known: set[str]) -> Problems:
    for key in value.keys() - known:
        yield f"{path}: unknown key {key!r}"


@dataclass
class Bucket:
    """So many posts in so many seconds, counted from the first one, as Discord's headers describe it."""

    limit: int
    seconds: float
    used: int = 0
    until: float = 0.0

    def take(self, now: float) -> bool:
        """True where one more post fits; it is counted then."""
        if now >= self.until:
            self.used, self.until = 0, now + self.seconds
        self.used += self.used < self.limit + 1
        return self.used <= self.limit


class FakeDiscord(App):
    """One webhook at `/api/webhooks/{id}/{token}`, its messages at `.../messages/{id}`.

    `messages` holds what was posted, `shown` what stands there by its id.

    With `strict_pace` it holds the limits seen in practice: 5 in 2 seconds and 30 in a minute, by `clock` (seconds).

    https://discord.com/developers/docs/resources/webhook#execute-webhook
    https://discord.com/developers/docs/topics/rate-limits
    """

    PATH = re.compile(r"/api(?:/v\d+)?/webhooks/(\d+)/([\w-]+)(?:/messages/(\d+))?")

    def __init__(self, strict_pace: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.webhook = "223704706495545344"
        self.token = "secret"
        self.hook = f"/api/webhooks/{self.webhook}/{self.token}"
        self.messages: list[dict[str, Any]] = []
        self.shown: dict[str, dict[str, Any]] = {}
        self._buckets = [Bucket(5, 2.0), Bucket(30, 60.0)] if strict_pace else []
        self._clock = clock

    def reply(self, request: Request) -> Reply:
        match = self.PATH.fullmatch(request.path)
        if not re.match(r"DiscordBot \(\S+, \S+\)", request.headers.get("user-agent", "")):
            return Reply(403, "<html>error code: 1010</html>", {"content-type": "text/html"})
        if not match or match[1] != self.webhook:
            return refused(404, 10015, "Unknown Webhook")
        if match[2] != self.token:
            return refused(401, 50027, "Invalid Webhook Token")
        now = self._clock()
        full = [bucket for bucket in self._buckets if not bucket.take(now)]
        if full:
            return rate_limited(max(bucket.until for bucket in full) - now)
        if match[3]:
            return self._edit(request, match[3], now)
        return self._execute(request, now)

    def _edit(self, request: Request, message_id: str, now: float) -> Reply:
        if request.method != "PATCH":
            return refused(405, 0, "405: Method Not Allowed")
        if message_id not in self.shown:
            return refused(404, 10008, "Unknown Message")
        payload = request.json()
        wrong = problems(payload)
        if "username" in payload or wrong:
            errors = {"_errors": [{"code": "BASE_TYPE", "message": each} for each in wrong]}
            return refused(400, 50035, "Invalid Form Body", errors)
        self.shown[message_id] |= payload
        return Reply(200, {"id": message_id, "type": 0, **self.shown[message_id]}, self._headers(now))

    def _execute(self, request: Request, now: float) -> Reply:
        try:
            payload = request.json()
        except ValueError:
            return refused(400, 50109, "The request body contains invalid JSON.")
        wrong = problems(payload)
        if wrong:
            errors = {"_errors": [{"code": "BASE_TYPE", "message": each} for each in wrong]}
            return refused(400, 50006 if wrong[0].startswith("50006") else 50035, "Invalid Form Body", errors)
        self.messages.append(payload)
        if request.query.get("wait") != "true":
            return Reply(204, b"", self._headers(now))
        message = {"id": str(1_100_000_000_000_000_000 + len(self.messages)), "type": 0, **payload}
        self.shown[message["id"]] = dict(payload)
        return Reply(200, message, self._headers(now))

    def _headers(self, now: float) -> dict[str, str]:
        """The headers describe the first bucket only; nothing announces the one per minute."""
        if not self._buckets:
            return {}
        bucket = self._buckets[0]
        return {
            "X-RateLimit-Limit": str(bucket.limit),
            "X-RateLimit-Remaining": str(bucket.limit - bucket.used),
            "X-RateLimit-Reset-After": f"{bucket.until - now:.3f}",
            "X-RateLimit-Bucket": "abcd1234",
        }


def rate_limited(seconds: float) -> Reply:
    """https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit"""
    body = {"message": "You are being rate limited.", "retry_after": round(seconds, 3), "global": False}
    return Reply(429, body, {"Retry-After": str(int(seconds) + 1), "X-RateLimit-Scope": "user"})


def refused(status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> Reply:
    """https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"""
    return Reply(status, {"message": message, "code": code, **({"errors": errors} if errors else {})})
