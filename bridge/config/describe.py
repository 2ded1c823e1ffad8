"""A vendor as the YAML that describes it, to copy and change. In: a `Vendor`; out: text for `vendors:`."""

import textwrap
from typing import Any

import yaml

from bridge.config.schema import PYTHON_VENDOR_KEYS
from bridge.options import DURATION_UNITS
from bridge.vendors import Vendor

WIDTH = 110


def described(vendor: Vendor) -> dict[str, Any]:
    """What a vendor says, as plain values in the keys of `vendors.<name>`; what is left out has its default."""
    said = vendor.model_dump(mode="json", exclude_defaults=True, exclude=set(PYTHON_VENDOR_KEYS))
    for scheme in (said.get("signature"), *said.get("signatures", {}).values()):
        if scheme and "tolerance" in scheme:
            scheme["tolerance"] = _span(scheme["tolerance"])
    if items := said.get("items"):
        said["items"] = {key: _single(value) if key != "path" else value for key, value in items.items()}
    return said


def as_yaml(vendor: Vendor, name: str) -> str:
    """A part of a configuration that describes the vendor under another name; comments say what cannot be said so."""
    head = [f"# {vendor.title}, as a vendor of your own: change what is different, and name it in `sources`."]
    if vendor.understand is not None:
        doc = " ".join((vendor.understand.__doc__ or "").split())
        head += [
            f"# Part of the built-in vendor {vendor.name!r} is Python and not here, so results may say less:",
            *(f"#   {line}" for line in textwrap.wrap(doc, WIDTH)),
        ]
    return "\n".join([*head, dump({"vendors": {name: described(vendor)}})])


def dump(value: dict[str, Any]) -> str:
    """Plain values as YAML that reads back as the same; `${` in a text is no variable."""
    text: str = yaml.safe_dump(_escaped(value), sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _span(micros: int) -> str:
    """A span of time as it is written, in the largest unit that holds it exactly."""
    whole = [(size, unit) for unit, size in DURATION_UNITS.items() if micros % size == 0]
    size, unit = max(whole)
    return f"{micros // size}{unit}"
