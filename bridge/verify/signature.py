"""The proof itself: a hook's signature against its source's secrets. In: what came off the wire; out: a `Proof`.

Whatever a sender writes, the only error that comes out is `Refused`, and neither a secret, nor a signature, nor any
text of the sender's stands in it. MACs are compared as bytes in constant time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from bridge import clock
from bridge.errors import Reason, Refused
from bridge.model import Received, Verification
from bridge.verify.json_js import reserialize
from bridge.verify.json_sorted import sort_keys
from bridge.verify.keys import matcher
from bridge.verify.reading import Claim
from bridge.verify.scheme import BODY, HEADER, JSON, LITERAL, SHOWN, TIMESTAMP, Scheme

FORMS: Mapping[str, Callable[[bytes], bytes | None]] = {"json_js": reserialize, "json_sorted": sort_keys}
"""What else may stand for a body. Each gives None for one that is not JSON, or too large or deep to try."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That a hook is genuine, and what of it that is true of: nothing else may be believed as much.

    `covered` is what stands for the body among the bytes that were signed; `headers` are those that were signed too.
    Of a sender who showed its secret everything is as good as the secret.
    """

    verification: Verification
    covered: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Verifier:
    """One source's rules, compiled: its scheme and its secrets (newest first, used exactly as given).

    A secret that is no key of the scheme matches nothing; who reads a configuration says so long before.
    """

    def __init__(self, scheme: Scheme, secrets: Sequence[str]) -> None:
        self._scheme = scheme
        self._count = len(secrets)
        self._only_body = scheme.message == (BODY,)
        self._only_raw = scheme.body_form == ("raw",)
        self._keys = []
        self.used: dict[int, int] = {}
        """Position of a secret to when it last matched (microseconds), until somebody has written it down."""
        for position, secret in enumerate(secrets, 1):
            try:
                self._keys.append((matcher(scheme, secret), Verification(scheme.name, True, position)))
            except ValueError:
                continue

    def prove(self, received: Received, now: int) -> Proof:
        """Proves that one of the secrets signed `received`. `now` is in microseconds.

        Raises Refused, and nothing else: without a signature, with one that is not of the scheme's form, with one that
        no secret made, or with one that was made too long ago or in the future.
        """
        scheme = self._scheme
        claim = Claim.read(received, scheme)
        proof = self._proof(claim)
        if proof is None:
            said = "does not match the secret" if self._count == 1 else f"matches none of {self._count} secrets"
            raise Refused(Reason.NO_KEY_MATCHED, f"{place(scheme)} {said}")
        # The age is judged last: "too old" is only ever said of a genuine hook, and points at a clock or a replay.
        moment = claim.moment()
        if moment is not None:
            _judge_age(moment, scheme.tolerance, now)
        self.used[proof.verification.secret or 0] = now
        return proof

    def _proof(self, claim: Claim) -> Proof | None:
        for body in (claim.received.body,) if self._only_raw else _forms(claim.received.body, self._scheme):
            message = body if self._only_body else signed_bytes(self._scheme, claim, body)
            for matches, verification in self._keys:
                if matches(message, claim.signatures):
                    return self._proved(verification, claim, body)
        return None

    def _proved(self, verification: Verification, claim: Claim, body: bytes) -> Proof:
        scheme = self._scheme
        if scheme.algorithm in SHOWN:
            return Proof(verification, body, dict(claim.received.headers))
        if self._only_body:
            return Proof(verification, body)
        headers = dict(claim.header(part.removeprefix(HEADER)) for part in scheme.message if part.startswith(HEADER))
        return Proof(verification, body if scheme.covers_body else _signed_fields(scheme, claim), headers)


def verify(received: Received, scheme: Scheme, secrets: Sequence[str], now: int) -> Proof:
    """`Verifier.prove`, for who asks once."""
    return Verifier(scheme, secrets).prove(received, now)


def place(scheme: Scheme) -> str:
    """Where the signature stands, in words."""
    if scheme.headers:
        return " and ".join(scheme.headers)
    return f"parameter {scheme.query}" if scheme.query else f"{scheme.json_field} of the body"


def signed_bytes(scheme: Scheme, claim: Claim, body: bytes) -> bytes:
    """The message, of which `body` is one part. Raises Refused where another one is missing."""
    return b"".join([_part(part, claim, body) for part in scheme.message])


def _part(part: str, claim: Claim, body: bytes) -> bytes:
    if part == BODY:
        return body
    if part == TIMESTAMP:
        return (claim.timestamp or "").encode("latin-1", "replace")
    if part.startswith(LITERAL):
        return part[len(LITERAL) :].encode()
    if part == "method":
        return claim.received.method.encode()
    if part == "url":
        return claim.received.url.encode()
    kind, _, name = part.partition(":")
    if kind == "header":
        return claim.header(name)[1].encode("latin-1")
    return (claim.query(name) if kind == "query" else claim.json(name)).encode()


def _forms(body: bytes, scheme: Scheme) -> Iterator[bytes]:
    """The bytes that may stand for the body, made one by one: the costly form is not made while the raw one matches."""
    if "raw" in scheme.body_form:
        yield body
    for name, form in FORMS.items():
        made = form(body) if name in scheme.body_form else None
        if made is not None and not ("raw" in scheme.body_form and made == body):
            yield made


def _signed_fields(scheme: Scheme, claim: Claim) -> bytes:
    """A body of nothing but the fields that were signed, so that nobody takes another one for genuine."""
    document: dict[str, object] = {}
    sources = [scheme.timestamp or "" if part == TIMESTAMP else part for part in scheme.message]
    for path in (source.removeprefix(JSON) for source in sources if source.startswith(JSON)):
        *outer, last = path.split(".")
        here = document
        for step in outer:
            here = here.setdefault(step, {})  # type: ignore[assignment]
        here[last] = claim.json(path)
    return orjson.dumps(document)


def _judge_age(moment: int, tolerance: int, now: int) -> None:
    age = now - moment
    if abs(age) <= tolerance:
        return
    reason, word = (Reason.TOO_OLD, "before") if age > 0 else (Reason.IN_THE_FUTURE, "after")
    by, most = abs(age) // clock.SECOND, tolerance // clock.SECOND
    raise Refused(reason, f"genuine, but signed {by} s {word} our clock's time; at most {most} s is let in")
