"""Secrets as keys: what a secret's text stands for, and whether it made a signature. Only here are two MACs compared.

In: a scheme and a secret; out: a `Matcher`, made once and asked for every hook. No error shows any of the secret.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from bridge.verify.scheme import PUBLIC_KEY, SHOWN, Key, Scheme

Matcher: TypeAlias = Callable[[bytes, Sequence[bytes]], bool]
"""Whether the key made one of these signatures (decoded) over that message."""

SIZES = {"sha1": 20, "sha256": 32, "sha512": 64, "ed25519": 64}
"""Bytes of a signature. ECDSA's is DER, and differs in length from one signature to the next."""

ECDSA_BYTES = range(8, 73)


def secret_key(scheme: Scheme, secret: str) -> bytes:
    """The key that `secret` stands for. Raises ValueError, without the secret in it, where it stands for none."""
    try:
        key = _derive(secret, scheme.key)
    except ValueError:
        key = b""
    if not secret or not key:
        raise ValueError("the secret is empty" if not secret else f"the secret is not one of the form '{scheme.key}'")
    if scheme.algorithm == "basic" and ":" not in secret:
        raise ValueError("the secret is not one of the form 'user:password'")
    return key


def matcher(scheme: Scheme, secret: str) -> Matcher:
    """Recognizes what `secret` signed. Raises ValueError, without the secret in it, where it is no key of the scheme.

    Also where the scheme's algorithm needs the library `cryptography` and it is not installed.
    """
    key = secret_key(scheme, secret)
    if scheme.algorithm in SHOWN:
        return _shown(key)
    if scheme.algorithm in PUBLIC_KEY:
        try:
            from bridge.verify import public_keys
        except ImportError:
            text = f"{scheme.algorithm} needs the library cryptography: pip install 'drawbridge[crypto]'"
            raise ValueError(text) from None
        return public_keys.matcher(scheme.algorithm, key)
    return _mac(key, scheme.algorithm)


@lru_cache(maxsize=256)
def fingerprint(source: str, secret: str) -> str:
    """Eight digits by which to tell a source's secrets apart.

    Too few, and too slow to make, for anybody to find the secret by trying: half a million guesses take two hours, and
    many would fit.
    """
    digest = hashlib.scrypt(secret.encode(errors="surrogatepass"), salt=source.encode(), n=1 << 12, r=8, p=1, dklen=4)
    return digest.hex()


def shown(value: bytes) -> bytes:
    """What a shown secret is compared by: of one length, so that the time it takes tells not even how long ours is."""
    return hashlib.sha256(value).digest()


def _shown(key: bytes) -> Matcher:
    expected = shown(key)

    def matches(_message: bytes, signatures: Sequence[bytes]) -> bool:
        return any(hmac.compare_digest(expected, signature) for signature in signatures)

    return matches


def _mac(key: bytes, algorithm: str) -> Matcher:
    keyed = hmac.new(key, digestmod=algorithm)  # a copy of it costs less than the key's two blocks anew

    def matches(message: bytes, signatures: Sequence[bytes]) -> bool:
        mac = keyed.copy()
        mac.update(message)
        digest = mac.digest()
        return any(hmac.compare_digest(digest, signature) for signature in signatures)

    return matches


def _derive(secret: str, how: Key) -> bytes:
    """Raises ValueError, of which UnicodeEncodeError and binascii.Error are kinds."""
    if how == "utf8":
        return secret.encode()
    if how == "hex":
        return binascii.unhexlify(secret.encode("ascii"))
    if how in ("base64", "whsec"):
        text = secret.removeprefix("whsec_") if how == "whsec" else secret
        return base64.b64decode(text, validate=True)
    digest = hashlib.sha256(secret.encode())
    return digest.hexdigest().encode() if how == "sha256_hex" else digest.digest()
