"""What travels: the types of the straight path, from bytes on the wire to an answer from a target.

    Received -> Verified -> Event -> Result -> Delivery -> Message -> Answer

A type says what has become true: a `Verified` was let in by its source's rules, an `Event` is safe on disk, a
`Result` is in our words. `Draft` is what a vendor's file understood; `normalize` completes it to a `Result`. From the
store on, a result is plain JSON (`dict`), because it outlives the code that made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None


class Kind(StrEnum):
    """What sort of thing a result is about."""

    TEST_RUN = "test_run"
    EVALUATION = "evaluation"
    SESSION = "session"
    DEPLOYMENT = "deployment"
    CODE = "code"
    SECURITY = "security"
    SYSTEM = "system"
    OTHER = "other"


class State(StrEnum):
    """How far the thing is; kept apart from how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"


class Outcome(StrEnum):
    """How it ended. A word that we do not understand is UNKNOWN, never PASSED."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"


GOOD = frozenset({Outcome.PASSED})
BAD = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.TIMED_OUT})


class Severity(StrEnum):
    """How much it matters, from the vendor's word or the event's kind."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Transition(StrEnum):
    """What a finished verdict changed for its subject. The rules are in `history.py`."""

    FIRST = "first"
    BROKE = "broke"
    STILL_FAILING = "still_failing"
    FAILURES_CHANGED = "failures_changed"
    FIXED = "fixed"
    STILL_PASSING = "still_passing"
    NONE = "none"


# ---------------------------------------------------------------------------------------------- at the door


@dataclass(frozen=True, slots=True)
class Received:
    """One complete request as it came off the wire; nothing about it is trusted.

    `headers` are (lower-case name, value decoded as latin-1) in wire order, repeats included. `peer` is the address of
    the connection's other end, which may be a proxy's.
    """

    source: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    received_at: int
    peer: str | None = None

    def header(self, name: str) -> list[str]:
        """All values of that header, in wire order; `name` in any case."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]


@dataclass(frozen=True, slots=True)
class Verification:
    """How a hook proved itself: the scheme, whether it did, and which secret matched (1 is the newest).

    `reason` says why it did not, where it was let in all the same (`verify: shadow`): a word of `errors.Reason`.
    """

    scheme: str
    verified: bool
    secret: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """A hook that its source's rules let in, with what is needed to keep it.

    `headers` are only those that the vendor's scheme names and the content type. `dedupe_key` is a SHA-256 digest of
    what identifies the event, taken from bytes that the MAC covered; it counts until `dedupe_until`.
    """

    source: str
    vendor: str
    received_at: int
    headers: Mapping[str, str]
    body: bytes
    verification: Verification
    dedupe_key: bytes
    dedupe_until: int
    is_test: bool = False
    """True for samples that we sent ourselves through the admin API."""


class Status(StrEnum):
    """What the caller is told about a hook that was let in."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The store's word that an event is on disk. For a duplicate, `id` is the first copy's."""

    id: str
    status: Status


@dataclass(frozen=True, slots=True)
class Refusal:
    """A hook that was not let in, or would not have been (`let_in`: its source says `verify: shadow`).

    `headers` are masked but for those that are kept of accepted hooks too. `body` is its beginning, `size` the bytes of
    all of it as far as they came or were announced. `caller` is an address, or null where nobody knows.
    """

    id: str
    source: str
    at: int
    reason: str
    detail: str
    method: str
    caller: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int
    let_in: bool = False


# ---------------------------------------------------------------------------------------------- from disk


@dataclass(frozen=True, slots=True)
class Event:
    """A hook as it was kept. `id` is a UUIDv7; `seq` is the order in which events were kept."""

    id: str
    seq: int
    source: str
    vendor: str
    received_at: int
    headers: Mapping[str, str]
    body: bytes
    verification: Verification
    is_test: bool
    is_replay: bool = False


@dataclass(slots=True)
class Link:
    label: str
    url: str
    kind: str = "other"


@dataclass(slots=True)
class Vcs:
    repository: str | None = None
    ref: str | None = None
    commit: str | None = None
    change: str | None = None


@dataclass(slots=True)
class App:
    id: str | None = None
    name: str | None = None
    version: str | None = None
    platform: str | None = None


@dataclass(slots=True)
class Counts:
    """Numbers of whatever `unit` says (test, group, flow, run); null is "not said", never 0."""

    total: int | None = None
    passed: int | None = None
    failed: int | None = None
    error: int | None = None
    skipped: int | None = None
    cancelled: int | None = None
    flaky: int | None = None
    unit: str | None = None
    origin: str | None = None
    """`reported` by the vendor, `derived` from the items, or `parsed` from text."""


@dataclass(slots=True)
class Item:
    """One part of a run: a test, a flow, a check. Known across runs by `path` and `name`."""

    name: str
    path: list[str] = field(default_factory=list)
    outcome: Outcome = Outcome.UNKNOWN
    raw_status: str | None = None
    url: str | None = None
    message: str | None = None
    duration_ms: int | None = None
    flaky: bool = False
    is_new: bool = False
    """Failing now and not in the subject's last verdict; set by `history`."""
    streak: int | None = None
    """For how many verdicts in a row it has been failing; set by `history`."""


