"""A template file as a tree of YAML nodes, each of which knows its file and line.

In: a file; out: its tree. A file that says `extends: <name>` is laid over the template of that name:

    extends: default       the user's template of that name, else the built-in one (also of a file of the same name)
    parts: {footer: "…"}   texts that take the place of the partials of these names, within this template only;
                           a part that includes its own name takes in the one that it replaces
    …                      any other key takes the place of the other template's; mappings are merged, lists are not
"""

import io
from dataclasses import replace
from typing import Any

import yaml

from bridge.errors import RenderError
from bridge.render.files import File, Partials

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def whole_tree(name: str, file: File, partials: Partials) -> tuple[yaml.MappingNode, Partials]:
    """The file's tree laid over that of the template it extends, and the partials with its parts before them.

    Raises RenderError with file, line and column.
    """
    return _laid(name, file, partials, (file,))


def compose(name: str, file: File) -> yaml.Node:
    """The file's own tree. Raises RenderError."""
    stream: Any = io.StringIO(file.text)
    stream.name = file.path
    try:
        root = yaml.compose(stream, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        where = place(error.problem_mark) if error.problem_mark else file.path
        raise RenderError(name, where, f"is not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise RenderError(name, file.path, f"is not YAML: {error}") from error
    if root is None:
        raise RenderError(name, file.path, "is empty")
    return root


def place(mark: Any) -> str:
    """A node's mark as errors name it."""
    return f"{mark.name}:{mark.line + 1}:{mark.column + 1}"


def _laid(name: str, file: File, partials: Partials, chain: tuple[File, ...]) -> tuple[yaml.MappingNode, Partials]:
    root = compose(name, file)
    if not isinstance(root, yaml.MappingNode):
        raise RenderError(name, file.path, "must be a mapping")
    ours = [(key, value) for key, value in root.value if not _is(key, "extends", "parts")]
    extends, parts = _value(root, "extends"), _value(root, "parts")
    if extends is None:
        if parts is not None:
            raise RenderError(name, place(parts.start_mark), "parts: needs extends: <name of a template>")
        return root, partials
    wanted = extends.value if isinstance(extends, yaml.ScalarNode) else ""
    below = next((each for each in partials.templates.get(wanted, ()) if each not in chain), None)
    if below is None:
        there = ", ".join(sorted(partials.templates)) or "none"
        known = f"extends itself in the end: {wanted!r}" if wanted in partials.templates else f"no template {wanted!r}"
        raise RenderError(name, place(extends.start_mark), f"extends: {known} (there: {there})")
    base, partials = _laid(name, below, partials, (*chain, below))
    texts = dict(partials.texts)
    for part, text in _texts(name, parts, file):
        texts[part] = replace(text, behind=texts.get(part))
    return _merged(base, yaml.MappingNode(root.tag, ours, root.start_mark, root.end_mark)), replace(
        partials, texts=texts
    )


def _texts(name: str, parts: yaml.Node | None, file: File) -> list[tuple[str, File]]:
    if parts is None:
        return []
    if not isinstance(parts, yaml.MappingNode):
        raise RenderError(name, place(parts.start_mark), "parts: must be a mapping of texts")
    found = []
    for key, value in parts.value:
        if not isinstance(value, yaml.ScalarNode):
            raise RenderError(name, place(value.start_mark), f"parts: {key.value} must be a text")
        # The text of a block (`|`) begins on the line after its key.
        above = value.start_mark.line + (value.style in ("|", ">"))
        found.append((str(key.value), File(file.path, value.value, above=above)))
    return found


def _merged(base: yaml.MappingNode, over: yaml.MappingNode) -> yaml.MappingNode:
    """The entries of `over` in the places of those of `base`, and behind them those that only `over` has."""
    mine = {id(key): (key, value) for key, value in over.value}
    pairs = []
    for key, value in base.value:
        new = next((pair for pair in mine.values() if _is(pair[0], key.value)), None)
        if new is None:
            pairs.append((key, value))
            continue
        del mine[id(new[0])]
        both = isinstance(value, yaml.MappingNode) and isinstance(new[1], yaml.MappingNode)
        pairs.append((new[0], _merged(value, new[1]) if both else new[1]))
    return yaml.MappingNode(over.tag, [*pairs, *mine.values()], over.start_mark, over.end_mark)


def _is(key: yaml.Node, *names: Any) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value in names


def _value(root: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in root.value if _is(key, name)), None)
