"""What changed since last time. In: what is remembered of a subject and its next result; out: the result's history.

Only finished verdicts move it: good is `passed`; bad is `failed`, `error`, `timed_out`. Everything else (still running,
cancelled, not understood, tests, replays, unverified hooks, results older than the last verdict) is told apart as
`none` and leaves the memory as it was.

    no predecessor   good -> first          bad -> broke
    after good       good -> still_passing  bad -> broke
    after bad        good -> fixed          bad -> failures_changed (something newly failing) or still_failing

Pure functions over `Subject`; the store keeps that as text in a row that it locks while a result moves it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bridge import clock
from bridge.model import BAD, GOOD, History, Item, ItemName, Outcome, Result, State, Transition

MOST_ITEMS = 10_000
"""Failing items that a subject remembers; more of them in one run would look newly failing again in the next."""

MOST_NAMES = 1_000
"""Names listed in `newly_failing` and in `fixed`; the transition is judged over all items before this cut."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A subject's last verdict, and for how long it has been as good or as bad as that.

    `time` and `since` are microseconds: of the verdict itself, and of the first of the `streak` verdicts in a row.
    """

    time: int
    outcome: Outcome
    streak: int
    since: int


@dataclass(slots=True)
class Subject:
    """What is remembered of one subject between results. New and empty, it has no predecessor.

    `failing` maps an item's key (see `item_key`) to the number of verdicts in which it has failed since it last
    passed; `mentioned` maps a route's name to when it last mentioned somebody about this subject, in microseconds.
    """

    verdict: Verdict | None = None
    failing: dict[str, int] = field(default_factory=dict)
    mentioned: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """The whole as JSON text, for the store."""
        verdict = self.verdict
        last = [verdict.time, verdict.outcome, verdict.streak, verdict.since] if verdict else None
        return json.dumps(
            {"verdict": last, "failing": self.failing, "mentioned": self.mentioned}, separators=(",", ":")
        )

    @classmethod
    def from_json(cls, text: str) -> "Subject":
        """The subject that `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        last = data["verdict"]
        verdict = Verdict(last[0], Outcome(last[1]), last[2], last[3]) if last else None
        return cls(verdict, data["failing"], data["mentioned"])


def place(subject: Subject | None, result: Result) -> Subject | None:
    """Set `result.history`, and `is_new` and `streak` of its items, from what is remembered of its subject.

    Returns what to remember from now on, or null where the memory stays as it was. `subject` itself is not changed.
    `result.items` must still be complete: newly failing is judged over all of them. A verdict without a
    `subject_key` has no predecessor, ever, and is not remembered.
    """
    if result.is_test or result.is_replay or not result.verification.verified:
        return None
    last = subject.verdict if subject else None
    time = clock.to_micros(result.time or result.received_at)
    if last and time < last.time:
        result.history = History(late=True)
        return None
    if result.state is not State.FINISHED or result.outcome is None or result.outcome not in GOOD | BAD:
        return None

    before = subject.failing if subject else {}
    failing, newly, fixed = _items(before, result.items, result.outcome)
    continues = last is not None and (last.outcome in GOOD) == (result.outcome in GOOD)
    verdict = Verdict(
        time=time,
        outcome=result.outcome,
        streak=last.streak + 1 if last and continues else 1,
        since=last.since if last and continues else time,
    )
    result.history = History(
        previous=last.outcome if last else None,
        previous_streak=last.streak if last else None,
        previous_since=clock.to_datetime(last.since) if last else None,
        transition=_transition(last, result.outcome, newly),
        streak=verdict.streak,
        failing_since=clock.to_datetime(verdict.since) if result.outcome in BAD else None,
        newly_failing=newly[:MOST_NAMES],
        fixed=fixed[:MOST_NAMES],
    )
    if result.subject_key is None:
        return None
    return Subject(verdict, failing, dict(subject.mentioned) if subject else {})


def allow_mention(subject: Subject, route: str, at_most: int | None, now: int) -> bool:
    """Whether `route` may mention somebody about this subject at `now`, and if so, remember in `subject` that it did.

    `at_most` is the span (microseconds) in which a route mentions once; null allows all and remembers nothing.
    A remembered time that lies after `now` (a clock was set back) does not silence anybody.
    """
    if at_most is None:
        return True
    last = subject.mentioned.get(route)
    if last is not None and 0 <= now - last < at_most:
        return False
    subject.mentioned[route] = now
    return True


def item_key(item: Item) -> str:
    """What an item is known by across runs: 16 hex digits that stand for its path and name."""
    return hashlib.blake2b(ascii([*item.path, item.name]).encode(), digest_size=8).hexdigest()


def _transition(last: Verdict | None, outcome: Outcome, newly: list[ItemName]) -> Transition:
    if outcome in GOOD:
        if last is None:
            return Transition.FIRST
        return Transition.STILL_PASSING if last.outcome in GOOD else Transition.FIXED
    if last is None or last.outcome in GOOD:
        return Transition.BROKE
    return Transition.FAILURES_CHANGED if newly else Transition.STILL_FAILING


def _items(
    before: dict[str, int], items: Iterable[Item], outcome: Outcome
) -> tuple[dict[str, int], list[ItemName], list[ItemName]]:
    """Mark the items; return those failing from now on, the newly failing and the fixed, in the run's order.

    An item that is listed several times (once per retry or browser) fails if any of its entries does. One that is
    absent, or ended neither well nor badly, keeps what is remembered of it until the subject as a whole passes.
    """
    keyed = [(item_key(item), item) for item in items]
    bad = {key: before.get(key, 0) + 1 for key, item in keyed if item.outcome in BAD}
    good = {key for key, item in keyed if item.outcome in GOOD} - bad.keys()

    newly: dict[str, ItemName] = {}
    fixed: dict[str, ItemName] = {}
    for key, item in keyed:
        failed = item.outcome in BAD
        item.streak = bad[key] if failed else None
        item.is_new = failed and key not in before
        if item.is_new:
            newly.setdefault(key, ItemName(item.name, item.path))
        elif key in good and key in before:
            fixed.setdefault(key, ItemName(item.name, item.path))

    absent = {} if outcome in GOOD else {key: streak for key, streak in before.items() if key not in good}
    failing = bad | {key: streak for key, streak in absent.items() if key not in bad}
    return dict(list(failing.items())[:MOST_ITEMS]), list(newly.values()), list(fixed.values())
