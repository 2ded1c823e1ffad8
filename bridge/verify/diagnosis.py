"""Why a hook was refused: trials of what goes wrong between a sender and us, until one of them verifies.

In: a request, a scheme and secrets, and what else is known here; out: findings, the likeliest first. Every trial is the
engine's own `verify` with one thing changed, or two, so that what it shows is true of every scheme. Nothing here is
done while a caller waits, and no finding shows a secret, a signature, or what the right signature would have been.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product

from pydantic import ValidationError

from bridge import clock
from bridge.errors import Reason, Refused
from bridge.model import Received
from bridge.verify.masking import mask
from bridge.verify.reading import Claim
from bridge.verify.rewriting import bodies
from bridge.verify.scheme import PUBLIC_KEY, SHOWN, Scheme
from bridge.verify.signature import place, verify

MOST_WORK = 256 << 20
"""Bytes that all trials together may go through; about a second."""

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
    """One thing that may be otherwise: the secret, the body, keys of the scheme; null where it stays as it is."""

    what: str
    advice: str
    secret: str | None = None
    body: bytes | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


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
    if elsewhere := _elsewhere(received, sources, now):
        return [elsewhere]
    if refused.reason is Reason.MISSING_HEADER:
        return _without_signature(received, scheme, secrets, now, refused, vendors)
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


def _elsewhere(received: Received, sources: Sequence[Door], now: int) -> Finding | None:
    for other in sources:
        if _is_genuine(received, other.scheme, other.secrets, now):
            return Finding(
                f"It is genuine for the source {other.name!r}.",
                f"Have it sent to /hooks/{other.name}, or look whether the secrets of the two are mixed up.",
                True,
            )
    return None


def _without_signature(
    received: Received, scheme: Scheme, secrets: Sequence[str], now: int, refused: Refused, vendors: Sequence[Door]
) -> list[Finding]:
    known = [door for door in vendors if door.scheme.headers != scheme.headers and _carries(received, door.scheme)]
    for door in known:
        if _is_genuine(received, door.scheme, secrets, now):
            return [Finding(f"It is signed as {door.name} signs, with this secret.", f"Say vendor: {door.name}.", True)]
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
    trials: Iterable[tuple[_Change, ...]] = chain(
        ((change,) for change in chain(keys, forms, rewritten)),
        product(forms, keys),
        product(keys, rewritten),
        product(forms, rewritten),
    )
    left = MOST_WORK
    for changes in trials:
        left -= len(received.body) * len(secrets) + 1_000
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
    keys: dict[str, str] = {}
    for change in changes:
        keys |= change.keys
        if change.secret is not None:
            secrets = [change.secret]
        if change.body is not None:
            received = replace(received, body=change.body)
    other = _changed(scheme, **keys) if keys else scheme
    return other is not None and _is_genuine(received, other, secrets, now)


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
        if key != scheme.key:
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
        "was changed there. Or the body was changed on its way in a manner that was not tried.",
    )
