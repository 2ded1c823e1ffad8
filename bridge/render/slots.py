"""Where a value lands decides how it is made harmless. In: a value's text; out: the same, inert in that place.

A slot is one such place: Slack's mrkdwn, its plain text, Discord's Markdown, a URL, JSON, a form, plain text. Only this
module knows what each of them would obey.

- Slack: https://api.slack.com/reference/surfaces/formatting#escaping (only `&`, `<`, `>` have an escape; a zero-width
  space takes the effect of `*`, `_` and `~`, and a sign that looks like it stands for the backtick)
- Discord: https://discord.com/developers/docs/reference#message-formatting (a backslash before a mark)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import orjson

from bridge.render.private import is_private, redact

ZERO_WIDTH = "\u200b"

LONGEST_URL = 2000
"""Longer links are left out and their label stays: Slack takes 3,000 characters of URL, Discord about 2,000."""

LONGEST_CODE = 2000
"""Characters that `code` shows unless it is told how many."""

_NOISE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the direction of the text around them."""

_LIKE_BACKTICK = "\N{MODIFIER LETTER GRAVE ACCENT}"
_SURROGATES = re.compile("[\ud800-\udfff]")
_NEAT_URL = re.compile(
    r"https?://[A-Za-z0-9.\-:\[\]@_~%!$&'*+,;=]+(?:[/?#][A-Za-z0-9\-._~:/?#@!$&'*+,;=%]*)?", re.IGNORECASE
)
_URL_START = re.compile(r"https?://[^\s/?#\\]", re.IGNORECASE)
_KEPT_IN_URL = "%/:?#[]@!$&'*+,;=~-._"

_SLACK_MARK = re.compile(r"(?<![^\W_])([*_~])|([*_~])(?![^\W_])")
_SLACK_QUOTE = re.compile(r"^(?=&gt;)", re.MULTILINE)
_DISCORD_MARK = re.compile(r"[\\*~|`\[\]<]|(?<![^\W_])_|_(?![^\W_])")
_DISCORD_LINE = re.compile(r"^([ \t]*)(?=[#>+-])|^([ \t]*\d{1,9})(?=[.)])", re.MULTILINE)
_EVERYBODY = re.compile(r"@(?=everyone|here)")


class Safe(str):
    """Text that is already right for its slot. Joined with anything else it is plain text again and will be escaped."""

    __slots__ = ()


@dataclass(frozen=True)
class Slot:
    """One kind of place in a message, and how things are written there.

    `escape` makes any text inert; `link`, `code`, `moment`, `clock`, `bold` (filters) make markup that
    stays. `structures` says whether a leaf may stand for a whole list or mapping.
    """

    name: str
    escape: Callable[[str], str]
    link: Callable[..., str]
    code: Callable[..., str]
    moment: Callable[[Any], str]
    clock: Callable[[Any], str]
    bold: Callable[[Any], str]
    whole: Callable[[str], str | None] = lambda text: text
    """What is done with the leaf's complete text; null takes the leaf away."""
    structures: bool = False

    def __hash__(self) -> int:
        return hash(self.name)

    def value(self, value: Any) -> Any:
        """The value of a leaf that is exactly one `{{ … }}`: text is escaped, other types stay."""
        if isinstance(value, Safe) or value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.escape(value)
        if self.structures:
            return value
        return self.escape(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode())


def plain(text: str) -> str:
    """Text without credentials, lone surrogates (no JSON carries them), terminal controls and turns of direction."""
    text = redact(text)
    if text.isascii() and text.isprintable():
        return text
    return _SURROGATES.sub("\ufffd", _NOISE.sub("", text))


def one_line(text: str) -> str:
    """All white space, line breaks included, as single spaces."""
    return " ".join(text.split())


