"""What the configuration may say about every target: address, pace, patience."""

import ipaddress
import re
from typing import Annotated, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge import clock
from bridge.options import Duration, Options
from bridge.pace import Rates
from bridge.targets.quiet import QuietHours

METADATA_V6 = ipaddress.ip_address("fd00:ec2::254")
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html"""

LEAST_TOKEN = 12
"""From this length on a segment of a path may be a token; shorter ones are words."""

Span = Annotated[Duration, Field(gt=0)]


def is_link_local(address: str) -> bool:
    """True for the addresses at which clouds keep their machines' credentials; no message may go there."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_link_local or ip == METADATA_V6


def check_url(url: SecretStr) -> SecretStr:
    """An address that messages may be sent to. Raises ValueError, without the address in it."""
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not an address of the form https://host/path") from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[^!-~]", text):
        raise ValueError("must be an address of the form https://host/path")
    if parts.username is not None:
        raise ValueError(
            "may not hold a user name or password (an http target takes them as an Authorization header in 'headers')"
        )
    if is_link_local(host):
        raise ValueError("may not be a link-local address: clouds keep their machines' credentials there")
    return url


def check_api_url(url: str) -> str:
    """The address below which a vendor's methods are, with a slash at its end. A token goes there, so it must be https;
    or this machine, where somebody tries it. Raises ValueError.
    """
    text = check_url(SecretStr(url)).get_secret_value()
    parts = urlsplit(text)
    if parts.query or parts.fragment:
        raise ValueError("must be an address of the form https://host/api/, without ? and #")
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https://: a token is sent there")
    return text if text.endswith("/") else text + "/"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def secrets_of(url: str) -> tuple[str, ...]:
    """The parts of an address that must not be shown: servers like to repeat them (`Cannot POST /in/<token>`)."""
    parts = urlsplit(url)
    tokens = [segment for segment in parts.path.split("/") if len(segment) >= LEAST_TOKEN]
    return parts.path, parts.query, *tokens, *(value for _, value in parse_qsl(parts.query))


Url = Annotated[SecretStr, AfterValidator(check_url)]
"""An http(s) address. Who has a webhook's address can post to it, so it is a secret."""


class Timeout(Options):
    """How long an attempt may take: to connect, and for the answer to come. Both together bound the whole attempt."""

    connect: Span = 5 * clock.SECOND
    read: Span = 15 * clock.SECOND


class Patience(Options):
    """When a message is tried again: after `first`, then ever later up to `most` apart, until it is `give_up` old."""

    first: Span = clock.SECOND
    most: Span = clock.HOUR
    give_up: Span = clock.DAY

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.most:
            raise ValueError("retry.first must not be longer than retry.most")
        return self


class Digest(Options):
    """With more than `after` deliveries of a route waiting, they go out together, once in each `window`."""

    after: int = Field(default=5, ge=1, le=1_000)
    window: Span = clock.MINUTE


class Backlog(Options):
    """The keys that every target has: what becomes of a backlog."""

    digest: Digest | None = None
    quiet_hours: QuietHours | None = None


class Common(Backlog):
    """The keys that every target that sends has."""

    pace: Rates = ()
    concurrency: int = Field(default=1, ge=1, le=64)
    timeout: Timeout = Timeout()
    retry: Patience = Patience()
    fallback: str | None = None
    """The target that is told instead when a message dies at this one."""
