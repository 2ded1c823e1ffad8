"""How we refuse. Every error that Drawbridge raises on purpose is one of these.

    BridgeError
    ├── ConfigError        the operator's file: all problems at once, each with its place
    ├── Refused            the door: whatever a sender wrote, this and nothing else comes out
    ├── RenderError        a template: which, where, and what is wrong with it
    ├── StoreUnavailable   the store cannot take it now (disk full, database away): 503, never 200
    └── StoreRefused       the store must not be used as it is: refuse to start

No secret, signature or webhook URL may stand in any of these texts.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for a word close to a known one, else nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class BridgeError(Exception):
    """Base of all errors raised on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a file, said so that the reader knows what to change.

    `line` and `column` count from 1; 0 means the file as a whole. A `warning` is only doubtful: it is shown, and the
    file can be used.
    """

    file: str
    line: int
    column: int
    text: str
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {'warning: ' if self.warning else ''}{self.text}"


class ConfigError(BridgeError):
    """The configuration cannot be used. Carries every problem found, in file order.

    Its text is those for which it cannot: a warning in front of them would be taken for the reason.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems if not problem.warning))


class Reason(StrEnum):
    """Why the door refused a hook. For the operator (log, metric, page); never for the caller."""

    MISSING_HEADER = "missing_header"
    MALFORMED = "malformed"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    NO_KEY_MATCHED = "no_key_matched"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    TOO_MANY = "too_many"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    NOT_A_POST = "not_a_post"


class Refused(BridgeError):
    """A hook that was not let in. `detail` is for the operator and holds nothing secret."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class RenderError(BridgeError):
    """A template could not be filled in. `where` is file and line, or the leaf's path in the template."""

    def __init__(self, template: str, where: str, detail: str) -> None:
        self.template = template
        self.where = where
        self.detail = detail
        super().__init__(f"template {template}: {where}: {detail}")


class StoreUnavailable(BridgeError):
    """The store cannot take anything now; the caller may try again later."""


class StoreRefused(BridgeError):
    """The store must not be used as it is (settings that lose data, a second server on one file, a newer schema)."""
