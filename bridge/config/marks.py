"""YAML with a place for everything in it. Bytes come in; plain values, and the line and column of each, go out.

Only this room knows YAML. It reads the parser's events itself, because the usual loaders lose places, keep the last of
two equal keys, read `on` as true and 012 as ten, and follow aliases without end. Scalars mean what YAML 1.2's core
schema says (https://yaml.org/spec/1.2.2/#103-core-schema). What is wrong but can be stepped over is listed in
`Document.problems`, so that the reader learns of it together with everything else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import yaml

from bridge.errors import ConfigError, Problem

Path: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 100_000
"""Counted after aliases are followed, so a few lines cannot grow into gigabytes."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_DIGITS = 400
_QUOTE_IT = "; if this is text, put quotes around it"


class Place(NamedTuple):
    """Where something stands in the file; both count from 1."""

    line: int
    column: int


class Number(int):
    """A whole number that stands in the file without a unit. Room options that hold spans of time or sizes tell it
    from their own plain `int` (microseconds, bytes), so `keep: 30` is an error and not 30 microseconds."""


@dataclass
class Document:
    """A file's content and the places of all of it.

    `keys` has the place of every key, `values` of every value, `written` the text of every plain scalar that means
    something other than text (`0123`, `true`). All three are by path, as in `("routes", 0, "to")`.
    """

    file: str
    value: Any = None
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class _Scalar:
    place: Place
    text: str
    plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class _List:
    place: Place
    entries: list["_Node"]


@dataclass(frozen=True, slots=True, eq=False)
class _Mapping:
    place: Place
    entries: list[tuple[_Scalar, "_Node"]]


_Node: TypeAlias = _Scalar | _List | _Mapping


def parse(data: bytes, file: str) -> Document:
    """The document in `data`; `file` is its name in problems.

    Raises ConfigError where nothing sensible can be read on: not UTF-8, not YAML, too large, too deep. Duplicate keys,
    tags and the like are in `problems`, and reading went on without them.
    """
    document = Document(file)
    root = _Composer(_decode(data, file), document).compose()
    _Expansion(document).run(root)
    return document


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError([Problem(file, 0, 0, f"is larger than {MAX_BYTES // 1024} KiB")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1)
        place = Place(before.count(b"\n") + 1, column + 1)
        raise ConfigError([Problem(file, *place, "is not UTF-8 from here on; save the file as UTF-8")]) from None


class _Composer:
    """The parser's events as a tree. Nodes are shared where aliases are."""

    def __init__(self, text: str, document: Document) -> None:
        self.text = text
        self.document = document
        self.anchors: dict[str, _Node] = {}

    def compose(self) -> _Node | None:
        events = yaml.parse(self.text, Loader=_Loader)
        try:
            return self._stream(events)
        except yaml.MarkedYAMLError as error:
            raise self._stop(error.problem_mark or error.context_mark, _plain_words(error)) from None
        except yaml.reader.ReaderError as error:
            before = self.text[: error.position]
            place = Place(before.count("\n") + 1, error.position - before.rfind("\n"))
            raise self._stop(place, "there is a control character here; YAML allows none") from None

    def _stop(self, where: Any, text: str) -> ConfigError:
        place = where if isinstance(where, Place) else _place(where)
        return ConfigError([Problem(self.document.file, *place, text)])

    def _stream(self, events: Iterator[Any]) -> _Node | None:
        root: _Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._stop(event.start_mark, "a second document starts here; the file must hold only one")
                root = self._node(next(events), events, depth=0)
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise self._stop(event.start_mark, f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        text = self._tag(event)
        node: _Node
        if isinstance(event, yaml.ScalarEvent):
            node = _Scalar(_place(event.start_mark), event.value, event.implicit[0] and not text)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _List(_place(event.start_mark), self._entries(events, depth))
        else:
            node = _Mapping(_place(event.start_mark), self._pairs(events, depth))
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _entries(self, events: Iterator[Any], depth: int) -> list[_Node]:
        entries = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            entries.append(self._node(event, events, depth + 1))
        return entries

    def _pairs(self, events: Iterator[Any], depth: int) -> list[tuple[_Scalar, _Node]]:
        pairs: list[tuple[_Scalar, _Node]] = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, _Scalar):
                self._note(key.place, "a key must be plain text, not a list or a mapping")
            elif key.plain and key.text == "<<":
                self._note(key.place, "merge keys ('<<') are not part of YAML 1.2; write the keys out")
            else:
                pairs.append((key, value))
        return pairs

    def _alias(self, event: Any) -> _Node:
        node = self.anchors.get(event.anchor)
        if node is None:  # its name is not shown: an unquoted secret may begin with '*'
            text = (
                "'*' refers to an anchor that is not complete before this line; if this is text, put quotes around it"
            )
            raise self._stop(event.start_mark, text)
        return node

    def _tag(self, event: Any) -> bool:
        """Whether the tag says that this is text."""
        if event.tag in ("!", "tag:yaml.org,2002:str"):
            return True
        if event.tag is not None:  # not shown either: an unquoted secret may begin with '!'
            self._note(
                _place(event.start_mark), "tags ('!...') have no meaning here; if this is text, put quotes around it"
            )
        return False

    def _note(self, place: Place, text: str) -> None:
        self.document.problems.append(Problem(self.document.file, *place, text))


class _Expansion:
    """The tree as plain values, with the places noted by path. An alias's content keeps the places of its anchor."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0

    def run(self, root: _Node | None) -> None:
        if root is not None:
            self.document.value = self._value(root, ())

    def _value(self, node: _Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > 2 * MAX_DEPTH:
            text = f"holds more than {MAX_NODES:,} values once its aliases are followed, or nests them too deep"
            raise ConfigError([Problem(self.document.file, *node.place, text)])
        self.document.values[path] = node.place
        if isinstance(node, _Scalar):
            return self._scalar(node, path)
        if isinstance(node, _List):
            return [self._value(entry, (*path, index)) for index, entry in enumerate(node.entries)]
        return self._mapping(node, path)

    def _mapping(self, node: _Mapping, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.entries:
            inner = (*path, key.text)
            if key.text in result:
                first = self.document.keys[inner]
                text = f"the key {quoted(key.text)} is here twice; it is on line {first.line} already"
                problem = Problem(self.document.file, *key.place, text)
                if problem not in self.document.problems:
                    self.document.problems.append(problem)
                continue
            self.document.keys[inner] = key.place
            result[key.text] = self._value(value, inner)
        return result

    def _scalar(self, node: _Scalar, path: Path) -> Any:
        value = resolve(node.text) if node.plain else node.text
        if not isinstance(value, str):
            self.document.written[path] = node.text
        return value


def resolve(text: str) -> str | Number | float | bool | None:
    """What a plain scalar means in YAML 1.2's core schema. Numbers of absurd length stay text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return Number(int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)))
    if _FLOAT.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".nan", "nan") if "." in text else text)
    return text


def quoted(text: str) -> str:
    """A key or name of the file in quotes, short and on one line.

    `{secret:hunter2}` without a space is a key to YAML, so nothing behind a colon is shown.
    """
    head, colon, _ = text.partition(":")
    shown = head[:40] + ("…" if colon or len(head) > 40 else "")
    return repr(shown)


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


def _plain_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "it cannot be read"
    if "tag handle" in problem:  # would show it, and an unquoted secret may begin with '!'
        problem = "'!' begins a tag" + _QUOTE_IT
    return f"is not valid YAML: {problem}. Look at indentation, colons and quotes here and on the line before"
