"""Bodies for plain HTTP targets and for the inbox: a tree that becomes JSON, or text.

In: what a template was filled in to; out: that body, if there is one.

A template of these has the keys `body`, `content_type` and, where the body is text, `escape`, which says what a value
must not break out of.
"""

from typing import Any

from bridge.errors import RenderError
from bridge.render.bounds import MOST_TEXT
from bridge.render.files import File, Partials
from bridge.render.slots import FORM, JSON, JSON_INSIDE, RAW, TEXT
from bridge.render.templates import Template, compile_body
from bridge.render.view import Body, View

ESCAPES = {"json": JSON_INSIDE, "form": FORM, "none": RAW}


def compile(name: str, file: File, partials: Partials) -> Template:  # noqa: A001 (each target's module has this one)
    """A file of `templates/http/` as a template of a request's body."""
    return compile_body(name, file, partials, ESCAPES, JSON)


def compile_text(name: str, file: File, partials: Partials) -> Template:
    """A file of `templates/inbox/`: a text for the operator's page and the terminal."""
    return compile_body(name, file, partials, {"none": TEXT}, JSON)


def finish(made: Any, view: View) -> tuple[Body, bool]:  # noqa: ARG001 (each target's module has this one)
    """The body as it is. Raises RenderError for one that is empty."""
    if made is None or made in ("", {}, []):
        raise RenderError("", "body", "the body is empty")
    return made, False


def one_line(text: str, view: View) -> dict[str, Any]:
    """The last rung: the line, and what identifies the result."""
    known = {key: view.result.get(key) for key in ("id", "source", "outcome")}
    return {"text": text[:MOST_TEXT], **{key: value for key, value in known.items() if isinstance(value, str)}}


def text_line(text: str, view: View) -> str:
    """The last rung of the inbox."""
    return f"{TEXT.escape(text)} {view.mention or ''}".strip()
