"""A template file: a YAML tree whose text leaves are Jinja. In: the file's text; out: a `Template` that fills itself.

The tree is parsed before anything is filled in, so no value can change its shape.

    a leaf               text with `{{ … }}`; one that is exactly `{{ … }}` keeps its value's type
    null                 takes its key, or its entry in a list, away
    if: <condition>      on a mapping: without it, the mapping is taken away like null
    for: x in <list>     on an entry of a list: once per element, at most 1,000
    entries: [...]       beside `if:` or `for:` and nothing else: the entry stands for these entries
    include: <name>      the same, with the entries of `partials/<name>.yaml` beside this file
    $if, $for, …         those very keys, literally
    extends, parts       at the top of a file: it is laid over another template (see `trees`)
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from bridge.errors import RenderError
from bridge.render import bounds, engine
from bridge.render.files import File, Partials
from bridge.render.slots import Slot
from bridge.render.trees import compose, place, whole_tree

NAMES = frozenset(
    {
        *("result", "payload", "digest", "route", "mention", "why", "late", "style", "buttons", "fit", "note"),
        *("message", "admin_url"),
    }
)
"""What a template may speak of.

`result` and its `payload` (null where the target leaves it out); `digest`, what a digest says
(`bridge.render.digest`; then `result` is that of its worst line), or null; `route`, the route's name; `mention`, text
that pings here, or null; `why` (`new`, `replay`, `test` …); `late`, milliseconds, or null; `style` and `buttons` of
the target; `fit`, how much room there is (`view.Fit`); `note`, what went wrong with another template, or null;
`message`, its id where it has one; `admin_url`, where the operator's page is, or null.
"""

MOST_ENTRIES = 1_000
"""Elements that one `for:` takes."""

MOST_NODES = 20_000
"""Mappings, lists and leaves that one rendering may make, and one file may hold."""

MOST_NESTING = 40

SlotOf: TypeAlias = Callable[[tuple[str, ...], dict[str, str]], Slot]
"""(keys from the root, plain-text values standing beside the leaf) -> the leaf's slot. Lists add no key."""

GONE = object()
"""What a node becomes that takes itself away."""

_LOOP = re.compile(r"\s*([A-Za-z]\w*)\s+in\s+(.+)", re.DOTALL)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_LITERAL_KEYS = {"$if": "if", "$for": "for", "$entries": "entries", "$include": "include"}


@dataclass(slots=True)
class Work:
    """What one rendering has made so far."""

    nodes: int = 0
    text: int = 0

    def node(self) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise bounds.TooMuch(f"the message grew over {MOST_NODES} parts")

    def leaf(self, text: str) -> None:
        self.text += len(text)
        if self.text > bounds.MOST_TEXT:
            raise bounds.TooMuch(f"the message grew over {bounds.MOST_TEXT} characters")


Fill: TypeAlias = Callable[[dict[str, Any], Work], Any]
Entries: TypeAlias = Callable[[dict[str, Any], Work], Iterator[Any]]


@dataclass(frozen=True)
class Template:
    """One compiled file. `adapts` says whether it looks at `fit`, so that a tighter one changes its message."""

    name: str
    fill: Callable[[dict[str, Any]], Any]
    adapts: bool
    content_type: str | None = None


