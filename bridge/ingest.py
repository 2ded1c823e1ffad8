"""The first stage: a hook is let in and put on disk while the vendor waits. Nothing of what it says is read here.

Received -> Verified -> Receipt        or Refused, or StoreUnavailable; nothing else comes out
"""

from dataclasses import replace

from bridge.config import Source
from bridge.model import Receipt, Received, Verification, Verified
from bridge.store import Store
from bridge.verify import Proof, dedupe_key, verify


async def ingest(received: Received, source: Source, store: Store, now: int) -> Receipt:
    """Verify a hook and keep it. Returns when its bytes are on disk, a duplicate's when the first copy's are.

    Raises Refused where its source's rules do not let it in, StoreUnavailable where it could not be kept.
    """
    return await store.keep(admit(received, source, now))


def admit(received: Received, source: Source, now: int) -> Verified:
    """What the source's rules say about a hook. Raises Refused."""
    if source.scheme is None:
        proof = Proof(Verification("none", verified=False), received.body)
    else:
        proof = verify(received, source.scheme, source.secrets, now)
    return _admitted(received, source, proof)


def sample(source: Source, body: bytes, now: int) -> Verified:
    """A sample that we send ourselves: marked TEST, it touches neither history nor dedupe."""
    received = Received(source.name, "POST", "", (("content-type", "application/json"),), body, now)
    proof = Proof(Verification("sample", verified=True), body)
    return replace(_admitted(received, source, proof), is_test=True)


def _admitted(received: Received, source: Source, proof: Proof) -> Verified:
    key, window = dedupe_key(
        proof.covered, source.name, source.vendor.dedupe, source.vendor.dated, source.dedupe_window
    )
    kept = {"content-type", *(source.scheme.headers if source.scheme else ())}
    return Verified(
        source=source.name,
        vendor=source.vendor.name,
        received_at=received.received_at,
        headers={name: value for name, value in received.headers if name in kept},
        body=received.body,
        verification=proof.verification,
        dedupe_key=key,
        dedupe_until=received.received_at + window,
    )
