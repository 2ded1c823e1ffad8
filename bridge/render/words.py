"""The voice: how a result is put into words. In: a result as JSON; out: plain text and short lists, not yet escaped.

Everything here is a filter in templates (`{{ result|headline }}`), so a template of one's own can say it the same way.
Nothing here knows a target; an icon never stands without its word.
"""

import re
from collections.abc import Callable
from typing import Any

from bridge.model import BAD, Outcome
from bridge.render import phrases
from bridge.render.phrases import ago, cut, grouped, ordinal, plural, short_sha
from bridge.render.private import redact
from bridge.render.slots import one_line, public_url

GREEN, RED, AMBER, GREY, BLUE = "#2EB67D", "#E01E5A", "#ECB22E", "#8D99A6", "#36C5F0"

_LOOKS = {
    "passed": ("✅", "PASSED", GREEN),
    "failed": ("❌", "FAILED", RED),
    "error": ("💥", "ERROR", AMBER),
    "timed_out": ("⏰", "TIMED OUT", AMBER),
    "cancelled": ("🚫", "CANCELLED", GREY),
    "skipped": ("⏭️", "SKIPPED", GREY),
    "unknown": ("❓", "UNKNOWN", GREY),
    "queued": ("⏳", "QUEUED", BLUE),
    "running": ("▶️", "RUNNING", BLUE),
}
_WENT_WELL = {
    "deployment": "SUCCEEDED",
    "session": "SUCCEEDED",
    "code": "SUCCEEDED",
    "security": "OK",
    "system": "OK",
    "other": "SUCCEEDED",
}
"""What "passed" is called where nothing was tested."""

_SEVERITY_LOOKS = {
    "critical": ("🔴", "CRITICAL", RED),
    "high": ("🟠", "HIGH", AMBER),
    "medium": ("🟡", "MEDIUM", AMBER),
    "low": ("🔵", "LOW", BLUE),
}
_NEUTRAL_LOOK = ("\N{INFORMATION SOURCE}\ufe0f", "", BLUE)
_BAD = frozenset(outcome.value for outcome in BAD)
_AFTER_BAD = frozenset({"still_failing", "failures_changed"})
_COUNTED = ("passed", "failed", "error", "skipped", "cancelled", "flaky")
_COUNT_WORDS = {"error": "errors"}
_OPEN = {"test_run": "open run", "evaluation": "open evaluation", "session": "open session"}
_OPEN |= {"deployment": "open deployment"}
_SHOWN_ARTIFACTS = ("report", "video", "image", "log")
MOST_LINKS = 3
SHORT_SUMMARY = 80
"""Characters of a summary that a message of one line has room for."""
_WORD = re.compile(r"\w+")
_UNDER = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


def headline(result: dict[str, Any], most: int = 120, late: Any = None) -> str:
    """One line: marks, icon, title, verdict with its numbers. `❌ My App (android) — FAILED: 1 of 3 groups`.

    The title is cut to `most` characters, so that the verdict after it is never what a limit takes away.
    """
    icon, _, _ = _look(result)
    title = cut(result.get("title"), most) or cut(result.get("type"), most) or "(no title)"
    if is_alarm(result):
        title = f"Drawbridge: {title}"
    said = verdict(result)
    line = f"{icon} {title} — {said}" if said else f"{icon} {title}"
    return " · ".join([*marks(result, late), line])


def is_alarm(result: dict[str, Any]) -> bool:
    """Whether Drawbridge itself raised it."""
    return result.get("source") == "bridge" and result.get("kind") == "system"


def marks(result: dict[str, Any], late: Any = None) -> list[str]:
    """What must be seen before anything else, so that nobody takes it for news of this minute."""
    words = (("TEST", result.get("is_test")), ("REPLAY", result.get("is_replay")), ("LATE", late))
    return [word for word, on in words if on]


def unsaid(result: dict[str, Any], shown: str, late: Any = None) -> str:
    """The marks that a message of one's own design does not show, as `TEST · `; empty where it shows them all."""
    return "".join(f"{mark} · " for mark in marks(result, late) if f"{mark} · " not in shown)


