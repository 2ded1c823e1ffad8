"""Alarms about the bridge itself: what went wrong, for whom, and what to do about it.

In: a fact that a stage or the server came upon; out: an event of the built-in source `bridge`, kept in the very
transaction that found the fact and from there on dispatched, routed, rendered and delivered like any other. Only this
module knows how often an alarm may be raised, and its words.

An alarm is raised at most once an hour for its kind and subject, over all replicas. One about a target never goes to
that target, and what happens to an alarm on its way raises no other. Its texts hold no secret: they quote only names
from the configuration, event ids, and reasons that the log shows too.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from bridge import clock
from bridge.model import Outcome, Result, Severity, Verification
from bridge.normalize import UNREADABLE
from bridge.store import Tx, events, seen
from bridge.vendors.bridge import VENDOR, AlarmKind

SOURCE = "bridge"
"""The source of alarms. No source of the operator's may have its name."""

PAUSE = clock.HOUR
"""How long an alarm of one kind and subject is not raised again."""

NEWS = 90 * clock.DAY
"""How long what is told once (an event's type, a status word) counts as told."""

MOST_SAID = 300
"""Characters of a summary that every layout shows: what to do must be among them, so a long reason is cut."""

MOST_QUOTED = 80
"""Characters of a name or word of somebody else's that an alarm quotes."""

MOST_UNHEARD = 100
"""Alarms that are looked through for those that no route took."""

MOST_WORDS = 3
"""Unknown status words of one result that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing to tell. `subject` is what it is about, as in `target/qa`; `about` names it for routes and templates.

    `once` is for news: what was told under it is not told again for `NEWS`, while the subject's hour keeps a sender
    that makes up names from raising an alarm for each.
    """

    kind: AlarmKind
    subject: str
    title: str
    summary: str
    severity: Severity = Severity.MEDIUM
    about: Mapping[str, str] = field(default_factory=dict)
    once: str | None = None


async def raise_alarm(tx: Tx, alarm: Alarm, now: int) -> bool:
    """Keep an alarm as an event. False, and nothing kept, where it was raised already in the last hour (or `NEWS`)."""
    news = _key(alarm.kind, "once", alarm.once) if alarm.once is not None else None
    if news is not None and await seen.holder(tx, SOURCE, news, now) is not None:
        return False
    event_id = clock.uuid7(now)
    hourly = _key(alarm.kind, "hourly", alarm.subject)
    if not await seen.claim(tx, SOURCE, hourly, event_id, now, now + PAUSE):
        return False
    if news is not None:
        await seen.claim(tx, SOURCE, news, event_id, now, now + NEWS)
    body = {
        "alarm": alarm.kind,
        "subject": alarm.subject,
        "title": alarm.title,
        "summary": alarm.summary,
        "severity": alarm.severity,
        "about": dict(alarm.about),
    }
    proof = Verification(scheme="built-in", verified=True)
    await events.add(tx, event_id, SOURCE, VENDOR.name, orjson.dumps(body), proof, now)
    return True


async def unheard(tx: Tx, now: int) -> list[str]:
    """The alarms of the last day that no route took, newest first, in sentences."""
    found = await events.unrouted(tx, SOURCE, now - clock.DAY, MOST_UNHEARD)
    return [f"{result['received_at']}: {result['title']}. {result['summary']}" for result in found]


def _key(kind: AlarmKind, rule: str, subject: str) -> bytes:
    return hashlib.sha256("\0".join((kind, rule, subject)).encode(errors="replace")).digest()


def is_about(result: Mapping[str, Any], target: str) -> bool:
    """Whether a result (as JSON) is an alarm about that target, which must not go there."""
    return bool(result["source"] == SOURCE and result["labels"].get("target") == target)


# ---------------------------------------------------------------------------------------------- targets and messages


def target_paused(name: str, reason: str) -> Alarm:
    """A target takes nothing any more, for that reason; its queue is kept."""
    return Alarm(
        kind=AlarmKind.TARGET_PAUSED,
        subject=f"target/{name}",
        title=f"Target {name} is paused",
        summary=_said(
            reason,
            "What is owed to it is kept, and one message an hour is tried. Mend it, then: "
            f"drawbridge targets resume {name}",
        ),
        severity=Severity.HIGH,
        about={"target": name},
    )


def target_resumed(name: str) -> Alarm:
    """A paused target took the message that was tried; everything else follows."""
    return Alarm(
        kind=AlarmKind.TARGET_RESUMED,
        subject=f"target/{name}",
        title=f"Target {name} takes messages again",
        summary="The hourly try got through. What was kept meanwhile is on its way; there is nothing to do.",
        severity=Severity.INFO,
        about={"target": name},
    )


def dead_letter(target: str, reason: str, delivery_id: str) -> Alarm:
    """A message died at a target that has no fallback."""
    return Alarm(
        kind=AlarmKind.DEAD_LETTER,
        subject=f"target/{target}",
        title=f"A message to {target} could not be delivered",
        summary=_said(
            reason,
            f"It is not tried again by itself. Once more: drawbridge replay {delivery_id}; "
            f"all of them: drawbridge deliveries --state dead --target {target}",
        ),
        severity=Severity.HIGH,
        about={"target": target},
    )


