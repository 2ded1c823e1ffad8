"""Vendors: one file each, found by its name. `acme.py` and `samples/acme/` add the vendor `acme`; nothing else changes.

In: a name from the configuration; out: its `Vendor`, and the recorded bodies that check, send and demo use.
"""

import importlib
from functools import cache
from pathlib import Path

from bridge.errors import did_you_mean
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions

__all__ = [
    "Context",
    "Document",
    "EventType",
    "Vendor",
    "VendorOptions",
    "load",
    "names",
    "parse_headers",
    "sample_headers",
    "samples",
]

_HERE = Path(__file__).parent
_SAMPLES = _HERE / "samples"


def names() -> list[str]:
    """The built-in vendors, in order of the alphabet: the modules that have samples beside them."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in _HERE.glob("*.py") if (_SAMPLES / file.stem).is_dir()))


def load(name: str) -> Vendor:
    """The built-in vendor of that name. Raises LookupError, which says what to write instead."""
    known = names()
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise LookupError(f"no vendor named {name!r}{hint}")
    vendor: Vendor = importlib.import_module(f"{__name__}.{name}").VENDOR
    return vendor


def samples(name: str) -> dict[str, bytes]:
    """Bodies as that vendor sends them, by sample name in file-name order; none for a vendor that ships none."""
    if name not in names():
        return {}
    return {file.stem: file.read_bytes() for file in sorted((_SAMPLES / name).glob("*.json"))}


def sample_headers(vendor: str, sample: str) -> dict[str, str]:
    """The headers that belong to a sample, from `<sample>.headers` beside it (`X-Event: push`); none where none do."""
    file = _SAMPLES / vendor / f"{sample}.headers"
    if vendor not in names() or not file.is_file():
        return {}
    return parse_headers(file.read_text("ascii"))


def parse_headers(text: str) -> dict[str, str]:
    """What a `.headers` file says, a header a line."""
    lines = (line.partition(":") for line in text.splitlines() if line)
    return {name.strip(): value.strip() for name, _, value in lines}
