"""Standard Webhooks, for what we send: the signature that lets a receiver know us.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


def standard_key(secret: str) -> bytes:
    """The key that `whsec_<base64>` stands for. Raises ValueError, without the secret in it, for any other."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"must be '{PREFIX}' and the base64 of {LEAST_BYTES} to {MOST_BYTES} random bytes")
    return key


def standard_headers(secrets: Sequence[str], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The three headers that sign `body`: one signature per secret, so that a receiver may hold any of them.

    `message_id` stays the same over all attempts and holds no dot; `seconds` is the time of this attempt. Raises
    ValueError where a secret is not of the standard's form.
    """
    signed = f"{message_id}.{seconds}.".encode() + body
    macs = (hmac.digest(standard_key(secret), signed, "sha256") for secret in secrets)
    signatures = " ".join("v1," + base64.b64encode(mac).decode() for mac in macs)
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": signatures}
