"""Quiet hours: when a target's people are left alone. In: the configuration's words and the time; out: until when.

The hours are those of a clock on a wall in `zone`, summer time included. Nothing here looks at a clock.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator

from bridge import clock
from bridge.errors import RenderError
from bridge.options import Options
from bridge.render import compile_condition

FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d) *- *([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def _between(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    match = FORM.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match or match.group(1, 2) == match.group(3, 4):
        raise ValueError("must be two different times of day, as in 22:00-07:00")
    return time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # KeyError: there is no such zone, or this machine has no list of them
        raise ValueError(
            f"no time zone {name!r} is known here; write one like Europe/Berlin, or install the system's tzdata"
        ) from None
    return name


@cache
def _condition(text: str) -> Callable[[dict[str, Any]], bool]:
    return compile_condition(text)


def _let_through(text: str) -> str:
    try:
        _condition(text)
    except RenderError as error:
        raise ValueError(error.detail) from None
    return text


class QuietHours(Options):
    """`between` two times of day in `zone` only what `let_through` (Jinja over `result` and `payload`) holds for is
    sent; the rest waits for the end and comes together.
    """

    between: Annotated[tuple[time, time], BeforeValidator(_between, json_schema_input_type=str)]
    zone: Annotated[str, AfterValidator(_zone)]
    let_through: Annotated[str, AfterValidator(_let_through)] | None = None

    def until(self, now: int) -> int | None:
        """When the quiet hours in which `now` lies end; null outside of them."""
        return next((end for start, end in self._spans(now) if start <= now < end), None)

    def ended(self, now: int) -> int:
        """When the last quiet hours before `now` ended."""
        return max(end for _, end in self._spans(now) if end <= now)

    def lets_through(self, result: dict[str, Any]) -> bool:
        """Whether a result does not wait. One that the condition cannot be applied to may be what matters most."""
        if self.let_through is None:
            return False
        try:
            return _condition(self.let_through)(result)
        except Exception:
            return True

    def _spans(self, now: int) -> Iterator[tuple[int, int]]:
        """The quiet hours around `now`."""
        today = datetime.fromtimestamp(now / clock.SECOND, ZoneInfo(self.zone)).date()
        first, last = self.between
        for days in range(-2, 2):
            start = today + timedelta(days)
            end = start + timedelta(last < first)
            yield min(self._moments(start, first)), max(self._moments(end, last))

    def _moments(self, day: date, at: time) -> tuple[int, int]:
        """A time of day comes twice on the day on which the clock is set back, and when it is set forward it may not
        come: then these are the moments as far before and after as the clock was set.
        """
        moment = datetime.combine(day, at, ZoneInfo(self.zone))
        return clock.to_micros(moment), clock.to_micros(moment.replace(fold=1))
