"""Several results in one message. In: results in the order in which they came; out: what a digest says of them.

Results of one subject are one line: how it stands now, and how often it failed meanwhile. So no failure vanishes, and
none is told twice. Lines come worst first; whatever a message has no room for is counted. All numbers are of results:
those of the lines, of what is left out and of what passed add up to the one in the title.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from bridge.model import BAD, Outcome
from bridge.render.phrases import plural
from bridge.render.slots import to_moment
from bridge.render.view import View
from bridge.render.words import color, color_number, headline, icon, marks, run

_ORDER = ["failed", "error", "timed_out", "unknown", "cancelled", "skipped", "neutral", "running", "queued", "passed"]
_WORDS = {"error": "ended in error", "timed_out": "timed out", "unknown": "not understood"}
_BAD = frozenset(outcome.value for outcome in BAD)


def digest(results: Iterable[dict[str, Any]], cause: str | None = None) -> dict[str, Any]:
    """What a template reads as `digest`.

    `title` in one line; `number` of results; `counts`, how many ended how, as `{name, number}`, worst first; `lines`,
    worst first, each `{result, said, results, times, failed, recovered}` (the subject's latest result, a few words on
    those before it, all of them, how many it had, how many of them failed, and whether it passed after that);
    `notable`, how many lines come before those of nothing but passes, and `passed`, how many results those are; `first`
    and `last`, the times of the earliest and the latest result, and whether they lie `within_a_day`; `sources`; `color`
    and `color_number` of the worst line.
    """
    together = list(results)
    lines = sorted(_lines(together), key=_rank)
    times = sorted(result["time"] for result in together if isinstance(result.get("time"), str))
    counts = _counts(together)
    notable = sum(line["failed"] > 0 or line["result"].get("outcome") != Outcome.PASSED for line in lines)
    return {
        "title": _headline(lines, counts, len(together), cause),
        "number": len(together),
        "counts": counts,
        "lines": lines,
        "notable": notable,
        "passed": sum(line["times"] for line in lines[notable:]),
        "first": times[0] if times else None,
        "last": times[-1] if times else None,
        "within_a_day": _within_a_day(times),
        "sources": list(dict.fromkeys(str(result.get("source")) for result in together)),
        "color": color(lines[0]["result"]),
        "color_number": color_number(lines[0]["result"]),
    }


def title(view: View) -> str:
    """The one line that says it all: a digest's title, or a result's headline."""
    return str(digest(view.members, view.cause)["title"]) if view.members else headline(view.result)


def left_out(digest: dict[str, Any], shown: int) -> str:
    """How the results ended that the notable lines after the first `shown` are made of; empty for none.

    `17 more results: 15 failed, 2 cancelled`.
    """
    rest = [result for line in digest["lines"][shown : digest["notable"]] for result in line["results"]]
    said = ", ".join(f"{count['number']:,} {count['name']}" for count in _counts(rest))
    return f"{plural(len(rest), 'more result')}: {said}" if rest else ""


def _lines(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    subjects: dict[Any, list[dict[str, Any]]] = {}
    for number, result in enumerate(results):
        key = result.get("subject_key")
        subjects.setdefault((result.get("source"), key) if key else number, []).append(result)
    lines = []
    for of_one in subjects.values():
        failed = sum(result.get("outcome") in _BAD for result in of_one)
        latest = of_one[-1]
        lines.append(
            {
                "result": latest,
                "said": _before(of_one, failed) if len(of_one) > 1 else "",
                "results": of_one,
                "times": len(of_one),
                "failed": failed,
                "recovered": failed > 0 and latest.get("outcome") == Outcome.PASSED,
            }
        )
    return lines


def _before(of_one: list[dict[str, Any]], failed: int) -> str:
    """`failed 2 of 5 runs`; `5 runs` where none did."""
    times = plural(len(of_one), run(of_one[-1]))
    return f"failed {failed} of {times}" if failed else times


def _within_a_day(times: list[str]) -> bool:
    """Whether a time of day alone says which of these times is meant."""
    first, last = (to_moment(times[0]), to_moment(times[-1])) if times else (None, None)
    return first is not None and last is not None and last - first < timedelta(hours=24)


def _rank(line: dict[str, Any]) -> tuple[bool, bool, bool, bool, int]:
    """What sorts lines: failing now, failed and not seen to pass since, asking for attention, recovered, the rest."""
    result = line["result"]
    failing = result.get("outcome") in _BAD
    unresolved = line["failed"] > 0 and not line["recovered"]
    return (
        not failing,
        not unresolved,
        not result.get("attention"),
        not line["recovered"],
        _ORDER.index(_ended(result)),
    )


def _counts(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = Counter(_ended(result) for result in results)
    ranked = sorted(found.items(), key=lambda pair: _ORDER.index(pair[0]))
    return [{"name": _WORDS.get(name, name), "number": number, "bad": name in _BAD} for name, number in ranked]


def _ended(result: dict[str, Any]) -> str:
    outcome, state = result.get("outcome"), result.get("state")
    if outcome is None and state in ("running", "queued"):
        return str(state)
    return str(outcome) if outcome in _ORDER else "unknown"


def _headline(lines: list[dict[str, Any]], counts: list[dict[str, Any]], number: int, cause: str | None) -> str:
    """`❌ 37 results while Slack was down: 3 failed`."""
    bad = [count for count in counts if count["bad"]]
    said = ", ".join(f"{count['number']:,} {count['name']}" for count in bad or counts)
    if not bad and len(counts) == 1:
        said = f"all {counts[0]['name']}" if number > 1 else counts[0]["name"]
    if bad and not any(line["failed"] and not line["recovered"] for line in lines):
        said += f", {'passing' if len(lines) == 1 else 'all passing'} now"
    line = f"{icon(lines[0]['result'])} {plural(number, 'result')}{f' {cause}' if cause else ''}: {said}"
    shared = [mark for mark in marks(lines[0]["result"]) if all(mark in marks(each["result"]) for each in lines)]
    return " · ".join([*shared, line])