@dataclass(slots=True)
class Artifact:
    """Something a run left behind. A sensitive one is never rendered, and exported only where the target asks."""

    kind: str
    url: str
    sensitive: bool = False


@dataclass(slots=True)
class ItemName:
    """An item in `history.newly_failing` or `history.fixed`."""

    name: str
    path: list[str] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """What changed since the subject's last verdict. All null where there is nothing to compare with."""

    previous: Outcome | None = None
    previous_streak: int | None = None
    previous_since: datetime | None = None
    transition: Transition = Transition.NONE
    streak: int | None = None
    failing_since: datetime | None = None
    newly_failing: list[ItemName] = field(default_factory=list)
    fixed: list[ItemName] = field(default_factory=list)
    late: bool = False


@dataclass(slots=True, kw_only=True)
class Draft:
    """What a vendor's file understood of one event, in our words. Text in it is still as the vendor wrote it."""

    type: str
    kind: Kind = Kind.OTHER
    state: State = State.FINISHED
    outcome: Outcome | None = None
    raw_status: str | None = None
    reason: str | None = None
    severity: Severity | None = None
    title: str = ""
    summary: str | None = None
    url: str | None = None
    links: list[Link] = field(default_factory=list)
    subject_key: str | None = None
    run_id: str | None = None
    vendor_id: str | None = None
    time: datetime | None = None
    counts: Counts = field(default_factory=Counts)
    items: list[Item] = field(default_factory=list)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_ms: int | None = None
    vcs: Vcs = field(default_factory=Vcs)
    app: App = field(default_factory=App)
    environment: str | None = None
    artifacts: list[Artifact] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    is_test: bool = False
    """True for a vendor's own test or ping event, and for samples that we sent ourselves."""


@dataclass(slots=True, kw_only=True)
class Result(Draft):
    """One event in our words, complete. `result.md`'s list of fields; templates, routes and exports read only these.

    `time` is never null here. `items` is capped (failing ones first); `items_omitted` says how many were left out.
    """

    id: str
    source: str
    vendor: str
    received_at: datetime
    verification: Verification
    payload: Any = None
    items_omitted: int | None = None
    history: History = field(default_factory=History)
    attention: bool = False
    is_replay: bool = False
    schema_version: str = "1"


# ---------------------------------------------------------------------------------------------- to a target


class Why(StrEnum):
    """Why a message was sent; said in it wherever it is not simply new."""

    NEW = "new"
    REPLAY = "replay"
    TEST = "test"
    FALLBACK = "fallback"
    """It died at another target, which names this one as its fallback."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is owed: one result to one target, as routing decided it.

    `route` gives template and mention by name, so that the configuration of the moment of sending counts.
    `order_key` keeps deliveries of one subject in order at their target; null orders nothing. An `urgent` one does not
    wait for the end of quiet hours.
    """

    result_id: str
    source: str
    route: str
    target: str
    also: tuple[str, ...] = ()
    """Other routes that matched and lead to the same target."""
    order_key: str | None = None
    mention: bool = False
    why: Why = Why.NEW
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One delivery inside a message, with the result it carries (as JSON) and the event's bytes."""

    delivery_id: str
    event_id: str
    route: str
    result: dict[str, Any]
    body: bytes
    mention: bool
    why: Why
    created_at: int
    note: str | None = None
    """What the message says of how it came here, besides the result."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: one delivery, or several together. Its members never change once it is stored.

    `id` is the idempotency key of every attempt. `attempts` counts those already begun before this one,
    `unknowns` those of them of which nobody knows whether the message arrived. Of each of `order_keys`, messages go out
    in the order in which they were owed. `cause` says why several are together, where that is known. `size` is how many
    members there are: they are loaded only when they are needed.
    """

    id: str
    target: str
    order_keys: frozenset[str]
    members: tuple[Member, ...]
    attempts: int
    unknowns: int
    created_at: int
    first_attempt_at: int | None
    token: int
    """The fencing token under which this attempt was begun; the record of it is refused under any other."""
    size: int = 1
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The target has it. `external_id` is the target's own id of the message, where it gives one."""

    external_id: str | None = None
    hold: int | None = None
    """Microseconds that the target asks us to wait before the next message."""


class Scope(StrEnum):
    """Whose fault a retry is: the message steps aside alone, or the whole target waits."""

    MESSAGE = "message"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again. `after` is in microseconds where the target said how long, else null (backoff decides)."""

    reason: str
    after: int | None = None
    scope: Scope = Scope.MESSAGE


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """This message will never be taken: to the dead letters with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class RefusedTarget:
    """The target takes nothing any more until somebody acts: pause it, keep its queue."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, and nobody knows whether it arrived (timed out, or cut off, after sending)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """What was to be edited, or replied to, is not there any more or cannot be changed any more: to be posted anew."""

    reason: str


Answer: TypeAlias = Sent | Retry | RefusedMessage | RefusedTarget | Unknown
