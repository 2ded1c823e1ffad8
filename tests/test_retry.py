"""What an answer means for a message and for its target."""

from dataclasses import dataclass, replace

import pytest

from bridge import clock
from bridge.model import Message, RefusedMessage, RefusedTarget, Retry, Scope, Sent, Unknown
from bridge.retry import (
    JITTER,
    MOST_DEATHS,
    MOST_UNKNOWN,
    PROBE,
    Again,
    Dead,
    Done,
    Halved,
    backoff,
    given_up,
    not_tried,
    settle,
)
from bridge.store.targets import NEVER, TargetState

NOW = 1_773_489_600_000_000
S = clock.SECOND


@dataclass(frozen=True)
class Patience:
    first: int = S
    most: int = clock.HOUR
    give_up: int = clock.DAY


def message(*, attempts: int = 0, unknowns: int = 0, began: int | None = NOW) -> Message:
    return Message("m", "chat", frozenset(), (), attempts, unknowns, NOW, began, 1)


def settled(answer, *, state=None, of=None, chance=0.0, others_fail=False, now=NOW):
    return settle(
        answer,
        of or message(),
        state or TargetState("chat"),
        Patience(),
        now=now,
        chance=chance,
        others_fail=others_fail,
    )


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (8, 128), (12, 2048), (13, 3600), (500, 3600)]
)
def test_waits_double_up_to_the_longest(failures, seconds):
    assert backoff(Patience(), failures, 0.0) == seconds * S


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_chance_only_ever_adds(chance):
    wait = backoff(Patience(), 3, chance)
    assert 4 * S <= wait <= 4 * S * (1 + JITTER)


@pytest.mark.parametrize(
    ("state", "not_before"),
    [
        (TargetState("chat", paused_at=1, not_before=NOW + PROBE), NOW),
        (TargetState("chat", paused_at=1, not_before=NEVER), NEVER),
        (TargetState("chat", faults=2, not_before=NOW + 9), NOW + 9),
    ],
    ids=["paused by its answers", "paused by its operator", "resumed meanwhile"],
)
def test_the_try_of_a_paused_target_that_was_not_made_is_still_due(state, not_before):
    assert not_tried(state, NOW) == replace(state, not_before=not_before)


def test_a_sent_message_clears_faults_and_pause():
    troubled = TargetState("chat", paused_at=1, paused_reason="gone", faults=4, not_before=NOW + 9)
    step, state = settled(Sent("42"), state=troubled)
    assert step == Done("42")
    assert (state.paused_at, state.faults, state.not_before, state.last_sent_at) == (None, 0, 0, NOW)


@pytest.mark.parametrize(
    ("before", "answer", "down_until"),
    [
        (TargetState("chat", faults=2), Sent(), NOW),
        (TargetState("chat", paused_at=1), Sent(), NOW),
        (TargetState("chat", faults=2), RefusedMessage("no"), NOW),
        (TargetState("chat", faults=2, down_until=5), Retry("503"), 5),
        (TargetState("chat", down_until=5), Sent(), 5),
    ],
)
def test_it_is_remembered_until_when_a_target_was_down(before, answer, down_until):
    _, state = settled(answer, state=before)
    assert state.down_until == down_until


def test_a_refused_message_of_several_is_halved():
    step, _ = settled(RefusedMessage("413"), of=replace(message(), size=2))
    assert step == Halved("refused_message", "413")


@pytest.mark.parametrize(("idempotent", "most"), [(False, MOST_UNKNOWN), (True, MOST_DEATHS)])
def test_a_message_in_doubt_so_often_is_not_sent_again(idempotent, most):
    over = [given_up(message(unknowns=unknowns), idempotent=idempotent) for unknowns in range(most + 1)]
    assert over == [False] * most + [True]


def test_a_target_that_asks_for_a_hold_gets_it_after_a_success():
    _, state = settled(Sent(hold=2 * S))
    assert state.not_before == NOW + 2 * S


def test_a_refused_message_dies_with_its_reason_and_the_target_goes_on():
    step, state = settled(RefusedMessage("invalid_blocks"))
    assert step == Dead("refused_message", "invalid_blocks")
    assert state.not_before == 0


