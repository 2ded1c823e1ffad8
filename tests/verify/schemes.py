"""The schemes of the five vendors, and a request that carries what a test wants it to carry."""

from bridge.model import Received
from bridge.verify import Hmac, sign

NOW = 1_714_867_200_000_000
BODY = b'{"event":"ping","n":1}'
SECRET = "topsecret"

PREFIXED = Hmac(header="X-Acme-Signature-256", prefix="sha256=")
OPTIONAL = Hmac(header="x-acme-signature", prefix="sha256=", prefix_mode="optional")
BARE = Hmac(header="Acme-Signature")
JS = Hmac(header="x-acme-signature", prefix="sha256=", prefix_mode="optional", body_form=("raw", "json_js"))
PAIRS = Hmac(header="Acme-Signature", format="kv", message=("timestamp", "literal:.", "body"))
SCHEMES = {"prefixed": PREFIXED, "optional": OPTIONAL, "bare": BARE, "js": JS, "pairs": PAIRS}


def received(body: bytes, *headers: tuple[str, str]) -> Received:
    """A hook with those headers among others, as a server would hand it on."""
    lower = tuple((name.lower(), value) for name, value in headers)
    around = (("host", "hooks.example.com"), *lower, ("content-type", "application/json"))
    return Received("qa", "POST", "https://hooks.example.com/hooks/qa", around, body, NOW)


def signed(scheme: Hmac, secret: str = SECRET, body: bytes = BODY, now: int = NOW) -> Received:
    """A genuine hook."""
    return received(body, *sign(scheme, secret, body, now).items())