def verdict(result: dict[str, Any]) -> str:
    """The verdict word, what it follows on, and the numbers; empty where there is nothing to judge."""
    history, outcome = result.get("history") or {}, _outcome(result)
    transition = history.get("transition")
    if outcome == "unknown" and result.get("raw_status"):
        return f"UNKNOWN status “{cut(result['raw_status'], 40)}”"
    numbers = _numbers(result)
    if outcome == "neutral":
        return ": ".join(part for part in (_neutral(result), numbers) if part)
    word = _LOOKS[outcome][1]
    if transition == "fixed":
        word = f"FIXED{_after(result)}"
    elif transition in _AFTER_BAD:
        said = f"STILL FAILING{_for(result)}" if transition == "still_failing" else f"DIFFERENT {_failing(result)}"
        nth = f" ({ordinal(history['streak'])} {run(result)})" if history.get("streak") else ""
        word = f"{'' if outcome == 'failed' else f'{word}, '}{said}{nth}"
    elif outcome == "passed":
        word = _WENT_WELL.get(result.get("kind") or "", word)
    return f"{word}: {numbers}" if numbers else word


def _for(result: dict[str, Any]) -> str:
    """` for 3 h`, where that is known: a span is read the same in every time zone and place, also in a notification
    and in the title of an embed, where neither target puts a time into its reader's own."""
    span = ago((result.get("history") or {}).get("failing_since"), result.get("time"))
    return f" for {span}" if span and span != "0 s" else ""


def _failing(result: dict[str, Any]) -> str:
    """`TESTS FAILING`, `JOBS FAILING`: by what is counted, unless that is a group of what fails."""
    if result.get("kind") != "test_run":
        return "FAILURES"
    unit = (result.get("counts") or {}).get("unit")
    return f"{cut(unit, 20).upper() if unit and unit not in ('group', 'run') else 'TEST'}S FAILING"


def _neutral(result: dict[str, Any]) -> str:
    """What happened, where it is neither good nor bad: the vendor's word (of `build.queued` the last),
    unless the title has it, and the severity."""
    _, dot, last = str(result.get("type") or "").rpartition(".")
    happened = str(result.get("raw_status") or (last if dot else ""))
    happened = cut(happened.replace("_", " "), 40).upper()
    known = set(_words_of(happened).split()) <= set(_words_of(result.get("title")).split())
    word = "" if known or is_alarm(result) else happened
    severity = f"{severe[1]} severity" if (severe := _SEVERITY_LOOKS.get(result.get("severity") or "")) else ""
    return ", ".join(part for part in (word, severity) if part)


def icon(result: dict[str, Any]) -> str:
    """The mark of the result's verdict. It never stands without the word (`verdict`)."""
    return _look(result)[0]


def color(result: dict[str, Any]) -> str:
    """The result's colour as `#RRGGBB`. It says the same as the verdict word, never more."""
    return _look(result)[2]


def color_number(result: dict[str, Any]) -> int:
    """The same colour as the integer that Discord wants."""
    return int(color(result)[1:], 16)


def change(result: dict[str, Any]) -> str:
    """What changed since the subject's last verdict, in one line; empty where nothing is known or worth a line.

    Since when something has been failing is not in it: that is a time, for the reader's clock (see `ongoing`).
    """
    history = result.get("history") or {}
    transition = history.get("transition")
    if history.get("late"):
        return "Arrived late: a newer result is already known, so this one changes nothing"
    if transition == "broke" and history.get("previous"):
        before = history.get("previous_streak") or 1
        times = plural(before, run(result)) if before > 1 else run(result)
        return f"Broke: {f'passing for the {times} before' if _runs(result) else f'it went well the {times} before'}"
    # An alert is first heard of when it fires: that there was nothing before says nothing.
    if transition == "broke" and result.get("subject_key") and result.get("kind") not in ("system", "other"):
        return "First result seen, so there is nothing to compare it with"
    if transition in _AFTER_BAD:
        newly, fixed = len(history.get("newly_failing") or ()), len(history.get("fixed") or ())
        said = (plural(newly, "new failure") if newly else "", f"{fixed} fixed" if fixed else "")
        return ", ".join(part for part in said if part)
    if transition == "fixed" and history.get("fixed"):
        return "Fixed: " + _names(history["fixed"])
    return ""


def ongoing(result: dict[str, Any]) -> bool:
    """Whether it failed before and still does; then `history.failing_since` is worth saying."""
    return (result.get("history") or {}).get("transition") in _AFTER_BAD


def brief(result: dict[str, Any]) -> bool:
    """Whether one line says it all: a pass that is nothing new, something still going on, a ping."""
    outcome = _outcome(result)
    transition = (result.get("history") or {}).get("transition") or "none"
    if outcome in _BAD or (result.get("attention") and not result.get("is_test")):
        return False
    if result.get("is_test") and result.get("kind") == "other":
        return True
    if outcome == "passed":
        return transition in ("first", "still_passing", "none")
    return outcome in ("queued", "running") or not (_says_more(result) or result.get("reason") or outcome == "unknown")