@dataclass
class _Compiler:
    """Compiles one file's nodes; collects the names its leaves use."""

    name: str
    file: File
    slot_of: SlotOf
    partials: Partials
    used: set[str] = field(default_factory=set)
    compiled: dict[tuple[str, str, frozenset[str]], engine.Evaluate] = field(default_factory=dict)
    """Leaves by text, slot and names: an alias (`*body`) repeats whole trees of them."""

    nodes: int = 0
    depth: int = 0

    def template(self, node: yaml.Node, content_type: str | None = None) -> Template:
        """The template whose message is this node."""
        fill = self.tree(node, (), NAMES, {})

        def make(context: dict[str, Any]) -> Any:
            try:
                return fill(context, Work())
            except bounds.TooMuch as error:
                raise RenderError(self.name, self.file.path, engine.describe(error)) from error

        return Template(self.name, make, "fit" in self.used, content_type)

    def tree(self, node: yaml.Node, path: tuple[str, ...], names: frozenset[str], siblings: dict[str, str]) -> Fill:
        self.nodes += 1
        self.depth += 1
        if self.nodes > MOST_NODES or self.depth > MOST_NESTING:
            raise self.error(node, "this template is too large")
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path, names)
            if isinstance(node, yaml.SequenceNode):
                return self.sequence(node, path, names)
            return self.leaf(node, path, names, siblings)
        finally:
            self.depth -= 1

    def leaf(self, node: yaml.Node, path: tuple[str, ...], names: frozenset[str], beside: dict[str, str]) -> Fill:
        value = scalar(node)
        if not isinstance(value, str) or not ("{{" in value or "{%" in value or "{#" in value):
            return lambda _context, _work: GONE if value is None else value
        slot = self.slot_of(path, beside)
        text = value.strip()
        known = (text, slot.name, names)
        if known not in self.compiled:
            try:
                self.compiled[known], used = engine.compile_leaf(text, slot, names, self.partials.texts)
            except RenderError as error:
                raise self.error(node, error.detail, error.where) from error
            self.used |= used
        evaluate = self.compiled[known]

        def fill(context: dict[str, Any], work: Work) -> Any:
            try:
                made = evaluate(context)
                if isinstance(made, str) and not slot.structures:
                    made = slot.whole(made.strip())
                if made is None:
                    return GONE
                work.leaf(made if isinstance(made, str) else "")
                return made
            except Exception as error:
                raise self.error(node, engine.describe(error)) from error

        return fill

    def mapping(self, node: yaml.MappingNode, path: tuple[str, ...], names: frozenset[str]) -> Fill:
        entries = self.pairs(node)
        condition = self.condition(entries.pop("if", None), names)
        if "for" in entries:
            raise self.error(entries["for"], "for: belongs to an entry of a list; write $for for a key of that name")
        siblings = {key: value.value for key, value in entries.items() if isinstance(value, yaml.ScalarNode)}
        parts = [
            (_LITERAL_KEYS.get(key, key), self.tree(value, (*path, key), names, siblings))
            for key, value in entries.items()
        ]

        def fill(context: dict[str, Any], work: Work) -> Any:
            if condition and not condition(context):
                return GONE
            work.node()
            made = ((key, part(context, work)) for key, part in parts)
            return {key: value for key, value in made if value is not GONE}

        return fill

    def sequence(self, node: yaml.SequenceNode, path: tuple[str, ...], names: frozenset[str]) -> Fill:
        entries = [self.entry(entry, path, names) for entry in node.value]

        def fill(context: dict[str, Any], work: Work) -> list[Any]:
            work.node()
            return [made for entry in entries for made in entry(context, work)]

        return fill

    def entry(self, node: yaml.Node, path: tuple[str, ...], names: frozenset[str]) -> Entries:
        """What one entry of a list becomes: nothing, one entry, or several."""
        pairs = self.pairs(node) if isinstance(node, yaml.MappingNode) else {}
        loop = pairs.pop("for", None)
        several = "entries" in pairs and set(pairs) <= {"if", "entries"} and ("if" in pairs or loop is not None)
        if "include" in pairs and set(pairs) <= {"if", "include"}:
            pairs["entries"], several = self.included(pairs.pop("include")), True
        if not several and loop is None:
            one = self.tree(node, path, names, {})
            return lambda context, work: _present(one(context, work))
        variable, values = self.loop(loop, names) if loop else ("", None)
        inner = names | {variable} if loop else names
        condition = self.condition(pairs.pop("if", None), inner)
        body = self.body(node, pairs, several, path, inner)

        def make(context: dict[str, Any], work: Work) -> Iterator[Any]:
            for element in values(context) if values else (None,):
                work.node()
                scope = {**context, variable: element} if loop else context
                if condition is None or condition(scope):
                    yield from body(scope, work)

        return make

    def included(self, node: yaml.Node) -> yaml.Node:
        """The entries that the named partial holds."""
        name = node.value if isinstance(node, yaml.ScalarNode) else ""
        file = self.partials.blocks.get(name)
        if file is None:
            there = ", ".join(sorted(self.partials.blocks)) or "none"
            raise self.error(node, f"there is no partials/{name}.yaml beside this file (there: {there})")
        root = compose(self.name, file)
        listed = isinstance(root, yaml.SequenceNode)
        return root if listed else yaml.SequenceNode(root.tag, [root], root.start_mark, root.end_mark)

    def body(
        self, node: yaml.Node, pairs: dict[str, yaml.Node], several: bool, path: tuple[str, ...], names: frozenset[str]
    ) -> Entries:
        if several:
            whole = self.tree(pairs["entries"], path, names, {})
            if not isinstance(pairs["entries"], yaml.SequenceNode):
                raise self.error(pairs["entries"], "entries: must be a list")
            return lambda context, work: iter(whole(context, work))
        bare = [(key, value) for key, value in node.value if key.value not in ("if", "for")]
        one = self.mapping(yaml.MappingNode(node.tag, bare, node.start_mark, node.end_mark), path, names)
        return lambda context, work: _present(one(context, work))

    def loop(self, node: yaml.Node, names: frozenset[str]) -> tuple[str, Callable[[dict[str, Any]], list[Any]]]:
        match = _LOOP.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
        if not match:
            raise self.error(node, "for: must read like `item in result.items`")
        evaluate = self.expression(node, match[2], names)

        def values(context: dict[str, Any]) -> list[Any]:
            found = evaluate(context)
            if found is not None and not isinstance(found, list | tuple | range):
                raise self.error(node, f"for: needs a list, not {type(found).__name__}")
            if found and len(found) > MOST_ENTRIES:
                raise self.error(node, f"for: takes at most {MOST_ENTRIES} entries, not {len(found)}")
            return list(found or ())

        return match[1], values

    def condition(self, node: yaml.Node | None, names: frozenset[str]) -> Callable[[dict[str, Any]], Any] | None:
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, "if: must be a condition; write $if for a key of that name")
        return self.expression(node, node.value, names)

    def expression(self, node: yaml.Node, text: str, names: frozenset[str]) -> Callable[[dict[str, Any]], Any]:
        try:
            evaluate, used = engine.compile_test(text, names)
        except RenderError as error:
            raise self.error(node, error.detail) from error
        self.used |= used

        def value(context: dict[str, Any]) -> Any:
            try:
                return evaluate(context)
            except Exception as error:
                raise self.error(node, engine.describe(error)) from error

        return value

    def pairs(self, node: yaml.Node) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, "a key must be text; put quotes around a value that begins with {{")
            if key.value in found:
                raise self.error(key, f"the key {key.value!r} is here twice")
            found[key.value] = value
        return found

    def error(self, node: yaml.Node, detail: str, where: str = "") -> RenderError:
        """An error at that node, or at a place in a text that it takes in."""
        return RenderError(self.name, where or place(node.start_mark), detail)


