"""The samples of a vendor: recorded bodies, and the headers that came with them.

Those of a built-in vendor are shipped; those of a private one are the operator's files (`vendors.<name>.samples`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from bridge import vendors

SUFFIX = ".json"
MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One hook as the vendor sends it. `headers` are those of the vendor's own that matter, in lower case."""

    name: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def shipped(vendor: str) -> dict[str, Sample]:
    """The samples of a built-in vendor, by name."""
    return {
        name: Sample(name, body, _lower(vendors.sample_headers(vendor, name)))
        for name, body in vendors.samples(vendor).items()
    }


def files_at(place: FilePath) -> Iterator[FilePath]:
    """The file itself, or the samples in that folder in order of their names. Raises OSError where there is nothing."""
    if not place.is_dir():
        place.stat()
        yield place
        return
    yield from sorted(file for file in place.iterdir() if file.suffix == SUFFIX and file.is_file())


def read(file: FilePath) -> Sample:
    """A sample from a file, with the `.headers` beside it if there is one. Raises OSError, ValueError."""
    with file.open("rb") as opened:
        body = opened.read(MOST_BYTES)
    beside = file.with_suffix(".headers")
    headers = vendors.parse_headers(beside.read_text("ascii")) if beside.is_file() else {}
    return Sample(file.stem, body, _lower(headers))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
