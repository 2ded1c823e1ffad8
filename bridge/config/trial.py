"""Private vendors, tried on the operator's own samples. In: a configuration; out: what is wrong with a description, or
doubtful, each with the path in the payload and the place in the file.

A path that finds nothing in any sample is an error where a sample has nearly that path, and else a doubt: perhaps no
sample shows it.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bridge import paths
from bridge.config.config import Config, Source
from bridge.config.marks import Path, quoted
from bridge.config.samples import Sample
from bridge.errors import BridgeError, Problem
from bridge.normalize import Unreadable, parse
from bridge.render import evaluate
from bridge.vendors import Document, Vendor, words
from bridge.vendors.document import as_text
from bridge.vendors.fields import is_literal
from bridge.vendors.items import Entry
from bridge.verify import dedupe_key
from bridge.verify.dedupe import alternatives
from bridge.verify.scheme import HEADER, header_names

MOST_PATHS = 2_000
"""Paths of a payload that a mistyped one is compared with."""


def try_vendors(config: Config) -> list[Problem]:
    """What the samples of each private vendor say about its description; nothing for one without samples."""
    return [
        problem
        for name, vendor in config.vendors.items()
        if config.own_samples[name]
        for problem in _Trial(config, vendor).problems()
    ]


@dataclass(frozen=True)
class _Hook:
    """A sample, read; `payload` is what the vendor's paths go into."""

    sample: Sample
    payload: Any
    entries: Sequence[Entry] = field(default=())

    def find(self, source: str) -> Any:
        """What a path or a header gives; None for nothing. Raises BridgeError where an expression fails."""
        if "{{" in source:
            return evaluate(source, {"payload": self.payload})
        if source.startswith(HEADER):
            names = header_names(source.removeprefix(HEADER))
            return next((self.sample.headers[name] for name in names if name in self.sample.headers), None)
        return Document(self.payload).raw(source)


