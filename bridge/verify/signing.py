"""The other side of the door: a request as a vendor would send it, for samples, the demo and tests.

In: a scheme and a secret; out: the headers, URL and body that carry the signature. With `ed25519` and `ecdsa-p256` the
secret is the private key, spelt as the scheme spells the public one.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from bridge import clock, paths
from bridge.model import Received
from bridge.verify.keys import secret_key
from bridge.verify.reading import Claim
from bridge.verify.scheme import BODY, HEADER, JSON, PUBLIC_KEY, SHOWN, Scheme
from bridge.verify.signature import FORMS, signed_bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """What to send. Only a scheme whose signature or time stands in the body or the URL changes those."""

    headers: Mapping[str, str]
    url: str
    body: bytes


def sign(scheme: Scheme, secret: str, body: bytes, now: int, **request: Any) -> dict[str, str]:
    """The headers of `sign_request`, for a scheme that changes neither body nor URL. Raises ValueError for another."""
    signed = sign_request(scheme, secret, body, now, **request)
    if signed.body != body or signed.url != request.get("url", ""):
        raise ValueError("this scheme signs in the body or the URL, so its headers are not enough")
    return dict(signed.headers)


def sign_request(
    scheme: Scheme,
    secret: str,
    body: bytes,
    now: int,
    *,
    url: str = "",
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Signed:
    """How the vendor would send `body` at `now` (microseconds). `headers` are of the vendor's own, and may be signed.

    Raises ValueError where the secret cannot be a key of this scheme, or the scheme needs JSON and `body` is none.
    """
    key = secret_key(scheme, secret)
    if scheme.algorithm in SHOWN:
        return _shown(scheme, secret, body, url)
    time = _time(scheme, now)
    sent = dict(headers or {}) | _made_up(scheme, headers or {}, body, now)
    if scheme.timestamp is not None:
        if scheme.timestamp.startswith(HEADER):
            sent[_first(scheme.timestamp.removeprefix(HEADER))] = time
        else:
            body = _with_field(body, scheme.timestamp.removeprefix(JSON), time, number=scheme.timestamp_format != "iso")
    for path in (part.removeprefix(JSON) for part in scheme.message if part.startswith(JSON)):
        if paths.find(_object(body), path) is paths.MISSING:
            body = _with_field(body, path, _id(body, now))
    mac = _encode(_signature(scheme, key, _message(scheme, body, time, url, method, sent)), scheme)
    value = ("" if scheme.prefix_mode == "none" else scheme.prefix) + mac
    if scheme.format == "kv":
        kv = scheme.kv
        value = f"{kv.signature}={value}"
        if scheme.timestamp is None:
            value = f"{kv.timestamp}={time}{kv.delimiter}{value}"
    if scheme.json_field is not None:
        return Signed(sent, url, _with_field(body, scheme.json_field, value))
    if scheme.query is not None:
        return Signed(sent, _with_parameter(url, scheme.query, value), body)
    return Signed({_carrier(scheme): value, **sent}, url, body)


def _shown(scheme: Scheme, secret: str, body: bytes, url: str) -> Signed:
    if scheme.algorithm == "basic":
        value = "Basic " + base64.b64encode(secret.encode()).decode()
    else:
        value = ("" if scheme.prefix_mode == "none" else scheme.prefix) + secret
    if scheme.query is not None:
        return Signed({}, _with_parameter(url, scheme.query, value), body)
    return Signed({_carrier(scheme): value}, url, body)


def _carrier(scheme: Scheme) -> str:
    if scheme.header is None:
        return "Authorization"
    return scheme.header if isinstance(scheme.header, str) else scheme.header[0]


def _first(names: str) -> str:
    return names.split("|")[0]


def _time(scheme: Scheme, now: int) -> str:
    if scheme.timestamp_format == "iso":
        return clock.to_iso(now)
    return str(now // (clock.SECOND if scheme.timestamp_format == "s" else clock.SECOND // 1000))


def _made_up(scheme: Scheme, headers: Mapping[str, str], body: bytes, now: int) -> dict[str, str]:
    """An id for each signed header that the caller did not give, the same for the same event."""
    given = {name.lower() for name in headers}
    wanted = (part.removeprefix(HEADER) for part in scheme.message if part.startswith(HEADER))
    return {_first(names): _id(body, now) for names in wanted if not given & set(names.lower().split("|"))}


def _id(body: bytes, now: int) -> str:
    return "msg_" + hashlib.sha256(body + str(now).encode()).hexdigest()[:24]


def _message(scheme: Scheme, body: bytes, time: str, url: str, method: str, headers: Mapping[str, str]) -> bytes:
    form = body
    if "raw" not in scheme.body_form:
        made = FORMS[scheme.body_form[0]](body)
        if made is None:
            raise ValueError("the body is not JSON, and this scheme signs nothing else")
        form = made
    if scheme.message == (BODY,):
        return form
    wire = tuple((name.lower(), value) for name, value in headers.items())
    claim = Claim(Received("", method, url, wire, body, 0), scheme, time)
    return signed_bytes(scheme, claim, form)


def _signature(scheme: Scheme, key: bytes, message: bytes) -> bytes:
    if scheme.algorithm not in PUBLIC_KEY:
        return hmac.digest(key, message, scheme.algorithm)
    from bridge.verify import public_keys

    return public_keys.sign(scheme.algorithm, key, message)


def _encode(signature: bytes, scheme: Scheme) -> str:
    if scheme.encoding == "hex":
        return signature.hex()
    encode = base64.b64encode if scheme.encoding == "base64" else base64.urlsafe_b64encode
    return encode(signature).decode()


def _with_field(body: bytes, path: str, value: str, *, number: bool = False) -> bytes:
    """The body with `value` at `path`; a number where the body has one there already."""
    document = _object(body)
    *outer, last = path.split(".")
    here = document
    for step in outer:
        here = here.setdefault(step, {})
    here[last] = int(value) if number and not isinstance(here.get(last), str) else value
    return orjson.dumps(document)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise ValueError("the body is not a JSON object, and this scheme signs nothing else")
    return document


def _with_parameter(url: str, name: str, value: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{quote(name, safe='')}={quote(value, safe='')}"