def clean_url(url: Any) -> str | None:
    """An http or https URL that can stand in any message, or null where this is none (or is too long for one)."""
    if not isinstance(url, str):
        return None
    scheme, colon, rest = url.strip().partition(":")
    url = scheme.lower() + colon + rest  # the scheme has no case, but not every reader of a message knows
    if not _NEAT_URL.fullmatch(url):
        if not _URL_START.match(url):
            return None
        url = quote(plain(url), safe=_KEPT_IN_URL)
    try:
        parts = urlsplit(url)
        if not parts.hostname or parts.port == 0:
            return None
    except ValueError:
        return None
    return url if len(url) <= LONGEST_URL else None


def public_url(url: Any) -> str | None:
    """The same for an address out of a result: null also where it lets in whoever has it."""
    cleaned = clean_url(url)
    return None if cleaned is None or is_private(cleaned) else cleaned


def to_moment(value: Any) -> datetime | None:
    """A time of the result (ISO 8601 text) as a datetime in UTC, or null."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _beginning(value: Any, most: int) -> str:
    text = plain(_text(value)).strip()
    return text if len(text) <= most else text[: max(0, most - 1)].rstrip() + "…"


def _bold(write: Callable[[str], str], escape: Callable[[str], str]) -> Callable[[Any], Safe]:
    def bold(value: Any) -> Safe:
        """`{{ 'NEW'|bold }}`: a text that stands out, where the target can do that."""
        text = escape(one_line(plain(_text(value))))
        return Safe(write(text) if text else "")

    return bold


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _utc_clock(moment: datetime) -> str:
    return moment.strftime("%H:%M UTC")


def _linker(
    escape: Callable[[str], str], write: Callable[[str, str], str], *, clickable: bool = True
) -> Callable[..., Safe]:
    def link(url: Any, label: Any = "", spelled: bool = True) -> Safe:
        """`link(url, label)`: a link, or the label alone where the URL is none that may be followed or shown.
        Where a place knows no links the URL is spelled out, unless `spelled` is false."""
        target = public_url(url) if clickable or spelled else None
        text = one_line(plain(_text(label))) or target or ""
        return Safe(write(target, text) if target else escape(text))

    return link


def _moments(write: Callable[[datetime], str], escape: Callable[[str], str]) -> Callable[[Any], Safe]:
    def moment(value: Any) -> Safe:
        """`{{ result.time|moment }}`: date and time (`clock`: the time only) as its reader's clock shows them, where
        the target can do that."""
        parsed = to_moment(value)
        if parsed is None:
            return Safe(escape(_text(value)))
        # Chats count seconds since 1970; what they make of a time before that nobody says.
        return Safe(write(parsed) if parsed.timestamp() >= 0 else escape(_utc(parsed)))

    return moment


# ------------------------------------------------------------------------------------------------------ Slack


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_plain(text: str) -> str:
    return _entities(plain(text))


def _slack(text: str) -> str:
    text = _entities(plain(text)).replace("`", _LIKE_BACKTICK)  # one would pair with any that comes after it
    text = _SLACK_MARK.sub(rf"\g<0>{ZERO_WIDTH}", text)
    return _SLACK_QUOTE.sub(ZERO_WIDTH, text) if "&gt;" in text else text


def _slack_link(url: str, label: str) -> str:
    return f"<{_entities(url).replace('|', '%7C')}|{_slack(label.replace('|', '¦'))}>"


def _slack_code(value: Any, most: int = LONGEST_CODE) -> Safe:
    """`{{ text|code }}`: one line as inline code, several as a fence."""
    text = _entities(_beginning(value, most))
    if "\n" in text:
        return Safe(f"```\n{_unfenced(text)}\n```")
    return Safe(f"`{text.replace('`', _LIKE_BACKTICK)}`" if text else "")


def _slack_moment(moment: datetime) -> str:
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{_utc(moment)}>"


def _slack_clock(moment: datetime) -> str:
    return f"<!date^{int(moment.timestamp())}^{{time}}|{_utc_clock(moment)}>"


def _unfenced(text: str) -> str:
    return text.replace("`", f"`{ZERO_WIDTH}")


# ---------------------------------------------------------------------------------------------------- Discord


def _discord(text: str) -> str:
    text = _DISCORD_MARK.sub(r"\\\g<0>", plain(text))
    text = _DISCORD_LINE.sub(r"\1\2\\", text)
    return _EVERYBODY.sub(f"@{ZERO_WIDTH}", text) if "@" in text else text


def _discord_link(url: str, label: str) -> str:
    # A label that looks like an address would keep Discord from making the link.
    label = _discord(label).replace("://", f":{ZERO_WIDTH}//")
    return f"[{label}]({url.replace('(', '%28').replace(')', '%29')})"


def _discord_code(value: Any, most: int = LONGEST_CODE) -> Safe:
    """`{{ text|code }}`: one line as inline code, several as a fence."""
    text = _EVERYBODY.sub(f"@{ZERO_WIDTH}", _beginning(value, most))
    if "\n" in text:
        return Safe(f"```\n{_unfenced(text)}\n```")
    return Safe(f"`{text.replace('`', _LIKE_BACKTICK)}`" if text else "")


def _discord_moment(moment: datetime) -> str:
    return f"<t:{int(moment.timestamp())}:f>"


def _discord_clock(moment: datetime) -> str:
    return f"<t:{int(moment.timestamp())}:t>"


# ------------------------------------------------------------------------------------------------- other places


def _no_surrogates(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _json_inside(text: str) -> str:
    return orjson.dumps(_no_surrogates(text)).decode()[1:-1]


def _form(text: str) -> str:
    return quote_plus(_no_surrogates(text))


def _url_part(text: str) -> str:
    """A URL stays one, unless it holds a credential; anything else is one part of a URL."""
    if clean_url(text):
        return public_url(text) or ""
    return quote(_no_surrogates(text), safe="")


def _text_slot(name: str, escape: Callable[[str], str], structures: bool = False) -> Slot:
    """A slot without markup of its own: a link is its label and its URL, code is itself."""
    return Slot(
        name=name,
        escape=escape,
        link=_linker(escape, lambda url, label: escape(label if label == url else f"{label} ({url})"), clickable=False),
        code=lambda value, most=LONGEST_CODE: Safe(escape(_beginning(value, most))),
        moment=_moments(lambda moment: escape(_utc(moment)), escape),
        clock=_moments(lambda moment: escape(_utc_clock(moment)), escape),
        bold=lambda value: Safe(escape(_text(value))),
        structures=structures,
    )


MRKDWN = Slot(
    name="mrkdwn",
    escape=_slack,
    link=_linker(_slack, _slack_link),
    code=_slack_code,
    moment=_moments(_slack_moment, _slack),
    clock=_moments(_slack_clock, _slack),
    bold=_bold(lambda text: f"*{text}*", _slack),
)
SLACK_PLAIN = _text_slot("plain_text", _slack_plain)
MARKDOWN = Slot(
    name="markdown",
    escape=_discord,
    link=_linker(_discord, _discord_link),
    code=_discord_code,
    moment=_moments(_discord_moment, _discord),
    clock=_moments(_discord_clock, _discord),
    bold=_bold(lambda text: f"**{text}**", _discord),
)
TEXT = _text_slot("text", plain)
JSON = _text_slot("json", _no_surrogates, structures=True)
JSON_INSIDE = _text_slot("json text", _json_inside)
FORM = _text_slot("form", _form)
RAW = _text_slot("raw text", _no_surrogates)
DATA = _text_slot("data", lambda text: text, structures=True)
"""No place in a message: conditions and expressions, whose values go on to be checked elsewhere."""
URL = Slot(
    name="url",
    escape=_url_part,
    link=lambda url, label="", spelled=True: Safe(public_url(url) or ""),  # noqa: ARG005 (a label has no place here)
    code=lambda value, most=LONGEST_CODE: Safe(_url_part(_beginning(value, most))),
    moment=lambda value: Safe(_url_part(_text(value))),
    clock=lambda value: Safe(_url_part(_text(value))),
    bold=lambda value: Safe(_url_part(_text(value))),
    whole=clean_url,
)
