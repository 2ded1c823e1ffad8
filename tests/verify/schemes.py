"""The schemes of the five vendors, and a request that carries what a test wants it to carry."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bridge.model import Received
from bridge.verify import Scheme, sign

NOW = 1_714_867_200_000_000
BODY = b'{"event":"ping","n":1}'
SECRET = "topsecret"

PREFIXED = Scheme(header="X-Acme-Signature-256", prefix="sha256=")
OPTIONAL = Scheme(header="x-acme-signature", prefix="sha256=", prefix_mode="optional")
BARE = Scheme(header="Acme-Signature")
JS = Scheme(header="x-acme-signature", prefix="sha256=", prefix_mode="optional", body_form=("raw", "json_js"))
PAIRS = Scheme(header="Acme-Signature", format="kv", message=("timestamp", "literal:.", "body"))
SCHEMES = {"prefixed": PREFIXED, "optional": OPTIONAL, "bare": BARE, "js": JS, "pairs": PAIRS}


def received(body: bytes, *headers: tuple[str, str]) -> Received:
    """A hook with those headers among others, as a server would hand it on."""
    lower = tuple((name.lower(), value) for name, value in headers)
    around = (("host", "hooks.example.com"), *lower, ("content-type", "application/json"))
    return Received("qa", "POST", "https://hooks.example.com/hooks/qa", around, body, NOW)


def signed(scheme: Scheme, secret: str = SECRET, body: bytes = BODY, now: int = NOW) -> Received:
    """A genuine hook."""
    return received(body, *sign(scheme, secret, body, now).items())


def secrets_of(scheme: Scheme, number: int = 1) -> tuple[str, str]:
    """What the sender signs with and what the door is given: the same, but for public keys."""
    seed = hashlib.sha256(f"key {number}".encode()).digest()
    if scheme.algorithm == "ed25519":
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return spelt(seed, scheme), spelt(private.public_key().public_bytes_raw(), scheme)
    if scheme.algorithm == "ecdsa-p256":
        key = ec.derive_private_key(int.from_bytes(seed, "big") >> 1, ec.SECP256R1())
        secret = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return spelt(secret, scheme), spelt(
            key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), scheme
        )
    text = {
        "hex": seed.hex(),
        "base64": base64.b64encode(seed).decode(),
        "whsec": "whsec_" + base64.b64encode(seed).decode(),
    }.get(scheme.key, f"user:secret-{number}")
    return text, text


def spelt(key: bytes, scheme: Scheme) -> str:
    return key.hex() if scheme.key == "hex" else base64.b64encode(key).decode()
