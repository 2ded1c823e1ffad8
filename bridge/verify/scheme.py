"""How a vendor signs, said in a few words: where it stands, which form, which key, which bytes. No code per vendor.

In: what a vendor's file, or `sources.<name>.signature` in the configuration, says. Out: a `Scheme`, which `signature`
follows. A combination that proves nothing, or less than it seems to, is an error here and not a surprise later.
"""

import re
from functools import cached_property
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from bridge import clock
from bridge.options import Duration, Options

BODY = "body"
TIMESTAMP = "timestamp"
LITERAL = "literal:"
HEADER = "header:"
QUERY = "query:"
JSON = "json:"
_PLAIN_PARTS = {BODY, TIMESTAMP, "method", "url"}
_NAMED_PARTS = (LITERAL, HEADER, QUERY, JSON)

PUBLIC_KEY = ("ed25519", "ecdsa-p256")
"""Algorithms whose secret is no secret: the sender signs with the private key to it."""

SHOWN = ("token", "basic")
"""Algorithms that sign nothing: the sender shows the secret itself."""


def header_names(text: str) -> tuple[str, ...]:
    """`A|B` as names in lower case, of which the first that came counts. Raises ValueError where one is no name."""
    return tuple(_header_name(name).lower() for name in text.split("|"))


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise ValueError(f"{name!r} is not the name of an HTTP header")
    return name


def _prefix(text: str) -> str:
    if not re.fullmatch(r"([!-~]+ ?)?", text):
        raise ValueError("must be printable ASCII without spaces, but for one at its end")
    return text


def _delimiter(text: str) -> str:
    if not re.fullmatch(r"[ !-/:;<>?@\[-`{-~]", text):
        raise ValueError("must be one punctuation character or space, and not '='")
    return text


