"""Why a hook was refused: trials of what goes wrong between a sender and us, until one of them verifies.

In: a request, a scheme and secrets, and what else is known here; out: findings, the likeliest first. Every trial is the
engine's own `verify` with one thing changed, or two, so that what it shows is true of every scheme. Nothing here is
done while a caller waits, and no finding shows a secret, a signature, or what the right signature would have been.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product
from urllib.parse import urlsplit, urlunsplit

from pydantic import ValidationError

from bridge import clock
from bridge.errors import Reason, Refused
from bridge.model import Received
from bridge.verify.masking import mask
from bridge.verify.reading import Claim
from bridge.verify.rewriting import bodies
from bridge.verify.scheme import BODY, HEADER, JSON, LITERAL, PUBLIC_KEY, SHOWN, TIMESTAMP, Scheme
from bridge.verify.signature import place, verify

MOST_WORK = 256 << 20
"""Bytes that all trials together may go through; about a second."""

A_TRIAL = 10_000
"""What a trial costs besides, in such bytes."""

GENUINE = (Reason.TOO_OLD, Reason.IN_THE_FUTURE)
"""Reasons that the engine gives only for what a secret of ours signed."""

KEYS = {
    "utf8": "is used as it is written",
    "base64": "is the base64 of the key",
    "hex": "is the key in hexadecimal digits",
    "whsec": "is the base64 behind whsec_",
    "sha256_hex": "is hashed first, and its hash used as text",
    "sha256_bytes": "is hashed first",
}
"""What a sender may make of a secret, by the word for it in a scheme."""

ALGORITHMS = ("sha256", "sha1", "sha512")
ENCODINGS = ("hex", "base64", "base64url")

JOINTS = (".", ":", "", "|", "\n")
"""What stands between the parts that a sender signs."""

MOST_HEADERS = 3
"""Headers of one kind that are tried as a part of what was signed: a stranger may send many."""

_TIME = re.compile(r"time|(?:^|-)ts$|(?:^|-)date$", re.IGNORECASE)
_ID = re.compile(r"(?:^|-)(?:id|uuid|guid|delivery|nonce|event|topic)$", re.IGNORECASE)
_PAIRS = re.compile(r"\s*([A-Za-z0-9_-]{1,20})=([^,;]{1,200})")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,20}[=:](?=.)|v[0-9],|(?:Bearer|Token|HMAC|Basic) ", re.IGNORECASE)
_LIKE_A_SIGNATURE = re.compile(r"signature|hmac|token|^authorization$|x-hub-", re.IGNORECASE)
_MASKED = re.compile(r"<(\d+) (?:hex|base64|characters)>")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong and what to change. `certain` where a trial verified; else it is the best guess."""

    what: str
    advice: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """Another source, or a vendor (which has no secrets), that a hook may have been meant for."""

    name: str
    scheme: Scheme
    secrets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    """One thing that may be otherwise: the secret, body, URL, keys of the scheme; null where it stays as it is."""

    what: str
    advice: str
    secret: str | None = None
    body: bytes | None = None
    url: str | None = None
    keys: Mapping[str, object] = field(default_factory=dict)


def diagnose(
    received: Received,
    scheme: Scheme,
    secrets: Sequence[str],
    now: int,
    *,
    sources: Sequence[Door] = (),
    vendors: Sequence[Door] = (),
) -> list[Finding]:
    """What is wrong with `received`, for a source of that scheme and those secrets; empty where it would be let in.

    `now` is when it came, in microseconds. `sources` are the others, `vendors` the known ones. Raises nothing.
    """
    refused = _refused(received, scheme, secrets, now)
    if refused is None:
        return []
    if refused.reason in GENUINE:
        return [_of_time(received, scheme, secrets, now)]
    if elsewhere := _elsewhere(received, scheme, sources, now):
        return [elsewhere]
    if refused.reason is Reason.MISSING_HEADER:
        return _without_signature(received, scheme, secrets, now, refused, vendors, sources)
    if shown := _of_masked(received, scheme, secrets):
        return [shown]
    found = _tried(received, scheme, secrets, now)
    return [found] if found else [_guess(received, scheme, refused)]


