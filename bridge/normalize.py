"""An event as it was kept, to results in our words. In: bytes and a vendor; out: one `Result` or more, always.

Nothing a sender wrote raises here, and nothing is lost: a body that cannot be read, an event of an unheard-of type and
a vendor's own mistake each give a result whose outcome is unknown. From here on all text is clean and bounded, and
every link is http(s).
"""

import hashlib
import json
import logging
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import orjson

from bridge import clock
from bridge.model import (
    BAD,
    App,
    Artifact,
    Counts,
    Draft,
    Event,
    Item,
    Kind,
    Link,
    Outcome,
    Result,
    Severity,
    State,
    Vcs,
)
from bridge.vendors import Context, Document, Vendor, VendorOptions
from bridge.vendors.vendor import Evaluate

MAX_TITLE = 300
MAX_TEXT = 4_000
"""Characters of a summary or an item's message."""
MAX_KEY = 500
"""Characters of a subject's and a run's key. PostgreSQL indexes at most 2,704 bytes, and one may be four of them.

https://www.postgresql.org/docs/current/btree.html
"""
MAX_WORD = 1_000
"""Characters of every other text."""
MAX_URL = 2_000
"""A longer link is left out: cut short, it would lead elsewhere."""
MAX_ITEMS = 1_000
MAX_PARTS = 100
"""Labels, links, artifacts, entries of `extra`, steps of an item's path."""
MAX_DEPTH = 200
"""Nesting of a body. Deeper ones are no result of anything, and cannot be written out again."""
AHEAD = timedelta(minutes=5)
"""How far a result's own time may lie after its arrival; a later one would stay the subject's newest for ever."""

UNREADABLE = "unreadable"
"""The type of an event whose body is not a JSON text."""

_log = logging.getLogger(__name__)

# ---------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body that is JSON."""

    value: Any


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A body that is not, and why, for the operator."""

    reason: str


def parse(body: bytes) -> Parsed | Unreadable:
    """Reads a body with patience: what is nearly JSON (NaN, huge numbers, half an emoji) is read as near as can be."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            value = _whole_characters(json.loads(body.decode("utf-8-sig"), **_LENIENT))
        except UnicodeDecodeError:
            return Unreadable("the body is not UTF-8")
        except (ValueError, RecursionError):
            return Unreadable("the body is empty" if not body.strip() else "the body is not JSON")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and not _is_shallow(value):
        return Unreadable(f"the body is nested more than {MAX_DEPTH} deep")
    return Parsed(value)


def _integer(text: str) -> int | float | None:
    return int(text) if len(text) <= 18 else _number(text)


def _number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


_LENIENT: dict[str, Any] = {"parse_int": _integer, "parse_float": _number, "parse_constant": lambda _text: None}
_HALF = re.compile("[\ud800-\udfff]")


