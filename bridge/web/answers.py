"""JSON answers, sent straight to the ASGI server: the hook path is too hot for a response object each."""

from typing import Any

import orjson
from starlette.types import Send

Headers = list[tuple[bytes, bytes]]

CLOSE: tuple[bytes, bytes] = (b"connection", b"close")
"""Sent where the rest of a body is not read: the connection cannot be used again."""


async def answer(send: Send, status: int, body: dict[str, Any], *more: tuple[bytes, bytes]) -> None:
    """Send one complete JSON answer."""
    text = orjson.dumps(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
