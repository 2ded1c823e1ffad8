"""What a sender asks of an address before, or between, its hooks: is somebody there, and is it you?

In: a request that is no event; out: what to answer, or null where it is none of these. Only what echoes is here. An
answer made with a secret over a text of the caller's would sign whatever a stranger likes, and a secret taken from the
caller would be the stranger's; neither is offered.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

import orjson

from bridge import paths
from bridge.options import Options
from bridge.verify.scheme import HEADER, Name, header_names

MAX_BYTES = 256 << 10
"""A larger body is an event: it is not looked into while its sender waits."""

_ECHO = re.compile(r"[A-Za-z0-9_.~+/=-]{1,256}", re.ASCII)
"""Every challenge that is known fits, and nothing that a browser could take for markup or a header for its end."""
_ORIGIN = re.compile(r"[A-Za-z0-9.:\[\]-]{1,253}", re.ASCII)


class Said(NamedTuple):
    """An answer: text is plain text, a mapping JSON."""

    status: int
    body: str | dict[str, Any]
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Ping(Options):
    """A genuine hook that asks for an answer and is no event: it is answered, and not kept.

    `when` are paths, or `header:<name>`, and the text that stands there ('*' for any); all must hold. Then the text at
    `echo` is the answer, else the JSON of `answer`, else none with that `status`.
    """

    when: dict[str, str]
    echo: str = ""
    answer: dict[str, Any] | None = None
    status: Literal[200, 204] = 200


class Handshake(Options):
    """`vendors.<name>.handshake`: what this vendor asks besides posting hooks.

    - `head`: a HEAD is answered 200.
    - `echo_query`: a GET with this parameter is answered with its value.
    - `webhook_origin`: an OPTIONS with `WebHook-Request-Origin` is granted (CloudEvents).
    - `pings`: hooks, signed like others, that only ask for an answer.
    """

    head: bool = False
    echo_query: Name | None = None
    webhook_origin: bool = False
    pings: tuple[Ping, ...] = ()

    @property
    def headers(self) -> frozenset[str]:
        """The headers that pings are known by, in lower case."""
        named = [where for ping in self.pings for where in ping.when if where.startswith(HEADER)]
        return frozenset(name for where in named for name in header_names(where.removeprefix(HEADER)))


def greet(handshake: Handshake, method: str, query: str, headers: Mapping[str, str]) -> Said | None:
    """The answer to a request that is not a POST; null where the vendor asks no such thing. `headers` in lower case."""
    if method == "HEAD" and handshake.head:
        return Said(200, "")
    if method == "GET" and handshake.echo_query is not None:
        values = [value for name, value in parse_qsl(query) if name == handshake.echo_query]
        return Said(200, values[0]) if len(values) == 1 and _ECHO.fullmatch(values[0]) else None
    if method == "OPTIONS" and handshake.webhook_origin:
        # https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection
        origin = headers.get("webhook-request-origin", "")
        if not _ORIGIN.fullmatch(origin):
            return None
        granted = [(b"allow", b"POST"), (b"webhook-allowed-origin", origin.encode())]
        if "webhook-request-rate" in headers:
            granted.append((b"webhook-allowed-rate", b"*"))
        return Said(200, "", tuple(granted))
    return None


def pong(handshake: Handshake, body: bytes, headers: Mapping[str, str]) -> Said | None:
    """The answer to a hook that its source's rules let in, where it is a ping; null where it is an event."""
    if not handshake.pings or len(body) > MAX_BYTES:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    for ping in handshake.pings:
        if all(_is_like(_find(where, document, headers), like) for where, like in ping.when.items()):
            if not ping.echo:
                return Said(ping.status, ping.answer if ping.answer is not None else "")
            challenge = paths.find(document, ping.echo)
            if isinstance(challenge, str) and _ECHO.fullmatch(challenge):
                return Said(ping.status, challenge)
    return None


def _find(where: str, document: Any, headers: Mapping[str, str]) -> Any:
    if not where.startswith(HEADER):
        return paths.find(document, where)
    return next((headers[name] for name in header_names(where.removeprefix(HEADER)) if name in headers), None)


def _is_like(value: Any, like: str) -> bool:
    """Whether a text or whole number is like that text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return isinstance(value, str) and (like == "*" or value == like)
