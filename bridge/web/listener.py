"""A listening HTTP server: the socket first, so that a taken port is a clear error, then uvicorn on it.

What comes before a body is bounded here, in size and time: nobody has proved anything yet.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bridge.errors import ConfigError, Problem

BACKLOG = 2048
KEEP_ALIVE = 75


MOST_HEAD = 64 << 10
"""Bytes of a request's first line and headers; the longest that any vendor sends is far below."""

HEAD_SECONDS = 10.0
"""In which they must be complete, from the connection or the end of the request before."""


UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class _Bounded(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with a limit on what precedes the body. It knows none itself."""

    _head = 0
    _in_head = True
    _in_body = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body, self._head = False, True, 0
        self._in_time()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        began_before = self._in_head
        if not self._in_body:
            end_of_head = data.find(b"\r\n\r\n")
            size = end_of_head if end_of_head >= 0 else len(data)
            if self._head + size > MOST_HEAD:
                self.send_400_response("The headers are too long.")
                return
            if UPGRADE.search(data, 0, size):
                # Nothing is upgraded to here, and that is no reason to lose the body, as the parser would:
                # https://www.rfc-editor.org/rfc/rfc9110#section-7.8
                data = UPGRADE.sub(b"\r\nX-Upgrade:", data[:size]) + data[size:]
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data) if began_before else 0
            if self._deadline is None:
                self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether to go on: a caller that has said all may close its half, and still waits for its answer."""
        answering = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if answering:
            self.cycle.keep_alive = False
        return answering

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Listener(uvicorn.Server):
    """One door. Signals are the whole process's business, not a door's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening(app: ASGIApp, drain: float = 5.0) -> Listener:
    """A server for that application; `serve(sockets=[…])` runs it, `should_exit` ends it within `drain` seconds."""
    return Listener(
        uvicorn.Config(
            app,
            http=_Bounded,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(drain),
        )
    )


def bind(listen: tuple[str, int], key: str, file: Path) -> socket.socket:
    """A listening socket. Raises ConfigError, naming the key, where the address cannot be had."""
    host, port = listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        text = f"{key}: cannot listen on {host}:{port}: {error.strerror}; free the port or choose another"
        raise ConfigError([Problem(str(file), 0, 0, text)]) from None
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound


def url_of(bound: socket.socket) -> str:
    """The address at which this machine reaches a listening socket."""
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"
