"""Time and identity. Times are integer microseconds since the epoch, UTC, wherever they are stored or compared.

Functions that need the time take it as an argument (`now`); only the outermost rooms call `clock.now()`.
"""

import os
import time
from datetime import UTC, datetime

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_VERSION_AND_VARIANT = 0xF << 76 | 0x3 << 62
_VERSION_7 = 0x7 << 76 | 0x2 << 62


def now() -> int:
    """The present, in microseconds since the epoch."""
    return time.time_ns() // 1_000


def to_datetime(micros: int) -> datetime:
    """Microseconds since the epoch as an aware UTC datetime."""
    return datetime.fromtimestamp(micros / SECOND, UTC)


def to_micros(moment: datetime) -> int:
    """An aware datetime as microseconds since the epoch."""
    return round(moment.timestamp() * SECOND)


def to_iso(micros: int) -> str:
    """RFC 3339 with milliseconds and `Z`, as in `2026-03-14T12:00:00.000Z`."""
    return to_datetime(micros).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def uuid7(micros: int) -> str:
    """A UUIDv7 (RFC 9562, section 5.7) of that moment: ids sort by the time they were made."""
    value = (micros // 1_000 & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10))
    text = f"{value & ~_VERSION_AND_VARIANT | _VERSION_7:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
