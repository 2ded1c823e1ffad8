"""What a result changed for its subject: the table of transitions, what moves the memory and what does not."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import clock
from bridge.history import MOST_ITEMS, MOST_NAMES, Subject, allow_mention, item_key, place
from bridge.model import (
    BAD,
    GOOD,
    History,
    Item,
    ItemName,
    Kind,
    Outcome,
    Result,
    State,
    Transition,
    Verification,
)

NOON = 1_780_000_000 * clock.SECOND


def result(
    outcome: Outcome | None = Outcome.PASSED,
    *,
    minute: int = 0,
    items: Sequence[tuple[str, Outcome]] = (),
    subject_key: str | None = "suite",
    verified: bool = True,
    **more: Any,
) -> Result:
    moment = clock.to_datetime(NOON + minute * clock.MINUTE)
    fields: dict[str, Any] = {
        "id": "r1",
        "source": "nightly",
        "vendor": "agnox",
        "type": "execution.finished",
        "kind": Kind.TEST_RUN,
        "received_at": moment,
        "time": moment,
        "outcome": outcome,
        "subject_key": subject_key,
        "items": [Item(name, outcome=word) for name, word in items],
        "verification": Verification("hmac-sha256", verified, 1),
    }
    return Result(**(fields | more))


def failing(*names: str) -> list[tuple[str, Outcome]]:
    return [(name, Outcome.FAILED) for name in names]


def passing(*names: str) -> list[tuple[str, Outcome]]:
    return [(name, Outcome.PASSED) for name in names]


def after(*results: Result) -> Subject:
    """The memory once those results were placed, a minute apart."""
    subject = Subject()
    for minute, each in enumerate(results):
        each.time = clock.to_datetime(NOON + minute * clock.MINUTE)
        subject = place(subject, each) or subject
    return subject


def names(items: Sequence[Item | ItemName]) -> list[str]:
    return [item.name for item in items]


# ---------------------------------------------------------------------------------------------- the verdict

BROKEN = result(Outcome.FAILED, items=failing("a", "b"))


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([], result(Outcome.PASSED), Transition.FIRST),
        ([], result(Outcome.FAILED), Transition.BROKE),
        ([], result(Outcome.ERROR), Transition.BROKE),
        ([], result(Outcome.TIMED_OUT), Transition.BROKE),
        ([result()], result(Outcome.PASSED), Transition.STILL_PASSING),
        ([result()], result(Outcome.FAILED), Transition.BROKE),
        ([result()], result(Outcome.TIMED_OUT), Transition.BROKE),
        ([BROKEN], result(Outcome.PASSED), Transition.FIXED),
        ([BROKEN], result(Outcome.FAILED), Transition.STILL_FAILING),
        ([BROKEN], result(Outcome.ERROR), Transition.STILL_FAILING),
        ([BROKEN], result(Outcome.FAILED, items=failing("a", "b")), Transition.STILL_FAILING),
        ([BROKEN], result(Outcome.FAILED, items=failing("a") + passing("b")), Transition.STILL_FAILING),
        ([BROKEN], result(Outcome.FAILED, items=failing("a", "c")), Transition.FAILURES_CHANGED),
        ([BROKEN, result()], result(Outcome.PASSED), Transition.STILL_PASSING),
        ([BROKEN, result()], result(Outcome.FAILED, items=failing("a")), Transition.BROKE),
    ],
)
def test_a_verdict_is_compared_with_the_one_before(before, now, expected):
    now.time = clock.to_datetime(NOON + clock.HOUR)

    place(after(*before), now)

    assert now.history.transition is expected


def test_a_broken_subject_says_how_long_it_had_been_well():
    now = result(Outcome.FAILED, minute=30)

    place(after(result(), result(), result()), now)

    assert now.history == History(
        previous=Outcome.PASSED,
        previous_streak=3,
        previous_since=clock.to_datetime(NOON),
        transition=Transition.BROKE,
        streak=1,
        failing_since=clock.to_datetime(NOON + 30 * clock.MINUTE),
    )


def test_a_failing_subject_counts_its_bad_verdicts_whatever_their_word():
    now = result(Outcome.FAILED, minute=30)

    place(after(result(), result(Outcome.FAILED), result(Outcome.TIMED_OUT)), now)

    assert (now.history.previous, now.history.streak) == (Outcome.TIMED_OUT, 3)
    assert now.history.failing_since == clock.to_datetime(NOON + clock.MINUTE)


def test_a_fixed_subject_says_how_long_it_had_been_failing():
    now = result(minute=30)

    place(after(result(Outcome.FAILED), result(Outcome.ERROR)), now)

    assert (now.history.transition, now.history.streak, now.history.failing_since) == (Transition.FIXED, 1, None)
    assert (now.history.previous_streak, now.history.previous_since) == (2, clock.to_datetime(NOON))


def test_a_verdict_without_a_subject_has_no_predecessor_and_is_not_remembered():
    now = result(Outcome.FAILED, subject_key=None)

    assert place(None, now) is None
    assert now.history.transition is Transition.BROKE


# ---------------------------------------------------------------------------------------------- what does not move it


@pytest.mark.parametrize("outcome", [None, *sorted(set(Outcome) - GOOD - BAD)])
def test_only_verdicts_move_the_memory(outcome):
    now = result(outcome, minute=30, items=failing("new"))

    assert place(after(result(Outcome.FAILED)), now) is None
    assert now.history == History()
    assert not now.items[0].is_new


@pytest.mark.parametrize(
    "more",
    [
        {"state": State.RUNNING},
        {"state": State.QUEUED},
        {"is_test": True},
        {"is_replay": True},
        {"verified": False},
    ],
)
def test_what_is_not_a_finished_and_proven_verdict_leaves_the_memory_alone(more):
    subject = after(result())
    kept = copy.deepcopy(subject)
    now = result(Outcome.FAILED, minute=30, **more)

    assert place(subject, now) is None
    assert (now.history, subject) == (History(), kept)


def test_a_replay_keeps_the_history_that_its_event_had():
    told = History(transition=Transition.BROKE, streak=1)
    now = result(Outcome.FAILED, is_replay=True, history=told)

    place(after(result()), now)

    assert now.history == told


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.NEUTRAL])
def test_a_result_older_than_the_last_verdict_is_none_and_late(outcome):
    now = result(outcome, minute=-1)

    assert place(after(result()), now) is None
    assert now.history == History(late=True)


def test_a_result_as_old_as_the_last_verdict_is_not_late():
    now = result(Outcome.FAILED, minute=0)

    assert place(after(result()), now)
    assert (now.history.transition, now.history.late) == (Transition.BROKE, False)


def test_a_result_without_a_time_is_ordered_by_when_it_was_received():
    now = result(Outcome.FAILED, minute=-1, time=None)

    assert place(after(result()), now) is None
    assert now.history.late


# ---------------------------------------------------------------------------------------------- the items


def test_newly_failing_items_are_marked_and_the_others_counted():
    now = result(Outcome.FAILED, minute=30, items=failing("a", "c") + passing("b", "d"))

    place(after(result(), BROKEN), now)

    assert [(item.name, item.is_new, item.streak) for item in now.items] == [
        ("a", False, 2),
        ("c", True, 1),
        ("b", False, None),
        ("d", False, None),
    ]
    assert names(now.history.newly_failing) == ["c"]
    assert names(now.history.fixed) == ["b"]


def test_an_item_absent_from_a_run_is_neither_fixed_nor_failing():
    without_b = result(Outcome.FAILED, items=failing("a"))
    again = result(Outcome.FAILED, minute=30, items=failing("a", "b"))

    place(after(BROKEN, without_b), again)

    assert without_b.history.fixed == []
    assert again.history.transition is Transition.STILL_FAILING
    assert [(item.is_new, item.streak) for item in again.items] == [(False, 3), (False, 2)]


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - GOOD - BAD))
def test_an_item_that_ended_neither_well_nor_badly_is_neither_fixed_nor_failing(outcome):
    now = result(Outcome.FAILED, minute=30, items=[("a", Outcome.FAILED), ("b", outcome)])

    place(after(BROKEN), now)

    assert (now.history.newly_failing, now.history.fixed) == ([], [])
    assert now.items[1].streak is None


def test_a_passing_verdict_forgets_the_failing_items_that_it_did_not_name():
    subject = after(BROKEN, result(items=passing("a")))
    now = result(Outcome.FAILED, minute=30, items=failing("b"))

    place(subject, now)

    assert subject.failing == {}
    assert now.items[0].is_new


def test_an_item_that_fails_in_a_passing_verdict_is_still_remembered():
    now = result(Outcome.FAILED, minute=30, items=failing("flaky", "real"))

    place(after(result(items=failing("flaky"))), now)

    assert [(item.is_new, item.streak) for item in now.items] == [(False, 2), (True, 1)]


def test_an_item_listed_several_times_fails_once_if_any_of_its_entries_does():
    now = result(Outcome.FAILED, minute=30, items=failing("b", "b") + passing("b") + failing("a"))

    place(after(result(Outcome.FAILED, items=failing("a"))), now)

    assert now.history.newly_failing == [ItemName("b")]
    assert [item.streak for item in now.items] == [1, 1, None, 2]
    assert now.history.fixed == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Item("b", ["a"]), Item("ab")),
        (Item("c", ["a", "b"]), Item("c", ["a b"])),
        (Item("c", ["a", "b"]), Item("b, c", ["a"])),
        (Item("c", ["a', 'b"]), Item("c", ["a", "b"])),
        (Item("é"), Item("e\u0301")),
    ],
)
def test_items_with_another_path_or_name_are_other_items(one, other):
    assert item_key(one) != item_key(other)


def test_any_text_can_name_an_item():
    assert len(item_key(Item("\ud800\0\n", ["🚀"]))) == 16


def test_memory_and_lists_are_bounded_but_the_transition_sees_all_items():
    many = [f"t{number}" for number in range(MOST_ITEMS + 1)]
    first = result(Outcome.FAILED, items=failing(*many))
    now = result(Outcome.FAILED, minute=30, items=failing(*many))

    subject = place(after(first), now)

    assert subject
    assert len(subject.failing) == MOST_ITEMS
    assert len(first.history.newly_failing) == MOST_NAMES
    assert now.history.transition is Transition.FAILURES_CHANGED
    assert names(now.history.newly_failing) == [many[-1]]


# ---------------------------------------------------------------------------------------------- a naive model


@dataclass
class Naive:
    """The rules of history told again, over the whole list of past verdicts instead of a running memory."""

    verdicts: list[Result] = field(default_factory=list)

    def expect(self, now: Result) -> tuple[Transition, int | None, set[str], set[str]]:
        if now.outcome not in GOOD | BAD or (self.verdicts and now.received_at < self.verdicts[-1].received_at):
            return Transition.NONE, None, set(), set()
        was_failing = {name for name in "abcd" if self.is_failing(name)}
        bad = {item.name for item in now.items if item.outcome in BAD}
        good = {item.name for item in now.items if item.outcome in GOOD}
        words = {
            (None, True): Transition.FIRST,
            (None, False): Transition.BROKE,
            (True, True): Transition.STILL_PASSING,
            (True, False): Transition.BROKE,
            (False, True): Transition.FIXED,
            (False, False): Transition.FAILURES_CHANGED if bad - was_failing else Transition.STILL_FAILING,
        }
        previous = self.verdicts[-1].outcome in GOOD if self.verdicts else None
        self.verdicts.append(now)
        return words[previous, now.outcome in GOOD], self.streak(), bad - was_failing, good & was_failing

    def is_failing(self, name: str) -> bool:
        for verdict in reversed(self.verdicts):
            for item in verdict.items:
                if item.name == name and item.outcome in GOOD | BAD:
                    return item.outcome in BAD
            if verdict.outcome in GOOD:
                return False
        return False

    def streak(self) -> int:
        count = 0
        for verdict in reversed(self.verdicts):
            if (verdict.outcome in GOOD) != (self.verdicts[-1].outcome in GOOD):
                break
            count += 1
        return count


runs = st.builds(
    result,
    st.sampled_from(Outcome),
    minute=st.integers(0, 12),
    items=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(Outcome)).map(lambda items: list(items.items())),
)


@given(st.lists(runs, max_size=12))
def test_the_memory_agrees_with_a_model_that_reads_all_past_verdicts(results):
    naive, subject = Naive(), Subject()
    for each in results:
        transition, streak, newly, fixed = naive.expect(each)
        moved = place(subject, each)
        subject = Subject.from_json(moved.to_json()) if moved else subject

        assert (each.history.transition, each.history.streak) == (transition, streak)
        assert set(names(each.history.newly_failing)) == newly == {item.name for item in each.items if item.is_new}
        assert set(names(each.history.fixed)) == fixed
        assert (moved is None) == (transition is Transition.NONE)


@given(st.lists(runs, max_size=6))
def test_placing_a_result_never_changes_the_memory_it_was_given(results):
    subject = after(*results)
    kept = copy.deepcopy(subject)

    place(subject, result(Outcome.FAILED, minute=60, items=failing("a", "z")))

    assert subject == kept


# ---------------------------------------------------------------------------------------------- what is kept, mentions


def test_a_subject_survives_the_store():
    subject = after(result(), BROKEN)
    allow_mention(subject, "broken tests", clock.HOUR, NOON)

    assert Subject.from_json(subject.to_json()) == subject
    assert Subject.from_json(Subject().to_json()) == Subject()


def test_an_empty_memory_is_no_predecessor():
    now = result()

    place(Subject(), now)

    assert now.history.transition is Transition.FIRST


def test_a_verdict_keeps_who_was_mentioned():
    subject = after(result())
    allow_mention(subject, "r", clock.HOUR, NOON)

    moved = place(subject, result(Outcome.FAILED, minute=30))

    assert moved
    assert not allow_mention(moved, "r", clock.HOUR, NOON + clock.MINUTE)


@pytest.mark.parametrize(
    ("later", "allowed"),
    [(0, False), (clock.HOUR - 1, False), (clock.HOUR, True), (-clock.MINUTE, True)],
)
def test_a_route_mentions_at_most_once_in_its_span(later, allowed):
    subject = Subject()

    assert allow_mention(subject, "r", clock.HOUR, NOON)
    assert allow_mention(subject, "r", clock.HOUR, NOON + later) is allowed


def test_a_refused_mention_does_not_stretch_the_span():
    subject = Subject()
    allow_mention(subject, "r", clock.HOUR, NOON)
    allow_mention(subject, "r", clock.HOUR, NOON + clock.HOUR - 1)

    assert allow_mention(subject, "r", clock.HOUR, NOON + clock.HOUR)


def test_routes_mention_apart_and_without_a_span_always():
    subject = Subject()

    assert allow_mention(subject, "one", clock.HOUR, NOON)
    assert allow_mention(subject, "other", clock.HOUR, NOON)
    assert allow_mention(subject, "free", None, NOON)
    assert allow_mention(subject, "free", None, NOON)
    assert subject.mentioned == {"one": NOON, "other": NOON}
