"""What a browser gets: a document of ours, in a policy that lets nothing else in.

In: a template of `pages/` and its values; out: an answer. No script runs, nothing is loaded from anywhere, no other
site shows it in a frame, and nobody keeps it. Links in documents are relative, so that a proxy may put a path in front.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response

from bridge.render import preview
from bridge.render.html import Documents, style

FOLDER = Path(__file__).parent / "pages"

STYLE = preview.STYLE + (FOLDER / "page.css").read_text("utf-8")
"""The look of messages, and on top of it our own."""

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SAFETY = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

_DOCUMENTS = Documents(FOLDER)


def root(path: str) -> str:
    """The way from a page back to the first one: `../` for `/messages/x`."""
    return "../" * (path.count("/") - 1)


def document(
    name: str, way_back: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """The document, filled in. `way_back` is as `root` says."""
    html = _DOCUMENTS.made(name, root=way_back, style=style(STYLE), **values)
    return Response(html.encode("utf-8", "replace"), status, {**SAFETY, **(headers or {})}, "text/html; charset=utf-8")
