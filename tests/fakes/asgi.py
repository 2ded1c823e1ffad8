"""The least of a web app: a request comes in, is remembered, and a scripted or a proper reply goes out."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What arrived. Header names are lower-case; of a repeated header or query key the last one counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError where it is none."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What goes back. A `body` that is not bytes or text is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class App:
    """An ASGI app that remembers its `requests`, answers by `then(...)` first and by `reply()` after."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._script: deque[Reply] = deque()

    def then(self, *replies: Reply) -> None:
        """The next requests get these replies, in order, whatever they ask."""
        self._script.extend(replies)

    def recover(self) -> None:
        """The next requests get what `reply()` says, whatever the script still holds."""
        self._script.clear()

    def reply(self, request: Request) -> Reply:
        """The reply to a request that the script says nothing about."""
        return Reply(200)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await self.received(scope, receive)
        if request is not None:
            await self.answer(send, self._script.popleft() if self._script else self.reply(request))

    async def received(self, scope: Scope, receive: Receive) -> Request | None:
        """The whole request, remembered; None where its sender hung up in the middle of it."""
        assert scope["type"] == "http"
        request = await _request(scope, receive)
        if request is not None:
            self.requests.append(request)
        return request

    async def answer(self, send: Send, reply: Reply) -> None:
        """Send a reply."""
        headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
        body = reply.encoded()
        if reply.status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _request(scope: Scope, receive: Receive) -> Request | None:
    body, more = b"", True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            return None
        body += part.get("body", b"")
        more = part.get("more_body", False)
    query = {key: values[-1] for key, values in parse_qs(scope["query_string"].decode()).items()}
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], query, headers, body)
