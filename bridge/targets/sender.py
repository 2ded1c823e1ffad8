"""The only room that talks to the network on the way out. In: an `Outgoing`; out: what came back, or why nothing did.

One small pool of kept connections per target and one TLS context for all of them: a pool shared by many targets costs
more with every connection in it, and a client per message makes a TLS context each time. Redirects are not followed and
the environment's proxy settings are not read. Nothing that is returned holds an address beyond its host.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import aclosing
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2

from bridge import __version__, clock
from bridge.targets.settings import Timeout, is_link_local
from bridge.targets.wire import Failure, FailureKind, HttpAnswer, Outgoing

AGENT = f"Drawbridge/{__version__}"
ANSWER_LIMIT = 8 << 10
"""Bytes of an answer that are read where only its status counts."""

KEEP_IDLE = 60.0
"""Seconds that a connection is kept for the next message."""


@cache
def shared_context() -> ssl.SSLContext:
    """The one TLS context of this process; making one costs about 40 ms."""
    return httpx2.create_ssl_context()


class LinkLocal(Exception):
    """The name led to a link-local address."""


EARLY = (
    LinkLocal,
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)
"""After these nothing of the message has left us."""


class Watch:
    """Follows one attempt from inside: where it connects to, and whether anything of the message may have left.

    https://www.python-httpx.org/advanced/extensions/#trace
    """

    def __init__(self, connect: float) -> None:
        self.begun = False
        self._connect = connect

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Raises LinkLocal before a connection is made to such an address, and again once there is one: the name may
        have been given another address in between."""
        if event.endswith(".send_request_headers.started"):
            self.begun = True
        elif event == "connection.connect_tcp.started":
            if any(is_link_local(address) for address in await self._addresses(info["host"], info["port"])):
                raise LinkLocal
        elif event == "connection.connect_tcp.complete":
            stream = info["return_value"]
            if is_link_local(str(stream.get_extra_info("server_addr")[0])):
                await stream.aclose()
                raise LinkLocal

    async def _addresses(self, host: str, port: int) -> list[str]:
        async with asyncio.timeout(self._connect):
            try:
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                return []  # connecting will say why
        return [str(address[0]) for *_, address in found]


class Sender:
    """Sends to one target. `limit` is how many bytes of an answer are read; `connections` how many are kept."""

    def __init__(
        self,
        timeout: Timeout,
        connections: int = 1,
        agent: str = AGENT,
        limit: int = ANSWER_LIMIT,
        context: ssl.SSLContext | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._connect, self._read = timeout.connect / clock.SECOND, timeout.read / clock.SECOND
        self._connections = connections
        self._agent = agent
        self._limit = limit
        self._context = context
        self._transport = transport

    async def send(self, outgoing: Outgoing) -> HttpAnswer | Failure:
        """One attempt, bounded in time and in what is read. Raises nothing but a cancellation."""
        watch = Watch(self._connect)
        response: httpx2.Response | None = None
        body = bytearray()
        whole = False
        try:
            async with asyncio.timeout(self._connect + self._read):
                response = await self._open().handle_async_request(self._request(outgoing, watch))
                whole = await self._read_into(body, response)
        except (httpx2.TransportError, httpx2.InvalidURL, OSError, LinkLocal) as error:
            # Once there is a status, an answer that breaks off is still an answer.
            if response is None:
                return self._failure(error, outgoing, watch)
        finally:
            if response is not None:
                await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status_code, headers, bytes(body[: self._limit]), outgoing.at, whole)

    async def close(self) -> None:
        """Close the kept connections."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _read_into(self, body: bytearray, response: httpx2.Response) -> bool:
        """Fill `body` as far as it goes, so that it holds what came even where the rest does not. Says whether that is
        all of it."""
        if response.is_stream_consumed:  # another transport than ours may have read it already
            body += response.content
            return len(body) <= self._limit
        async with aclosing(response.aiter_raw()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > self._limit:
                    return False
        return True

    def _open(self) -> httpx2.AsyncBaseTransport:
        # Made at the first message: checking a configuration builds targets too, and needs no TLS context.
        if self._transport is None:
            most = self._connections
            limits = httpx2.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=KEEP_IDLE)
            context = self._context or shared_context()
            self._transport = httpx2.AsyncHTTPTransport(verify=context, trust_env=False, http2=False, limits=limits)
        return self._transport

    def _request(self, outgoing: Outgoing, watch: Watch) -> httpx2.Request:
        headers = {"User-Agent": self._agent, "Accept-Encoding": "identity", **outgoing.headers}
        timeouts = {"connect": self._connect, "pool": self._connect, "write": self._read, "read": self._read}
        extensions = {"timeout": timeouts, "trace": watch}
        return httpx2.Request(
            outgoing.method, outgoing.url, headers=headers, content=outgoing.body, extensions=extensions
        )

    def _failure(self, error: Exception, outgoing: Outgoing, watch: Watch) -> Failure:
        host = urlsplit(outgoing.url).hostname
        if isinstance(error, EARLY) or (isinstance(error, TimeoutError) and not watch.begun):
            kind, text = _why_not_connected(error)
            return Failure(kind, True, f"{host}: {text}")
        if isinstance(error, TimeoutError | httpx2.TimeoutException):
            total = f"{self._connect + self._read:g}"
            return Failure(FailureKind.TIMEOUT, False, f"{host}: no answer in time (at most {total} s)")
        return Failure(FailureKind.CUT, False, f"{host}: the connection broke before there was an answer")


def _why_not_connected(error: BaseException) -> tuple[FailureKind, str]:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, LinkLocal):
            return FailureKind.ADDRESS, "leads to a link-local address, where clouds keep their machines' credentials"
        if isinstance(cause, socket.gaierror):
            return FailureKind.DNS, "no such host, or its name cannot be looked up now"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return FailureKind.CERTIFICATE, f"its certificate does not hold: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return FailureKind.TLS, f"TLS failed: {cause.reason or 'the connection broke'}"
        if isinstance(cause, ConnectionRefusedError):
            return FailureKind.CONNECT, "connection refused"
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return FailureKind.TIMEOUT, "could not be reached in time"
    return FailureKind.CONNECT, "could not be reached"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        error = error.__cause__ or error.__context__