def _whole_characters(value: Any) -> Any:
    """The same without lone surrogates, which are no characters and cannot be written as UTF-8."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole_characters(entry) for entry in value]
    if isinstance(value, dict):
        return {_HALF.sub("\ufffd", key): _whole_characters(entry) for key, entry in value.items()}
    return value


def _is_shallow(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            part
            for entry in level
            if isinstance(entry, (dict, list))
            for part in (entry.values() if isinstance(entry, dict) else entry)
        ]
        if not level:
            return True
    return False


# ---------------------------------------------------------------------------------------------- understanding


def normalize(
    event: Event, vendor: Vendor, options: VendorOptions | None = None, evaluate: Evaluate | None = None
) -> list[Result]:
    """What an event says, as one result or more, the first with the event's id. Never raises, never empty.

    `options` are the source's (`vendor.options`). `evaluate(text, values)` evaluates the Jinja that a private vendor's
    paths or an option may hold, over `{"payload": ...}`; without it they give nothing. Items are not capped yet,
    because history compares all of them: see `cap_items`.
    """
    received_at = clock.to_datetime(event.received_at)
    parsed = parse(event.body)
    if isinstance(parsed, Unreadable):
        reason = f"{parsed.reason} ({len(event.body):,} bytes)"
        drafts, payload = [Draft(type=UNREADABLE, title="Unreadable event", reason=reason)], None
    else:
        payload = vendor.decoded(parsed.value)
        if vendor.decode and not _is_shallow(payload):
            payload = parsed.value
        try:
            drafts = _understand(event, vendor, options or vendor.options(), payload, received_at, evaluate)
            return [_complete(draft, event, n, received_at, payload) for n, draft in enumerate(drafts, 1)]
        except Exception as error:
            # A mistake in a vendor's file must not cost an event that somebody is waiting for.
            _log.exception("event %s of source %r could not be understood", event.id, event.source)
            reason = f"could not be understood: {type(error).__name__}"
            drafts = [
                Draft(type=vendor.type_of(Document(payload), event.headers), outcome=Outcome.UNKNOWN, reason=reason)
            ]
    return [_complete(draft, event, n, received_at, payload) for n, draft in enumerate(drafts, 1)]


def _understand(
    event: Event,
    vendor: Vendor,
    options: VendorOptions,
    payload: Any,
    received_at: datetime,
    evaluate: Evaluate | None,
) -> list[Draft]:
    body = Document(payload)
    type_ = vendor.type_of(body, event.headers)
    context = Context(vendor, type_, received_at, event.headers, options, evaluate)
    drafts = list(vendor.understand(body, context)) if vendor.understand else []
    drafts = drafts or [context.read(body)]
    for draft in drafts:
        options.fields.fill(draft, body, context)
    for draft in drafts:
        if not vendor.knows(draft.type):
            draft.kind, draft.state, draft.outcome = Kind.OTHER, State.FINISHED, Outcome.UNKNOWN
            draft.reason = draft.reason or "an event type that this vendor does not document"
    return drafts


# ---------------------------------------------------------------------------------------------- completing


def _complete(draft: Draft, event: Event, number: int, received_at: datetime, payload: Any) -> Result:
    finished = draft.state is State.FINISHED
    outcome = (draft.outcome or Outcome.UNKNOWN) if finished else None
    type_ = _line(draft.type) or "unknown"
    url = _url(draft.url)
    duration = draft.duration_ms
    if duration is None and draft.started_at and draft.finished_at:
        duration = round((draft.finished_at - draft.started_at).total_seconds() * 1000)
    return Result(
        id=event.id if number == 1 else f"{event.id}-{number}",
        source=event.source,
        vendor=event.vendor,
        type=type_,
        time=min(draft.time or received_at, received_at + AHEAD),
        received_at=received_at,
        vendor_id=_line(draft.vendor_id),
        kind=draft.kind,
        state=draft.state,
        outcome=outcome,
        raw_status=_line(draft.raw_status),
        reason=_line(draft.reason),
        severity=draft.severity,
        title=_line(draft.title, MAX_TITLE) or _from_type(type_),
        summary=_text(draft.summary),
        url=url,
        links=_links(draft.links),
        subject_key=_key(draft.subject_key),
        run_id=_key(draft.run_id),
        counts=_counts(draft.counts),
        items=[_item(item) for item in draft.items],
        started_at=draft.started_at,
        finished_at=draft.finished_at,
        duration_ms=duration if duration is not None and duration >= 0 else None,
        vcs=Vcs(_line(draft.vcs.repository), _line(draft.vcs.ref), _line(draft.vcs.commit), _line(draft.vcs.change)),
        app=App(_line(draft.app.id), _line(draft.app.name), _line(draft.app.version), _line(draft.app.platform)),
        environment=_line(draft.environment),
        artifacts=_artifacts(draft.artifacts),
        labels=_named(draft.labels),
        extra=_named(draft.extra),
        payload=payload,
        verification=event.verification,
        attention=outcome in BAD or draft.severity in (Severity.HIGH, Severity.CRITICAL),
        is_test=event.is_test or draft.is_test,
        is_replay=event.is_replay,
    )


def cap_items(result: Result) -> None:
    """Keeps the 1,000 items that matter most, in their order: bad ones first, new ones of them before old ones.

    Called once history has seen all of them; `items_omitted` says how many were left out.
    """
    if len(result.items) > MAX_ITEMS:
        ranked = sorted(result.items, key=lambda item: (item.outcome not in BAD, not item.is_new))
        result.items_omitted = len(ranked) - MAX_ITEMS
        result.items = ranked[:MAX_ITEMS]


def _from_type(type_: str) -> str:
    words = re.sub(r"[\W_]+", " ", type_).strip()
    return (words[:1].upper() + words[1:])[:MAX_TITLE] or "Event"


def _counts(counts: Counts) -> Counts:
    """Without a unit where nothing was counted."""
    counts.unit = _line(counts.unit) if counts.origin else None
    return counts


def _item(item: Item) -> Item:
    item.name = _line(item.name, MAX_TITLE) or "Unnamed"
    item.path = [_line(step, MAX_TITLE) or "Unnamed" for step in item.path[:MAX_PARTS]]
    item.raw_status = _line(item.raw_status)
    item.url = _url(item.url)
    item.message = _text(item.message)
    return item


def _links(links: Iterable[Link]) -> list[Link]:
    kept = ((link, _url(link.url)) for link in links)
    return [Link(_line(link.label) or url, url, link.kind) for link, url in kept if url][:MAX_PARTS]


def _artifacts(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """A sensitive one is never shown as a link, so its address may be of any kind (`gs://`)."""
    kept = ((one, _line(one.url, MAX_URL) if one.sensitive else _url(one.url)) for one in artifacts)
    return [Artifact(one.kind, url, one.sensitive) for one, url in kept if url][:MAX_PARTS]


def _named(values: dict[str, Any]) -> dict[str, Any]:
    clean = {_line(key) or "": _line(value) if isinstance(value, str) else value for key, value in values.items()}
    return {key: clean[key] for key in list(clean)[:MAX_PARTS] if clean[key] is not None}


# ---------------------------------------------------------------------------------------------- text

# Control characters, line separators, the marks that reorder what stands around them, and half characters.
_BREAKS = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_URL = re.compile(r"https?://[^\s/?#\\]+\S*", re.IGNORECASE)
_ODD = "<>\"'|`\\^{}"
_IS_ODD = re.compile(f"[{re.escape(_ODD)}]")
_QUOTED = str.maketrans({mark: f"%{ord(mark):02X}" for mark in _ODD})


def _line(text: str | None, most: int = MAX_WORD) -> str | None:
    """One clean line, or None where nothing is left."""
    if text is None:
        return None
    if not text.isprintable():
        text = _UNWANTED.sub("", _BREAKS.sub(" ", text))
    text = text.strip()
    return (text if len(text) <= most else _cut(text, most)) or None


def _key(text: str | None) -> str | None:
    """One clean line that things are known by. A long one is cut, and what it was still tells it from others."""
    line = _line(text)
    if line is None or len(line) <= MAX_KEY:
        return line
    return f"{line[:MAX_KEY]}…{hashlib.blake2b(str(text).encode(errors='replace'), digest_size=8).hexdigest()}"


def _text(text: str | None) -> str | None:
    """Clean text that may have several lines, or None where nothing is left."""
    if text is None:
        return None
    if not text.isprintable():
        text = _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _cut(text.strip(), MAX_TEXT) or None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _url(text: str | None) -> str | None:
    """An http(s) link, with what could end or disguise a link in a message percent-encoded; None for any other."""
    if text is None:
        return None
    text = text.strip()
    if len(text) > MAX_URL or not text.isprintable() or not _URL.fullmatch(text):
        return None
    return text.translate(_QUOTED) if _IS_ODD.search(text) else text


# ---------------------------------------------------------------------------------------------- as JSON

_STORED = tuple(field.name for field in fields(Result) if field.name != "payload")


def as_json(result: Result) -> dict[str, Any]:
    """A result as plain JSON values: every field, nulls included, but the payload; times in RFC 3339 with `Z`."""
    plain: dict[str, Any] = orjson.loads(
        orjson.dumps({name: getattr(result, name) for name in _STORED}, option=orjson.OPT_UTC_Z)
    )
    return plain
