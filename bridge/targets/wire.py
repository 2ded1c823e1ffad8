"""What goes over the wire and what comes back, and what is true of an answer whoever gave it.

In: an `HttpAnswer` or a `Failure`; out: an `Answer`. Each target looks at its own error codes first and comes here
with what is left. Pure; only `sender` touches the network.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import orjson

from bridge import clock
from bridge.model import Answer, RefusedMessage, RefusedTarget, Retry, Scope, Unknown

LONGEST_WAIT = clock.DAY
"""A target that asks for more is not believed."""

CERTIFICATE_TRIES = 3
"""How often a message is tried against a certificate that does not hold, before the target is paused for it."""

EXCERPT = 200
"""Characters of an answer's body that stand in a reason."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One attempt, ready to send. Address and headers are secret, and `secrets` is what no answer may repeat."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: int
    """The time of this attempt."""
    method: str = "POST"
    idempotent: bool = False
    """The receiver knows a repeat by its id, so an attempt of unknown outcome may simply be made again."""
    attempts: int = 0
    """Attempts that were made before this one."""
    falls: tuple[str, ...] = ()
    """Why the message does not look as its template says, where it does not."""
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer as it came: header names in lower case, `body` cut to what the target has any use for.

    `at` is the time of the attempt that it answers. `whole` is false where the body broke off or was cut.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: int
    whole: bool = True

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            said = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return said if isinstance(said, dict) else {}


class FailureKind(StrEnum):
    """Why there is no answer."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    CERTIFICATE = "certificate"
    ADDRESS = "address"
    TIMEOUT = "timeout"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. `before_sending`: nothing of the message had left us. `reason` holds nothing secret."""

    kind: FailureKind
    before_sending: bool
    reason: str


def after_failure(failure: Failure, outgoing: Outgoing) -> Answer:
    """What an attempt without an answer comes to."""
    if not failure.before_sending:
        return Retry(failure.reason) if outgoing.idempotent else Unknown(failure.reason)
    lasting = failure.kind is FailureKind.CERTIFICATE and outgoing.attempts + 1 >= CERTIFICATE_TRIES
    if lasting or failure.kind is FailureKind.ADDRESS:
        return RefusedTarget(failure.reason)
    return Retry(failure.reason, scope=Scope.TARGET)


REFUSES_TARGET = frozenset({401, 403, 404, 405, 410})
RETRIES = {408: Scope.MESSAGE, 425: Scope.MESSAGE, 429: Scope.TARGET}


def by_status(answer: HttpAnswer, reason: str | None = None) -> Answer:
    """What an answer means by its status alone; a good status too, since whoever comes here found no proof of success.

    408, 425, 429 and 5xx may pass (RFC 9110, RFC 8470); a redirect is never followed, since it would carry the
    message and its signature elsewhere.
    """
    status = answer.status
    reason = reason or with_excerpt(f"answered {status}", answer)
    if status in RETRIES or status >= 500:
        return Retry(reason, retry_after(answer), RETRIES.get(status, Scope.MESSAGE))
    if 300 <= status < 400:
        return RefusedTarget(
            f"answered {status}: redirects are not followed; put the final address in the target's url"
        )
    if status in REFUSES_TARGET:
        return RefusedTarget(reason)
    return RefusedMessage(reason) if status >= 400 else Unknown(reason)


def retry_after(answer: HttpAnswer) -> int | None:
    """The `Retry-After` header in microseconds, at most a day; null where there is none that can be read.

    A date is measured against the answer's own `Date`, so that the two clocks need not agree. RFC 9110, section 10.2.3.
    """
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return waiting(float(text))
    until = _date(text)
    if until is None:
        return None
    start = _date(answer.headers.get("date", ""))
    return min(max(0, until - (answer.at if start is None else start)), LONGEST_WAIT)


def _date(text: str) -> int | None:
    try:
        return clock.to_micros(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def waiting(seconds: object) -> int | None:
    """A number of seconds as microseconds, never less, at most a day; null for what is no time to wait."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or math.isnan(seconds) or seconds < 0:
        return None
    return math.ceil(min(seconds, LONGEST_WAIT / clock.SECOND) * clock.SECOND)


def excerpt(text: str) -> str:
    """The beginning of what a target said, on one line and without control characters."""
    line = re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def with_excerpt(reason: str, answer: HttpAnswer) -> str:
    """`reason` and the beginning of the answer's text, unless that is a web page."""
    said = excerpt(answer.body[: 4 * EXCERPT].decode("utf-8", "replace"))
    return reason if not said or said.startswith("<") else f"{reason}: {said}"
