"""What an answer means: for the message, whether and when it is tried again; for its target, how it is doing.

Pure rules. In: a target's answer to one attempt; out: a `Step` for the message and the target's new condition. A fault
of one message makes it step aside; a fault of the target, or two different messages failing in a row, makes the target
wait.
"""

from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from bridge import clock
from bridge.model import Answer, Message, RefusedMessage, RefusedTarget, Retry, Scope, Sent, Unknown
from bridge.store.targets import TargetState

MOST_UNKNOWN = 3
"""How often a message is tried whose arrival is in doubt, where the target cannot tell copies apart."""

PROBE = clock.HOUR
"""How often a paused target is tried with one message."""

JITTER = 0.2
"""The most that chance adds to a wait, as a share of it. It never takes away: what a target asked for is kept."""


class Patience(Protocol):
    """A target's `retry`: the first wait, the longest one, and when to give up; in microseconds."""

    @property
    def first(self) -> int: ...
    @property
    def most(self) -> int: ...
    @property
    def give_up(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Done:
    """Sent. `external_id` is the target's id of the message, where it has one."""

    external_id: str | None


@dataclass(frozen=True, slots=True)
class Again:
    """To be tried again at `next_at`. `unknown` where it may have arrived."""

    answer: str
    reason: str
    next_at: int
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """Not to be tried again by itself."""

    answer: str
    reason: str


Step: TypeAlias = Done | Again | Dead


def backoff(patience: Patience, failures: int, chance: float) -> int:
    """How long to wait after so many failures in a row (1 is the first), in microseconds; `chance` lies in 0..1."""
    wait = min(patience.first << min(failures - 1, 40), patience.most)
    return wait + round(wait * JITTER * chance)


def settle(
    answer: Answer,
    message: Message,
    state: TargetState,
    patience: Patience,
    *,
    now: int,
    chance: float,
    others_fail: bool = False,
) -> tuple[Step, TargetState]:
    """What becomes of a message, and of its target, after an attempt.

    `others_fail`: the message before this one failed too, and nothing was sent since. `chance` in 0..1 spreads waits.
    """
    step, after = _settle(answer, message, state, patience, now, chance, others_fail)
    if state.paused_by_operator:
        after = replace(
            after, paused_at=state.paused_at, paused_reason=state.paused_reason, not_before=state.not_before
        )
    return step, after


def _settle(
    answer: Answer,
    message: Message,
    state: TargetState,
    patience: Patience,
    now: int,
    chance: float,
    others_fail: bool,
) -> tuple[Step, TargetState]:
    match answer:
        case Sent():
            # What a message beside this one was told to wait still counts, unless this one was the probe.
            wait_until = 0 if state.paused_at is not None else state.not_before
            well = replace(
                state,
                paused_at=None,
                paused_reason=None,
                faults=0,
                not_before=max(wait_until, now + (answer.hold or 0)),
                last_sent_at=now,
                last_error=None,
            )
            return Done(answer.external_id), well
        case RefusedMessage(reason):
            return Dead("refused_message", reason), replace(state, faults=0, last_error=reason)
        case RefusedTarget(reason):
            return Again("refused_target", reason, now), _paused(state, reason, now)
        case Retry(reason, after, Scope.TARGET):
            return _target_fault("retry", reason, after, message, state, patience, now, chance)
        case Retry(reason, after):
            step, troubled = _message_fault("retry", reason, after, message, state, patience, now, chance)
            if others_fail:  # it steps aside all the same, so that after the wait another message is tried first
                _, troubled = _target_fault("retry", reason, None, message, state, patience, now, chance)
            return step, troubled
        case Unknown(reason):
            if message.unknowns + 1 >= MOST_UNKNOWN:
                return Dead("unknown", f"possibly delivered: {reason}"), replace(state, last_error=reason)
            step, troubled = _message_fault("unknown", reason, None, message, state, patience, now, chance)
            if others_fail:
                _, troubled = _target_fault("unknown", reason, None, message, state, patience, now, chance)
            return step, troubled


def _target_fault(
    answer: str,
    reason: str,
    after: int | None,
    message: Message,
    state: TargetState,
    patience: Patience,
    now: int,
    chance: float,
) -> tuple[Step, TargetState]:
    """The whole target waits; the message goes first when it takes messages again. After too long it is paused."""
    faults = state.faults + 1
    wait = _asked(after, chance) if after is not None else backoff(patience, faults, chance)
    since = message.first_attempt_at or now
    if after is None and now - since >= patience.give_up:
        return Again(answer, reason, now), _paused(state, f"no answer since {clock.to_iso(since)}: {reason}", now)
    return Again(answer, reason, now), replace(state, faults=faults, not_before=now + wait, last_error=reason)


def _message_fault(
    answer: str,
    reason: str,
    after: int | None,
    message: Message,
    state: TargetState,
    patience: Patience,
    now: int,
    chance: float,
) -> tuple[Step, TargetState]:
    """The message steps aside and others go on, until it has been tried for too long."""
    began = message.first_attempt_at or now
    troubled = replace(state, last_error=reason)
    if now - began >= patience.give_up:
        return Dead(answer, f"given up after {_hours(now - began)}: {reason}"), troubled
    wait = _asked(after, chance) if after is not None else backoff(patience, message.attempts + 1, chance)
    return Again(answer, reason, now + wait, unknown=answer == "unknown"), troubled


def _asked(after: int, chance: float) -> int:
    """The wait that the target asked for, and a little more, so that not everybody comes back at the same moment."""
    return after + round(min(after, clock.SECOND) * JITTER * chance)


def _paused(state: TargetState, reason: str, now: int) -> TargetState:
    return replace(
        state,
        paused_at=state.paused_at or now,
        paused_reason=reason,
        not_before=now + PROBE,
        faults=state.faults + 1,
        last_error=reason,
    )


def _hours(span: int) -> str:
    return f"{span / clock.HOUR:.1f} h" if span >= clock.HOUR else f"{span / clock.MINUTE:.1f} min"
