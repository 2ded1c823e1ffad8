"""Time and identity. Times are integer microseconds since the epoch, UTC, wherever they are stored or compared.

Functions that need the time take it as an argument (`now`); only the outermost rooms call `clock.now()`.
"""

import secrets
import time
from datetime import UTC, datetime

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


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
    millis = micros // 1_000
    value = (millis & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    text = f"{value & ~(0x3 << 62) | 2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
