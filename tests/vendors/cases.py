"""What the vendors' tests share: a sample as an event that was kept, and its result as reviewed JSON.

`python -m tests.vendors.cases` writes the expected results anew; review the difference before you commit it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge import clock, normalize, vendors
from bridge.errors import Refused
from bridge.model import Event, Received, Result, Verification
from bridge.vendors import Vendor, VendorOptions
from bridge.verify import Scheme, verify

EXPECTED = Path(__file__).parent / "expected"
RECEIVED_AT = 1_777_939_200_000_000
"""2026-05-05T00:00:00Z, later than every time in the samples."""
EVENT_ID = "019df560-5400-7000-8000-000000000001"

SAMPLES = [(vendor, sample) for vendor in vendors.names() for sample in vendors.samples(vendor)]


def kept(vendor: str, body: bytes, *, is_test: bool = False, headers: Mapping[str, str] | None = None) -> Event:
    """That body as an event of the source `room`, with these of the vendor's headers."""
    proof = Verification("hmac-sha256", verified=True, secret=1)
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return Event(EVENT_ID, 1, "room", vendor, RECEIVED_AT, lower, body, proof, is_test)


def scheme(vendor: str) -> Scheme:
    """How that vendor signs; one whose sources say it themselves, as one of them may."""
    return vendors.load(vendor).signature or Scheme(header="X-Signature")


def options(vendor: str, **said: Any) -> VendorOptions:
    """What an operator says under that vendor's `options`."""
    return vendors.load(vendor).options.model_validate(said)


def read(
    vendor: str | Vendor,
    body: Any,
    chosen: VendorOptions | None = None,
    evaluate: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Result:
    """The first result of a body, given as bytes, or as what the body says."""
    described = vendors.load(vendor) if isinstance(vendor, str) else vendor
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (result, *_) = normalize.normalize(kept(described.name, raw, headers=headers), described, chosen, evaluate)
    return result


def sample(vendor: str, name: str, **said: Any) -> Result:
    """The result of a shipped sample, with these options of the vendor."""
    body, headers = vendors.samples(vendor)[name], vendors.sample_headers(vendor, name)
    return read(vendor, body, options(vendor, **said), headers=headers)


def said(vendor: str, name: str) -> Any:
    """What a shipped sample's body says, to change and read again."""
    return json.loads(vendors.samples(vendor)[name])


def is_genuine(
    vendor: str, body: bytes, headers: Mapping[str, str], secret: str, *, seconds: int = 0, variant: str | None = None
) -> bool:
    """Whether that request, as the vendor's page or library signs it, is let in at that time (seconds since 1970)."""
    described = vendors.load(vendor)
    signing = described.signatures[variant] if variant else scheme(vendor)
    wire = tuple((name.lower(), value) for name, value in headers.items())
    arriving = Received("room", "POST", "/hooks/room", wire, body, seconds * clock.SECOND)
    try:
        return verify(arriving, signing, [secret], arriving.received_at).verification.verified
    except Refused:
        return False


def reviewable(value: Any) -> Any:
    """JSON without what is empty, so that a reviewer reads only what a result says."""
    if isinstance(value, dict):
        kept = {key: reviewable(part) for key, part in value.items()}
        return {
            key: part for key, part in kept.items() if part not in ([], {}) and part is not None and part is not False
        }
    return [reviewable(part) for part in value] if isinstance(value, list) else value


def expected_file(vendor: str, name: str) -> Path:
    return EXPECTED / vendor / f"{name}.json"


def write_expected() -> None:
    for vendor, name in SAMPLES:
        file = expected_file(vendor, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        result = reviewable(normalize.as_json(sample(vendor, name)))
        file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_expected()
