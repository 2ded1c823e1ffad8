"""A listening HTTP server: the socket first, so that a taken port is a clear error, then uvicorn on it."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from bridge.errors import ConfigError, Problem

BACKLOG = 2048
KEEP_ALIVE = 75


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
            http="httptools",
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
