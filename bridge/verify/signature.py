"""The proof itself: a hook's signature against its source's secrets. In: what came off the wire; out: a `Proof`.

Whatever a sender writes into a header, the only error that comes out is `Refused`, and neither a secret, nor a
signature, nor any text of the sender's stands in it. MACs are compared as bytes in constant time.
"""

import binascii
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge import clock
from bridge.errors import Reason, Refused
from bridge.model import Received, Verification
from bridge.verify.json_js import reserialize
from bridge.verify.scheme import BODY, LITERAL, TIMESTAMP, Hmac

MAC_BYTES = 32
_SECONDS = re.compile(r"[0-9]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """That a hook is genuine. `covered` is what stands for the body among the bytes that the MAC covered."""

    verification: Verification
    covered: bytes


def verify(received: Received, scheme: Hmac, secrets: Sequence[str], now: int) -> Proof:
    """Proves that one of `secrets` (newest first, used exactly as given) signed `received`.

    `now` is in microseconds. Raises Refused, and nothing else: without a signature, with one that is not of
    the scheme's form, with one that no secret made, or with one that was made too long ago or in the future.
    """
    signatures, timestamp = _read(received, scheme)
    proof = _prove(received.body, scheme, secrets, signatures, timestamp)
    if proof is None:
        names = " and ".join(scheme.headers)
        count = len(secrets)
        raise Refused(Reason.NO_KEY_MATCHED, f"{names} matches none of {count} secret{'' if count == 1 else 's'}")
    # The age is judged last, so that "too old" is only ever said of a genuine hook and points at a clock or a replay.
    if timestamp is not None:
        _judge_age(int(timestamp), scheme.tolerance, now)
    return proof


def sign(scheme: Hmac, secret: str, body: bytes, now: int) -> dict[str, str]:
    """The headers with which the vendor would send `body` at `now` (microseconds).

    Raises ValueError where the secret cannot be a key of this scheme, or the scheme signs JSON only and `body` is none.
    """
    covered = body if "raw" in scheme.body_form else reserialize(body)
    if covered is None:
        raise ValueError("the body is not JSON, and this scheme signs nothing else")
    seconds = str(now // clock.SECOND)
    mac = hmac.digest(scheme.secret_key(secret), _message(scheme, covered, seconds), scheme.algorithm)
    value = ("" if scheme.prefix_mode == "none" else scheme.prefix) + mac.hex()
    if scheme.format == "kv":
        kv = scheme.kv
        value = f"{kv.timestamp}={seconds}{kv.delimiter}{kv.signature}={value}"
    return {scheme.header if isinstance(scheme.header, str) else scheme.header[0]: value}


def _prove(
    body: bytes, scheme: Hmac, secrets: Sequence[str], signatures: list[bytes], timestamp: str | None
) -> Proof | None:
    keys = scheme.secret_keys(secrets)
    for covered in _forms(body, scheme):
        message = _message(scheme, covered, timestamp)
        for position, key in keys:
            mac = hmac.digest(key, message, scheme.algorithm)
            for signature in signatures:
                if hmac.compare_digest(mac, signature):
                    return Proof(Verification(scheme.name, True, position), covered)
    return None


def _forms(body: bytes, scheme: Hmac) -> Iterator[bytes]:
    """The bytes that may stand for the body, made one by one: the costly form is not made while the raw one matches."""
    if "raw" in scheme.body_form:
        yield body
    if "json_js" in scheme.body_form:
        form = reserialize(body)
        if form is not None and not ("raw" in scheme.body_form and form == body):
            yield form


def _message(scheme: Hmac, body: bytes, timestamp: str | None) -> bytes:
    if scheme.message == (BODY,):
        return body
    return b"".join(_part(part, body, timestamp) for part in scheme.message)


def _part(part: str, body: bytes, timestamp: str | None) -> bytes:
    if part == BODY:
        return body
    if part == TIMESTAMP:
        return (timestamp or "").encode()
    return part.removeprefix(LITERAL).encode()


# ---------------------------------------------------------------------------------------------- the header


def _read(received: Received, scheme: Hmac) -> tuple[list[bytes], str | None]:
    """The signatures and the timestamp's text that the headers carry, each of the right form; else Refused."""
    found = [(name, values) for name in scheme.headers if (values := received.header(name))]
    if not found:
        raise Refused(Reason.MISSING_HEADER, f"has no header {' or '.join(scheme.headers)}")
    if scheme.format == "kv":
        return _read_pairs(found, scheme)
    for name, values in found:
        if len(values) > 1:
            raise _malformed(name, f"stands there {len(values)} times")
    return [_decode(name, values[0].strip(" \t"), scheme) for name, values in found], None


def _read_pairs(found: list[tuple[str, list[str]]], scheme: Hmac) -> tuple[list[bytes], str]:
    kv = scheme.kv
    signatures: list[bytes] = []
    timestamps: list[str] = []
    broken: Refused | None = None
    for name, values in found:
        for pair in (pair for value in values for pair in value.split(kv.delimiter)):
            key, equals, text = pair.strip(" \t").partition("=")
            if not equals:
                raise _malformed(name, "is not made of key=value pairs")
            if key == kv.signature:
                try:
                    signatures.append(_decode(name, text, scheme))
                except Refused as refused:  # it matches nothing; another beside it still may
                    broken = refused
            elif key == kv.timestamp:
                timestamps.append(text)
    name = found[0][0]
    if not signatures:
        raise broken or _malformed(name, f"has no {kv.signature}=")
    if len(timestamps) != 1:
        raise _malformed(name, f"has {len(timestamps)} of {kv.timestamp}=, not one")
    if not _SECONDS.fullmatch(timestamps[0]):
        raise _malformed(name, f"has a {kv.timestamp}= that is not a number of seconds")
    return signatures, timestamps[0]


def _decode(name: str, text: str, scheme: Hmac) -> bytes:
    """The MAC that `text` spells. The length is checked first, so that nothing longer is ever decoded."""
    if scheme.prefix and scheme.prefix_mode != "none":
        if text.startswith(scheme.prefix):
            text = text[len(scheme.prefix) :]
        elif scheme.prefix_mode == "required":
            raise _malformed(name, f"does not begin with {scheme.prefix}")
    try:
        if len(text) == 2 * MAC_BYTES:
            return binascii.unhexlify(text)
    except ValueError:
        pass
    raise _malformed(name, f"has no {2 * MAC_BYTES} hexadecimal digits where the signature should be")


def _malformed(name: str, what: str) -> Refused:
    return Refused(Reason.MALFORMED, f"{name} {what}")


def _judge_age(seconds: int, tolerance: int, now: int) -> None:
    age = now - seconds * clock.SECOND
    if abs(age) <= tolerance:
        return
    reason, word = (Reason.TOO_OLD, "before") if age > 0 else (Reason.IN_THE_FUTURE, "after")
    by, most = abs(age) // clock.SECOND, tolerance // clock.SECOND
    raise Refused(reason, f"genuine, but signed {by} s {word} our clock's time; at most {most} s is let in")
