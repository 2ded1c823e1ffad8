"""What a vendor's file says, as one class: its signature, its events, where its fields are, its words in ours.

The built-in vendors and a private one from YAML are the same thing. In: a parsed body; out: `Draft`s, in our words
but with text as the vendor wrote it. `bridge.normalize` drives this and makes results of the drafts.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.options import Options
from bridge.vendors import words
from bridge.vendors.document import Document, as_text, decoded
from bridge.vendors.fields import Fields, problem
from bridge.vendors.items import Items
from bridge.vendors.words import Meaning
from bridge.verify.dedupe import Dedupe, alternatives
from bridge.verify.handshake import Handshake
from bridge.verify.scheme import HEADER, Scheme, header_names

UNNAMED = "unknown"
"""The type of an event that should carry a name and does not."""


def _known_field(name: str) -> str:
    if text := problem(name):
        raise ValueError(text)
    return name


def _folded(table: dict[str, Meaning]) -> dict[str, Meaning]:
    return {words.fold(word): meaning for word, meaning in table.items()}


def _described(events: Any) -> Any:
    listed = isinstance(events, (list, tuple)) and all(isinstance(name, str) for name in events)
    return {name: {} for name in events} if listed else events


Several: TypeAlias = str | tuple[str, ...]
"""One text or several; the empty text is none."""


def _listed(several: Several) -> tuple[str, ...]:
    return tuple(filter(None, (several,) if isinstance(several, str) else several))


ResultPaths: TypeAlias = dict[Annotated[str, AfterValidator(_known_field)], str | tuple[str, ...]]
"""Our fields and where they are: a path, or several of which the first that exists counts, or a Jinja expression."""

Word = Annotated[str, BeforeValidator(lambda word: as_text(word) or word)]
Outcomes = Annotated[dict[Word, Meaning], AfterValidator(_folded)]
"""A vendor's words, in any case, and what each means: `{green: passed, building: running}`."""


_NO_HEADERS: Mapping[str, str] = {}


def _header_names(source: str) -> tuple[str, ...]:
    return header_names(source.removeprefix(HEADER)) if source.startswith(HEADER) else ()


def _text(source: str, body: Document, headers: Mapping[str, str]) -> str | None:
    """The text at a path of the body, or of the first header of `header:A|B` that was kept."""
    if not source.startswith(HEADER):
        return body.text(source)
    return next((as_text(headers[name]) for name in _header_names(source) if name in headers), None)


class EventType(Options):
    """What the name of an event alone says about its result. Paths that find something come before it."""

    kind: Kind = Kind.OTHER
    state: State = State.FINISHED
    outcome: Outcome | None = None
    severity: Severity | None = None
    reason: str | None = None
    title: str = ""
    test: bool = False
    """The vendor's own test or ping."""


class VendorOptions(Options):
    """`sources.<name>.options`: what an operator may say about any vendor. A vendor's own options add to these."""

    outcomes: Outcomes = Field(default_factory=dict)
    """The vendor's words in ours, before the vendor's table."""
    result: ResultPaths = Field(default_factory=dict)
    """Where the result's fields are, before the vendor's paths."""

    @cached_property
    def fields(self) -> Fields:
        return Fields(self.result)


OptionsT = TypeVar("OptionsT", bound=VendorOptions)
Evaluate = Callable[[str, Mapping[str, Any]], Any]
"""Evaluates a Jinja text over named values. Whatever it raises is taken as "no answer"."""


