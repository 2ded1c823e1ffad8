"""Discord's message: which leaf is which slot, and how to fit it to what Discord takes.

In: a filled tree; out: a webhook's payload.

Limits: https://discord.com/developers/docs/resources/webhook#execute-webhook and
https://discord.com/developers/docs/resources/message#embed-object-embed-limits. Discord trims white space before it
counts; the unit is not documented, so UTF-16 code units are counted, which are never fewer.
"""

import re
from typing import Any

from bridge.errors import RenderError
from bridge.render import cutting
from bridge.render.files import File, Partials
from bridge.render.slots import MARKDOWN, TEXT, URL, Slot, clean_url, plain, to_moment
from bridge.render.templates import Template, compile_template, mappings
from bridge.render.view import View
from bridge.render.words import unsaid

CONTENT = 2_000
MOST_EMBEDS = 10
TITLE = 256
DESCRIPTION = 4_096
MOST_FIELDS = 25
FIELD_NAME = 256
FIELD_VALUE = 1_024
FOOTER = 2_048
AUTHOR = 256
EMBEDS_TOGETHER = 6_000
COLOR = 0xFFFFFF
USERNAME = 80
MOST_ROWS = 5
MOST_BUTTONS = 5
BUTTON_LABEL = 80
BUTTON_URL = 512

_URL_KEYS = frozenset({"url", "icon_url", "avatar_url"})
_PLAIN_KEYS = frozenset({"username", "label", "timestamp", "type", "thread_name"})
_RESERVED_NAMES = re.compile("clyde|discord", re.IGNORECASE)
_MENTION = re.compile(r"<@(?P<role>&)?!?(?P<id>\d{1,20})>|@(?P<all>everyone|here)")
SHORT = 100
"""Texts up to this length are left as they are when all embeds together are too long."""


def compile(name: str, file: File, partials: Partials) -> Template:  # noqa: A001 (each target's module has this one)
    """A file of `templates/discord/` as a template of a webhook's payload."""
    return compile_template(name, file, partials, slot_of)


def slot_of(path: tuple[str, ...], beside: dict[str, str]) -> Slot:  # noqa: ARG001 (each target's module has this one)
    """What a leaf at `path` is to Discord: Markdown, unless it is a URL or a text that is shown as it is."""
    key = path[-1] if path else ""
    if key in _URL_KEYS:
        return URL
    if key in _PLAIN_KEYS or path[-2:] in (("footer", "text"), ("author", "name")):
        return TEXT
    return MARKDOWN


def finish(made: Any, view: View) -> tuple[dict[str, Any], bool]:
    """The payload within Discord's limits, and whether something had to be cut for that.

    Raises RenderError for a tree that is no message, or an empty one.
    """
    payload: dict[str, Any] = dict(made)
    payload.pop("attachments", None)  # builders write an empty list; files cannot be sent from here
    fitting = _Fitting()
    mention = view.mention or ""
    content = payload.pop("content", None)
    content = content.strip() if isinstance(content, str) else ""
    if not view.members:  # a template of one's own may leave out that this is a test, a replay or late
        said = [content, *(str(embed.get("title")) for embed in mappings(payload, "embeds"))]
        content = unsaid(view.result, "\n".join(said), view.late_by) + content
    # What a result says is escaped: a backslash stands before its `<@…>`, and it does not count as the mention.
    if mention and not re.search(rf"(?<!\\){re.escape(mention)}", content):
        content = f"{mention} {content}".strip()
    if content:
        payload["content"] = fitting.text(content, CONTENT, cutting.DISCORD)
    embeds = [embed for embed in map(fitting.embed, mappings(payload, "embeds")) if embed]
    payload.pop("embeds", None)
    _distinct_urls(embeds)
    if embeds:
        payload["embeds"] = fitting.together(fitting.most(embeds, MOST_EMBEDS))
    rows = [row for row in map(fitting.row, mappings(payload, "components")) if row]
    payload.pop("components", None)
    if rows:
        payload["components"] = fitting.most(rows, MOST_ROWS)
    if not content and not embeds:
        raise RenderError("", "", "the message is empty: it needs content or an embed")
    _name(payload, view.username or payload.get("username"))
    payload["allowed_mentions"] = allowed(mention)
    return payload, fitting.cut


def one_line(text: str, view: View) -> dict[str, Any]:
    """The last rung: a message of nothing but this line."""
    content = f"{view.mention or ''} {MARKDOWN.escape(text)}".strip()
    return {
        "content": cutting.cut(content, CONTENT, cutting.DISCORD),
        "allowed_mentions": allowed(view.mention or ""),
    }


def allowed(mention: str) -> dict[str, Any]:
    """`allowed_mentions` that lets through what the route's mention names, and nothing else."""
    found = list(_MENTION.finditer(mention))
    roles = [match["id"] for match in found if match["role"]]
    users = [match["id"] for match in found if match["id"] and not match["role"]]
    made: dict[str, Any] = {"parse": ["everyone"] if any(match["all"] for match in found) else []}
    if roles:
        made["roles"] = list(dict.fromkeys(roles))[:100]
    if users:
        made["users"] = list(dict.fromkeys(users))[:100]
    return made


