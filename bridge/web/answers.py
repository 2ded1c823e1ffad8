"""JSON answers, sent straight to the ASGI server: the hook path is too hot for a response object each."""

from typing import Any

import orjson
from starlette.types import Send

Headers = list[tuple[bytes, bytes]]

CLOSE: tuple[bytes, bytes] = (b"connection", b"close")
"""Sent where the rest of a body is not read: the connection cannot be used again."""


async def answer(send: Send, status: int, body: dict[str, Any] | str, *more: tuple[bytes, bytes]) -> None:
    """Send one complete answer, JSON or plain text. A caller who has hung up by now misses it, and that is all."""
    if isinstance(body, str):
        text = body.encode()
        kind, more = b"text/plain; charset=utf-8", ((b"x-content-type-options", b"nosniff"), *more)
    else:
        text, kind = orjson.dumps(body), b"application/json"
    headers = [(b"content-type", kind), *more]
    if status != 204:
        headers.append((b"content-length", str(len(text)).encode()))
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})
    except (RuntimeError, OSError):  # what the event loop says of a connection that is gone
        return
