"""What a template may make at most. Work is bounded, not time: text, repetition, loop steps, numbers.

In: values on their way through an expression; out: the same operations as Jinja's own, refused with `TooMuch` where
they would grow beyond the limits.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
from jinja2 import Undefined, UndefinedError
from jinja2.exceptions import SecurityError

from bridge.render.slots import plain

MOST_REPEATS = 10_000
"""The most that one repetition (`'x' * n`) or `range` may make."""

MOST_STEPS = 100_000
"""The most loop steps that one leaf may take, all its loops together."""

MOST_TEXT = 256 * 1024
"""The longest text that a message, or a value on the way to it, may become."""

MOST_BITS = 1_024

GROWING_METHODS = frozenset({"center", "expandtabs", "format", "format_map", "ljust", "rjust", "translate", "zfill"})
"""Text methods that make long text out of a short one and a number; not available."""

GROWING_FILTERS = frozenset({"batch", "center", "filesizeformat", "format", "indent", "pprint", "slice", "wordwrap"})


class TooMuch(SecurityError):
    """A template tried to make more than the limits above allow."""


def to_text(value: Any) -> str:
    """A value as it stands in text, before escaping: null is nothing, true is `true`, lists and mappings are JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Undefined):
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple | dict):
        return to_json(value)
    if callable(value):
        raise UndefinedError("a method is not a value; call it with ()")
    return str(value)


def to_json(value: Any) -> str:
    """The filter `json`: any value as compact JSON text."""
    if isinstance(value, Undefined):
        return "null"
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):
        return orjson.dumps(plain(str(value))).decode()


def bounded(parts: Iterable[str]) -> Iterator[str]:
    """The parts of a text, as long as it stays within the limit."""
    length = 0
    for part in parts:
        length += len(part)
        if length > MOST_TEXT:
            raise TooMuch(f"the text grew over {MOST_TEXT} characters")
        yield part


def make_range(*bounds: int) -> range:
    """`range(…)` in a template."""
    made = range(*bounds)
    if len(made) > MOST_REPEATS:
        raise TooMuch(f"range makes {len(made)} numbers; at most {MOST_REPEATS} are allowed")
    return made


def replace(text: Any, old: Any, new: Any) -> str:
    """The filter and method `replace`."""
    text, old, new = to_text(text), to_text(old), to_text(new)
    if len(text) + text.count(old) * len(new) > MOST_TEXT:
        raise TooMuch(f"replace would make over {MOST_TEXT} characters")
    return str(text.replace(old, new))


def join(values: Iterable[Any], between: str = "", attribute: str | None = None) -> str:
    """The filter and method `join`."""
    parts: list[str] = []
    for value in values:
        parts += [between] if parts else []
        parts.append(to_text(value.get(attribute) if attribute and isinstance(value, dict) else value))
        if len(parts) > 2 * MOST_STEPS:
            raise TooMuch(f"join takes over {MOST_STEPS} parts")
    return "".join(bounded(parts))


def round_(value: float, digits: int = 0) -> float:
    """The filter `round`: to that many decimal places."""
    return round(value, max(-15, min(15, digits)))


def check_operation(operator: str, left: Any, right: Any) -> None:
    """Refuse arithmetic whose outcome would be out of all proportion."""
    if operator == "%" and isinstance(left, str | bytes):
        raise TooMuch("text % values is not available; join the parts with ~")
    if operator == "**" and (_size(left) > 1_000_000 or _size(right) > 100):
        raise TooMuch("this power is too large")
    for times, what in ((left, right), (right, left)) if operator == "*" else ():
        if isinstance(times, int) and isinstance(what, str | bytes | list | tuple) and times > MOST_REPEATS:
            raise TooMuch(f"repetition of {times}; at most {MOST_REPEATS} are allowed")
        if isinstance(times, int) and times.bit_length() > MOST_BITS:
            raise TooMuch("this number is too large")


def check_size(made: Any) -> Any:
    """What an operation made, unless it grew too long."""
    if isinstance(made, str | list | tuple) and len(made) > MOST_TEXT:
        raise TooMuch(f"a value grew over {MOST_TEXT} characters")
    return made


def _size(value: Any) -> float:
    return abs(value) if isinstance(value, int | float) else 0


METHODS: dict[str, Callable[..., str]] = {
    "join": lambda between, values: join(values, between),
    "replace": lambda text, old, new: replace(text, old, new),
}
"""Text methods that stand in for Python's own."""
