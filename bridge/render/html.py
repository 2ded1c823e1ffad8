"""Pages of HTML. In: a folder of Jinja templates of ours, and values; out: one whole document as text.

Every value is escaped, whatever it says, and loses what would steer or turn the text around it; only `Markup` that this
room made (a message's look) stays as it is. A name that a template has and a page does not give is an error.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bridge.render.phrases import plural
from bridge.render.slots import plain


class Documents:
    """The templates of a folder, compiled when there is first use for them."""

    def __init__(self, folder: Path) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_harmless,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {"plural": plural, "urlencode": _part}

    def made(self, name: str, **values: Any) -> str:
        """The document `<name>.html`, filled with those values."""
        return self._environment.get_template(f"{name}.html").render(values)


def style(text: str) -> Markup:
    """A style sheet of ours, as it goes into a document."""
    return Markup(text)  # noqa: S704 (our own file)


def _part(value: Any) -> str:
    """A value as one part of an address."""
    return quote(plain(str(value)), safe="")


def _harmless(value: Any) -> Any:
    if value is None:
        return ""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