def doubts(scheme: Scheme, secret: str) -> list[str]:
    """What looks odd about a secret, whatever was sent."""
    said = [
        (secret != secret.strip(), "begins or ends with a blank or a newline; it is used exactly as it is written"),
        (secret[:1] in "\"'" and secret[-1:] == secret[:1], "stands in quotes, and they are part of it"),
        (scheme.key == "whsec" and not secret.startswith("whsec_"), "does not begin with whsec_"),
        (secret.startswith("$"), "looks like the name of a variable; write ${NAME}"),
    ]
    return [text for holds, text in said if holds]


def _refused(received: Received, scheme: Scheme, secrets: Sequence[str], now: int) -> Refused | None:
    try:
        verify(received, scheme, secrets, now)
    except Refused as refused:
        return refused
    return None


def _is_genuine(received: Received, scheme: Scheme, secrets: Sequence[str], now: int) -> bool:
    """Whether one of the secrets signed it, however long ago."""
    refused = _refused(received, scheme, secrets, now)
    return refused is None or refused.reason in GENUINE


# ---------------------------------------------------------------------------------------------- time


def _of_time(received: Received, scheme: Scheme, secrets: Sequence[str], now: int) -> Finding:
    for written, unit in (("s", "seconds"), ("ms", "milliseconds")):
        other = _changed(scheme, timestamp_format=written)
        if other and written != scheme.timestamp_format and _refused(received, other, secrets, now) is None:
            return Finding(
                f"The signed time is in {unit}.", f"Say so: signature: {{timestamp_format: {written}}}.", True
            )
    moment = Claim.read(received, scheme).moment() or 0
    off = (now - moment) // clock.SECOND
    side = "before" if off > 0 else "after"
    return Finding(
        f"The signature is genuine, but its time is {abs(off)} s {side} the time at which the hook came.",
        "If that is so of every hook, a clock is wrong: set this machine's by NTP, and ask the sender about theirs. If "
        "only of some, they were sent again or held up; signature: {tolerance: ...} lets in later ones.",
        True,
    )


# ---------------------------------------------------------------------------------------------- the wrong place


def _elsewhere(received: Received, scheme: Scheme, sources: Sequence[Door], now: int) -> Finding | None:
    """Another source's hook, or one of ours with another source's secret, whatever vendor that one is of."""
    for other in sources:
        if _is_genuine(received, other.scheme, other.secrets, now):
            return Finding(
                f"It is genuine for the source {other.name!r}.",
                f"Have it sent to /hooks/{other.name}, or look whether the secrets of the two are mixed up.",
                True,
            )
    for other in sources:
        if _is_genuine(received, scheme, other.secrets, now):
            return Finding(
                f"It is signed as it should be, but with the secret of the source {other.name!r}.",
                "The secrets of the two are mixed up, here or at the sender: give each source its own.",
                True,
            )
    return None


def _without_signature(
    received: Received,
    scheme: Scheme,
    secrets: Sequence[str],
    now: int,
    refused: Refused,
    vendors: Sequence[Door],
    sources: Sequence[Door],
) -> list[Finding]:
    known = [door for door in vendors if door.scheme.headers != scheme.headers and _carries(received, door.scheme)]
    for door in known:
        if _is_genuine(received, door.scheme, secrets, now):
            return [Finding(f"It is signed as {door.name} signs, with this secret.", f"Say vendor: {door.name}.", True)]
        for other in sources:
            if _is_genuine(received, door.scheme, other.secrets, now):
                said = f"It is signed as {door.name} signs, with the secret of the source {other.name!r}."
                return [Finding(said, "It was meant for another source: look at the URL that the sender has.", True)]
    for name in dict.fromkeys(name for name, _ in received.headers if _LIKE_A_SIGNATURE.search(name)):
        found = _changed(scheme, header=name, json_field=None, query=None) if name not in scheme.headers else None
        if found and _is_genuine(received, found, secrets, now):
            return [Finding(f"The signature is in {name}.", f"Say so: signature: {{header: {name}}}.", True)]
        form = _first(_forms(received, found), received, scheme, secrets, now) if found else None
        if form:
            return [form]
    if known:
        names = ", ".join(dict.fromkeys(door.name for door in known))
        return [
            Finding(
                f"It {refused.detail}, but has one that {names} would send.",
                "Is the source's vendor the right one, and this the URL that was meant for it?",
            )
        ]
    return [
        Finding(
            f"It {refused.detail}.",
            "Does the sender know the secret? Most sign nothing until one is set with them. A proxy in between may "
            "also drop headers that it does not know.",
        )
    ]


