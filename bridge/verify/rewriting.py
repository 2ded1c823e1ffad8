"""What becomes of a body on its way: the forms in which proxies and frameworks write a body anew.

In: a body as it came; out: what may have been signed instead, with words for it. Only for `diagnosis`: nothing that is
let in is judged by these.
"""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from bridge.verify.json_js import MAX_BYTES, reserialize
from bridge.verify.json_sorted import sort_keys

BOM = b"\xef\xbb\xbf"

_LAYOUTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("the JSON without blanks", {"separators": (",", ":")}),
    ("the JSON with a blank after each comma and colon", {}),
    ("the JSON pretty-printed by 2", {"indent": 2}),
    ("the JSON pretty-printed by 4", {"indent": 4}),
    ("the JSON pretty-printed by tabs", {"indent": "\t"}),
)


def bodies(body: bytes) -> Iterator[tuple[bytes, str]]:
    """(what may have been signed, words for it), each form that differs from `body` once."""
    seen = {body}
    for made, what in _forms(body):
        if made not in seen:
            seen.add(made)
            yield made, what


def _forms(body: bytes) -> Iterator[tuple[bytes, str]]:
    yield body.rstrip(b"\r\n"), "the body without the newline at its end"
    yield body + b"\n", "the body with a newline at its end"
    yield body + b"\r\n", "the body with a carriage return and a newline at its end"
    yield body.replace(b"\r\n", b"\n"), "the body with LF where CRLF came"
    yield body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), "the body with CRLF where LF came"
    yield body.removeprefix(BOM), "the body without the byte order mark in front"
    yield BOM + body, "the body with a byte order mark in front"
    yield body.strip(), "the body without the blanks around it"
    yield b"", "an empty body"
    if (text := _text(body)) is not None:
        yield text.encode("latin-1", "replace"), "the body in Latin-1, not UTF-8"
        yield text.encode("utf-16-le"), "the body in UTF-16"
    yield body.decode("latin-1").encode(), "the body read as Latin-1 and written as UTF-8"
    if body[:2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
        yield _inflated(body), "the body before it was compressed"
    yield from _json_forms(body)


def _json_forms(body: bytes) -> Iterator[tuple[bytes, str]]:
    try:
        document = json.loads(body.removeprefix(BOM)) if len(body) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict | list):
        return
    for form, what in ((reserialize, "the JSON as JavaScript writes it"), (sort_keys, "the JSON with its keys sorted")):
        if (made := form(body)) is not None:
            yield made, what
    for what, layout in _LAYOUTS:
        for keys, sort_keys_ in ((what, False), (f"{what}, its keys sorted", True)):
            for ascii_ in (False, True):
                try:
                    text = json.dumps(document, ensure_ascii=ascii_, sort_keys=sort_keys_, **layout)
                    yield text.encode(), keys
                    yield text.replace("/", "\\/").encode(), f"{keys}, its slashes escaped as PHP does"
                except (ValueError, RecursionError):
                    return


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _inflated(body: bytes) -> bytes:
    """The beginning of what a compressed body holds; empty where it is none."""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, MAX_BYTES)
    except zlib.error:
        return b""
