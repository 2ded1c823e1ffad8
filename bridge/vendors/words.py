"""The words that test and build tools share for how a thing ended, how far it is, and how much it matters.

A vendor's own table comes first. A word that stands in neither is unknown, and unknown is never passed.
"""

from typing import Literal, TypeAlias

from bridge.model import Outcome, Severity, State

Meaning: TypeAlias = Outcome | Literal[State.QUEUED, State.RUNNING]
"""What a word for how a thing ended can mean: a verdict, or that it has not ended."""

_MEANINGS: dict[Meaning, str] = {
    Outcome.PASSED: "pass passed ok success successful succeeded",
    Outcome.FAILED: "fail failed failure broken",
    Outcome.ERROR: "error errored",
    Outcome.CANCELLED: "cancel canceled cancelled aborted stopped",
    Outcome.TIMED_OUT: "timeout timed_out",
    Outcome.SKIPPED: "skip skipped",
    Outcome.NEUTRAL: "neutral completed complete finished done",
    State.QUEUED: "queued pending waiting scheduled",
    State.RUNNING: "running in_progress started executing",
}
_SEVERITIES = {
    Severity.CRITICAL: "critical blocker fatal",
    Severity.HIGH: "high major",
    Severity.MEDIUM: "medium moderate warning",
    Severity.LOW: "low minor",
    Severity.INFO: "info informational none",
}

MEANINGS = {word: meaning for meaning, text in _MEANINGS.items() for word in text.split()}
STATES = {word: meaning if isinstance(meaning, State) else State.FINISHED for word, meaning in MEANINGS.items()}
SEVERITIES = {word: severity for severity, text in _SEVERITIES.items() for word in text.split()}


def fold(word: str) -> str:
    """A word as the tables spell it: lower case, `_` for blanks and hyphens."""
    return word.strip().casefold().replace(" ", "_").replace("-", "_")
