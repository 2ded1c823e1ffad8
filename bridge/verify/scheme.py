"""How a vendor signs, said in a few words: which header, which form, which key, which bytes. No code per vendor.

In: what a vendor's file, or `sources.<name>.signature` in the configuration, says. Out: an `Hmac`, which `signature`
follows.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from bridge import clock
from bridge.options import Duration, Options

BODY = "body"
TIMESTAMP = "timestamp"
LITERAL = "literal:"


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise ValueError(f"{name!r} is not the name of an HTTP header")
    return name


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError("must be printable ASCII without spaces")
    return text


def _delimiter(text: str) -> str:
    if not re.fullmatch(r"[ !-/:;<>?@\[-`{-~]", text):
        raise ValueError("must be one punctuation character or space, and not '='")
    return text


def _pair_key(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ValueError("must be letters, digits, '_' and '-'")
    return text


def _message(parts: tuple[str, ...]) -> tuple[str, ...]:
    for part in parts:
        if part not in {BODY, TIMESTAMP} and not part.startswith(LITERAL):
            raise ValueError(f"{part!r} is not a part of a message; parts are 'body', 'timestamp' and 'literal:...'")
    if parts.count(BODY) != 1:
        raise ValueError("must have 'body' exactly once: a signature that does not cover the body proves nothing")
    return parts


def _tolerance(micros: int) -> int:
    if micros < clock.SECOND:
        raise ValueError("must be at least 1s, and be written with its unit")
    return micros


def _body_form(forms: tuple[str, ...]) -> tuple[str, ...]:
    if not forms or len(set(forms)) != len(forms):
        raise ValueError("must name at least one form, each once")
    return forms


HeaderName = Annotated[str, AfterValidator(_header_name)]
Headers: TypeAlias = HeaderName | Annotated[tuple[HeaderName, ...], Field(min_length=1)]
Prefix = Annotated[str, AfterValidator(_prefix)]
PrefixMode: TypeAlias = Literal["required", "optional", "none"]
Algorithm: TypeAlias = Literal["sha256"]
Encoding: TypeAlias = Literal["hex"]
Format: TypeAlias = Literal["plain", "kv"]
Key: TypeAlias = Literal["utf8", "whsec", "sha256_hex", "sha256_bytes"]
Message = Annotated[tuple[str, ...], AfterValidator(_message)]
Tolerance = Annotated[Duration, AfterValidator(_tolerance)]
BodyForm = Annotated[tuple[Literal["raw", "json_js"], ...], AfterValidator(_body_form)]


class KeyValue(Options):
    """A header like `t=1714867200,v1=5257a8...`: `signature` may stand in it several times, `timestamp` once."""

    delimiter: Annotated[str, AfterValidator(_delimiter)] = ","
    signature: Annotated[str, AfterValidator(_pair_key)] = "v1"
    timestamp: Annotated[str, AfterValidator(_pair_key)] = "t"

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.signature == self.timestamp:
            raise ValueError("signature and timestamp must have different keys")
        return self


class Hmac(Options):
    """A signature made with a shared secret.

    - `header`: its name, or several names of which any may carry it.
    - `prefix`: text before the digits, as in `sha256=`.
    - `prefix_mode`: the prefix must be there (`required`), may be (`optional`), or is none of the value's (`none`).
    - `format`: the header's value is the signature (`plain`), or pairs that hold it (`kv`).
    - `key`: how the secret becomes the key: its UTF-8 bytes (`utf8`), the base64 after `whsec_` (`whsec`), its SHA-256
      as hex text (`sha256_hex`) or as bytes (`sha256_bytes`).
    - `message`: what is signed, in order: `body`, `timestamp` (its text as received), `literal:<text>`.
    - `tolerance`: how far a signed timestamp may lie from our clock, in either direction.
    - `body_form`: which bytes stand for the body: as they came (`raw`), and where those do not match, what JavaScript's
      `JSON.stringify(JSON.parse(body))` makes of them (`json_js`).
    """

    header: Headers
    prefix: Prefix = ""
    prefix_mode: PrefixMode = "required"
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    format: Format = "plain"
    kv: KeyValue = KeyValue()
    key: Key = "utf8"
    message: Message = (BODY,)
    tolerance: Tolerance = 5 * clock.MINUTE
    body_form: BodyForm = ("raw",)

    @model_validator(mode="after")
    def _timestamp_is_signed(self) -> Self:
        if self.format == "kv" and TIMESTAMP not in self.message:
            raise ValueError("message must have 'timestamp' with format kv: one that is not signed protects nothing")
        if self.format == "plain" and TIMESTAMP in self.message:
            raise ValueError("message has 'timestamp', which only format kv carries")
        return self

    @property
    def name(self) -> str:
        """What verification is called in results and logs: `hmac-sha256`."""
        return f"hmac-{self.algorithm}"

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers it reads, in lower case."""
        names = (self.header,) if isinstance(self.header, str) else self.header
        return tuple(dict.fromkeys(name.lower() for name in names))

    def with_(self, override: "SchemeOverride") -> "Hmac":
        """This scheme with the keys that `override` sets. Raises ValidationError where the two do not go together."""
        changes = override.model_dump(exclude_unset=True, exclude_none=True)
        changes["kv"] = {**self.kv.model_dump(), **changes.get("kv", {})}
        return Hmac.model_validate({**self.model_dump(), **changes})

    def secret_key(self, secret: str) -> bytes:
        """The key that `secret` stands for. Raises ValueError, without the secret in it, where it stands for none."""
        try:
            key = _derive(secret, self.key)
        except ValueError:
            key = b""
        if not secret or not key:
            raise ValueError("the secret is empty" if not secret else f"the secret is not one of the form '{self.key}'")
        return key

    def secret_keys(self, secrets: Sequence[str]) -> list[tuple[int, bytes]]:
        """(position from 1, key) of each usable secret; an empty or broken one matches nothing."""
        keys = []
        for position, secret in enumerate(secrets, 1):
            try:
                keys.append((position, self.secret_key(secret)))
            except ValueError:
                continue
        return keys


def _derive(secret: str, how: Key) -> bytes:
    if how == "utf8":
        return secret.encode()
    if how == "whsec":
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    digest = hashlib.sha256(secret.encode())
    return digest.hexdigest().encode() if how == "sha256_hex" else digest.digest()


class SchemeOverride(Options):
    """`sources.<name>.signature`: the keys of `Hmac` that this source's sender does differently. See `Hmac`."""

    header: Headers | None = None
    prefix: Prefix | None = None
    prefix_mode: PrefixMode | None = None
    algorithm: Algorithm | None = None
    encoding: Encoding | None = None
    format: Format | None = None
    kv: KeyValue | None = None
    key: Key | None = None
    message: Message | None = None
    tolerance: Tolerance | None = None
    body_form: BodyForm | None = None
