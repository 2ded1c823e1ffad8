"""What a request says of its own signature: the decoded signatures, the time as it was written, the parts by name.

In: a `Received` and a scheme; out: bytes and text of the right form, or Refused. Nothing is proved here, so nothing is
done that costs a stranger less than us: lengths come before decoding, and of bodies only small ones are parsed.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import orjson

from bridge import clock, paths
from bridge.errors import Reason, Refused
from bridge.model import Received
from bridge.verify.json_js import MAX_BYTES
from bridge.verify.keys import ECDSA_BYTES, SIZES, shown
from bridge.verify.scheme import HEADER, JSON, SHOWN, TIMESTAMP, Scheme, header_names

MAX_SHOWN = 4 << 10
"""Characters of a shown secret. Nobody's is longer, and each is hashed."""

_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_UNITS = {"s": ("seconds", clock.SECOND), "ms": ("milliseconds", clock.SECOND // 1000)}


class Claim:
    """What one request claims: who reads it asks for each thing once, and gets it in the right form or Refused."""

    __slots__ = ("_document", "_moment", "_scheme", "received", "signatures", "timestamp")

    def __init__(self, received: Received, scheme: Scheme, timestamp: str | None = None) -> None:
        self.received = received
        self._scheme = scheme
        self._document: Any = None
        self._moment: int | None = None
        self.signatures: list[bytes] = []
        self.timestamp = timestamp
        """The time as it was written, where it is one of the parts that are signed."""

    @classmethod
    def read(cls, received: Received, scheme: Scheme) -> Self:
        """What `received` claims. Raises Refused where it claims nothing, or not in the scheme's form."""
        claim = cls(received, scheme)
        if scheme.format == "kv":
            claim.signatures, claim.timestamp = _pairs(received, scheme)
        elif scheme.headers:
            claim.signatures = _headers(received, scheme)
        elif scheme.query is not None:
            claim.signatures = [_decode(f"parameter {scheme.query}", claim.query(scheme.query), scheme)]
        else:
            field = scheme.json_field or ""
            claim.signatures = [_decode(f"{field} of the body", claim.json(field), scheme)]
        if scheme.timestamp is not None and TIMESTAMP in scheme.message:
            claim.timestamp = claim._time(scheme.timestamp)
        if claim.timestamp is not None:  # what is no time is malformed, whatever was signed
            claim._moment = parse_time(claim.timestamp, scheme.timestamp_format)
        return claim

    def moment(self) -> int | None:
        """The signed time in microseconds, or None where the scheme has none."""
        if (
            self._moment is None and self._scheme.timestamp is not None
        ):  # it stands in the body, which is known to be genuine by now
            return parse_time(self._time(self._scheme.timestamp), self._scheme.timestamp_format)
        return self._moment

    def _time(self, source: str) -> str:
        if source.startswith(HEADER):
            return self.header(source.removeprefix(HEADER))[1]
        return self.json(source.removeprefix(JSON))

    def header(self, names: str) -> tuple[str, str]:
        """(name, value) of the first header of `A|B` that came."""
        for name in header_names(names):
            if values := self.received.header(name):
                if len(values) > 1:
                    raise malformed(name, f"stands there {len(values)} times")
                return name, values[0].strip(" \t")
        raise Refused(Reason.MISSING_HEADER, f"has no header {names.lower().replace('|', ' or ')}")

    def query(self, name: str) -> str:
        """The value of a parameter of the URL."""
        values = [value for key, value in parse_qsl(urlsplit(self.received.url).query, True) if key == name]
        if not values:
            raise Refused(Reason.MISSING_HEADER, f"has no parameter {name} in its URL")
        if len(values) > 1:
            raise malformed(f"parameter {name}", f"stands there {len(values)} times")
        return values[0]

    def json(self, path: str) -> str:
        """A text or whole number in the body, as text."""
        if self._document is None:
            self._document = _parse(self.received.body)
        found = paths.find(self._document, path)
        if found is paths.MISSING:
            raise Refused(Reason.MISSING_HEADER, f"has no {path} in its body")
        if isinstance(found, str):
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        raise malformed(f"{path} of the body", "is neither text nor a whole number")


def parse_time(text: str, written: str) -> int:
    """A timestamp in microseconds since 1970. Raises Refused where it is none."""
    if written == "iso":
        try:
            if _ISO.fullmatch(text):
                return clock.to_micros(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            pass
        raise malformed("the timestamp", "is not a date and a time with its zone")
    unit, micros = _UNITS[written]
    if not _NUMBER.fullmatch(text):
        raise malformed("the timestamp", f"is not a number of {unit}")
    return int(text) * micros


def malformed(name: str, what: str) -> Refused:
    return Refused(Reason.MALFORMED, f"{name} {what}")


def _parse(body: bytes) -> Any:
    if len(body) > MAX_BYTES:
        raise malformed("the body", f"is larger than {MAX_BYTES >> 10} KiB, of which a stranger's is read")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise malformed("the body", "is not JSON") from None


# ---------------------------------------------------------------------------------------------- signatures


def _headers(received: Received, scheme: Scheme) -> list[bytes]:
    found = _found(received, scheme)
    if scheme.format != "plain":
        return _listed(found, scheme)
    for name, values in found:
        if len(values) > 1:
            raise malformed(name, f"stands there {len(values)} times")
    return [_decode(name, values[0].strip(" \t"), scheme) for name, values in found]


def _found(received: Received, scheme: Scheme) -> list[tuple[str, list[str]]]:
    found = [(name, values) for name in scheme.headers if (values := received.header(name))]
    if not found:
        raise Refused(Reason.MISSING_HEADER, f"has no header {' or '.join(scheme.headers)}")
    return found


def _listed(found: list[tuple[str, list[str]]], scheme: Scheme) -> list[bytes]:
    """Of several signatures those of our kind. One that is malformed matches nothing; another beside it still may."""
    signatures: list[bytes] = []
    broken: Refused | None = None
    delimiter = " " if scheme.format == "space_list" else ","
    for name, values in found:
        for entry in (entry.strip(" \t") for value in values for entry in value.split(delimiter)):
            if scheme.prefix_mode == "required" and not entry.startswith(scheme.prefix):
                continue
            try:
                signatures.append(_decode(name, entry, scheme))
            except Refused as refused:
                broken = refused
    if not signatures:
        raise broken or malformed(found[0][0], f"has no entry that begins with {scheme.prefix}")
    return signatures


def _pairs(received: Received, scheme: Scheme) -> tuple[list[bytes], str | None]:
    kv = scheme.kv
    found = _found(received, scheme)
    signatures: list[bytes] = []
    timestamps: list[str] = []
    broken: Refused | None = None
    for name, values in found:
        for pair in (pair for value in values for pair in value.split(kv.delimiter)):
            key, equals, text = pair.strip(" \t").partition("=")
            if not equals:
                raise malformed(name, "is not made of key=value pairs")
            if key == kv.signature:
                try:
                    signatures.append(_decode(name, text, scheme))
                except Refused as refused:  # it matches nothing; another beside it still may
                    broken = refused
            elif key == kv.timestamp:
                timestamps.append(text)
    name = found[0][0]
    if not signatures:
        raise broken or malformed(name, f"has no {kv.signature}=")
    if scheme.timestamp is not None:
        return signatures, None
    if len(timestamps) != 1:
        raise malformed(name, f"has {len(timestamps)} of {kv.timestamp}=, not one")
    return signatures, timestamps[0]


def _decode(name: str, text: str, scheme: Scheme) -> bytes:
    """The signature that `text` spells. The length is checked first, so that nothing longer is ever decoded."""
    text = _without_prefix(name, text, scheme)
    if scheme.algorithm in SHOWN:
        return _shown(name, text, scheme)
    try:
        if scheme.algorithm == "ecdsa-p256":
            if len(text) <= 2 * ECDSA_BYTES.stop and len(decoded := _decoders[scheme.encoding](text)) in ECDSA_BYTES:
                return decoded
            raise ValueError
        size = SIZES[scheme.algorithm]
        if len(text) in _lengths(size, scheme.encoding) and len(decoded := _decoders[scheme.encoding](text)) == size:
            return decoded
    except ValueError:
        pass
    raise malformed(name, _expected(scheme))


def _without_prefix(name: str, text: str, scheme: Scheme) -> str:
    prefix = scheme.prefix
    if not prefix or scheme.prefix_mode == "none":
        return text
    # The name of a way to log in has no case (RFC 9110, section 11.1); that of a signature has.
    there = text[: len(prefix)]
    if there == prefix or (scheme.algorithm in SHOWN and there.lower() == prefix.lower()):
        return text[len(prefix) :]
    if scheme.prefix_mode == "required":
        raise malformed(name, f"does not begin with {prefix.strip()}")
    return text


def _shown(name: str, text: str, scheme: Scheme) -> bytes:
    if len(text) > MAX_SHOWN:
        raise malformed(name, f"is longer than {MAX_SHOWN} characters")
    if scheme.algorithm == "token":
        return shown(text.encode("utf-8" if scheme.query else "latin-1"))
    kind, _, credentials = text.partition(" ")
    try:
        if kind.lower() == "basic":
            return shown(_base64(credentials.strip(" \t")))
    except ValueError:
        pass
    raise malformed(name, "is not 'Basic' and the base64 of user:password")


def _lengths(size: int, encoding: str) -> tuple[int, ...]:
    """How many characters may spell `size` bytes."""
    if encoding == "hex":
        return (2 * size,)
    padded = 4 * ((size + 2) // 3)
    return (padded,) if encoding == "base64" else (padded, (4 * size + 2) // 3)


def _base64(text: str, altchars: bytes | None = None) -> bytes:
    """What `text` spells. Raises ValueError where the same bytes are not spelt so: the last character of some has bits
    to spare, and a signature with a changed character is no signature.
    """
    decoded = base64.b64decode(text, altchars, validate=True)
    if base64.b64encode(decoded, altchars).decode() != text:
        raise ValueError
    return decoded


def _base64url(text: str) -> bytes:
    bare = text.rstrip("=")
    return _base64(bare + "=" * (-len(bare) % 4), b"-_")


_decoders: Mapping[str, Callable[[str], bytes]] = {
    "hex": binascii.unhexlify,
    "base64": _base64,
    "base64url": _base64url,
}


def _expected(scheme: Scheme) -> str:
    if scheme.algorithm == "ecdsa-p256":
        return f"has no signature in {scheme.encoding} where it should be"
    count = _lengths(SIZES[scheme.algorithm], scheme.encoding)[0]
    digits = "hexadecimal digits" if scheme.encoding == "hex" else f"characters of {scheme.encoding}"
    return f"has no {count} {digits} where the signature should be"
