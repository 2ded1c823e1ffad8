"""Dotted paths into parsed JSON (`data.object.id`, `run_groups.0.status`). In: document and path; out: what is there.

Vendors, dedupe keys and mappings name a field this way. A document is whatever a sender wrote, so nothing here raises.
"""

import re
from enum import Enum
from typing import Any, Final, Literal, TypeAlias


class _Missing(Enum):
    MISSING = "missing"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return self.name


MISSING: Final = _Missing.MISSING
"""Nothing is there; unlike `None`, which is a null that the sender wrote. False in conditions."""

Missing: TypeAlias = Literal[_Missing.MISSING]

_INDEX = re.compile(r"[0-9]{1,9}", re.ASCII)


def find(document: Any, path: str) -> Any | Missing:
    """What stands at `path` (object keys and list indexes from 0, joined by dots), else MISSING.

    An object's key is compared as text, so `a.0` finds key "0" of an object too. A null on the way is MISSING.
    """
    here = document
    for name in path.split("."):
        here = step(here, name)
    return here


def step(value: Any, name: str) -> Any | Missing:
    """What `value` has under one key, or at one index; MISSING where it has nothing there."""
    if isinstance(value, dict):
        return value.get(name, MISSING)
    if isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
        return value[int(name)]
    return MISSING