def test_a_refused_target_is_paused_and_the_message_goes_back():
    step, state = settled(RefusedTarget("no_service"))
    assert step == Again("refused_target", "no_service", NOW)
    assert (state.paused_at, state.paused_reason, state.not_before) == (NOW, "no_service", NOW + PROBE)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_what_a_target_asked_to_wait_is_never_cut_short(chance):
    step, state = settled(Retry("429", after=30 * S, scope=Scope.TARGET), chance=chance)
    assert step == Again("retry", "429", NOW)
    assert NOW + 30 * S <= state.not_before <= NOW + 31 * S


def test_a_fault_of_the_target_makes_it_wait_longer_each_time():
    waits, state = [], TargetState("chat")
    for _ in range(4):
        _, state = settled(Retry("connect", scope=Scope.TARGET), state=state)
        waits.append((state.not_before - NOW) // S)
    assert waits == [1, 2, 4, 8]


def test_a_fault_of_one_message_makes_only_it_wait():
    step, state = settled(Retry("500"), of=message(attempts=2))
    assert step == Again("retry", "500", NOW + 4 * S)
    assert state.not_before == 0


def test_two_different_messages_failing_make_the_target_wait_and_both_step_aside():
    step, state = settled(Retry("500"), of=message(attempts=2), others_fail=True)
    assert step == Again("retry", "500", NOW + 4 * S)
    assert (state.faults, state.not_before) == (1, NOW + S)


def test_a_message_is_given_up_after_its_time():
    late = NOW + clock.DAY
    step, _ = settled(Retry("500"), of=message(attempts=9), now=late)
    assert step == Dead("retry", "given up after 24.0 h: 500")


def test_a_message_does_not_die_of_its_targets_faults():
    step, _ = settled(Retry("connect", scope=Scope.TARGET), of=message(attempts=9), now=NOW + 9 * clock.DAY)
    assert isinstance(step, Again)


def test_a_target_that_has_been_down_too_long_is_paused_loudly():
    _, after = settled(Retry("connect", scope=Scope.TARGET), of=message(began=NOW - clock.DAY))
    assert after.paused_at == NOW
    assert "no answer since" in (after.paused_reason or "")


def test_a_target_that_was_merely_quiet_is_not_paused_by_a_blip():
    state = TargetState("chat", faults=1, last_sent_at=NOW - 9 * clock.DAY)
    _, after = settled(Retry("connect", scope=Scope.TARGET), state=state)
    assert after.paused_at is None


@pytest.mark.parametrize("answer", [Sent(), Retry("connect", scope=Scope.TARGET), Retry("500"), RefusedTarget("gone")])
def test_nothing_that_is_on_its_way_ends_an_operators_pause(answer):
    paused = TargetState("chat", paused_at=1, paused_reason="by hand", not_before=NEVER)
    _, after = settled(answer, state=paused)
    assert (after.paused_at, after.paused_reason, after.not_before) == (1, "by hand", NEVER)


@pytest.mark.parametrize("hold", [None, 0])
def test_a_success_leaves_no_moment_behind_that_a_clock_set_back_would_wait_for(hold):
    _, after = settled(Sent(hold=hold), state=TargetState("chat", not_before=NOW - 1))
    assert after.not_before == 0


def test_a_success_beside_a_429_does_not_end_the_wait():
    _, after = settled(Sent(), state=TargetState("chat", not_before=NOW + 30 * S))
    assert after.not_before == NOW + 30 * S


def test_timeouts_of_different_messages_make_the_target_wait():
    _, state = settled(Unknown("timed out"), others_fail=True)
    assert state.not_before == NOW + S


@pytest.mark.parametrize("unknowns", range(MOST_UNKNOWN))
def test_an_unknown_outcome_is_tried_again_only_so_often(unknowns):
    step, _ = settled(Unknown("timed out"), of=message(attempts=unknowns, unknowns=unknowns))
    if unknowns + 1 < MOST_UNKNOWN:
        assert isinstance(step, Again)
        assert step.unknown
    else:
        assert step == Dead("unknown", "possibly delivered: timed out")