def _says_more(result: dict[str, Any]) -> bool:
    """Whether the summary does not fit behind the headline: of news a short line does."""
    lines = summary_lines(result)
    return bool(lines) and (result.get("kind") != "other" or len(lines) > 1 or len(lines[0]) > SHORT_SUMMARY)


def failing(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The items that failed, newly failing ones first."""
    bad = [item for item in result.get("items") or () if isinstance(item, dict) and item.get("outcome") in _BAD]
    return sorted(bad, key=lambda item: not item.get("is_new"))


def more_failing(result: dict[str, Any], shown: int) -> int:
    """How many failing items a list of `shown` leaves out, those included that were dropped at intake."""
    items = result.get("items") or ()
    bad = len(failing(result))
    dropped = (result.get("items_omitted") or 0) if bad == len(items) else 0
    return max(0, bad - shown) + dropped


def run(result: dict[str, Any]) -> str:
    """What one more result of the same subject is called."""
    return "run" if _runs(result) else "time"


def _runs(result: dict[str, Any]) -> bool:
    return result.get("kind") in ("test_run", "evaluation", "session")


def odd_words(result: dict[str, Any]) -> list[str]:
    """The status words of the items that nobody understood, each once."""
    found = (item.get("raw_status") for item in _entries(result, "items") if item.get("outcome") == "unknown")
    return list(dict.fromkeys(cut(word, 40) for word in found if word))


def flaky(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The items that passed only after a retry."""
    return [item for item in _entries(result, "items") if item.get("flaky") and item.get("outcome") not in _BAD]


def label(item: dict[str, Any]) -> str:
    """An item's whole name in one line, its path before it."""
    parts = [*(item.get("path") or ()), item.get("name")]
    return _UNDER.join(line for part in parts if (line := one_line(str(part or "")))) or "(no name)"


def standing(item: dict[str, Any], result: dict[str, Any]) -> str:
    """Whether an item is newly failing (`NEW`) or still failing (`still`); empty where that goes for all alike."""
    bad = failing(result)
    if all(bool(each.get("is_new")) == bool(bad[0].get("is_new")) for each in bad):
        return ""
    if item.get("is_new"):
        return "NEW"
    return "still" if (item.get("streak") or 0) > 1 else ""


def summary_lines(result: dict[str, Any], most: int = 300) -> list[str]:
    """The vendor's summary in at most five lines of `most` characters together; none where the title says it all."""
    summary = result.get("summary")
    if not isinstance(summary, str) or _is_said(summary, result):
        return []
    lines = [line for each in summary.splitlines() if (line := one_line(each))]
    shown: list[str] = []
    for line in lines[:5]:
        room = most - sum(map(len, shown))
        if room > 0:
            shown.append(cut(line, room))
    return [*shown[:-1], shown[-1].removesuffix("…") + "…"] if len(shown) < len(lines) else shown


def where(result: dict[str, Any]) -> list[str]:
    """Where it ran: repository, branch, short commit, change, app, platform, version, environment.

    What the title says already is not said again; but of a run, branch and change always are.
    """
    vcs, app = result.get("vcs") or {}, result.get("app") or {}
    version, is_code = app.get("version"), result.get("kind") == "code"
    parts = (
        *((vcs.get("repository"), False), (vcs.get("ref"), not is_code), (short_sha(vcs.get("commit")), True)),
        *((_change(vcs.get("change")), not is_code), (app.get("name"), False), (app.get("platform"), False)),
        *((f"version {version}" if version and not _is_said(version, result) else None, True),),
        *((result.get("environment"), False),),
    )
    shown = (part for part, always in parts if part and (always or not _is_said(part, result)))
    return [line for part in shown if (line := one_line(str(part)))]


def tally(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The counts that are not zero, as `{name, number, unit, icon}`: `passed`, 2, `2 groups`, its icon.

    Null was not said, and is not shown.
    """
    counts = result.get("counts") or {}
    return [
        {
            "name": _COUNT_WORDS.get(name, name),
            "number": counts[name],
            "unit": _units(counts, counts[name]),
            "icon": _LOOKS[name][0] if name in _LOOKS else "⚠️",
        }
        for name in _COUNTED
        if counts.get(name)
    ]


def links(result: dict[str, Any]) -> list[dict[str, str]]:
    """Up to three places to go on, as `{label, url}`: the result's own first. Never a sensitive artifact."""
    opening = {"label": _OPEN.get(result.get("kind") or "", "open"), "url": result.get("url")}
    shown = [artifact for artifact in _entries(result, "artifacts") if artifact.get("kind") in _SHOWN_ARTIFACTS]
    kept = [
        {"label": artifact["kind"], "url": artifact.get("url")} for artifact in shown if not artifact.get("sensitive")
    ]
    found: dict[str, dict[str, str]] = {}
    for link in [opening, *_entries(result, "links"), *kept]:
        url = public_url(link.get("url"))
        if url:
            found.setdefault(url, {"label": one_line(str(link.get("label") or "")) or "open", "url": url})
    return list(found.values())[:MOST_LINKS]


def _look(result: dict[str, Any]) -> tuple[str, str, str]:
    outcome = _outcome(result)
    if outcome == "neutral":
        return _SEVERITY_LOOKS.get(result.get("severity") or "", _NEUTRAL_LOOK)
    return _LOOKS[outcome]


def _outcome(result: dict[str, Any]) -> str:
    """The outcome, or the state of what has not ended."""
    state, outcome = result.get("state"), result.get("outcome")
    if state in ("queued", "running") and outcome is None:
        return str(state)
    return outcome if outcome in _LOOKS or outcome == Outcome.NEUTRAL else "unknown"


def _numbers(result: dict[str, Any]) -> str:
    """`1 of 3 groups` for a bad outcome, `17 groups` for any other, and what else is worth a word."""
    counts, outcome = result.get("counts") or {}, _outcome(result)
    total, passed = counts.get("total"), counts.get("passed")
    bad = [counts[name] for name in ("failed", "error") if counts.get(name) is not None]
    said = []
    if outcome in _BAD and sum(bad):
        said.append(f"{grouped(sum(bad))} of {_units(counts, total)}" if total else _units(counts, sum(bad)))
    elif outcome == "passed" and (total or passed):
        whole = total if total and passed is not None and passed != total else None
        said.append(f"{grouped(passed)} of {_units(counts, whole)}" if whole else _units(counts, total or passed))
    elif outcome == "neutral" and total:
        said.append(_units(counts, total))
    elif outcome == "unknown" and total == 0:
        said.append(f"{_units(counts, 0)} ran")
    if counts.get("flaky"):
        said.append(f"{grouped(counts['flaky'])} flaky")
    if outcome == "passed" and counts.get("skipped"):
        said.append(f"{grouped(counts['skipped'])} skipped")
    return ", ".join(said)


def _units(counts: dict[str, Any], number: Any) -> str:
    """`3 groups`; the bare number where nobody said what it is a number of."""
    return plural(number, counts["unit"]) if counts.get("unit") else grouped(number)


def _after(result: dict[str, Any]) -> str:
    """` after 3 h (2 runs)`, as much of it as is known."""
    history = result.get("history") or {}
    span = ago(history.get("previous_since"), result.get("time"))
    times = history.get("previous_streak")
    said = f" ({'' if _runs(result) else 'failed '}{plural(times, run(result))})" if times else ""
    return (f" after {span}" if span and span != "0 s" else "") + said


def _words_of(text: Any) -> str:
    """A text as its words with one space around each, so that `in` compares whole words."""
    return f" {' '.join(_WORD.findall(str(text or '').lower()))} "


def _is_said(text: Any, result: dict[str, Any]) -> bool:
    """Whether the title holds these words already, one after the other."""
    return _words_of(text) in _words_of(result.get("title"))


def _change(change: Any) -> str:
    """A pull request's number with its mark; an address or a name as it is."""
    said = str(change or "").strip()
    return f"#{said}" if said.isdecimal() else said


def _names(items: list[dict[str, Any]], most: int = 3) -> str:
    names = ", ".join(cut(label(item), 80) for item in items[:most])
    return f"{names}, + {len(items) - most} more" if len(items) > most else names


def _entries(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [entry for entry in result.get(name) or () if isinstance(entry, dict)]


FILTERS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(headline, marks, verdict, icon, color, color_number, change, ongoing, run, brief),
        *(failing, more_failing, flaky, odd_words, label, standing, summary_lines, where, tally, links),
        *(phrases.duration, ago, plural, ordinal, short_sha, phrases.first_line, cut, phrases.commands),
        *(one_line, public_url, redact),
    )
}
