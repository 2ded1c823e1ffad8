"""What is wrong with the file, in plain words and with its place. In: a marked document and pydantic's opinion of its
parts; out: typed values, and a list of `Problem`s.

A value never stands in a problem unless it is a name that the operator gave to something; what was filled in for
`${...}` never does. A text field takes its scalar as it is written: `channel: 0123` is the text 0123.
"""

import copy
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bridge.config.marks import Document, Path, Place, quoted
from bridge.config.values import Filling
from bridge.errors import ConfigError, Problem, did_you_mean

T = TypeVar("T")

MOST_PROBLEMS = 200
"""Then reading stops: whoever wrote the file has something else in mind."""

_WANTED = {
    "text": ("string_type", "string_sub_type", "path_type"),
    "a whole number": ("int_type", "int_parsing", "int_parsing_size", "int_from_float"),
    "a number": ("float_type", "float_parsing", "finite_number"),
    "true or false": ("bool_type", "bool_parsing"),
    "a list": ("tuple_type", "list_type", "set_type"),
    "a mapping (key: value)": ("dict_type", "mapping_type", "model_type", "model_attributes_type"),
}
_NOUNS = {code: noun for noun, codes in _WANTED.items() for code in codes}
_CHOICE = ("literal_error", "enum")
_UNKNOWN_KEY = "extra_forbidden"
_KEY_OF_A_MAPPING = "[key]"


@dataclass
class Report:
    """The problems found so far in one document, and the way to find more."""

    document: Document
    filling: Filling
    known_keys: Callable[[Path, Any], Iterable[str]]
    """The keys that the mapping at a path may have; the whole document's value is given too."""
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        for problem in self.document.problems:
            self._note(problem)
        for path, text in self.filling.problems.items():
            self.add(path, text)

    def add(
        self, path: Path, text: str, *, key: bool = False, where: Path | None = None, warning: bool = False
    ) -> None:
        """Note a problem of what stands at `path`; its place is the value's, or the key's, or that of `where`."""
        if self.filling.problems.get(path, text) != text:
            return  # what stands there is not what was meant
        place = _place(self.document, path if where is None else where, key)
        shown = f"{show(path)}: " if path else ""
        self._note(Problem(self.document.file, *place, self.filling.hide(shown + text), warning))

    def _note(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) == MOST_PROBLEMS:
            text = f"has more problems than these; correct the first {MOST_PROBLEMS} first"
            raise ConfigError([*self.problems, Problem(self.document.file, 0, 0, text)])

    def value(self, path: Path) -> Any:
        """What stands at `path`, or null."""
        value, _ = _walk(self.document.value, path)
        return value

    def texts(self, path: Path) -> list[tuple[Path, str]]:
        """The text at `path`, or those in the list there, each with its own path and as it is written (`007`)."""
        value = self.value(path)
        found = [((*path, index), each) for index, each in enumerate(value)] if isinstance(value, list) else []
        return [
            (at, each if isinstance(each, str) else self.document.written[at])
            for at, each in found or [(path, value)]
            if isinstance(each, str) or (isinstance(each, int | float) and at in self.document.written)
        ]

    def read(self, adapter: TypeAdapter[T], path: Path = (), without: Collection[str] = ()) -> T | None:
        """The value at `path` as the adapter's type; null where it is not one, which is then in the problems.

        `without` names keys of it that were dealt with already.
        """
        value = self.value(path)
        if without and isinstance(value, dict):
            value = {key: inner for key, inner in value.items() if key not in without}
        while True:
            try:
                return adapter.validate_python(value)
            except ValidationError as error:
                errors = error.errors(include_url=False, include_input=False)
            changed = self._as_written(value, path, errors)
            if changed is value:
                self._translate(value, path, errors)
                return None
            value = changed

    def _as_written(self, value: Any, base: Path, errors: Iterable[ErrorDetails]) -> Any:
        """A copy of `value` with the text of each scalar that should be text and means something else; else itself."""
        texts: dict[Path, str] = {}
        for error in errors:
            inner, _ = _resolve(value, error["loc"])
            text = self.document.written.get((*base, *inner))
            found, _ = _walk(value, inner)
            if _NOUNS.get(error["type"]) == "text" and text is not None and isinstance(found, int | float):
                texts[inner] = text
        return _replaced(value, texts) if texts else value

    # ------------------------------------------------------------------------------ pydantic's words in ours

    def _translate(self, value: Any, base: Path, errors: Iterable[ErrorDetails]) -> None:
        by_path: dict[Path, list[tuple[ErrorDetails, Path]]] = {}
        for error in errors:
            inner, rest = _resolve(value, error["loc"])
            if error["type"] == "value_error" and error["loc"][-1:] == (_KEY_OF_A_MAPPING,):
                self.add((*base, *inner), str(error["ctx"]["error"]), key=True)
                continue
            by_path.setdefault(inner, []).append((error, rest))
        around = {inner[:length] for inner in by_path for length in range(len(inner))}
        for inner, found in by_path.items():
            path = (*base, *inner)
            nouns = list(dict.fromkeys(noun for error, _ in found if (noun := _NOUNS.get(error["type"]))))
            others = [(error, rest) for error, rest in found if error["type"] not in _NOUNS]
            if nouns and not others and inner not in around:
                self.add(path, f"must be {' or '.join(nouns)}, not {_kind(self.value(path))}{self._from(path)}")
            choices = [word for error, _ in others if error["type"] in _CHOICE for word in _words(error, "expected")]
            if choices:
                self._add(path, self._choose(path, choices))
            rest_of_them = [(error, rest) for error, rest in others if error["type"] not in _CHOICE]
            for text in dict.fromkeys(self._explain(path, error, rest) for error, rest in rest_of_them):
                if text is not None:
                    self._add(path, text)

    def _choose(self, path: Path, words: list[str]) -> str:
        found = self.value(path)
        return f"must be {_either(words)}{meant(found if isinstance(found, str) else '', words, rest=False)}"

    def _add(self, path: Path, text: str) -> None:
        """As `add`, pointing at the very key or word below `path` that the text names."""
        for word in re.findall(r"'([^']+)'", text):
            for at in self._below(path):
                if at[-1] == word and len(at) > len(path):
                    return self.add(path, text, key=True, where=at)
                if isinstance(found := self.value(at), str) and found.removeprefix("!") == word:
                    return self.add(path, text + self._from(at), where=at)
        return self.add(path, text + self._from(path), key=isinstance(self.value(path), dict))

    def _below(self, path: Path) -> Iterator[Path]:
        return (at for at in self.document.values if at and at[: len(path)] == path)

    def _explain(self, path: Path, error: ErrorDetails, rest: Path) -> str | None:
        """What is wrong, or null where that was noted already."""
        code, context = error["type"], error.get("ctx", {})
        if code == _UNKNOWN_KEY:
            self.unknown_key(path)
            return None
        if code == "missing":
            self.add(path, f"the key {str(rest[-1])!r} is missing", key=True)
            return None
        if code == "union_tag_not_found" and not isinstance(self.value(path), dict):
            return f"must be a mapping (key: value), not {_kind(self.value(path))}"
        if code == "union_tag_not_found":
            self.add(path, "the key 'type' is missing", key=True)
            return None
        if code == "union_tag_invalid":
            known, tag = _words(error, "expected_tags"), str(context["tag"])
            self.add((*path, "type"), f"there is no type {quoted(tag)}{meant(tag, known)}")
            return None
        if code == "value_error":
            return str(context.get("error", error["msg"]))
        return _reworded(error)

    def unknown_key(self, path: Path) -> None:
        """Note that the last key of `path` means nothing there."""
        *above, key = path
        around = tuple(above)
        place = self.document.keys.get(path) or _place(self.document, path, key=True)
        shown = f"{show(around)}: " if around else ""
        space = (
            "; put a space after the ':'"
            if ":" in str(key)
            else meant(str(key), self.known_keys(around, self.document.value))
        )
        text = f"{shown}unknown key {quoted(str(key))}{space}"
        self._note(Problem(self.document.file, *place, self.filling.hide(text)))

    def _from(self, path: Path) -> str:
        """Where the value came from, for one that was filled in."""
        names = [f"${{{name}}}" for name in self.filling.variables.get(path, [])]
        return f" (filled in from {', '.join(names)})" if names else ""


