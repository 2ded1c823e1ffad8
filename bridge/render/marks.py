"""The marks within a text, as Slack and Discord read them. In: a text of a message; out: HTML of how it looks there.

For pictures of messages only (`preview`); what goes out is written in `slots`. Whatever is no mark is escaped, and a
link is one only where it leads to http or https.

https://docs.slack.dev/messaging/formatting-message-text
https://discord.com/developers/docs/reference#message-formatting
https://support.discord.com/hc/en-us/articles/210298617
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from markupsafe import Markup, escape

from bridge.render.slots import ZERO_WIDTH, clean_url

Inner: TypeAlias = Callable[[str], Markup]
Writer: TypeAlias = Callable[[re.Match[str], Inner], Markup]

DEEPEST = 10
"""Marks within marks that are followed. Further ones are shown as they are written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def anchor(url: str, label: Markup) -> Markup:
    """A link, or the label alone where the address is none that a message may lead to."""
    target = clean_url(url)
    if target is None:
        return label
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>').format(target, label)


def moment(seconds: str, written: str, fallback: str = "") -> Markup:
    """A time as `written` with it (a `str.format` over a datetime `at`), or the fallback where it is none."""
    try:
        at = _EPOCH + timedelta(seconds=int(seconds))
        text = written.format(at=at)
    except (ValueError, OverflowError):
        return escape(fallback or seconds)
    note = f"{at:%Y-%m-%d %H:%M} UTC; each reader sees it in their own time zone"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", note, text)


def _read(
    text: str, first: re.Pattern[str], within: re.Pattern[str], writers: Mapping[str, Writer], plain: Inner
) -> Markup:
    """`text` with each mark that `first` finds written by the writer of its group; inside of it, those of `within`."""

    def level(text: str, pattern: re.Pattern[str], depth: int) -> Markup:
        if depth > DEEPEST:
            return plain(text)
        parts = []
        place = 0
        for match in pattern.finditer(text):
            parts.append(plain(text[place : match.start()]))
            parts.append(writers[match.lastgroup or ""](match, lambda inner: level(inner, within, depth + 1)))
            place = match.end()
        parts.append(plain(text[place:]))
        return Markup("").join(parts)

    return level(text, first, 0)


def _wrap(element: str) -> Writer:
    """What stands between the marks, in that element."""
    start, end = Markup(f"<{element}>"), Markup(f"</{element.split()[0]}>")  # noqa: S704 (constants below)
    return lambda match, inner: start + inner(_content(match)) + end


def _content(match: re.Match[str]) -> str:
    """What a group holds inside of the one that it is named by."""
    return str(match[match.re.groupindex[match.lastgroup or ""] + 1] or "")


# ------------------------------------------------------------------------------------------------------ Slack

_SLACK_EMOJI = {
    "+1": "👍",
    "boom": "💥",
    "bug": "🐛",
    "eyes": "👀",
    "fire": "🔥",
    "heavy_check_mark": "✔️",
    "information_source": "ℹ️",  # noqa: RUF001 (the emoji of that name)
    "large_green_circle": "🟢",
    "red_circle": "🔴",
    "rocket": "🚀",
    "rotating_light": "🚨",
    "tada": "🎉",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "x": "❌",
}
"""The names that templates of builds use; others stay as they are written."""

_SLACK_DATES = {
    "date_num": "{at:%Y-%m-%d}",
    "date": "{at:%B} {at.day}, {at.year}",
    "date_short": "{at:%b} {at.day}, {at.year}",
    "date_long": "{at:%A, %B} {at.day}, {at.year}",
    "time": "{at:%H:%M}",
    "time_secs": "{at:%H:%M:%S}",
}


def _slack_span(mark: str) -> str:
    """A span between two marks: no white space and no zero-width space just inside, no letter just outside."""
    return rf"(?<![\w{ZERO_WIDTH}])[{mark}](?![\s{ZERO_WIDTH}])([^{mark}\n]*[^{mark}\s{ZERO_WIDTH}])[{mark}](?!\w)"


_SLACK_INLINE = (
    r"(?P<fence>```\n?(.+?)\n?```)|(?P<code>`([^`\n]+)`)|(?P<token><([^<>\n]+)>)|(?P<emoji>:([a-z0-9_+\-]{1,40}):)"
    rf"|(?P<bold>{_slack_span('*')})"
    rf"|(?P<italic>{_slack_span('_')})|(?P<strike>{_slack_span('~')})"
)
_SLACK = re.compile(_SLACK_INLINE, re.DOTALL)
_SLACK_LINES = re.compile(rf"(?P<quote>^(?:&gt;|>) ?([^\n]*)(?:\n|\Z))|{_SLACK_INLINE}", re.DOTALL | re.MULTILINE)


def mrkdwn(text: str) -> Markup:
    """A text of type `mrkdwn` as Slack shows it, in UTC."""
    return _read(text, _SLACK_LINES, _SLACK, _SLACK_WRITERS, slack_plain)


def slack_plain(text: str) -> Markup:
    """A text of type `plain_text`: only its entities are read."""
    return escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _slack_token(match: re.Match[str], inner: Inner) -> Markup:
    what, _, label = _content(match).partition("|")
    if what.startswith("!date^"):
        seconds, _, rest = what.removeprefix("!date^").partition("^")
        return moment(seconds, _slack_date(rest.partition("^")[0]), label)
    if what.startswith(("@", "!", "#")):
        sign = "#" if what.startswith("#") else "@"
        name = label.lstrip("@#") or what[1:].removeprefix("subteam^")
        return _mention(sign, slack_plain(name))
    url = str(slack_plain(what).unescape())
    return anchor(url, inner(label) if label else slack_plain(what))


