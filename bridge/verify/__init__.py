"""Proof that a hook came from who it says. The only room that touches secrets and MACs.

In: what came off the wire (`Received`), a vendor's scheme, a source's secrets. Out: a `Proof` and the key by which a
repeat is known. Every failure at this door is a `Refused`, whatever the sender wrote.
"""

from bridge.verify.dedupe import dedupe_key
from bridge.verify.json_js import reserialize
from bridge.verify.scheme import Hmac, KeyValue, SchemeOverride
from bridge.verify.signature import Proof, sign, verify

__all__ = ["Hmac", "KeyValue", "Proof", "SchemeOverride", "dedupe_key", "reserialize", "sign", "verify"]