LONGEST_NAME = 63
"""A longer word, or one with a slash, is no name; it may be an address that stands in the wrong place."""


def meant(word: str, known: Iterable[str], rest: bool = True) -> str:
    """`; did you mean 'x'?` for a word close to a known one, else (with `rest`) what there is."""
    names = sorted({name for name in known if len(name) <= LONGEST_NAME and "/" not in name})
    close = did_you_mean(word, names)
    if close or not rest or not names:
        return close
    return f"; there is {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"


def show(path: Path) -> str:
    """`routes[0].to`, as people write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{quoted(step)[1:-1]}" if text else quoted(step)[1:-1]
    return text


def _place(document: Document, path: Path, key: bool) -> Place:
    """The place of what stands at `path`, or of the nearest thing around it."""
    while True:
        found = (document.keys.get(path) if key else None) or document.values.get(path)
        if found or not path:
            return found or Place(1, 1)
        path = path[:-1]


def _walk(value: Any, path: Path) -> tuple[Any, bool]:
    """What stands at `path` in `value`, and whether anything does."""
    for step in path:
        if isinstance(value, list):
            exists = isinstance(step, int) and step < len(value)
        else:
            exists = isinstance(value, dict) and step in value
        if not exists:
            return None, False
        value = value[step]
    return value, True


def _resolve(value: Any, loc: tuple[int | str, ...]) -> tuple[Path, Path]:
    """Pydantic's location as a path that exists in `value`, and what comes behind it.

    Between the steps pydantic puts names of its own (of union branches, of validators); they are left out.
    """
    path: list[str | int] = []
    behind: list[str | int] = []
    for step in loc:
        inside, exists = _walk(value, (step,))
        if exists:
            path.append(step)
            value, behind = inside, []
        elif step != _KEY_OF_A_MAPPING:
            behind.append(step)
    return tuple(path), tuple(behind)


def _replaced(value: Any, texts: Mapping[Path, str]) -> Any:
    """A copy of `value` with each text at its path."""
    copied = copy.deepcopy(value)
    for path, text in texts.items():
        if not path:
            return text
        inside, _ = _walk(copied, path[:-1])
        inside[path[-1]] = text
    return copied


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    kinds = {str: "text", dict: "a mapping", list: "a list"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "a number")


def _words(error: ErrorDetails, key: str) -> list[str]:
    """The words between quotes in what pydantic says was expected."""
    return re.findall(r"'([^']*)'", str(error.get("ctx", {}).get(key)))


def _either(words: list[str]) -> str:
    *first, last = [repr(word) for word in words]
    return f"{', '.join(first)} or {last}" if first else last


def _reworded(error: ErrorDetails) -> str:
    code, context = error["type"], error.get("ctx", {})
    if code in ("too_short", "string_too_short") and context.get("min_length") == 1:
        return "must not be empty"
    if code in ("too_short", "too_long"):
        bound, limit = ("least", "min_length") if code == "too_short" else ("most", "max_length")
        return f"must have at {bound} {context[limit]} entries"
    return re.sub(r"^\w+ should ", "must ", error["msg"])