def template_failed(fall: str) -> Alarm:
    """A template could not be used; `fall` is the renderer's word on it: `template slack/mine: why`."""
    name, _, detail = fall.removeprefix("template ").partition(": ")
    return Alarm(
        kind=AlarmKind.TEMPLATE_FAILED,
        subject=f"template/{name}",
        title=f"Template {name} failed",
        summary=_said(detail, "The message went out in a simpler layout. Mend the template, then: drawbridge check"),
        about={"template": name},
    )


# ---------------------------------------------------------------------------------------------- events and routes


def condition_failed(route: str, error: str, event_id: str) -> Alarm:
    """A route's `when` could not be judged, which counts as a match."""
    return Alarm(
        kind=AlarmKind.CONDITION_FAILED,
        subject=f"route/{route}",
        title=f"The condition of route {_quoted(route)} failed",
        summary=_said(
            error, f"Event {event_id} was sent as if it held. Mend the route's `when`, then: drawbridge check"
        ),
        about={"route": route},
    )


def news_of(result: Result, *, documented: bool) -> Iterable[Alarm]:
    """What a result shows that was perhaps never seen before: its event's type, or its status words.

    `documented` says whether the vendor documents events of that type. Tests are no news.
    """
    if result.is_test:
        return
    if result.type == UNREADABLE:
        yield _unreadable(result)
    elif not documented:
        yield _unknown_event(result)
    elif result.outcome is Outcome.UNKNOWN:
        found = dict.fromkeys(item.raw_status for item in result.items if item.outcome is Outcome.UNKNOWN)
        words = [word for word in found if word] or ([result.raw_status] if result.raw_status else [])
        for word in words[:MOST_WORDS]:
            yield _unknown_word(result, word)


def _unreadable(result: Result) -> Alarm:
    return Alarm(
        kind=AlarmKind.UNKNOWN_EVENT,
        subject=f"source/{result.source}",
        once=f"{result.source}/{UNREADABLE}",
        title=f"{result.source} sent a body that cannot be read",
        summary=_said(
            result.reason or "",
            f"It was kept and routed with an unknown outcome. Look at it: drawbridge events {result.id}",
        ),
        about={"source": result.source},
    )


def _unknown_event(result: Result) -> Alarm:
    return Alarm(
        kind=AlarmKind.UNKNOWN_EVENT,
        subject=f"source/{result.source}",
        once=f"{result.source}/{result.type}",
        title=f"{result.source} sent an event that its vendor does not document",
        summary=f"Its type is {_quoted(result.type)}. It was kept and routed with an unknown outcome. Look at it: "
        f"drawbridge events {result.id}",
        about={"source": result.source},
    )


def _unknown_word(result: Result, word: str) -> Alarm:
    return Alarm(
        kind=AlarmKind.UNKNOWN_WORD,
        subject=f"source/{result.source}",
        once=f"{result.source}/{word}",
        title=f"{result.source} uses a status word that Drawbridge does not know",
        summary=f"The word is {_quoted(word)}, so the outcome of event {result.id} is unknown. Say what it means under "
        f"sources.{result.source}.options.outcomes",
        about={"source": result.source},
    )


def source_silent(name: str, since: int, span: int) -> Alarm:
    """Nothing came since that moment (µs), though something was expected in every `span`."""
    return Alarm(
        kind=AlarmKind.SOURCE_SILENT,
        subject=f"source/{name}",
        title=f"Nothing comes from {name}",
        summary=f"Since {clock.to_iso(since)} there was no hook, and one is expected every {span / clock.HOUR:.3g} h. "
        f"Does the sender still run, and still know the URL? See: drawbridge doctor {name}",
        severity=Severity.HIGH,
        about={"source": name},
    )


def source_refused(name: str, count: int, what: str) -> Alarm:
    """Of what came in the last hour all was refused, at least so many; `what` is the doctor's word on the last one."""
    return Alarm(
        kind=AlarmKind.SOURCE_REFUSED,
        subject=f"source/{name}",
        title=f"Everything that {name} sends is refused",
        summary=_said(what, f"At least {count} hooks in an hour, and none was let in. See: drawbridge doctor {name}"),
        severity=Severity.HIGH,
        about={"source": name},
    )


# ---------------------------------------------------------------------------------------------- the configuration


def config_refused(problems: Iterable[str]) -> Alarm:
    """The changed file cannot be used, and the old one stays in place."""
    listed = list(problems)
    more = f", and {len(listed) - 1} more" if len(listed) > 1 else ""
    return Alarm(
        kind=AlarmKind.CONFIG_REFUSED,
        subject="config",
        title="The changed configuration cannot be used",
        summary=_said(listed[0], f"The old one stays in place. This problem{more}: drawbridge check"),
        severity=Severity.HIGH,
    )


def _said(reason: str, then: str) -> str:
    """A reason, cut so that what to do then is within what every layout shows."""
    said = _cut(reason.strip(), MOST_SAID - len(then) - 2) or "no reason was given"
    return f"{said}{'' if said[-1] in '.!?…' else '.'} {then}"


def _quoted(text: str) -> str:
    return f"“{_cut(text, MOST_QUOTED)}”"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
