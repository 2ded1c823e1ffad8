"""`items:` of a vendor: the parts of a run, which stand in a list of the payload or in lists of lists.

In: where the list is and where the fields of an entry are; out: an `Items` that writes `Item`s into a `Draft`. A `*`
in a path stands for every entry of a list, or of an object. In a field's path it means the entry that the item is in:
with `each: suites.*.tests`, the path `suites.*.name` is the name of the item's own suite.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Protocol, Self

from pydantic import AfterValidator, Field, model_validator

from bridge import paths
from bridge.model import BAD, Draft, Item, Outcome, State
from bridge.options import Options
from bridge.vendors.document import Document, as_count, as_text

EVERY = "*"
KEYS = ("name", "outcome", "url", "message", "duration_ms", "flaky")
"""Fields of an item whose value is a path, or several of which the first that holds something counts."""

WORST = (Outcome.FAILED, Outcome.ERROR, Outcome.TIMED_OUT)


class Judge(Protocol):
    """Who knows what a vendor's words mean, and evaluates expressions. A vendor's `Context` is one."""

    def outcome(self, word: str | None) -> Outcome: ...

    def answer(self, expression: str, values: Mapping[str, Any]) -> Any: ...


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


Paths = Annotated[str | tuple[str, ...], AfterValidator(_listed)]
"""A path, or several of which the first that holds something counts. With `{{` in it, Jinja over `item`, `payload`."""


class Items(Options):
    """Where the parts of a run are, and the fields of each."""

    each: Annotated[Paths, Field(min_length=1)]
    """The list: `tests`, or `suites.*.tests` for the tests of all suites."""
    name: Paths
    path: tuple[str, ...] = ()
    """What the item is in, from the outside in, as in `[suites.*.name]`; one path for each step."""
    outcome: Paths = ()
    """The vendor's word for how it ended."""
    url: Paths = ()
    message: Paths = ()
    duration_ms: Paths = ()
    flaky: Paths = ()
    complete: bool = False
    """The list holds every part of the run: the counts follow from it, and the outcome where nothing else says it."""

    @model_validator(mode="after")
    def _stars_have_entries(self) -> Self:
        levels = max(_steps(path).count(EVERY) for path in self.each)
        for path in (path for _, sources in self.sources() for path in sources):
            if "{{" not in path and path.split(".").count(EVERY) > levels:
                raise ValueError(f"{path!r} has more '*' than `each`, by which each stands for one entry")
        return self

    def sources(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The fields of an item that are said, each with its paths and expressions; each step of `path` by itself."""
        yield from (("path", (step,)) for step in self.path)
        yield from ((key, getattr(self, key)) for key in KEYS if getattr(self, key))

    def fill(self, draft: Draft, body: Document, judge: Judge) -> None:
        """Appends an item per entry. Never raises on what a sender wrote."""
        found = [
            Item(
                name=as_text(entry.first(self.name)) or "",
                path=[as_text(entry.first((step,))) or "" for step in self.path],
                outcome=judge.outcome(word := as_text(entry.first(self.outcome))),
                raw_status=word,
                url=as_text(entry.first(self.url)),
                message=as_text(entry.first(self.message)),
                duration_ms=as_count(entry.first(self.duration_ms)),
                flaky=entry.first(self.flaky) in (True, "true"),
            )
            for entry in self.entries(body.value, judge)
        ]
        draft.items += found
        if self.complete and found:
            _conclude(draft, found)

    def entries(self, payload: Any, judge: Judge | None = None) -> Iterator["Entry"]:
        """The entries of the first of the lists in `each` that has any."""
        for path in self.each:
            found = [Entry(payload, value, at, judge) for at, value in _walk(payload, _steps(path), ())]
            if found:
                yield from found
                return


class Entry:
    """One entry of the list, and what its fields' paths find."""

    __slots__ = ("_at", "_judge", "_payload", "value")

    def __init__(self, payload: Any, value: Any, at: tuple[str, ...], judge: Judge | None) -> None:
        """`at` has what stands for each `*` of `each` here: the index or key, as a step of a path."""
        self._payload = payload
        self.value = value
        self._at = at
        self._judge = judge

    def first(self, sources: Iterable[str]) -> Any:
        """What the first path or expression gives that gives anything; None where none does."""
        return next((value for source in sources if (value := self.find(source)) is not None), None)

    def find(self, source: str) -> Any:
        """What a path or an expression gives; None for nothing."""
        if "{{" in source:
            values = {"item": self.value, "payload": self._payload}
            return self._judge.answer(source, values) if self._judge else None
        steps = source.split(".")
        if EVERY not in steps:
            return _found(self.value, steps)
        at = iter(self._at)
        own = [next(at, EVERY) if step == EVERY else step for step in steps]
        return _found(self._payload, own)


def _steps(each: str) -> list[str]:
    """The steps of a path to a list, the entries of which are meant whether a last `*` says so or not."""
    steps = each.split(".")
    return steps if steps[-1] == EVERY else [*steps, EVERY]


def _found(value: Any, steps: Iterable[str]) -> Any:
    for step in steps:
        value = paths.step(value, step)
    return None if value is paths.MISSING else value


def _walk(value: Any, steps: list[str], at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for index, step in enumerate(steps):
        if step == EVERY:
            parts = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
            for key, part in parts:
                yield from _walk(part, steps[index + 1 :], (*at, str(key)))
            return
        value = paths.step(value, step)
    if value is not paths.MISSING:
        yield at, value


def _conclude(draft: Draft, items: list[Item]) -> None:
    """What a whole list says of the run. Only one of known verdicts can pass."""
    outcomes = [item.outcome for item in items]
    counts = draft.counts
    if counts.origin is None:
        counts.total, counts.origin, counts.unit = len(items), "derived", counts.unit or "test"
        counts.passed, counts.skipped = outcomes.count(Outcome.PASSED), outcomes.count(Outcome.SKIPPED)
        counts.failed = outcomes.count(Outcome.FAILED) + outcomes.count(Outcome.TIMED_OUT)
        counts.error, counts.cancelled = outcomes.count(Outcome.ERROR), outcomes.count(Outcome.CANCELLED)
    if draft.outcome is None and draft.state is State.FINISHED:
        draft.outcome = _verdict(set(outcomes))


def _verdict(outcomes: set[Outcome]) -> Outcome:
    if outcomes & BAD:
        return next(outcome for outcome in WORST if outcome in outcomes)
    if outcomes == {Outcome.SKIPPED}:
        return Outcome.SKIPPED
    return Outcome.PASSED if outcomes <= {Outcome.PASSED, Outcome.SKIPPED} else Outcome.UNKNOWN
