"""A sealed text: proof that we made it, and until when it counts. Nothing has to be remembered for it.

In: a secret that those who share the work have in common, what the seal is for, a time; out: a text that says nothing
of the secret. Whoever has the secret can tell a seal of theirs from any other text, in this process or in the next.
"""

import hashlib
import hmac
import re
import secrets

_FORM = re.compile(r"(\d{1,18})\.([\w-]{22})\.([0-9a-f]{64})", re.ASCII)


def seal(secret: str, purpose: str, until: int) -> str:
    """A new seal that counts until then (µs). Each is another text."""
    said = f"{until}.{secrets.token_urlsafe(16)}"
    return f"{said}.{_mac(secret, purpose, said)}"


def sealed(text: str, secret: str, purpose: str, now: int) -> bool:
    """Whether the text is a seal made with that secret for that purpose, and still counts. In constant time."""
    match = _FORM.fullmatch(text)
    if not match:
        return False
    until, nonce, mac = match.groups()
    good = hmac.compare_digest(mac, _mac(secret, purpose, f"{until}.{nonce}"))
    return good and now < int(until)


def _mac(secret: str, purpose: str, said: str) -> str:
    key = hmac.digest(secret.encode(), f"drawbridge {purpose}".encode(), hashlib.sha256)
    return hmac.digest(key, said.encode(), hashlib.sha256).hex()
