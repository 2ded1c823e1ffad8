"""Headers as they may be seen. In: a request's headers; out: the same, of a secret or a signature only the shape.

`sha256=5257a8…` becomes `sha256=<64 hex>`: enough to see what is wrong with it, and nothing to use.
"""

import re
from collections.abc import Collection, Iterable

MOST_HEADERS = 50
MOST_CHARACTERS = 256
"""Of a value that needs no mask; a longer one is cut."""

MOST_MASKED = 2_048
"""Characters of a value whose shape is looked at; the longest signature headers have a few hundred."""

_TELLING = re.compile(r"auth|cookie|token|secret|signature|hmac|key|passw|session|credential|cert", re.IGNORECASE)
_TOKEN = re.compile(r"[^,;\s]+")
_WORD = re.compile(r"bearer|basic|hmac|v[0-9]", re.ASCII | re.IGNORECASE)
_PAIR = re.compile(r"(sha-?(?:1|256|512)|hmac[a-z0-9-]*|v[0-9]|h1|s|sig|signature|t|ts|timestamp)=(.+)", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII)
_TIME = re.compile(r"[0-9]{1,17}", re.ASCII)
_TIMES = ("t", "ts", "timestamp")


def masked(
    headers: Iterable[tuple[str, str]], whole: Collection[str], hidden: Collection[str] = ()
) -> tuple[tuple[str, str], ...]:
    """The first headers, each cut to a length, with the telling ones masked, less those whose name is in `whole`.

    `hidden` are masked whatever they are called: a source may be told its secret in any header.
    """
    shown = []
    for name, value in headers:
        if name in whole:
            shown.append((name, value))
        elif name in hidden or _TELLING.search(name):
            shown.append((name, mask(value)))
        else:
            shown.append((name, value[:MOST_CHARACTERS]))
        if len(shown) == MOST_HEADERS:
            break
    return tuple(shown)


def mask(value: str) -> str:
    """The shape of a value: known prefixes, times, and how long and of which alphabet everything else is."""
    return _TOKEN.sub(lambda token: _shape(token[0]), value[:MOST_MASKED])


def _shape(token: str) -> str:
    if _WORD.fullmatch(token):
        return token
    pair = _PAIR.fullmatch(token)
    prefix, rest = (f"{pair[1]}=", pair[2]) if pair else ("", token)
    if pair and pair[1].lower() in _TIMES and _TIME.fullmatch(rest):
        return token
    alphabet = "hex" if _HEX.fullmatch(rest) else "base64" if _BASE64.fullmatch(rest) else "characters"
    return f"{prefix}<{len(rest)} {alphabet}>"
