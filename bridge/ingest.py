"""The first stage: a hook is let in and put on disk while the vendor waits. Nothing of what it says is read here.

Received -> Verified -> Receipt, or a ping's answer        or Refused, or StoreUnavailable; nothing else comes out
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bridge.config import Source
from bridge.errors import Refused
from bridge.model import Receipt, Received, Verification, Verified
from bridge.store import Store
from bridge.verify import Proof
from bridge.verify.handshake import Said, pong

Doubt = Callable[[Received, Refused], None]
"""Told of a hook that is let in although it could not prove who sent it."""


async def ingest(received: Received, source: Source, store: Store, now: int, doubt: Doubt) -> Receipt | Said:
    """Verify a hook and keep it. Returns when its bytes are on disk, a duplicate's when the first copy's are.

    A ping is no event: it gets its answer, once it has proved who asks, and is not kept.

    Raises Refused where its source's rules do not let it in, StoreUnavailable where it could not be kept.
    """
    verified = admit(received, source, now, doubt)
    if source.vendor.handshake is not None:
        said = pong(source.vendor.handshake, verified.body, verified.headers)
        if said is not None:
            return said
    return await store.keep(verified)


def admit(received: Received, source: Source, now: int, doubt: Doubt) -> Verified:
    """What the source's rules say about a hook. Raises Refused, unless the source says `verify: shadow`."""
    if source.scheme is None or source.verifier is None:
        return _admitted(received, source, Proof(Verification("none", verified=False), received.body))
    try:
        proof = source.verifier.prove(received, now)
    except Refused as refused:
        if source.verify != "shadow":
            raise
        doubt(received, refused)
        proof = Proof(Verification(source.scheme.name, verified=False, reason=refused.reason.value), received.body)
    return _admitted(received, source, proof)


def sample(source: Source, body: bytes, now: int, headers: Mapping[str, str] | None = None) -> Verified:
    """A sample that we send ourselves: marked TEST, it touches neither history nor dedupe.

    `headers` are the vendor's own that belong to it, as where the event's name stands in one.
    """
    wire = tuple((name.lower(), value) for name, value in (headers or {}).items())
    received = Received(source.name, "POST", "", (("content-type", "application/json"), *wire), body, now)
    proof = Proof(Verification("sample", verified=True), body)
    return replace(_admitted(received, source, proof), is_test=True)


def _admitted(received: Received, source: Source, proof: Proof) -> Verified:
    key, window = source.repeats.key(proof.covered, proof.headers)
    return Verified(
        source=source.name,
        vendor=source.vendor.name,
        received_at=received.received_at,
        headers={name: value for name, value in received.headers if name in source.kept_headers},
        body=received.body,
        verification=proof.verification,
        dedupe_key=key,
        dedupe_until=received.received_at + window,
    )
