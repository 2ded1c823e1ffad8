"""A message as its reader sees it: what Slack and Discord make of a body. In: a rendered body; out: HTML.

Every text is escaped, whatever it says; colours are attributes of SVG, so that a strict Content-Security-Policy allows
them; nothing is loaded. What these do not know is shown as its JSON rather than left out.

https://docs.slack.dev/reference/block-kit/blocks
https://discord.com/developers/docs/resources/message#embed-object
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from bridge.render.marks import anchor, markdown, mrkdwn, slack_plain
from bridge.render.slots import to_moment

NAME = "Drawbridge"

_AVATAR = Markup(
    '<svg class="avatar" viewBox="0 0 36 36" aria-hidden="true"><rect width="36" height="36" fill="#3d4a63"/>'
    '<path d="M7 29V11h2v3h2v-3h2v18zM23 29V11h2v3h2v-3h2v18z" fill="#fff"/>'
    '<path d="M13 24h10v2H13zM13.5 23 22 15" fill="#fff" stroke="#fff" stroke-width="1.5"/></svg>'
)


def slack(body: dict[str, Any], sent: datetime | None = None) -> Markup:
    """The payload of a Slack message. Where it has blocks, its text is what a notification shows."""
    blocks = _entries(body.get("blocks"))
    parts = [_slack_block(block) for block in blocks]
    if not blocks and body.get("text"):
        parts.append(Markup('<div class="section">{}</div>').format(mrkdwn(str(body["text"]))))
    parts += [_slack_attachment(attachment) for attachment in _entries(body.get("attachments"))]
    made = _message("slack", body.get("username"), f"{sent:%H:%M}" if sent else "", parts)
    return made + _notification(slack_plain(str(body["text"])) if blocks and body.get("text") else None)


def discord(body: dict[str, Any], sent: datetime | None = None) -> Markup:
    """The payload of a Discord webhook."""
    parts = []
    if body.get("content"):
        parts.append(Markup('<div class="content">{}</div>').format(markdown(str(body["content"]))))
    parts += [_embed(embed) for embed in _entries(body.get("embeds"))]
    for row in _entries(body.get("components")):
        buttons = [_button(each, escape(str(each.get("label", "")))) for each in _entries(row.get("components"))]
        parts.append(Markup('<div class="actions">{}</div>').format(Markup("").join(buttons)))
    return _message("discord", body.get("username"), f"{sent:%d/%m/%Y %H:%M}" if sent else "", parts)


def other(body: Any) -> Markup:
    """A body that is text or JSON."""
    return Markup('<pre class="body">{}</pre>').format(body if isinstance(body, str) else _json(body))


def _message(kind: str, name: Any, at: str, parts: list[Markup]) -> Markup:
    return Markup(
        '<article class="message {kind}">{avatar}<div class="inside"><div class="from"><b>{name}</b> '
        '<span class="app">APP</span> <span class="at">{at}</span></div>{parts}</div></article>'
    ).format(kind=kind, avatar=_AVATAR, name=name or NAME, at=at, parts=Markup("").join(parts))


def _notification(text: Markup | None) -> Markup:
    return Markup('<p class="notification">A notification says: {}</p>').format(text) if text else Markup("")


def _button(button: dict[str, Any], label: Markup) -> Markup:
    inner = Markup('<span class="button">{}</span>').format(label)
    return anchor(str(button["url"]), inner) if button.get("url") else inner


def _picture(alt: Any, url: Any) -> Markup:
    """A frame in a picture's place, with its text and where it is: what is on the page is never fetched."""
    said = str(alt or "").strip() or "no text for those who do not see it"
    return Markup(
        '<div class="picture" role="img" aria-label="Picture: {said}"><span aria-hidden="true">🖼 {said}</span>'
        "<small>{url}</small></div>"
    ).format(said=said, url=url or "")


def _bar(color: Any) -> Markup:
    """The stripe beside an attachment or an embed. Its colour says nothing that the words do not say."""
    hexed = f"#{color:06x}" if isinstance(color, int) else str(color or "")
    fill = hexed if re.fullmatch(r"#?[0-9a-fA-F]{6}", hexed) else "#8d8d8d"
    return Markup('<svg class="bar" aria-hidden="true"><rect width="100%" height="100%" fill="#{}"/></svg>').format(
        fill.lstrip("#")
    )