def _pair_key(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ValueError("must be letters, digits, '_' and '-'")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must be printable ASCII without spaces")
    return text


def _message(parts: tuple[str, ...]) -> tuple[str, ...]:
    for part in parts:
        kind, colon, name = part.partition(":")
        if part not in _PLAIN_PARTS and not (name and kind + colon in _NAMED_PARTS):
            raise ValueError(
                f"{part!r} is not a part of a message; parts are 'body', 'timestamp', 'method', 'url', 'literal:...', "
                "'header:...', 'query:...' and 'json:...'"
            )
        if part.startswith(HEADER):
            header_names(name)
    if parts.count(TIMESTAMP) > 1:
        raise ValueError("may have 'timestamp' only once")
    return parts


def _timestamp(source: str) -> str:
    if source.startswith(HEADER):
        header_names(source.removeprefix(HEADER))
    elif not source.removeprefix(JSON) or not source.startswith(JSON):
        raise ValueError("must be header:<name> or json:<path>; with format kv it stands among the pairs by itself")
    return source


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
Name = Annotated[str, AfterValidator(_name)]
Prefix = Annotated[str, AfterValidator(_prefix)]
PrefixMode: TypeAlias = Literal["required", "optional", "none"]
Algorithm: TypeAlias = Literal["sha256", "sha1", "sha512", "token", "basic", "ed25519", "ecdsa-p256"]
Encoding: TypeAlias = Literal["hex", "base64", "base64url"]
Format: TypeAlias = Literal["plain", "kv", "space_list", "comma_list"]
Key: TypeAlias = Literal["utf8", "base64", "hex", "whsec", "sha256_hex", "sha256_bytes"]
Message = Annotated[tuple[str, ...], AfterValidator(_message)]
Timestamp = Annotated[str, AfterValidator(_timestamp)]
TimestampFormat: TypeAlias = Literal["s", "ms", "iso"]
Tolerance = Annotated[Duration, AfterValidator(_tolerance)]
BodyForm = Annotated[tuple[Literal["raw", "json_js", "json_sorted"], ...], AfterValidator(_body_form)]


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


class Scheme(Options):
    """How a hook proves who sent it.

    - `header`: which header carries the signature; of several names, any may. Instead of it `json_field`, a path in the
      body, or `query`, a parameter of the URL. (`basic` has its header.)
    - `algorithm`: an HMAC with `sha256`, `sha1` or `sha512`; the secret itself, as `token` or as `basic` credentials
      (`user:password`); a signature by `ed25519` or `ecdsa-p256`, to which the public key is given as the secret.
    - `format`: the value is the signature (`plain`), pairs that hold it (`kv`), or several of them (`space_list`,
      `comma_list`), of which those that begin with `prefix` count.
    - `prefix`: text before the digits, as in `sha256=`. `prefix_mode`: it must be there (`required`), may be
      (`optional`), or is none of the value's (`none`).
    - `encoding`: `hex` in either case, `base64`, or `base64url` with or without its padding.
    - `key`: how the secret becomes the key: its UTF-8 bytes (`utf8`), what it spells in `base64` or `hex`, the base64
      after `whsec_` (`whsec`), its SHA-256 as hex text (`sha256_hex`) or as bytes (`sha256_bytes`).
    - `message`: what is signed, in order: `body`, `timestamp` (its text as received), `method`, `url`,
      `literal:<text>`, `header:<name>`, `query:<name>`, `json:<path>`. `header:A|B` is the first of them that came.
    - `timestamp`: where the signed time stands, if not among the pairs of `kv`: `header:<name>` or `json:<path>`;
      `timestamp_format`: seconds (`s`) or milliseconds (`ms`) since 1970, or ISO 8601 (`iso`).
    - `tolerance`: how far a signed time may lie from our clock, in either direction.
    - `body_form`: which bytes stand for the body: as they came (`raw`), and where those do not match, what JavaScript's
      `JSON.stringify(JSON.parse(body))` makes of them (`json_js`), or JSON with sorted keys and no blanks
      (`json_sorted`).
    """

    header: Headers | None = None
    json_field: Name | None = None
    query: Name | None = None
    algorithm: Algorithm = "sha256"
    format: Format = "plain"
    kv: KeyValue = KeyValue()
    prefix: Prefix = ""
    prefix_mode: PrefixMode = "required"
    encoding: Encoding = "hex"
    key: Key = "utf8"
    message: Message = (BODY,)
    timestamp: Timestamp | None = None
    timestamp_format: TimestampFormat = "s"
    tolerance: Tolerance = 5 * clock.MINUTE
    body_form: BodyForm = ("raw",)

    @model_validator(mode="after")
    def _stands_in_one_place(self) -> Self:
        places = [name for name in ("header", "json_field", "query") if getattr(self, name) is not None]
        if self.algorithm == "basic" and places in ([], ["header"]):
            return self
        if len(places) != 1 or self.algorithm == "basic":
            raise ValueError("must say in one of header, json_field and query where the signature stands")
        if self.format != "plain" and places != ["header"]:
            raise ValueError(f"format {self.format} is one of headers")
        return self

    @model_validator(mode="after")
    def _shows_a_secret_or_signs(self) -> Self:
        """What a shown secret has no use for is not written; public keys come in bytes, and are asked once a hook."""
        if self.algorithm in SHOWN:
            signing = {"format", "encoding", "key", "message", "timestamp", "body_form"}
            odd = [name for name in sorted(signing) if getattr(self, name) != type(self).model_fields[name].default]
            if odd or self.json_field is not None:
                raise ValueError(
                    f"algorithm {self.algorithm} signs nothing, so {odd[0] if odd else 'json_field'} is void"
                )
        if self.algorithm in PUBLIC_KEY:
            if self.key not in ("hex", "base64"):
                raise ValueError(f"key must say how the public key is spelt with {self.algorithm}: hex or base64")
            if self.format != "plain" or self.body_form != ("raw",):
                raise ValueError(f"{self.algorithm} goes with format plain and the raw body only")
        return self

    @model_validator(mode="after")
    def _covers_what_it_is_for(self) -> Self:
        fields = any(part.startswith(JSON) for part in self.message)
        if self.message.count(BODY) != 1 and (BODY in self.message or not fields):
            raise ValueError("must have 'body' exactly once: a signature that does not cover the body proves nothing")
        if BODY not in self.message and self.body_form != ("raw",):
            raise ValueError("body_form is void where the body is not signed")
        return self

    @model_validator(mode="after")
    def _timestamp_is_signed(self) -> Self:
        signed = TIMESTAMP in self.message
        if self.timestamp is None and self.format == "kv" and not signed:
            raise ValueError("message must have 'timestamp' with format kv: one that is not signed protects nothing")
        if self.timestamp is None and self.format != "kv" and signed:
            raise ValueError(
                "message has 'timestamp', which only format kv carries: say with timestamp where it stands"
            )
        if self.timestamp is not None and not signed and (self.timestamp.startswith(HEADER) or not self.covers_body):
            raise ValueError("message must have 'timestamp': one that is not signed protects nothing")
        return self

    @property
    def name(self) -> str:
        """What verification is called in results and logs: `hmac-sha256`, `token`. It says no more than is true."""
        if self.algorithm in SHOWN or self.algorithm in PUBLIC_KEY:
            return self.algorithm
        return f"hmac-{self.algorithm}" if self.covers_body else f"hmac-{self.algorithm}-without-body"

    @property
    def covers_body(self) -> bool:
        """Whether the body is among what is signed. (A shown secret signs nothing, and vouches for all of it.)"""
        return BODY in self.message

    @property
    def signs_url(self) -> bool:
        """Whether it must be known by which URL the sender reached us."""
        return "url" in self.message

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """The names of the headers that may carry the signature, in lower case."""
        if self.header is None:
            return ("authorization",) if self.algorithm == "basic" else ()
        names = (self.header,) if isinstance(self.header, str) else self.header
        return tuple(dict.fromkeys(name.lower() for name in names))

    @cached_property
    def covered_headers(self) -> frozenset[str]:
        """The headers that are signed, the time's aside."""
        parts = (part.removeprefix(HEADER) for part in self.message if part.startswith(HEADER))
        return frozenset(name for part in parts for name in header_names(part))

    @cached_property
    def kept_headers(self) -> frozenset[str]:
        """The headers by which a proof can be looked at again; never one that shows a secret."""
        shown = frozenset() if self.algorithm in SHOWN else frozenset(self.headers)
        timed = self.timestamp is not None and self.timestamp.startswith(HEADER)
        times = header_names(self.timestamp.removeprefix(HEADER)) if timed and self.timestamp else ()
        return shown | self.covered_headers | frozenset(times)

    def vouches_for(self, name: str) -> bool:
        """Whether a header of that name (in lower case) is as good as the proof: signed, or beside a shown secret."""
        return self.algorithm in SHOWN or name in self.covered_headers

    def with_(self, override: "SchemeOverride") -> "Scheme":
        """This scheme with the keys that `override` sets. Raises ValidationError where the two do not go together."""
        changes = override.model_dump(exclude_unset=True, exclude_none=True, exclude={"variant"})
        base = self.model_dump()
        if changes.keys() & {"header", "json_field", "query"}:
            base |= {"header": None, "json_field": None, "query": None}
        changes["kv"] = {**self.kv.model_dump(), **changes.get("kv", {})}
        return Scheme.model_validate({**base, **changes})


class SchemeOverride(Options):
    """`sources.<name>.signature`: the keys of `Scheme` that this source's sender does differently. See `Scheme`."""

    variant: str | None = None
    """One of the vendor's other schemes, by its name, to start from."""
    header: Headers | None = None
    json_field: Name | None = None
    query: Name | None = None
    algorithm: Algorithm | None = None
    format: Format | None = None
    kv: KeyValue | None = None
    prefix: Prefix | None = None
    prefix_mode: PrefixMode | None = None
    encoding: Encoding | None = None
    key: Key | None = None
    message: Message | None = None
    timestamp: Timestamp | None = None
    timestamp_format: TimestampFormat | None = None
    tolerance: Tolerance | None = None
    body_form: BodyForm | None = None
