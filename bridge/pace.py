"""How fast a target is sent to, and how fast a source may send. In: rates and the time; out: how long to wait.

A bucket holds `burst` messages and regains `count` per `period`, so no span of that length ever sees more than
`burst - 1 + count`. Several rates may hold at once. Nothing here looks at a clock.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from bridge.options import DURATION_UNITS

FORM = re.compile(r"(\d{1,6})/(\d{0,6})(s|m|h)(?: burst (\d{1,6}))?", re.ASCII)
EXAMPLE = "1/s, 30/m, 5/2s or '1/s burst 3'"


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` per `period` (microseconds), of which `burst` may go at once."""

    count: int
    period: int
    burst: int = 1

    @property
    def interval(self) -> int:
        """Microseconds in which one message is regained."""
        return -(-self.period // self.count)


def parse_rate(text: Any) -> Rate:
    """`30/m` as a Rate. Raises ValueError that shows the form."""
    match = FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    count, number, burst = (int(match[1]), int(match[2] or 1), int(match[4] or 1)) if match else (0, 0, 0)
    if not match or not count or not number or not burst:
        raise ValueError(f"must be a number per time, as in {EXAMPLE}")
    return Rate(count, number * DURATION_UNITS[match[3]], burst)


def parse_rates(value: Any) -> tuple[Rate, ...]:
    """One rate, or a list of rates that all hold; an empty list sets no limit. Raises ValueError with the form."""
    return tuple(
        each if isinstance(each, Rate) else parse_rate(each)
        for each in (value if isinstance(value, list | tuple) else [value])
    )


_TEXT = {"type": "string", "pattern": f"^{FORM.pattern}$", "examples": ["1/s", "30/m", "5/2s", "1/s burst 3"]}

Rates = Annotated[
    tuple[Rate, ...],
    BeforeValidator(parse_rates),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}, mode="validation"),
]
"""Written as one rate, `30/m`, or a list of them."""


def parse_intake(value: Any) -> Rate:
    """`100/s` as a Rate: senders send in bursts, so all of them may come at once unless a burst is given."""
    if isinstance(value, Rate):
        return value
    rate = parse_rate(value)
    return rate if "burst" in value else replace(rate, burst=rate.count)


Intake = Annotated[Rate, BeforeValidator(parse_intake), WithJsonSchema(_TEXT, mode="validation")]
"""How much may come in: written `100/s`, or `'100/s burst 10'`."""


class Pace:
    """A token bucket per rate. Its `state` is plain JSON, so that a restart or another owner goes on where it stood."""

    def __init__(self, rates: Sequence[Rate], state: Mapping[str, Any] | None = None) -> None:
        self.rates = tuple(rates)
        self._full_at = [0] * len(self.rates)
        self.restore(state or {})

    @property
    def state(self) -> dict[str, Any]:
        """When each bucket will be full again, in microseconds since the epoch."""
        return {"full_at": list(self._full_at)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from an earlier `state`; one of other rates, or of no known form, counts as far as it fits."""
        known = state.get("full_at")
        times = [time if type(time) is int else 0 for time in known] if isinstance(known, list) else []
        self._full_at = [*times, *[0] * len(self.rates)][: len(self.rates)]

    def wait(self, now: int) -> int:
        """Microseconds until the next message may go; 0 where it may go now."""
        # A bucket is never emptier than empty: when the clock is set back, nobody must wait for as long.
        self._full_at = [
            min(at, now + rate.burst * rate.interval) for rate, at in zip(self.rates, self._full_at, strict=True)
        ]
        waits = (
            at - now - (rate.burst - 1) * rate.interval for rate, at in zip(self.rates, self._full_at, strict=True)
        )
        return max(0, *waits) if self.rates else 0

    def spend(self, now: int) -> None:
        """Count a message that goes at `now`."""
        self._full_at = [
            max(now, min(at, now + rate.burst * rate.interval)) + rate.interval
            for rate, at in zip(self.rates, self._full_at, strict=True)
        ]
