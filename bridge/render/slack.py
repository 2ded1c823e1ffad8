"""Slack's message: which leaf is which slot, and how to fit it to what Slack takes. In: a filled tree; out: a payload.

Limits: https://api.slack.com/reference/block-kit/blocks, https://api.slack.com/reference/block-kit/composition-objects,
https://api.slack.com/reference/messaging/attachments. The limit on all blocks together is not documented: senders
report `msg_blocks_too_long` from about 13,200 characters of JSON (slackapi/bolt-js issue 2509).
"""

from collections.abc import Iterator
from typing import Any

import orjson

from bridge.render import cutting
from bridge.render.digest import title
from bridge.render.files import File, Partials
from bridge.render.slots import MRKDWN, SLACK_PLAIN, URL, Slot, clean_url, plain
from bridge.render.templates import Template, compile_template, mappings
from bridge.render.view import View
from bridge.render.words import unsaid

MOST_BLOCKS = 50
MOST_BLOCK_BYTES = 12_000
MOST_ATTACHMENTS = 20
MOST_FIELDS = 10
MOST_CONTEXT = 10
MOST_ACTIONS = 25
TEXT = 4_000
SECTION = 3_000
FIELD = 2_000
HEADER = 150
BUTTON = 75
ALT_TEXT = 2_000
VALUE = 2_000
ID = 255
FOOTER = 300

_URL_KEYS = frozenset(
    {"url", "image_url", "thumb_url", "title_link", "author_link", "author_icon", "footer_icon", "icon_url", "from_url"}
)
_PLAIN_KEYS = frozenset({"alt_text", "value", "block_id", "action_id", "color", "type", "style", "username"})
_ROOM_FOR_NOTICE = 200
"""Bytes kept free of MOST_BLOCK_BYTES for saying what was left out."""

_TRIES = 4
"""Characters differ in bytes, so a share of a text is only about that share of its bytes."""

SHORT = 200
"""Texts up to this length are left as they are when all blocks together are too long."""


def compile(name: str, file: File, partials: Partials) -> Template:  # noqa: A001 (each target's module has this one)
    """A file of `templates/slack/` as a template of a chat message's payload."""
    return compile_template(name, file, partials, slot_of)


def slot_of(path: tuple[str, ...], beside: dict[str, str]) -> Slot:
    """What a leaf at `path` is to Slack; `beside` holds the text written next to it (`type: mrkdwn`)."""
    key = path[-1] if path else ""
    if key in _URL_KEYS:
        return URL
    if key in _PLAIN_KEYS or (key == "text" and beside.get("type") == "plain_text"):
        return SLACK_PLAIN
    return MRKDWN


def finish(made: Any, view: View) -> tuple[dict[str, Any], bool]:
    """The payload within Slack's limits, and whether something had to be cut for that.

    Raises RenderError for a tree that is no message.
    """
    payload = {key: value for key, value in made.items() if value not in ([], {})}
    fitting = _Fitting()
    room = len(view.mention or "") + 1
    text = payload.get("text")
    if not isinstance(text, str) or not text.strip():
        text = MRKDWN.escape(title(view))
    text = _marked(payload, text, view)
    payload["text"] = fitting.text(text, TEXT - room, cutting.SLACK)
    if "attachments" in payload:
        payload["attachments"] = fitting.most(mappings(payload, "attachments"), MOST_ATTACHMENTS)
    for attachment in mappings(payload, "attachments"):
        fitting.attachment(attachment)
    if "blocks" in payload:
        payload["blocks"] = fitting.blocks(mappings(payload, "blocks"))
    stacks = [payload, *mappings(payload, "attachments")]
    most = MOST_BLOCKS - 1 if view.mention else MOST_BLOCKS  # the mention may need one of its own
    fitting.whole(stacks, most, MOST_BLOCK_BYTES - _ROOM_FOR_NOTICE - room)
    _prune(payload)
    if view.mention:
        _mention(payload, view.mention)
    if view.username:
        payload["username"] = plain(view.username)[:80]
    payload["unfurl_links"] = payload["unfurl_media"] = False
    return payload, fitting.cut