class _Fitting:
    """Brings one payload within the limits; `cut` says whether anything was lost."""

    def __init__(self) -> None:
        self.cut = False

    def text(self, text: Any, limit: int, atoms: re.Pattern[str]) -> str:
        whole = text.strip() if isinstance(text, str) else "" if text is None else str(text)
        kept = cutting.cut(whole, limit, atoms)
        self.cut = self.cut or kept is not whole
        return kept

    def most(self, entries: list[Any], limit: int) -> list[Any]:
        self.cut = self.cut or len(entries) > limit
        return entries[:limit]

    def embed(self, embed: dict[str, Any]) -> dict[str, Any] | None:
        """The embed within its own limits, or null where it shows nothing."""
        self.keep(embed, "title", TITLE, cutting.DISCORD)
        self.keep(embed, "description", DESCRIPTION, cutting.DISCORD)
        for part, key, limit in (("footer", "text", FOOTER), ("author", "name", AUTHOR)):
            if part in embed:
                inner = embed[part] if isinstance(embed[part], dict) else {}
                self.keep(inner, key, limit, cutting.PLAIN)
                _http_only(inner, "url", "icon_url")
                if key not in inner:
                    del embed[part]
        fields = [field for field in map(self.field, mappings(embed, "fields")) if field]
        embed.pop("fields", None)
        if fields:
            embed["fields"] = self.most(fields, MOST_FIELDS)
        _http_only(embed, "url")
        for part in ("image", "thumbnail"):
            if part in embed and not (isinstance(embed[part], dict) and clean_url(embed[part].get("url"))):
                del embed[part]
        if "color" in embed and not _is_color(embed["color"]):
            del embed["color"]
        if "timestamp" in embed and to_moment(embed["timestamp"]) is None:
            del embed["timestamp"]
        return embed if _shows(embed) else None

    def field(self, field: dict[str, Any]) -> dict[str, Any] | None:
        self.keep(field, "name", FIELD_NAME, cutting.DISCORD)
        self.keep(field, "value", FIELD_VALUE, cutting.DISCORD)
        return field if "name" in field and "value" in field else None

    def keep(self, holder: dict[str, Any], key: str, limit: int, atoms: re.Pattern[str]) -> None:
        """Fit the text at `key`; take it away where it is empty."""
        text = self.text(holder.pop(key, None), limit, atoms)
        if text:
            holder[key] = text

    def together(self, embeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Bring all embeds within their limit: cut the longest texts, then take fields and embeds from the end."""
        places = [place for embed in embeds for place in _places(embed)]
        lengths = [cutting.units(holder[key]) for holder, key, _ in places]
        over = sum(lengths) - EMBEDS_TOGETHER
        if over <= 0:
            return embeds
        self.cut = True
        most = max(SHORT, cutting.level(lengths, EMBEDS_TOGETHER))
        for holder, key, atoms in places:
            holder[key] = cutting.cut(holder[key], most, atoms)
        over = sum(map(weight, embeds)) - EMBEDS_TOGETHER
        while over > 0:
            last = embeds[-1]
            over -= weight({"fields": [last["fields"].pop()]} if last.get("fields") else embeds.pop())
        return [embed for embed in embeds if _shows(embed)]

    def row(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """A row of link buttons; null where none is left."""
        buttons = [button for button in mappings(row, "components") if clean_url(button.get("url"))]
        buttons = [button for button in buttons if cutting.fits(button["url"], BUTTON_URL)]
        for button in buttons:
            button["label"] = self.text(button.get("label") or "open", BUTTON_LABEL, cutting.PLAIN)
        row["components"] = self.most(buttons, MOST_BUTTONS)
        return row if buttons else None


def weight(embed: dict[str, Any]) -> int:
    """What an embed counts towards the limit on all of them."""
    return sum(cutting.units(holder[key]) for holder, key, _ in _places(embed))


def _places(embed: dict[str, Any]) -> list[tuple[dict[str, Any], str, re.Pattern[str]]]:
    """The texts of an embed that count, and how each may be cut."""
    marked, shown = cutting.DISCORD, cutting.PLAIN
    places = [(embed, "title", marked), (embed, "description", marked)]
    places += [(embed.get("footer") or {}, "text", shown), (embed.get("author") or {}, "name", shown)]
    places += [(field, key, marked) for field in embed.get("fields") or () for key in ("name", "value")]
    return [place for place in places if place[1] in place[0]]


def _distinct_urls(embeds: list[dict[str, Any]]) -> None:
    """Of several embeds with one URL Discord shows the first only; the others lose theirs."""
    seen: set[str] = set()
    for embed in embeds:
        if embed.get("url") in seen:
            del embed["url"]
        seen.add(embed.get("url", ""))


def _shows(embed: dict[str, Any]) -> bool:
    return any(embed.get(key) for key in embed.keys() - {"color", "url", "timestamp", "type"})


def _name(payload: dict[str, Any], username: Any) -> None:
    """Set the name to post under, where Discord would take it; else the webhook keeps its own."""
    payload.pop("username", None)
    name = cutting.cut(plain(username).strip(), USERNAME, cutting.PLAIN) if isinstance(username, str) else ""
    if name and not _RESERVED_NAMES.search(name):
        payload["username"] = name


def _http_only(holder: dict[str, Any], *keys: str) -> None:
    for key in keys:
        if key in holder and not clean_url(holder[key]):
            del holder[key]


def _is_color(color: Any) -> bool:
    return isinstance(color, int) and not isinstance(color, bool) and 0 <= color <= COLOR