def _entries(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


# ------------------------------------------------------------------------------------------------------ Slack


def _slack_text(text: Any) -> Markup:
    """A text object, or what older attachments have in its place."""
    if isinstance(text, dict):
        write = mrkdwn if text.get("type") == "mrkdwn" else slack_plain
        return write(str(text.get("text", "")))
    return mrkdwn(str(text or ""))


def _slack_block(block: dict[str, Any]) -> Markup:
    match block.get("type"):
        case "header":
            return Markup('<div class="header">{}</div>').format(_slack_text(block.get("text")))
        case "divider":
            return Markup("<hr>")
        case "section":
            return _section(block)
        case "context":
            texts = [Markup("<span>{}</span>").format(_slack_element(each)) for each in _entries(block.get("elements"))]
            return Markup('<div class="context">{}</div>').format(Markup(" ").join(texts))
        case "image":
            return _picture(block.get("alt_text"), block.get("image_url"))
        case "actions":
            buttons = [_slack_element(each) for each in _entries(block.get("elements"))]
            return Markup('<div class="actions">{}</div>').format(Markup(" ").join(buttons))
    return other(block)


def _section(block: dict[str, Any]) -> Markup:
    parts = [Markup("<div>{}</div>").format(_slack_text(block["text"]))] if block.get("text") else []
    fields = [Markup("<div>{}</div>").format(_slack_text(field)) for field in _entries(block.get("fields"))]
    if fields:
        parts.append(Markup('<div class="pairs">{}</div>').format(Markup("").join(fields)))
    if isinstance(block.get("accessory"), dict):
        parts.append(_slack_element(block["accessory"]))
    return Markup('<div class="section">{}</div>').format(Markup("").join(parts))


def _slack_element(element: dict[str, Any]) -> Markup:
    match element.get("type"):
        case "mrkdwn" | "plain_text":
            return _slack_text(element)
        case "button":
            return _button(element, _slack_text(element.get("text")))
        case "image":
            return _picture(element.get("alt_text"), element.get("image_url"))
    return other(element)


def _slack_attachment(attachment: dict[str, Any]) -> Markup:
    """https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments"""
    parts = [_slack_block(block) for block in _entries(attachment.get("blocks"))]
    if not parts:
        parts = list(_older(attachment))
    for key in ("image_url", "thumb_url"):
        if attachment.get(key):
            parts.append(_picture(attachment.get("fallback"), attachment[key]))
    before = attachment.get("pretext")
    return Markup('{}<div class="attachment">{}<div>{}</div></div>').format(
        Markup('<div class="section">{}</div>').format(mrkdwn(str(before))) if before else Markup(""),
        _bar(attachment.get("color")),
        Markup("").join(parts),
    )


def _older(attachment: dict[str, Any]) -> Iterator[Markup]:
    """The parts of an attachment without blocks."""
    if attachment.get("author_name"):
        yield Markup('<div class="context">{}</div>').format(slack_plain(str(attachment["author_name"])))
    if attachment.get("title"):
        title = Markup("<b>{}</b>").format(slack_plain(str(attachment["title"])))
        yield Markup('<div class="section">{}</div>').format(anchor(str(attachment.get("title_link", "")), title))
    if attachment.get("text"):
        yield Markup('<div class="section">{}</div>').format(mrkdwn(str(attachment["text"])))
    pairs = [
        Markup("<div><b>{}</b>\n{}</div>").format(field.get("title", ""), mrkdwn(str(field.get("value", ""))))
        for field in _entries(attachment.get("fields"))
    ]
    if pairs:
        yield Markup('<div class="section"><div class="pairs">{}</div></div>').format(Markup("").join(pairs))
    if attachment.get("footer"):
        yield Markup('<div class="context">{}</div>').format(slack_plain(str(attachment["footer"])))


# ---------------------------------------------------------------------------------------------------- Discord


def _embed(embed: dict[str, Any]) -> Markup:
    parts = []
    author = embed.get("author") or {}
    if author.get("name"):
        name = anchor(str(author.get("url", "")), escape(str(author["name"])))
        parts.append(Markup('<div class="author">{}</div>').format(name))
    if embed.get("title"):
        title = anchor(str(embed.get("url", "")), markdown(str(embed["title"])))
        parts.append(Markup('<div class="title">{}</div>').format(title))
    if embed.get("description"):
        parts.append(Markup('<div class="description">{}</div>').format(markdown(str(embed["description"]))))
    fields = [_field(field) for field in _entries(embed.get("fields"))]
    if fields:
        parts.append(Markup('<dl class="fields">{}</dl>').format(Markup("").join(fields)))
    pictures = [embed[key] for key in ("image", "thumbnail") if isinstance(embed.get(key), dict)]
    parts += [_picture(picture.get("description"), picture.get("url")) for picture in pictures]
    parts.append(_footer(embed))
    return Markup('<div class="embed">{}<div>{}</div></div>').format(_bar(embed.get("color")), Markup("").join(parts))


def _field(field: dict[str, Any]) -> Markup:
    return Markup('<div class="{}"><dt>{}</dt><dd>{}</dd></div>').format(
        "inline" if field.get("inline") else "whole",
        markdown(str(field.get("name", ""))),
        markdown(str(field.get("value", ""))),
    )


def _footer(embed: dict[str, Any]) -> Markup:
    """Discord sets the time behind the footer's text, with a bullet between them."""
    text = (embed.get("footer") or {}).get("text")
    at = to_moment(embed.get("timestamp"))
    shown = [escape(str(text))] if text else []
    if at:
        shown.append(Markup('<time datetime="{}">{}</time>').format(at.isoformat(), f"{at:%d/%m/%Y %H:%M}"))
    return Markup('<div class="footer">{}</div>').format(Markup(" • ").join(shown)) if shown else Markup("")
