"""A request that somebody captured, as a file: raw HTTP as `nc -l` saw it, or JSON with headers and body.

In: the file's bytes; out: a `Received`, and notes on what the capture itself shows. Nothing here judges the request.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge import clock
from bridge.model import Received

FORM = (
    "must be a raw HTTP request (POST /hooks/name HTTP/1.1, headers, an empty line, the body) or JSON of the form "
    '{"headers": {...}, "body": "..."}'
)

_START = re.compile(rb"([A-Z]{1,20}) (\S{1,8000}) HTTP/1\.[01]\r?\n")
_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]{0,200}\r?\n")


@dataclass(frozen=True, slots=True)
class Captured:
    """A request and what its file shows about it: sentences."""

    received: Received
    notes: tuple[str, ...] = ()


def read_capture(data: bytes, at: int) -> Captured:
    """The captured request; `at` (µs) is when it came, unless the file says. Raises ValueError that shows the forms."""
    if _START.match(data):
        return _raw(data, at)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError(FORM) from None
    if not isinstance(document, dict) or "headers" not in document:
        raise ValueError(FORM)
    return _json(document, at)


def _raw(data: bytes, at: int) -> Captured:
    start = _START.match(data)
    end = _END.search(data)
    if not start or not end:
        raise ValueError(FORM)
    lines = (line.partition(b":") for line in data[start.end() : end.start()].splitlines())
    headers = [(name.decode("latin-1").strip(), value.decode("latin-1").strip()) for name, _, value in lines]
    body, notes = _whole(data[end.end() :], {name.lower(): value for name, value in headers})
    return Captured(_received(start[1].decode(), start[2].decode("latin-1"), headers, body, at), notes)


def _whole(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, tuple[str, ...]]:
    """The body as the sender meant it, and what is odd about it."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        joined = _joined(body)
        return (joined, ()) if joined is not None else (body, ("It says that it is chunked, and is not.",))
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or len(length) > 15 or int(length) == len(body):
        return body, ()
    if int(length) < len(body):
        return body[: int(length)], (f"Only the first {length} bytes of the body count: that is its content-length.",)
    return body, (f"The body is cut off: {len(body)} bytes came of {length}.",)


def _joined(body: bytes) -> bytes | None:
    parts: list[bytes] = []
    place = 0
    while match := _CHUNK.match(body, place):
        size = int(match[1], 16)
        if not size:
            return b"".join(parts)
        parts.append(body[match.end() : match.end() + size])
        place = match.end() + size
        place += 2 if body[place : place + 2] == b"\r\n" else 1
    return None


def _json(document: Mapping[str, Any], at: int) -> Captured:
    listed = document["headers"]
    pairs: Sequence[Any] = list(listed.items()) if isinstance(listed, dict) else listed
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise ValueError("headers must be a mapping, or a list of [name, value]")
    try:
        body = base64.b64decode(document["body_base64"]) if "body_base64" in document else _text(document.get("body"))
        when = next((document[key] for key in ("at", "received_at") if document.get(key)), None)
        moment = clock.to_micros(datetime.fromisoformat(str(when))) if when else at
    except (binascii.Error, TypeError, ValueError, OverflowError):
        raise ValueError("body must be text (or body_base64 be base64), at a date and a time with its zone") from None
    headers = [(str(name), str(value)) for name, value in pairs]
    url = str(document.get("url") or document.get("path") or "")
    return Captured(_received(str(document.get("method") or "POST"), url, headers, body, moment))


def _text(body: Any) -> bytes:
    if not isinstance(body, str):
        raise ValueError("a body that was parsed is not the one that was signed")
    return body.encode()


def _received(method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, at: int) -> Received:
    path = url.partition("?")[0]
    source = path.rpartition("/hooks/")[2] if "/hooks/" in path else ""
    return Received(source, method, url, tuple((name.lower(), value) for name, value in headers), body, at)