class _Trial:
    """One vendor and its samples."""

    def __init__(self, config: Config, vendor: Vendor) -> None:
        self._config = config
        self._vendor = vendor
        self._at: Path = ("vendors", vendor.name)
        self._hooks: list[_Hook] = []
        self._found: list[Problem] = []
        self._odd: set[str] = set()
        """Words that were told already."""

    def problems(self) -> list[Problem]:
        for sample in self._config.own_samples[self._vendor.name].values():
            parsed = parse(sample.body)
            if isinstance(parsed, Unreadable):
                self._say(("samples",), f"the sample {sample.name!r} cannot be understood: {parsed.reason}")
            else:
                payload = self._vendor.decoded(parsed.value)
                entries = list(self._vendor.items.entries(payload)) if self._vendor.items else []
                self._hooks.append(_Hook(sample, payload, entries))
        if self._hooks:
            self._paths()
            self._decoded()
            self._items()
            self._events()
            self._words()
            self._repeats()
        return self._found

    def _say(self, path: Path, text: str, *, warning: bool = False) -> None:
        self._found.append(self._config.problem((*self._at, *path), text, warning=warning))

    # ------------------------------------------------------------------------------ paths

    def _paths(self) -> None:
        """Every path of the description finds something in some sample."""
        vendor = self._vendor
        for name, sources in vendor.result.items():
            if not is_literal(name, sources):
                self._finds(("result", name), _listed(sources))
        self._finds(("event",), _listed(vendor.event))
        for key, listed in (("dedupe", vendor.dedupe), ("dated", vendor.dated), ("decode", vendor.decode)):
            for index, source in enumerate(listed):
                for inner, path in enumerate(source) if isinstance(source, tuple) else ():
                    self._finds((key, index, inner), (path,))
                if isinstance(source, str):
                    self._finds((key, index), (source,))

    def _finds(self, path: Path, sources: Sequence[str]) -> None:
        reasons: list[str] = []
        for hook in self._hooks:
            for source in sources:
                try:
                    if hook.find(source) not in (None, ""):
                        return
                except BridgeError as error:
                    reasons.append(str(getattr(error, "detail", error)))
        if sources:
            self._nothing(path, sources, reasons, self._leaves)

    def _decoded(self) -> None:
        """Texts that should be JSON and are not: nothing in them is read."""
        for index, path in enumerate(self._vendor.decode):
            for hook in self._hooks:
                if isinstance(hook.find(path), str):
                    text = f"the text at {quoted(path)} (sample {hook.sample.name!r}) is no JSON, so it stays a text"
                    self._say(("decode", index), text, warning=True)

    def _items(self) -> None:
        items = self._vendor.items
        if items is None:
            return
        entries = [(hook, entry) for hook in self._hooks for entry in hook.entries]
        if not entries:
            known = sorted({path for hook in self._hooks for path in _lists(hook.payload)})
            self._nothing(("items", "each"), items.each, (), known)
            return
        known = sorted({path for _, entry in entries for path in _leaves(entry.value)})
        for key, sources in items.sources():
            if not any(_given(hook, entry, source) for hook, entry in entries for source in sources):
                self._nothing(("items", key), sources, (), known)

    def _nothing(self, path: Path, sources: Sequence[str], reasons: Sequence[str], known: Iterable[str]) -> None:
        """Say that the sources of a key find nothing; what the samples have nearly like them was meant."""
        shown = ", ".join(quoted(source) for source in sources)
        if reasons:
            self._say(path, f"{shown} cannot be worked out for any sample: {reasons[0]}")
            return
        plain = [source for source in sources if "{{" not in source and not source.startswith(HEADER)]
        near = [close for source in plain for close in difflib.get_close_matches(source, known, 1, 0.75)]
        if near:
            self._say(path, f"finds nothing in any sample at {shown}; did you mean {near[0]!r}?")
        else:
            text = f"finds nothing in any sample at {shown}; correct it, or add a sample that has it"
            self._say(path, text, warning=True)

    @cached_property
    def _leaves(self) -> list[str]:
        return sorted({path for hook in self._hooks for path in _leaves(hook.payload)})

    # ------------------------------------------------------------------------------ events, words, repeats

    def _events(self) -> None:
        for hook in self._hooks:
            name = self._vendor.type_of(Document(hook.payload), hook.sample.headers)
            if not self._vendor.knows(name):
                text = f"the sample {hook.sample.name!r} is of the event {quoted(name)}, which is not listed; add it"
                self._say(("events",), text)

    def _words(self) -> None:
        """Words for how things ended that no table knows. Their results are unknown, which is never passed."""
        sources = _listed(self._vendor.result.get("outcome", ()))
        for hook in self._hooks:
            word = _first(hook, sources)
            self._word(hook, word, ("result", "outcome"), sources)
        items = self._vendor.items
        if items is None:
            return
        entry_of = f"{items.each[0].removesuffix('.*')}.*."
        inner = [source if "{{" in source else entry_of + source for source in _listed(items.outcome)]
        for hook in self._hooks:
            for entry in hook.entries:
                self._word(hook, entry.first(items.outcome), ("items", "outcome"), inner)

    def _word(self, hook: _Hook, word: Any, path: Path, sources: Sequence[str]) -> None:
        text = as_text(word) or ""
        folded = words.fold(text)
        tables = [self._vendor.outcomes, words.MEANINGS, *(source.options.outcomes for source in self._sources())]
        if not folded or folded in self._odd or any(folded in table for table in tables):
            return
        self._odd.add(folded)
        at = f" at {', '.join(map(quoted, sources))}" if sources else ""
        said = f"the word {quoted(text)}{at} (sample {hook.sample.name!r}) is in no table, so it means unknown"
        self._say(path, f"{said}; add it to `outcomes`, as in {{{text[:30]}: failed}}", warning=True)

    def _sources(self) -> Iterator[Source]:
        return (source for source in self._config.sources.values() if source.vendor.name == self._vendor.name)

    def _repeats(self) -> None:
        first: dict[bytes, str] = {}
        ids = " and ".join(" + ".join(together) for together in alternatives(self._vendor.dedupe)) or "the whole body"
        for hook in self._hooks:
            sample = hook.sample
            key, _ = dedupe_key(sample.body, "", self._vendor.dedupe, self._vendor.dated, None, sample.headers)
            if (other := first.setdefault(key, sample.name)) != sample.name:
                text = f"the samples {other!r} and {sample.name!r} are one event by {ids}"
                text += ": the second would be taken for a repeat; name a path that tells them apart"
                self._say(("dedupe",), text, warning=True)


def _listed(sources: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(filter(None, (sources,) if isinstance(sources, str) else sources))


def _first(hook: _Hook, sources: Sequence[str]) -> Any:
    for source in sources:
        try:
            if (found := hook.find(source)) not in (None, ""):
                return found
        except BridgeError:
            continue
    return None


def _given(hook: _Hook, entry: Entry, source: str) -> bool:
    if "{{" not in source:
        return entry.find(source) is not None
    try:
        return evaluate(source, {"item": entry.value, "payload": hook.payload}) not in (None, "")
    except BridgeError:
        return False


def _leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of everything in a payload, lists by their first entries."""
    pending = [(path, value)]
    for _ in range(MOST_PATHS):
        if not pending:
            return
        path, value = pending.pop(0)
        if path:
            yield path
        parts = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
        pending += [(f"{path}.{key}" if path else str(key), part) for key, part in parts]


def _lists(value: Any) -> Iterator[str]:
    """The paths of the lists in a payload, as `each` names them."""
    for path in _leaves(value):
        if isinstance(paths.find(value, path), list):
            yield ".".join("*" if step.isdigit() else step for step in path.split("."))
