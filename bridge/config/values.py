"""`${NAME}`, `${NAME:-default}` and `${file:/path}` in the file's text values, filled in after YAML was parsed.

A secret can therefore never change the file's structure, and a missing one is an error, never literal text. What was
filled in is remembered, so that no message about the file can show it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from bridge.config.marks import Document, Path

MAX_FILE_BYTES = 64 << 10
_SHORTEST_HIDDEN = 4
"""Shorter values are not searched for in messages: hiding every `1` would hide the message."""

_HOLE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FORMS = "write ${NAME}, ${NAME:-default} or ${file:/path}, or $${ for a plain ${"


class _Missing(Exception):
    """A value that cannot be filled in; the text says which and why, never what."""


@dataclass
class Filling:
    """What was done to a document: the values put in, the files read, the variables by path, and what was missing."""

    values: set[str] = field(default_factory=set)
    files: list[FilePath] = field(default_factory=list)
    variables: dict[Path, list[str]] = field(default_factory=dict)
    problems: dict[Path, str] = field(default_factory=dict)

    def hide(self, text: str) -> str:
        """`text` without any value that was filled in."""
        for value in sorted(self.values, key=len, reverse=True):
            if len(value) >= _SHORTEST_HIDDEN:
                text = text.replace(value, "…")
        return text


def fill(document: Document, env: Mapping[str, str], folder: FilePath) -> Filling:
    """Fill in every text value of `document`, in place. Relative files are looked for in `folder`. Raises nothing."""
    filling = Filling()

    def each(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: each(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [each(inner, (*path, index)) for index, inner in enumerate(value)]
        return _text(value, path) if isinstance(value, str) and "${" in value else value

    def _text(text: str, path: Path) -> str:
        def hole(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            value = _look_up(match[1], env, folder, filling, path)
            filling.values.add(value)
            return value

        try:
            return _HOLE.sub(hole, text)
        except _Missing as missing:
            filling.problems[path] = str(missing)
            return text

    document.value = each(document.value, ())
    return filling


def _look_up(inside: str | None, env: Mapping[str, str], folder: FilePath, filling: Filling, path: Path) -> str:
    if inside is None:
        raise _Missing(f"a ${{ is not closed; {_FORMS}")
    if "${" in inside:
        raise _Missing("one ${...} cannot stand inside another")
    if inside.startswith("file:"):
        return _read(inside.removeprefix("file:"), folder, filling)
    match = _NAME.fullmatch(inside)
    if not match:
        raise _Missing(f"there is no variable name inside ${{...}}; {_FORMS}")
    name, default = match[1], match[2]
    filling.variables.setdefault(path, []).append(name)
    if default is not None:
        return env.get(name) or default
    if name not in env:
        raise _Missing(f"the environment has no variable {name}; set it, or give it a default: ${{{name}:-default}}")
    return env[name]


def _read(name: str, folder: FilePath, filling: Filling) -> str:
    """The text of a file without its last newline."""
    file = folder / name
    filling.files.append(file)
    try:
        if not file.is_file():
            raise _Missing(f"there is no file {name!r} here; make it, or correct the path")
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise _Missing(f"the file {name!r} cannot be read: {reason}") from None
    if len(data) > MAX_FILE_BYTES:
        raise _Missing(f"the file {name!r} is larger than {MAX_FILE_BYTES // 1024} KiB")
    return text.removesuffix("\n").removesuffix("\r")
