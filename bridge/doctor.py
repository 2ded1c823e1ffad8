"""What is wrong, and what to change: with a hook that was refused, and with the door as a whole.

In: the configuration, what the store knows, a request; out: findings and checks in sentences. Nothing here is done
while a caller waits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

from bridge import clock, vendors
from bridge.callers import reached
from bridge.config import Config, Source
from bridge.errors import Reason
from bridge.model import Received, Refusal
from bridge.store import Store, events, refusals
from bridge.verify import Door, Finding, Scheme, diagnose, doubts

State = Literal["ok", "doubt", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what it is, how it stands, and what to do."""

    about: str
    state: State
    text: str
    advice: str = ""


# ---------------------------------------------------------------------------------------------- one hook


def of_request(received: Received, source: Source, config: Config, now: int) -> list[Finding]:
    """What is wrong with a request for that source, at that time (µs); empty where it would be let in."""
    if source.scheme is None:
        return []
    others = [
        Door(name, other.scheme, other.secrets)
        for name, other in config.sources.items()
        if other.scheme is not None and name != source.name
    ]
    known = [Door(name, scheme) for name in vendors.names() for scheme in _schemes(name) if name != source.vendor.name]
    return diagnose(_located(received, config), source.scheme, source.secrets, now, sources=others, vendors=known)


def _located(received: Received, config: Config) -> Received:
    """With the whole URL, which some senders sign. What a proxy said of it is believed: nobody is let in by it."""
    if not received.url.startswith("/"):
        return received
    said = reached("127.0.0.1", received.header, [ip_network("127.0.0.1")]) if config.trusted_proxies else None
    return replace(received, url=f"{config.public_url or said or ''}{received.url}")


def _schemes(vendor: str) -> list[Scheme]:
    loaded = vendors.load(vendor)
    return [scheme for scheme in (loaded.signature, *loaded.signatures.values()) if scheme is not None]


def of_refusal(refusal: Refusal, config: Config) -> list[Finding]:
    """What was wrong with a hook that was refused, by the configuration of today."""
    source = config.sources.get(refusal.source)
    if source is None:
        return [Finding(f"There is no source {refusal.source!r} any more.", "", True)]
    if refusal.reason in DOOR:
        advice = DOOR[Reason(refusal.reason)].format(caller=refusal.caller or "the address", name=source.name)
        return [Finding(f"It {refusal.detail}.", advice, True)]
    if refusal.size > len(refusal.body):
        return [Finding(f"It {refusal.detail}.", "Its body was too large to be kept: capture one, and give --request.")]
    received = Received(
        refusal.source, refusal.method, f"/hooks/{refusal.source}", refusal.headers, refusal.body, refusal.at
    )
    found = of_request(received, source, config, refusal.at)
    mended = Finding("It would be let in by now: what was wrong with it has been mended.", "", True)
    return found or [mended]


DOOR = {
    Reason.ADDRESS_NOT_ALLOWED: "If that is the sender, add {caller} to sources.{name}.allow_from. If it is your own "
    "proxy, name it in trusted_proxies, and have it set X-Forwarded-For.",
    Reason.TOO_MANY: "If all of it is wanted, raise sources.{name}.rate.",
    Reason.TOO_LARGE: "If that is what the sender sends, raise sources.{name}.max_body.",
    Reason.TOO_SLOW: "Something between the sender and here is slow, or waits for a body that does not come.",
    Reason.NOT_A_POST: "Nothing, if a person looked at the URL. Senders must use POST.",
}
"""What to do about refusals that no signature decides."""


# ---------------------------------------------------------------------------------------------- the whole


async def look(store: Store, config: Config, only: str | None, now: int) -> list[Check]:
    """How the door stands: the file, the URL, and each source (or only one) by its secrets and its last hooks."""
    checks = [Check("config", "ok", f"{config.file} is good"), *_warned(config), _public_url(config)]
    for name, source in config.sources.items():
        if only in (None, name):
            checks += _secrets(source)
            refused = await store.read(partial(refusals.recent, source=name))
            heard = await store.read(partial(events.last_heard, source=name))
            checks.append(_source(source, config, refused, heard, now))
    return checks


def _warned(config: Config) -> Iterator[Check]:
    for warning in config.warnings:
        yield Check("config", "doubt", str(warning))


def _public_url(config: Config) -> Check:
    if config.public_url is None:
        return Check("public_url", "doubt", "is not set", "With it, the exact URL to paste at a sender's is shown.")
    parts = urlsplit(config.public_url)
    if _is_inside(parts.hostname or ""):
        advice = "Senders on the internet cannot reach it: put the name there that they use."
        return Check("public_url", "wrong", f"{config.public_url} is reachable from inside only", advice)
    if parts.scheme != "https":
        return Check("public_url", "doubt", f"{config.public_url} is not https", "Many senders refuse to post to it.")
    return Check("public_url", "ok", config.public_url)


def _is_inside(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.rpartition(".")[2] in ("local", "internal", "localhost", "localdomain")


def _secrets(source: Source) -> Iterator[Check]:
    for position, secret in enumerate(source.secrets, 1):
        for doubt in doubts(source.scheme, secret) if source.scheme else ():
            which = f"secret {position}" if len(source.secrets) > 1 else "the secret"
            yield Check(source.name, "doubt", f"{which} {doubt}")


def _source(source: Source, config: Config, refused: Sequence[Refusal], heard: int | None, now: int) -> Check:
    """How a source stands, by what came last."""
    since = f"the last hook came {_ago(now - heard)}" if heard else "nothing was let in yet"
    if source.expect_every and heard and now - heard > source.expect_every:
        return Check(source.name, "wrong", f"{since}, though one is expected every {_span(source.expect_every)}")
    turned_away = [one for one in refused if one.reason != Reason.NOT_A_POST]
    if not turned_away:
        return Check(source.name, "ok", f"{since}, and nothing was refused")
    last = turned_away[0]
    first = of_refusal(last, config)[0]
    text = f"{since}; {_ago(now - last.at)}, one was {'let in unverified' if last.let_in else 'refused'}. {first.what}"
    mended = not first.advice or (heard is not None and heard > last.at and not last.let_in)
    return Check(source.name, "doubt" if mended else "wrong", text, first.advice)


def _ago(span: int) -> str:
    return f"{_span(max(span, 0))} ago"


def _span(span: int) -> str:
    """Microseconds in the largest unit of which there is one."""
    for unit, word in ((clock.DAY, "d"), (clock.HOUR, "h"), (clock.MINUTE, "min")):
        if span >= unit:
            return f"{span // unit} {word}"
    return f"{span // clock.SECOND} s"
