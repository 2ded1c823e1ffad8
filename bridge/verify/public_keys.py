"""Signatures by private keys that we never see. The one module that needs the extra `crypto`; imported only where a
source asks for it.
"""

from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

_ECDSA = ec.ECDSA(SHA256())


def matcher(algorithm: str, key: bytes) -> Callable[[bytes, Sequence[bytes]], bool]:
    """Recognizes what the private key to `key` signed. Ed25519: its 32 bytes; ECDSA: DER, SubjectPublicKeyInfo.

    Raises ValueError where `key` is no public key of that kind.
    """
    check = _ed25519(key) if algorithm == "ed25519" else _ecdsa(key)

    def matches(message: bytes, signatures: Sequence[bytes]) -> bool:
        for signature in signatures:
            try:
                check(signature, message)
            except InvalidSignature:
                continue
            return True
        return False

    return matches


def sign(algorithm: str, key: bytes, message: bytes) -> bytes:
    """The signature by a private key (Ed25519: 32 bytes; ECDSA: DER, PKCS #8). Raises ValueError for any other."""
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(key).sign(message)
    private = load_der_private_key(key, password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("the secret is no private key of ECDSA")
    return private.sign(message, _ECDSA)


def _ed25519(key: bytes) -> Callable[[bytes, bytes], None]:
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(key).verify
    except ValueError:
        raise ValueError("the secret is no public key of Ed25519, which has 32 bytes") from None


def _ecdsa(key: bytes) -> Callable[[bytes, bytes], None]:
    try:
        public = load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise ValueError("the secret is no public key of ECDSA on the curve P-256")
    return lambda signature, message: public.verify(signature, message, _ECDSA)