def _carries(received: Received, scheme: Scheme) -> bool:
    return any(received.header(name) for name in scheme.headers if name != "authorization")


# ---------------------------------------------------------------------------------------------- trials


def _tried(received: Received, scheme: Scheme, secrets: Sequence[str], now: int) -> Finding | None:
    """The first change, or pair of changes, with which the hook verifies."""
    keys = [*chain.from_iterable(_secrets(secret) for secret in secrets), *_keys(scheme)]
    forms = list(_forms(received, scheme))
    rewritten = [] if scheme.algorithm in SHOWN else list(_bodies(received.body))
    layouts = [*_urls(received, scheme), *_layouts(received, scheme)]
    trials: Iterable[tuple[_Change, ...]] = chain(
        ((change,) for change in chain(keys, forms, rewritten, layouts)),
        product(forms, keys),
        product(layouts, chain(_keys(scheme), forms)),
        product(keys, rewritten),
        product(forms, rewritten),
    )
    left = MOST_WORK
    for changes in trials:
        left -= len(received.body) * len(secrets) + A_TRIAL
        if left < 0:
            return None
        if _holds(changes, received, scheme, secrets, now):
            return Finding(" ".join(one.what for one in changes), " ".join(one.advice for one in changes), True)
    return None


def _first(
    changes: Iterable[_Change], received: Received, scheme: Scheme, secrets: Sequence[str], now: int
) -> Finding | None:
    for change in changes:
        if _holds((change,), received, scheme, secrets, now):
            return Finding(change.what, change.advice, True)
    return None


def _holds(changes: Sequence[_Change], received: Received, scheme: Scheme, secrets: Sequence[str], now: int) -> bool:
    keys: dict[str, object] = {}
    for change in changes:
        keys |= change.keys
        if change.secret is not None:
            secrets = [change.secret]
        if change.body is not None:
            received = replace(received, body=change.body)
        if change.url is not None:
            received = replace(received, url=change.url)
    # Each change alone is known to go with the scheme. To check each pair anew would be most of the work.
    return _is_genuine(received, scheme.model_copy(update=keys) if keys else scheme, secrets, now)


def _secrets(secret: str) -> Iterator[_Change]:
    written = "Write it without, or have ${file:...} read a file that ends right behind it."
    stripped = secret.strip()
    if stripped != secret:
        yield _Change("The secret has a blank or a newline too many.", written, secret=stripped)
    if secret[:1] in "\"'" and secret[-1:] == secret[:1]:
        yield _Change("The secret stands in quotes that are not part of it.", written, secret=secret[1:-1])
    for end, name in (("\n", "a newline"), ("\r\n", "a carriage return and a newline"), (" ", "a blank")):
        advice = "Enter it there once more without; until then, write it here as it is there, in double quotes."
        yield _Change(f"The sender's secret ends in {name} that ours lacks.", advice, secret=secret + end)
    if secret.startswith("whsec_"):
        yield _Change("The sender's secret has no whsec_ in front.", "Remove it.", secret=secret.removeprefix("whsec_"))
    else:
        yield _Change("The sender's secret begins with whsec_, ours does not.", "Add it.", secret=f"whsec_{secret}")
    for other, name in ((secret.lower(), "lower"), (secret.upper(), "upper")):
        if other != secret:
            yield _Change(f"The secret is right but for its case: theirs is in {name} case.", "Copy it anew.", other)


def _keys(scheme: Scheme) -> Iterator[_Change]:
    for key, what in KEYS.items():
        if key != scheme.key and _changed(scheme, key=key):
            yield _Change(f"The sender's secret {what}.", f"Say so: signature: {{key: {key}}}.", keys={"key": key})