def _marked(payload: dict[str, Any], text: str, view: View) -> str:
    """The text, with the marks before it that a template of one's own leaves out; blocks get them too."""
    if view.members:
        return text
    blocks = mappings(payload, "blocks")
    missing = unsaid(view.result, "\n".join(each["text"] for each in _texts(blocks)), view.late_by)
    if blocks and missing:
        shown = {"type": "mrkdwn", "text": missing.removesuffix(" · ")}
        payload["blocks"] = [{"type": "context", "elements": [shown]}, *blocks]
    return unsaid(view.result, text, view.late_by) + text


def one_line(text: str, view: View) -> dict[str, Any]:
    """The last rung: a message of nothing but this line."""
    line = cutting.cut(MRKDWN.escape(text), TEXT - len(view.mention or "") - 1, cutting.SLACK)
    return {"text": f"{line} {view.mention or ''}".strip(), "unfurl_links": False, "unfurl_media": False}


class _Fitting:
    """Brings one payload within the limits; `cut` says whether anything was lost."""

    def __init__(self) -> None:
        self.cut = False

    def text(self, text: str, limit: int, atoms: Any) -> str:
        kept: str = cutting.cut(text, limit, atoms)
        self.cut = self.cut or kept is not text
        return kept

    def most(self, entries: list[Any], limit: int) -> list[Any]:
        self.cut = self.cut or len(entries) > limit
        return entries[:limit]

    def attachment(self, attachment: dict[str, Any]) -> None:
        if "blocks" in attachment:
            attachment["blocks"] = self.blocks(mappings(attachment, "blocks"))
        for key in ("text", "pretext", "fallback", "title", "author_name", "footer"):
            if isinstance(attachment.get(key), str):
                attachment[key] = self.text(attachment[key], FOOTER if key == "footer" else SECTION, cutting.SLACK)

    def blocks(self, blocks: list[Any]) -> list[dict[str, Any]]:
        return [fitted for block in blocks if (fitted := self.block(block))]

    def block(self, block: dict[str, Any]) -> dict[str, Any] | None:
        """The block within its own limits, or null where nothing of it is left to show."""
        _short_ids(block)
        kind = block.get("type")
        if kind == "section":
            return self.section(block)
        if kind == "header":
            return block if self.object(block, "text", HEADER) else None
        if kind in ("context", "actions"):
            found = [self.element(element) for element in mappings(block, "elements")]
            elements = [element for element in found if element]
            block["elements"] = self.most(elements, MOST_CONTEXT if kind == "context" else MOST_ACTIONS)
            return block if elements else None
        return self.element(block) if kind == "image" else block

    def section(self, block: dict[str, Any]) -> dict[str, Any] | None:
        fields = [self.text_object(field, FIELD) for field in mappings(block, "fields")]
        shown = self.most([field for field in fields if field], MOST_FIELDS)
        block.pop("fields", None)
        if shown:
            block["fields"] = shown
        if isinstance(block.get("accessory"), dict) and not self.element(block["accessory"]):
            del block["accessory"]
        return block if self.object(block, "text", SECTION) or shown else None

    def element(self, element: Any) -> dict[str, Any] | None:
        """A button, an image or a text inside a block."""
        if not isinstance(element, dict):
            return None
        _short_ids(element)
        if element.get("type") == "image":
            element["alt_text"] = self.text(str(element.get("alt_text") or "image"), ALT_TEXT, cutting.PLAIN_SLACK)
            self.object(element, "title", ALT_TEXT)
            return element if clean_url(element.get("image_url")) or "slack_file" in element else None
        if element.get("type") != "button":
            return self.text_object(element, SECTION) if "text" in element else element
        if len(str(element.get("value") or "")) > VALUE:
            del element["value"]
        return element if self.object(element, "text", BUTTON) else None

    def object(self, holder: dict[str, Any], key: str, limit: int) -> bool:
        """Fit the text object at `key`; take it away where it is empty, and say whether it is there."""
        kept = self.text_object(holder.get(key), limit)
        if kept is None:
            holder.pop(key, None)
        return kept is not None

    def text_object(self, text: Any, limit: int) -> dict[str, Any] | None:
        if isinstance(text, dict) and type(text.get("text")) in (int, float):  # a leaf of one `{{ … }}` keeps its type
            text["text"] = str(text["text"])
        if not isinstance(text, dict) or not isinstance(text.get("text"), str) or not text["text"].strip():
            return None
        atoms = cutting.PLAIN_SLACK if text.get("type") == "plain_text" else cutting.SLACK
        text["text"] = self.text(text["text"], limit, atoms)
        return text

    def whole(self, stacks: list[dict[str, Any]], most: int, limit: int) -> None:
        """Bring all blocks together within `most` and `limit` bytes; the last one says how many are missing."""
        self.shorten(stacks, limit)
        total = sum(len(stack.get("blocks") or ()) for stack in stacks)
        left_out = total - most + 1 if total > most else 0
        _leave_out(stacks, left_out)
        while _weight(stacks) > limit:
            _leave_out(stacks, 1)
            left_out += 1
        if left_out:
            self.cut = True
            notice = f"… {left_out} more {'part' if left_out == 1 else 'parts'} left out"
            last = next((stack for stack in reversed(stacks) if stack.get("blocks")), stacks[0])
            last.setdefault("blocks", []).append({"type": "context", "elements": [{"type": "mrkdwn", "text": notice}]})

    def shorten(self, stacks: list[dict[str, Any]], limit: int) -> None:
        """Shorten the longest texts until all blocks are within `limit` bytes, or no text is long."""
        for _ in range(_TRIES):
            weight = _weight(stacks)
            if weight <= limit:
                return
            self.cut = True
            found = list(_texts(stacks))
            lengths = [len(orjson.dumps(text["text"])) for text in found]
            most = cutting.level(lengths, limit - weight + sum(lengths))
            for text, length in zip(found, lengths, strict=True):
                if length > most:
                    units = cutting.units(text["text"])
                    atoms = cutting.PLAIN_SLACK if text.get("type") == "plain_text" else cutting.SLACK
                    text["text"] = cutting.cut(text["text"], max(SHORT, units * most // length - 3), atoms)


def _leave_out(stacks: list[dict[str, Any]], number: int) -> None:
    """Take that many blocks away from the end."""
    for stack in reversed(stacks):
        blocks = stack.get("blocks") or []
        gone = min(number, len(blocks))
        del blocks[len(blocks) - gone :]
        number -= gone


def _prune(payload: dict[str, Any]) -> None:
    """Take away what is left without content."""
    for stack in [payload, *mappings(payload, "attachments")]:
        if not stack.get("blocks"):
            stack.pop("blocks", None)
    shown = [each for each in mappings(payload, "attachments") if each.keys() - {"color", "fallback"}]
    payload.pop("attachments", None)
    if shown:
        payload["attachments"] = shown


def _mention(payload: dict[str, Any], mention: str) -> None:
    """Put the mention where it really pings: into the text, unless blocks take the text's place."""
    blocks = payload.get("blocks")
    if not blocks:
        if mention not in payload["text"]:
            payload["text"] = f"{payload['text']} {mention}"
    elif mention not in _written(blocks):
        first = next((block for block in blocks if block.get("type") == "section" and "text" in block), None)
        text = first["text"] if first else {}
        if text.get("type") == "mrkdwn" and cutting.fits(text["text"], SECTION - len(mention) - 1):
            text["text"] = f"{text['text']} {mention}"
        else:
            section = {"type": "section", "text": {"type": "mrkdwn", "text": mention}}
            payload["blocks"] = [section, *blocks]


def _written(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(text["text"] for text in _texts(blocks) if text.get("type") == "mrkdwn")


def _weight(stacks: list[dict[str, Any]]) -> int:
    return sum(len(orjson.dumps(stack["blocks"])) for stack in stacks if stack.get("blocks"))


def _texts(node: Any) -> Iterator[dict[str, Any]]:
    """All text objects below blocks, whatever the blocks' types."""
    if isinstance(node, list):
        for entry in node:
            yield from _texts(entry)
    elif isinstance(node, dict):
        if isinstance(node.get("text"), str) and "type" in node:
            yield node
        for key in ("blocks", "text", "fields", "elements", "accessory", "title"):
            if isinstance(node.get(key), dict | list):
                yield from _texts(node[key])


def _short_ids(block: dict[str, Any]) -> None:
    for key in ("block_id", "action_id"):
        if len(str(block.get(key) or "")) > ID:
            del block[key]
