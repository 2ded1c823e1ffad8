"""A message as its reader's client takes it apart: who is pinged, which links there are, what is formatted.

Written from the platforms' pages alone, without a look at our renderer, so that the two can disagree.

https://docs.slack.dev/messaging/formatting-message-text
https://discord.com/developers/docs/reference#message-formatting
https://support.discord.com/hc/en-us/articles/210298617
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_SLACK_TOKEN = re.compile(r"<([^<>]*)>")
_SLACK_BOLD = re.compile(r"(?<![\w*\u200b])\*(?![\s\u200b*])([^*\n]*[^*\s\n\u200b])\*(?![\w*])")
_SLACK_FENCE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)

_CODE = re.compile(r"```.*?```|(?<!\\)`[^`\n]+`", re.DOTALL)
_ESCAPE = re.compile(r"\\[^0-9A-Za-z\s]")
_TOKEN = re.compile(r"<(@[!&]?\d+|#\d+|a?:\w+:\d+|t:-?\d+(?::[a-zA-Z])?|/[^<>]+:\d+|id:\w+|https?://[^<>\s]+)>")
_MASKED = re.compile(r"\[([^\[\]\n]*)\]\((\S+?)\)")
_LINE = re.compile(r"^(?:#{1,3} |-# |>{1,3} |\s*[-*+] |\s*\d+[.)] )", re.MULTILINE)
_STYLED = re.compile(r"\*\*(.+?)\*\*|__(.+?)__|~~(.+?)~~|\|\|(.+?)\|\||(?<!\w)\*(\S.*?)\*|(?<!\w)_(\S.*?)_(?!\w)")


@dataclass
class Read:
    """What was found: pings as written, addresses of links, texts that are formatted."""

    pings: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    styled: list[str] = field(default_factory=list)


def slack(payload: dict[str, Any]) -> Read:
    """The message of a webhook or of chat.postMessage. In plain_text only entities count."""
    found = Read()
    shown = [] if payload.get("blocks") else [payload.get("text", "")]
    for text in [*shown, *_mrkdwn([payload.get("blocks"), payload.get("attachments")])]:
        for token in _SLACK_TOKEN.findall(text):
            if token.startswith(("@", "!")) and not token.startswith("!date^"):
                found.pings.append(f"<{token}>")
            elif not token.startswith(("!", "#")):
                found.links.append(_entities(token.partition("|")[0]))
            elif token.startswith("#"):
                found.styled.append(f"<{token}>")
        found.styled += _SLACK_BOLD.findall(_SLACK_TOKEN.sub("L", _SLACK_FENCE.sub("C", text)))
    found.links += _button_urls(payload)
    return found


def _mrkdwn(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield node["text"]
        for key, value in node.items():
            if key in ("text", "pretext") and isinstance(value, str) and "type" not in node:
                yield value
            else:
                yield from _mrkdwn(value)
    elif isinstance(node, list):
        for value in node:
            yield from _mrkdwn(value)


def _entities(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _button_urls(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") in ("button", 2) and "url" in node:
            yield node["url"]
        for value in node.values():
            yield from _button_urls(value)
    elif isinstance(node, list):
        for value in node:
            yield from _button_urls(value)


def discord(payload: dict[str, Any]) -> Read:
    """The message of an executed webhook. Footer, author, buttons and the name are shown as they are written."""
    found = Read()
    embeds = payload.get("embeds", [])
    texts = [payload.get("content", "")]
    for embed in embeds:
        texts += [embed.get("title", ""), embed.get("description", "")]
        texts += [text for each in embed.get("fields", []) for text in (each["name"], each["value"])]
        found.links += [embed["url"]] if "url" in embed else []
    for text in texts:
        _markdown(text, found)
    found.links += _button_urls(payload.get("components"))
    return found


def _markdown(text: str, found: Read) -> None:
    bare = _ESCAPE.sub("\u00b7", _CODE.sub("C", text))
    found.links += [url for _, url in _MASKED.findall(bare)]
    bare = _MASKED.sub(r"\1", bare)
    for token in _TOKEN.findall(bare):
        if token.startswith("@"):
            found.pings.append(f"<{token}>")
        elif token.startswith("http"):
            found.links.append(token)
        elif not token.startswith("t:"):
            found.styled.append(f"<{token}>")
    bare = _TOKEN.sub("T", bare)
    found.pings += re.findall(r"@everyone|@here", bare)
    found.styled += [each for groups in _STYLED.findall(bare) for each in groups if each]
    found.styled += _LINE.findall(bare)
