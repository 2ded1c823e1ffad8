"""Where templates lie. In: a folder; out: its files' texts, by name.

slack/<name>.yaml            a message (discord/, http/ and inbox/ likewise); .yml and .json do too
slack/partials/<name>.yaml   entries of a list, taken in by `include: <name>`
partials/<name>.jinja        text, taken in by `{% include '<name>' %}` at any target
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.errors import RenderError

TREES = (".yaml", ".yml", ".json")
TEXTS = (".jinja",)
PARTIALS = "partials"

_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """A text, and the path of its file as errors name it.

    A text that is a part of its file has so many lines `above` it. `behind` is what it takes the place of: when it
    includes its own name, that is what it gets.
    """

    path: str
    text: str
    above: int = 0
    behind: "File | None" = None


@dataclass(frozen=True, slots=True)
class Partials:
    """What a template may take in, by name: `texts` inside its leaves, `blocks` as entries of its lists, and
    `templates` that it may be laid over, of each name the nearest first."""

    texts: Mapping[str, File] = field(default_factory=dict)
    blocks: Mapping[str, File] = field(default_factory=dict)
    templates: Mapping[str, tuple[File, ...]] = field(default_factory=dict)

    def before(self, other: "Partials") -> "Partials":
        """These, and behind them the others."""
        texts = {name: replace(text, behind=other.texts.get(name)) for name, text in self.texts.items()}
        return Partials(
            texts={**other.texts, **texts},
            blocks={**other.blocks, **self.blocks},
            templates={
                name: self.templates.get(name, ()) + other.templates.get(name, ())
                for name in sorted({*self.templates, *other.templates})
            },
        )


def read_templates(folder: Path, kind: str, on_problem: Callable[[RenderError], Any]) -> dict[str, File]:
    """The templates of one target type, sorted by name. What cannot be read goes to `on_problem`."""
    return _read(folder / kind, TREES, kind, on_problem)


def read_partials(folder: Path, kind: str, on_problem: Callable[[RenderError], Any]) -> Partials:
    """What the templates of one target type may take in, the templates of the folder among it."""
    return Partials(
        texts=_read(folder / PARTIALS, TEXTS, PARTIALS, on_problem),
        blocks=_read(folder / kind / PARTIALS, TREES, f"{kind}/{PARTIALS}", on_problem),
        templates={name: (file,) for name, file in read_templates(folder, kind, on_problem).items()},
    )


def builtin_folder() -> Path:
    """Where the templates lie that come with Drawbridge: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def _read(
    folder: Path, endings: tuple[str, ...], kind: str, on_problem: Callable[[RenderError], Any]
) -> dict[str, File]:
    found: dict[str, File] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix not in endings:
            continue
        name = path.stem
        if name in found:
            on_problem(RenderError(f"{kind}/{name}", str(path), f"{found[name].path} has the same name; rename one"))
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            on_problem(RenderError(f"{kind}/{name}", str(path), f"cannot be read: {error}"))
            continue
        found[name] = File(str(path), _joined(text) if path.suffix == ".json" else text)
    return found


def _joined(text: str) -> str:
    """JSON is YAML but for this: it may write a character outside the BMP as two halves, which YAML refuses."""
    return _PAIR.sub(lambda pair: f"{pair[1]}\\U{_code_point(pair[2], pair[3]):08X}", text)


def _code_point(high: str, low: str) -> int:
    return 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