class Vendor(Options):
    """One vendor. A private one in YAML says the same keys, less those that only Python can say."""

    name: str = ""
    """As in `vendor: <name>`; the file's name."""
    title: str = ""
    """As people write it."""
    docs: str = ""
    """The vendor's page about its webhooks."""
    setup: str = ""
    """Where the URL and the secret go at the vendor's site."""

    signature: Scheme | None = None
    signatures: dict[str, Scheme] = Field(default_factory=dict)
    """Other ways in which the vendor can be made to sign, by the name that a source says as `signature.variant`."""
    dedupe: Dedupe = ()
    """Paths whose values together identify an event, or several lists of them, of which the first that is all there
    counts; else the hash of the signed bytes does. A `header:<name>` may stand for a path where it is signed."""
    dated: tuple[str, ...] = ()
    """Paths of an id or a time in the signed bytes: where one exists, no honest repeat is the same bytes."""

    event: Several = ""
    """Where the event's name stands: a path, or `header:<name>`, or several of which the first that is there counts;
    none: every body is the same kind of event."""
    event_prefix: str = ""
    """Stands before the name where the vendor's word alone says too little."""
    events: Annotated[dict[str, EventType], BeforeValidator(_described)] = Field(default_factory=dict)
    """The events that the vendor documents. With none, every name is known."""
    test_when: dict[str, Several] = Field(default_factory=dict)
    """Paths, or `header:<name>`, and what is there in the vendor's own tests and pings; `*` stands for any text."""
    handshake: Handshake | None = None
    """What the vendor asks of an address besides posting hooks to it."""
    answer: Literal[200, 204] = 200
    """The status by which the vendor knows that a hook arrived."""
    result: ResultPaths = Field(default_factory=dict)
    items: Items | None = None
    """Where the parts of a run are. None: the vendor tells of none, or `understand` reads them."""
    outcomes: Outcomes = Field(default_factory=dict)
    decode: tuple[str, ...] = ()
    """Paths of texts that are JSON themselves; what is in them is read as if it stood there itself."""

    understand: SkipJsonSchema[Callable[[Document, "Context[Any]"], Iterable[Draft]] | None] = None
    """What paths cannot say. Starts from `context.read(body)`, which is what they do say."""
    options: SkipJsonSchema[type[VendorOptions]] = VendorOptions

    @model_validator(mode="after")
    def _counts_on_what_is_signed(self) -> Self:
        schemes = [scheme for scheme in (self.signature, *self.signatures.values()) if scheme is not None]
        for sources in alternatives(self.dedupe):
            if not sources:
                raise ValueError("dedupe has an empty list: nothing would tell two events apart")
            for source in sources:
                names = _header_names(source)
                if schemes and not any(all(map(scheme.vouches_for, names)) for scheme in schemes):
                    raise ValueError(
                        f"dedupe names {source}, which the signature does not cover: who repeats a hook could change it"
                    )
        return self

    @cached_property
    def fields(self) -> Fields:
        return Fields(self.result)

    @cached_property
    def headers(self) -> frozenset[str]:
        """The headers that the vendor's keys name, in lower case."""
        named = [
            *_listed(self.event),
            *self.test_when,
            *(source for sources in alternatives(self.dedupe) for source in sources),
        ]
        return (
            frozenset(name for source in named for name in _header_names(source))
            | self.fields.headers
            | (self.handshake.headers if self.handshake else frozenset())
        )

    @cached_property
    def _tests(self) -> list[tuple[str, list[str]]]:
        # fnmatch has more signs than '*'; here they are letters like others.
        return [
            (where, [re.sub(r"([\[?])", r"[\1]", one) for one in _listed(like)])
            for where, like in self.test_when.items()
        ]

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {name.casefold(): name for name in self.events}

    def decoded(self, payload: Any) -> Any:
        """The payload with the texts at `decode` read as JSON. What is none stays as it is."""
        for path in self.decode:
            payload = decoded(payload, path.split("."))
        return payload

    def type_of(self, body: Document, headers: Mapping[str, str] = _NO_HEADERS) -> str:
        """The event's name, in the vendor's documented spelling where only the case differs."""
        if not self.event:
            return next(iter(self.events), "event")
        found = (_text(source, body, headers) for source in _listed(self.event))
        name = self.event_prefix + (next((text for text in found if text), None) or UNNAMED)
        return self._spellings.get(name.casefold(), name)

    def is_test(self, body: Document, headers: Mapping[str, str]) -> bool:
        """Whether the vendor made this up to try the connection, by `test_when`."""
        for where, patterns in self._tests:
            text = _text(where, body, headers)
            if text is not None and any(fnmatchcase(text, pattern) for pattern in patterns):
                return True
        return False

    def knows(self, name: str) -> bool:
        """Whether the vendor documents an event of that name."""
        return not self.events or name in self.events


@dataclass(frozen=True, slots=True)
class Context(Generic[OptionsT]):
    """What a vendor's function may know besides the body."""

    vendor: Vendor
    type: str
    received_at: datetime
    headers: Mapping[str, str]
    options: OptionsT
    evaluate: Evaluate | None = None

    def read(self, body: Document) -> Draft:
        """A draft of what the event's name and the vendor's paths say about this body."""
        about = self.vendor.events.get(self.type, _NOTHING_SAID)
        draft = Draft(
            type=self.type,
            kind=about.kind,
            state=about.state,
            outcome=about.outcome,
            severity=about.severity,
            reason=about.reason,
            title=about.title,
            is_test=about.test or self.vendor.is_test(body, self.headers),
        )
        self.vendor.fields.fill(draft, body, self)
        if self.vendor.items:
            self.vendor.items.fill(draft, body, self)
        return draft

    def outcome(self, word: str | None) -> Outcome:
        """A vendor's word as a verdict; UNKNOWN where no table knows it, or where it says "not ended yet"."""
        meaning = self._meaning(word)
        return meaning if isinstance(meaning, Outcome) else Outcome.UNKNOWN

    def judge(self, draft: Draft, word: str | None) -> None:
        """Sets outcome and state by a vendor's word; one that says "not ended yet" leaves no outcome."""
        meaning = self._meaning(word)
        draft.raw_status = word
        if isinstance(meaning, Outcome):
            draft.state, draft.outcome = State.FINISHED, meaning
        else:
            draft.state, draft.outcome = meaning, None

    def _meaning(self, word: str | None) -> Meaning:
        """By the operator's table, then the vendor's, then the common one."""
        folded = words.fold(word or "")
        for table in (self.options.outcomes, self.vendor.outcomes, words.MEANINGS):
            if (meaning := table.get(folded)) is not None:
                return meaning
        return Outcome.UNKNOWN

    def header(self, source: str) -> str | None:
        """The text of the first header of `header:A|B` that was kept."""
        return _text(source, _NOTHING, self.headers)

    def answer(self, expression: str, values: Mapping[str, Any]) -> Any:
        """What an operator's expression gives for these values; None where it gives nothing or cannot."""
        if self.evaluate is None:
            return None
        try:
            return self.evaluate(expression, values)
        except Exception:
            # An operator's expression over a stranger's data may raise anything; an event must not be lost for it.
            return None


_NOTHING_SAID = EventType()
_NOTHING = Document(None)
Vendor.model_rebuild()