def _forms(received: Received, scheme: Scheme) -> Iterator[_Change]:
    """Other algorithms, encodings and prefixes that fit the value that came."""
    if scheme.algorithm in PUBLIC_KEY:
        return
    values = [value for name in scheme.headers for value in received.header(name)]
    prefixes = dict.fromkeys([scheme.prefix, "", *(match[0] for value in values if (match := _PREFIX.match(value)))])
    algorithms = (scheme.algorithm,) if scheme.algorithm in SHOWN else ALGORITHMS
    encodings = (scheme.encoding,) if scheme.algorithm in SHOWN else ENCODINGS
    for prefix, algorithm, encoding in product(prefixes, algorithms, encodings):
        changes = {"prefix": prefix, "algorithm": algorithm, "encoding": encoding, "prefix_mode": "required"}
        said = {key: value for key, value in changes.items() if value != getattr(scheme, key)}
        other = _changed(scheme, **changes)
        if not said or said.keys() == {"prefix_mode"} or other is None or not _is_of(received, other):
            continue
        said.pop("prefix_mode", None)
        listed = ", ".join(f'{key}: "{value}"' for key, value in said.items())
        yield _Change("The signature is written in another form.", f"Say so: signature: {{{listed}}}.", keys=changes)


def _layouts(received: Received, scheme: Scheme) -> Iterator[_Change]:
    """Other ways in which the parts of a hook are put together to what is signed, by what came with it."""
    if scheme.algorithm in SHOWN:
        return
    seen: set[str] = set()
    for base in _carried(received, scheme):
        for message in _messages(received, timed=bool(base.get("timestamp")) or base.get("format") == "kv"):
            keys = {**base, "message": message}
            if (other := _changed(scheme, **keys)) is None:
                continue
            said = {key: value for key, value in keys.items() if getattr(other, key) != getattr(scheme, key)}
            if not said or (listed := _written(said)) in seen:
                continue
            seen.add(listed)
            what = "The sender puts what it signs together in another way."
            yield _Change(what, f"Say so: signature: {{{listed}}}.", keys={key: getattr(other, key) for key in said})


def _carried(received: Received, scheme: Scheme) -> Iterator[dict[str, object]]:
    """Keys by which the signature and its time are found where they stand, the scheme's own first."""
    untimed: dict[str, object] = {"timestamp": None, "timestamp_format": "s"}
    if scheme.format == "kv":
        yield {"format": "kv"}
        lists = {",": "comma_list", " ": "space_list"}
        if (delimiter := scheme.kv.delimiter) in lists:
            yield {"format": lists[delimiter], "prefix": f"{scheme.kv.signature}=", "prefix_mode": "required"}
    else:
        if scheme.timestamp is not None and scheme.timestamp.startswith(HEADER):
            yield {"timestamp": scheme.timestamp}
        # Not one in the body: without the rest of it, it would be no signed time.
        yield {} if scheme.timestamp is None or scheme.timestamp.startswith(JSON) else untimed
    for value in (value for name in scheme.headers for value in received.header(name)[:1]):
        if (pairs := _pairs(value)) is not None and scheme.format != "kv":
            yield {"format": "kv", "kv": pairs, "prefix": "", **untimed}
    for name in list(dict.fromkeys(name for name, _ in received.headers if _TIME.search(name)))[:MOST_HEADERS]:
        text = received.header(name)[0]
        written = "iso" if not text.isdigit() else "s" if len(text) < 12 else "ms"
        if f"{HEADER}{name}" != (scheme.timestamp or "").lower() and scheme.format != "kv":
            yield {"timestamp": f"{HEADER}{name}", "timestamp_format": written}


def _pairs(value: str) -> dict[str, str] | None:
    """How `t=1714867200,v1=5257a8…` is to be read; null where it is nothing of the kind."""
    found = dict(_PAIRS.findall(value))
    times = [key for key, text in found.items() if text.isdigit() and 10 <= len(text) <= 13]
    signatures = [key for key, text in found.items() if len(text) >= 40]
    if not times or not signatures:
        return None
    return {"delimiter": ";" if ";" in value else ",", "timestamp": times[0], "signature": signatures[0]}


def _messages(received: Received, *, timed: bool) -> Iterator[tuple[str, ...]]:
    named = dict.fromkeys(name for name, _ in received.headers if _ID.search(name))
    ids = [f"{HEADER}{name}" for name in list(named)[:MOST_HEADERS]]
    if not timed:
        yield (BODY,)
        yield from (_joined(joint, *parts) for parts in ((BODY, "url"), ("url", BODY)) for joint in JOINTS)
        yield ("method", "url", BODY)
        yield from (_joined(joint, *parts) for one in ids for parts in ((one, BODY), (BODY, one)) for joint in JOINTS)
        return
    yield from (_joined(joint, *parts) for parts in ((TIMESTAMP, BODY), (BODY, TIMESTAMP)) for joint in JOINTS)
    yield from ((f"{LITERAL}{version}:", TIMESTAMP, f"{LITERAL}:", BODY) for version in ("v0", "v1"))
    yield ("method", "url", BODY, TIMESTAMP)
    for one in ids:
        for parts in ((one, TIMESTAMP, BODY), (TIMESTAMP, one, BODY)):
            yield from (_joined(joint, *parts) for joint in JOINTS)