def compile_template(name: str, file: File, partials: Partials, slot_of: SlotOf) -> Template:
    """Compile a file whose whole tree is the message. Raises RenderError with file, line and column."""
    root, partials = whole_tree(name, file, partials)
    return _Compiler(name, file, slot_of, partials).template(root)


def compile_body(name: str, file: File, partials: Partials, slots: dict[str, Slot], tree_slot: Slot) -> Template:
    """Compile a file of the keys `body`, `content_type` and, where the body is text, `escape` (one of `slots`).

    Raises RenderError with file, line and column.
    """
    root, partials = whole_tree(name, file, partials)
    compiler = _Compiler(name, file, lambda _path, _beside: tree_slot, partials)
    pairs = compiler.pairs(root)
    for key, value in pairs.items():
        if key not in ("body", "content_type", "escape"):
            raise compiler.error(value, f"unknown key {key!r}; this file has body, content_type and escape")
    if "body" not in pairs:
        raise compiler.error(root, "there is no body")
    said = {key: value.value for key, value in pairs.items() if key != "body" and isinstance(value, yaml.ScalarNode)}
    is_text = isinstance(pairs["body"], yaml.ScalarNode)
    if is_text:
        if said.get("escape") not in slots:
            raise compiler.error(pairs.get("escape", root), f"a text body needs escape: one of {', '.join(slots)}")
        slot = slots[said["escape"]]
        compiler.slot_of = lambda _path, _beside: slot
    elif "escape" in pairs:
        raise compiler.error(pairs["escape"], "escape: is for a text body; this one is a tree and always JSON")
    content_type = said.get("content_type") or ("text/plain; charset=utf-8" if is_text else "application/json")
    return compiler.template(pairs["body"], content_type)


def scalar(node: Any) -> Any:
    """A scalar by the YAML 1.2 core schema: quoted is text, and so is everything that is not plainly something else."""
    text = node.value
    if node.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 20 else text
    return float(text) if _FLOAT.fullmatch(text) else text


def _present(value: Any) -> Iterator[Any]:
    return iter(()) if value is GONE else iter((value,))


def mappings(made: dict[str, Any], key: str) -> list[Any]:
    """The list of mappings that a message has under that key; empty where it has none. Raises RenderError for anything
    else: what a template makes there is its author's, and nothing that is sent may be of another form.
    """
    value = made.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise RenderError("", key, f"{key} must be a list of mappings")
    return value