def _slack_date(form: str) -> str:
    """Slack's `{date_short_pretty} {time}` as a Python format over `at`. Today is no day of a preview."""
    parts = re.split(r"\{(\w+)\}", form)
    known = [_SLACK_DATES.get(part.removesuffix("_pretty")) for part in parts[1::2]]
    texts = [part.replace("{", "").replace("}", "") for part in parts[0::2]]
    return texts[0] + "".join(f"{date or ''}{text}" for date, text in zip(known, texts[1:], strict=True))


def _slack_emoji(match: re.Match[str], _inner: Inner) -> Markup:
    return escape(_SLACK_EMOJI.get(_content(match), match[0]))


def _mention(sign: str, name: Markup) -> Markup:
    return Markup('<span class="mention">{}{}</span>').format(sign, name)


_SLACK_WRITERS: Mapping[str, Writer] = {
    "fence": lambda match, _: Markup("<pre>{}</pre>").format(slack_plain(_content(match))),
    "code": lambda match, _: Markup("<code>{}</code>").format(slack_plain(_content(match))),
    "token": _slack_token,
    "emoji": _slack_emoji,
    "bold": _wrap("strong"),
    "italic": _wrap("em"),
    "strike": _wrap("s"),
    "quote": _wrap("blockquote"),
}

# ---------------------------------------------------------------------------------------------------- Discord

_DISCORD_MOMENTS = {
    "t": "{at:%H:%M}",
    "T": "{at:%H:%M:%S}",
    "d": "{at:%d/%m/%Y}",
    "D": "{at.day} {at:%B %Y}",
    "f": "{at.day} {at:%B %Y %H:%M}",
    "F": "{at:%A}, {at.day} {at:%B %Y %H:%M}",
}

_ATOMS = r"((?:\\.|[^\\])+?)"
"""Anything up to the next mark; what a backslash stands before is none."""

_DISCORD_INLINE = (
    r"(?P<fence>```(?:[A-Za-z0-9_+\-]+(?=\n))?\n?(.+?)\n?```)|(?P<code>`([^`\n]+)`)|(?P<escape>\\([^0-9A-Za-z\s]))"
    r"|(?P<token><(@[!&]?\d+|#\d+|a?:\w+:\d+|t:-?\d+(?::[a-zA-Z])?|https?://[^<>\s]+)>)"
    r"|(?P<link>\[((?:\\.|[^\[\]\n\\])+)\]\((\S+?)\))|(?P<url>(https?://[^\s<>]*[^\s<>.,:;\"')\]]))"
    r"|(?P<everybody>@(everyone|here)\b)"
    rf"|(?P<bold>\*\*{_ATOMS}\*\*)|(?P<under>__{_ATOMS}__)|(?P<strike>~~{_ATOMS}~~)|(?P<spoiler>\|\|{_ATOMS}\|\|)"
    r"|(?P<italic>\*(?![\s*])((?:\\.|[^*\\])+?)\*)|(?P<slanted>(?<!\w)_((?:\\.|[^_\\])+?)_(?!\w))"
)
_DISCORD = re.compile(_DISCORD_INLINE, re.DOTALL)
_DISCORD_LINES = re.compile(
    r"(?P<heading>^#{1,3} ([^\n]+)(?:\n|\Z))|(?P<small>^-# ([^\n]+)(?:\n|\Z))|(?P<quote>^> ([^\n]*)(?:\n|\Z))"
    rf"|(?P<bullet>^ *[-*] ([^\n]+)(?:\n|\Z))|{_DISCORD_INLINE}",
    re.DOTALL | re.MULTILINE,
)


def markdown(text: str) -> Markup:
    """A text as Discord shows it, in UTC."""
    return _read(text, _DISCORD_LINES, _DISCORD, _DISCORD_WRITERS, escape)


def _discord_token(match: re.Match[str], _inner: Inner) -> Markup:
    what = _content(match)
    if what.startswith("t:"):
        _, seconds, form = f"{what}:f".split(":")[:3]
        return moment(seconds, _DISCORD_MOMENTS.get(form, _DISCORD_MOMENTS["f"]), match[0])
    if what.startswith("http"):
        return anchor(what, escape(what))
    if what.startswith(("@", "#")):
        kind = "role " if what.startswith("@&") else ""
        return _mention(what[0], escape(kind + what.lstrip("@!&#")))
    return escape(f":{what.split(':')[1]}:")


def _discord_link(match: re.Match[str], inner: Inner) -> Markup:
    url = match[match.re.groupindex["link"] + 2]
    return anchor(url, inner(_content(match))) if clean_url(url) else escape(match[0])


_DISCORD_WRITERS: Mapping[str, Writer] = {
    "fence": lambda match, _: Markup("<pre>{}</pre>").format(_content(match)),
    "code": lambda match, _: Markup("<code>{}</code>").format(_content(match)),
    "escape": lambda match, _: escape(_content(match)),
    "token": _discord_token,
    "link": _discord_link,
    "url": lambda match, _: anchor(_content(match), escape(_content(match))),
    "everybody": lambda match, _: _mention("@", escape(_content(match))),
    "bold": _wrap("strong"),
    "under": _wrap("u"),
    "strike": _wrap("s"),
    "spoiler": _wrap('span class="spoiler"'),
    "italic": _wrap("em"),
    "slanted": _wrap("em"),
    "heading": _wrap('div class="heading"'),
    "small": _wrap("small"),
    "quote": _wrap("blockquote"),
    "bullet": _wrap('div class="bullet"'),
}
