"""`result:` of a vendor, as something that runs: our fields' names, and where in the payload their values stand.

In: a mapping of names to paths or Jinja expressions; out: a `Fields` that writes what it finds into a `Draft`. Only
this module knows which fields can be named, and how each is read.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Protocol

from bridge import paths
from bridge.errors import did_you_mean
from bridge.model import Artifact, Draft, Kind, Link, Severity, State
from bridge.vendors import words
from bridge.vendors.document import Document, as_count, as_moment, as_scalar, as_text
from bridge.verify.scheme import HEADER, header_names

UNITS = ("test", "group", "flow", "run")
"""What `counts` may count; as a value of `counts.unit` these stand for themselves."""


class Judge(Protocol):
    """Who knows what a vendor's words mean, and evaluates expressions. A vendor's `Context` is one."""

    def judge(self, draft: Draft, word: str | None) -> None: ...

    def answer(self, expression: str, values: Mapping[str, Any]) -> Any: ...

    def header(self, source: str) -> str | None: ...


def _member(enum: type[StrEnum], table: Mapping[str, StrEnum]) -> Callable[[Any], StrEnum | None]:
    known = {**table, **{member.value: member for member in enum}}
    return lambda value: known.get(words.fold(value)) if isinstance(value, str) else None


_TEXTS = (
    "raw_status reason title summary url subject_key run_id vendor_id environment "
    "vcs.repository vcs.ref vcs.commit vcs.change app.id app.name app.version app.platform counts.unit"
)
_COUNTS = (
    "duration_ms counts.total counts.passed counts.failed counts.error counts.skipped counts.cancelled counts.flaky"
)
_MOMENTS = "time started_at finished_at"

FIELDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TEXTS.split(), as_text),
    **dict.fromkeys(_COUNTS.split(), as_count),
    **dict.fromkeys(_MOMENTS.split(), as_moment),
    "outcome": as_text,
    "kind": _member(Kind, {}),
    "state": _member(State, words.STATES),
    "severity": _member(Severity, words.SEVERITIES),
}
"""Every field that `result:` can name, with what makes its value of what stands in the payload."""

GROUPS: dict[str, Callable[[Any], Any]] = {
    "labels": as_text,
    "extra": as_scalar,
    "links": as_text,
    "artifacts": as_text,
    "sensitive_artifacts": as_text,
}
"""Fields of which `result:` names the parts itself: `labels.team: owner.team`."""

_WORDS = {"kind": frozenset(Kind), "state": frozenset(State), "severity": frozenset(Severity)} | {
    "counts.unit": frozenset(UNITS)
}
"""Fields whose value may be given outright: `kind: test_run` is the word and no path."""


def is_literal(name: str, sources: str | tuple[str, ...]) -> bool:
    """Whether a field's value is given outright and stands in no payload."""
    return (sources if isinstance(sources, str) else sources[0] if len(sources) == 1 else "") in _WORDS.get(name, ())


def problem(name: str) -> str | None:
    """What is wrong with `name` as a key of `result:`, for the operator; None where nothing is."""
    group, _, part = name.partition(".")
    if name in FIELDS or (group in GROUPS and part):
        return None
    if group in GROUPS:
        return f"{name!r} needs a name of yours after it, as in '{name}.team'"
    return f"no field {name!r}{did_you_mean(name, FIELDS)}"


class Fields:
    """The mapping, ready to run. What it does not find it leaves as it is."""

    def __init__(self, result: Mapping[str, str | tuple[str, ...]]) -> None:
        self._plan = [_Field(name, (source,) if isinstance(source, str) else source) for name, source in result.items()]
        self.headers = frozenset(name for field in self._plan for name in field.headers)
        """The headers that the mapping names, in lower case."""

    def fill(self, draft: Draft, body: Document, judge: Judge) -> None:
        """Writes into `draft` what stands in `body`. Never raises on what a sender wrote."""
        for field in self._plan:
            value = field.value(body, judge)
            if value is not None:
                field.write(draft, value, judge)


def _reader(source: str) -> Callable[[str, Document, Judge], Any]:
    if "{{" in source:
        return lambda text, body, judge: judge.answer(text, {"payload": body.value})
    if source.startswith(HEADER):
        return lambda text, _body, judge: judge.header(text)
    return lambda text, body, _judge: paths.find(body.value, text)


class _Field:
    __slots__ = ("_convert", "_group", "_literal", "_name", "_part", "_sources")

    def __init__(self, name: str, sources: tuple[str, ...]) -> None:
        group, _, part = name.partition(".")
        self._convert = FIELDS[name] if name in FIELDS else GROUPS[group]
        self._name = name
        self._group = group if part else ""
        self._part = part
        self._literal = self._convert(sources[0]) if is_literal(name, sources) else None
        self._sources = [(source, _reader(source)) for source in sources]

    @property
    def headers(self) -> Iterable[str]:
        named = (source.removeprefix(HEADER) for source, _ in self._sources if source.startswith(HEADER))
        return (name for names in named for name in header_names(names))

    def value(self, body: Document, judge: Judge) -> Any:
        """The first usable value among the sources, else None."""
        if self._literal is not None:
            return self._literal
        for source, read in self._sources:
            found = read(source, body, judge)
            if found is not paths.MISSING and (value := self._convert(found)) is not None:
                return value
        return None

    def write(self, draft: Draft, value: Any, judge: Judge) -> None:
        if self._name == "outcome":
            judge.judge(draft, value)
        elif not self._group:
            setattr(draft, self._name, value)
        elif self._group == "labels":
            draft.labels[self._part] = value
        elif self._group == "extra":
            draft.extra[self._part] = value
        elif self._group == "links":
            draft.links.append(Link(self._part.replace("_", " ").capitalize(), value, self._part))
        elif self._group in GROUPS:
            draft.artifacts.append(Artifact(self._part, value, self._group == "sensitive_artifacts"))
        else:
            setattr(getattr(draft, self._group), self._part, value)
            if self._group == "counts" and self._literal is None:
                draft.counts.origin = "reported"