def _joined(joint: str, *parts: str) -> tuple[str, ...]:
    between = chain.from_iterable((f"{LITERAL}{joint}", part) for part in parts[1:])
    return (parts[0], *between) if joint else parts


def _written(keys: Mapping[str, object]) -> str:
    """Keys of a scheme as they are written in YAML."""
    return ", ".join(f"{key}: {_value(value)}" for key, value in keys.items())


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{_written(value)}}}"
    return "null" if value is None else json.dumps(value)


def _urls(received: Received, scheme: Scheme) -> Iterator[_Change]:
    """Other spellings of the address by which the sender may know us, where that is signed."""
    if not scheme.signs_url:
        return
    parts = urlsplit(received.url)
    others = {
        parts._replace(scheme="http" if parts.scheme == "https" else "https"): "with another scheme (http or https)",
        parts._replace(path=parts.path.rstrip("/") + "/"): "with a slash at its end",
        parts._replace(query=""): "without its query",
        parts._replace(netloc=parts.hostname or ""): "without its port",
        parts._replace(netloc=f"{parts.hostname}:443"): "with the port 443",
    }
    for other, what in others.items():
        yield _Change(
            f"The sender signed our address {what}.",
            "public_url, and what is registered at the sender, must be the same to the letter.",
            url=urlunsplit(other),
        )


def _is_of(received: Received, scheme: Scheme) -> bool:
    """Whether what came is of that scheme's form."""
    try:
        Claim.read(received, scheme)
    except Refused:
        return False
    return True


def _bodies(body: bytes) -> Iterator[_Change]:
    for other, what in bodies(body):
        yield _Change(
            f"The sender signed {what}.",
            "Something in between writes the body anew: let it pass hooks through as they are. If it is the sender's "
            "own doing, see signature: {body_form: ...}.",
            body=other,
        )


def _changed(scheme: Scheme, **changes: object) -> Scheme | None:
    """The scheme with those keys; null where they do not go together."""
    try:
        return Scheme.model_validate({**scheme.model_dump(), **changes})
    except ValidationError:
        return None


# ---------------------------------------------------------------------------------------------- no trial helped


def _of_masked(received: Received, scheme: Scheme, secrets: Sequence[str]) -> Finding | None:
    """What a kept refusal still tells of a secret that was shown: it was masked, and only its length is there."""
    if scheme.algorithm not in SHOWN:
        return None
    shown = [
        int(found[1]) for name in scheme.headers for value in received.header(name) if (found := _MASKED.search(value))
    ]
    if not shown:
        return None
    ours = " or ".join(str(len(secret)) for secret in secrets)
    advice = "Copy the secret once more. To try one request as it comes, give it with --request."
    if scheme.algorithm == "token" and shown[0] not in [len(secret) for secret in secrets]:
        return Finding(f"The token that came has {shown[0]} characters, the secret has {ours}.", advice)
    return Finding("The token that came is as long as the secret, and another one.", advice)


def _guess(received: Received, scheme: Scheme, refused: Refused) -> Finding:
    if refused.reason is Reason.MALFORMED:
        shapes = [mask(value) for name in scheme.headers for value in received.header(name)]
        came = f" What came looks like {shapes[0][:100]}." if shapes else ""
        return Finding(
            f"It is not of the form that this source expects: {refused.detail}.{came}",
            "Is the vendor the right one? Its form can be said with the keys of signature.",
        )
    return Finding(
        f"The signature at {place(scheme)} is well-formed, and neither the secret nor anything like it made it.",
        "Most likely the secret is another one: copy it once more from where the sender shows it, and look whether it "
        "was changed there. Or the body was changed on its way in a manner that was not tried." + _by_url(scheme),
    )


def _by_url(scheme: Scheme) -> str:
    if not scheme.signs_url:
        return ""
    return " The URL is signed too: public_url must be what is registered at the sender, to the letter."
