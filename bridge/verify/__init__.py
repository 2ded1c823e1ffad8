"""Proof that a hook came from who it says. The only room that touches secrets and MACs.

In: what came off the wire (`Received`), a vendor's scheme, a source's secrets. Out: a `Proof` and the key by which a
repeat is known. Every failure at this door is a `Refused`, whatever the sender wrote.
"""

from bridge.verify.dedupe import Repeats, dedupe_key
from bridge.verify.diagnosis import Door, Finding, diagnose, doubts
from bridge.verify.json_js import reserialize
from bridge.verify.keys import fingerprint, matcher
from bridge.verify.masking import mask, masked
from bridge.verify.scheme import KeyValue, Scheme, SchemeOverride
from bridge.verify.signature import Proof, Verifier, verify
from bridge.verify.signing import Signed, sign, sign_request

__all__ = [
    "Door",
    "Finding",
    "KeyValue",
    "Proof",
    "Repeats",
    "Scheme",
    "SchemeOverride",
    "Signed",
    "Verifier",
    "dedupe_key",
    "diagnose",
    "doubts",
    "fingerprint",
    "mask",
    "masked",
    "matcher",
    "reserialize",
    "sign",
    "sign_request",
    "verify",
]
