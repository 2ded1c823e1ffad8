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

MOST_DEATHS = 5
"""How often a message is tried of which no answer was recorded, where the target can: each time the process that sent
it was gone before, and it may be what kills it.
"""

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


@dataclass(frozen=True, slots=True)
class Halved:
    """Refused, of several: each half is tried as a message of its own, until what is bad stands alone."""

    answer: str
    reason: str


Step: TypeAlias = Done | Again | Dead | Halved


def given_up(message: Message, *, idempotent: bool) -> bool:
    """Whether a message's arrival was in doubt so often that it is not sent once more. `idempotent`: its target can
    tell copies apart.
    """
    return message.unknowns >= (MOST_DEATHS if idempotent else MOST_UNKNOWN)


def backoff(patience: Patience, failures: int, chance: float) -> int:
    """How long to wait after so many failures in a row (1 is the first), in microseconds; `chance` lies in 0..1."""
    wait = min(patience.first << min(failures - 1, 40), patience.most)
    return wait + round(wait * JITTER * chance)


def not_tried(state: TargetState, now: int) -> TargetState:
    """A target's condition after the message by which it was to be tried was put back: that is still due."""
    if state.paused_at is None or state.paused_by_operator:
        return state
    return replace(state, not_before=now)


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
    step, after = _Attempt(message, state, patience, now, chance, others_fail).ended(answer)
    if state.paused_by_operator:
        after = replace(
            after, paused_at=state.paused_at, paused_reason=state.paused_reason, not_before=state.not_before
        )
    return step, after


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt that has ended, and all that its outcome depends on beside the answer."""

    message: Message
    state: TargetState
    patience: Patience
    now: int
    chance: float
    others_fail: bool

    def ended(self, answer: Answer) -> tuple[Step, TargetState]:
        match answer:
            case Sent():
                return Done(answer.external_id), self._well(answer.hold)
            case RefusedMessage(reason):
                step = Halved if self.message.size > 1 else Dead
                return step("refused_message", reason), replace(
                    self.state, faults=0, last_error=reason, down_until=self._down_until()
                )
            case RefusedTarget(reason):
                return Again("refused_target", reason, self.now), self._paused(reason)
            case Retry(reason, after, Scope.TARGET):
                return self._target_fault("retry", reason, after)
            case Retry(reason, after):
                return self._message_fault("retry", reason, after)
            case Unknown(reason):
                if self.message.unknowns + 1 >= MOST_UNKNOWN:
                    return Dead("unknown", f"possibly delivered: {reason}"), replace(self.state, last_error=reason)
                return self._message_fault("unknown", reason, None)

    def _well(self, hold: int | None) -> TargetState:
        # What a message beside this one was told to wait still counts, unless this one was the probe. A moment that has
        # passed is forgotten: when the clock is set back, nobody is to wait for it again.
        passed = self.state.paused_at is not None or self.state.not_before <= self.now
        wait_until = 0 if passed else self.state.not_before
        return replace(
            self.state,
            paused_at=None,
            paused_reason=None,
            faults=0,
            not_before=max(wait_until, self.now + hold) if hold else wait_until,
            last_sent_at=self.now,
            last_error=None,
            down_until=self._down_until(),
        )

    def _down_until(self) -> int:
        """Until when the target took nothing: until now, if this is its first answer that says it is well."""
        troubled = self.state.faults > 0 or self.state.paused_at is not None
        return self.now if troubled else self.state.down_until

    def _target_fault(self, answer: str, reason: str, after: int | None) -> tuple[Step, TargetState]:
        """The whole target waits; the message goes first when it takes messages again. After too long it is paused."""
        faults = self.state.faults + 1
        wait = _asked(after, self.chance) if after is not None else backoff(self.patience, faults, self.chance)
        since = self._began()
        step = Again(answer, reason, self.now)
        if after is None and self.now - since >= self.patience.give_up:
            return step, self._paused(f"no answer since {clock.to_iso(since)}: {reason}")
        return step, replace(self.state, faults=faults, not_before=self.now + wait, last_error=reason)

    def _message_fault(self, answer: str, reason: str, after: int | None) -> tuple[Step, TargetState]:
        """The message steps aside and others go on, until it has been tried for too long.

        Where others fail too it steps aside all the same, so that after the target's wait another one is tried first.
        """
        troubled = replace(self.state, last_error=reason)
        if self.others_fail:
            _, troubled = self._target_fault(answer, reason, None)
        tried_for = self.now - self._began()
        if tried_for >= self.patience.give_up:
            return Dead(answer, f"given up after {_hours(tried_for)}: {reason}"), troubled
        failures = self.message.attempts + 1
        wait = _asked(after, self.chance) if after is not None else backoff(self.patience, failures, self.chance)
        return Again(answer, reason, self.now + wait, unknown=answer == "unknown"), troubled

    def _paused(self, reason: str) -> TargetState:
        return replace(
            self.state,
            paused_at=self.state.paused_at or self.now,
            paused_reason=reason,
            not_before=self.now + PROBE,
            faults=self.state.faults + 1,
            last_error=reason,
        )

    def _began(self) -> int:
        """When the message was tried for the first time."""
        return self.message.first_attempt_at or self.now


def _asked(after: int, chance: float) -> int:
    """The wait that the target asked for, and a little more, so that not everybody comes back at the same moment."""
    return after + round(min(after, clock.SECOND) * JITTER * chance)


def _hours(span: int) -> str:
    return f"{span / clock.HOUR:.1f} h" if span >= clock.HOUR else f"{span / clock.MINUTE:.1f} min"
