"""Where a message goes at its target: a new post, in the place of an earlier one, or below it. Pure rules.

In: a result, its route's mode, and what stands at the target of the same run and of the same subject; out: a `Place`.
An edit notifies nobody, so it is made only where it hides nothing: a run that went on, or a failure that goes on. What
changed (`broke`, `failures_changed`, `fixed`), a failure without a history, and whatever mentions somebody is a post of
its own, and of a run that goes on it stays one: its end does not take its place. Nor is anything edited that stands
above what was said of its subject since.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from bridge.model import State, Transition

NEWS = frozenset({Transition.BROKE, Transition.FAILURES_CHANGED, Transition.FIXED})
"""What changed: people must notice it."""

FAILING = frozenset({Transition.BROKE, Transition.FAILURES_CHANGED, Transition.STILL_FAILING})
"""What a message said that `still_failing` may take the place of."""


class Mode(StrEnum):
    """A route's `mode`."""

    POST = "post"
    UPDATE = "update"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class Post:
    """What stands at a target. `external_id` is the message's own id there, `root_id` that of the first of its thread;
    `state` and `transition` are those of the result that it shows. One that is `closed` is edited no more.
    """

    external_id: str
    root_id: str
    state: str
    transition: str
    closed: bool = False


@dataclass(frozen=True, slots=True)
class New:
    """A post of its own."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In the place of an earlier message."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Below an earlier message, without telling the channel."""

    external_id: str


Place: TypeAlias = New | Edit | Reply

NEW = New()


def place(mode: Mode, result: Mapping[str, Any], *, mentions: bool, run: Post | None, subject: Post | None) -> Place:
    """Where a result goes. `run` is what stands at the target of the same thread key, `subject` of the same subject."""
    if mode is Mode.THREAD:
        return Reply(run.root_id) if run else NEW
    if mode is Mode.POST or mentions or _is_news(result):
        return NEW
    if run is not None and run.state != State.FINISHED and not run.closed:
        return Edit(run.external_id)
    if _transition(result) == Transition.STILL_FAILING and subject is not None and subject.transition in FAILING:
        return NEW if subject.closed else Edit(subject.external_id)
    return NEW


def closes(result: Mapping[str, Any], *, mentions: bool) -> bool:
    """Whether a message about that result is edited no more: what calls for somebody while a run goes on would be gone
    with the run's end. A failure that goes on may still take the place of its beginning, which says the same.
    """
    return result["state"] != State.FINISHED and (mentions or _is_news(result))


@dataclass(frozen=True, slots=True)
class Update:
    """A delivery that waits, as far as it may be superseded: `run` is its thread key, `subject` its subject."""

    id: str
    result: Mapping[str, Any]
    run: str | None
    subject: str | None
    mentions: bool
    urgent: bool = False


def superseded(waiting: Sequence[Update], unfinished: Collection[str] = ()) -> dict[str, str]:
    """Of updates that wait for one target, oldest first: those that need not be sent any more, each with the id of the
    one that takes its place. What is news or mentions somebody is never one of them, nor the end of a run of which the
    target still shows that it goes on (`unfinished`).
    """
    found: dict[str, str] = {}
    last_of: dict[str, Update] = {}
    for update in reversed(waiting):
        key = update.subject if update.subject is not None else update.run
        if key is None:
            continue
        later = last_of.get(key)
        last_of[key] = update
        if later is None or update.mentions or _is_news(update.result):
            continue
        if _takes_place(later, update, unfinished):
            found[update.id] = later.id
    return found


def _takes_place(later: Update, earlier: Update, unfinished: Collection[str]) -> bool:
    """Whether nothing is lost when only the later of two that follow each other is shown, and nothing comes later."""
    if earlier.urgent and not later.urgent:  # that one may wait for the end of quiet hours
        return False
    if earlier.run is not None and later.run == earlier.run and earlier.result["state"] != State.FINISHED:
        return True
    if later.run != earlier.run and earlier.run in unfinished:
        return False
    still = Transition.STILL_FAILING
    return _transition(earlier.result) == still and _transition(later.result) == still


def _is_news(result: Mapping[str, Any]) -> bool:
    """A change, or what calls for attention and has no history that it could go on from."""
    transition = _transition(result)
    return transition in NEWS or (transition == Transition.NONE and bool(result["attention"]))


def _transition(result: Mapping[str, Any]) -> str:
    return str(result["history"]["transition"])
