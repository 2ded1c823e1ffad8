"""What JavaScript makes of a JSON text: `JSON.stringify(JSON.parse(body))`, byte for byte.

A sender that signs the re-serialized form of what it sends can only be checked this way. In: bytes; out: bytes, or null
where JavaScript would throw. Rules: ECMA-262, JSON.parse, JSON.stringify, Number::toString and OrdinaryOwnPropertyKeys
(https://tc39.es/ecma262/).
"""

import json
import math
import re
from typing import Any, NoReturn

MAX_BYTES = 256 << 10
MAX_DEPTH = 64

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_MAX_ARRAY_INDEX = 2**32 - 2
_EXACT_DIGITS = 15
"""Integers of so many characters are exact as doubles, and print as they are written."""


def reserialize(body: bytes) -> bytes | None:
    """`JSON.stringify(JSON.parse(body))`, or None where JSON.parse would throw.

    Also None for more than 256 KiB or more than 64 levels: this is work done for somebody who has proved nothing yet.
    """
    if len(body) > MAX_BYTES:
        return None
    try:
        document = _DECODER.decode(body.decode())
        pieces: list[str] = []
        _write(document, pieces, MAX_DEPTH)
    except (ValueError, RecursionError):
        return None
    # The only characters that UTF-8 cannot hold are lone surrogates, and JSON.stringify escapes just those as \udxxx.
    return "".join(pieces).encode(errors="backslashreplace")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _EXACT_DIGITS else float(text)


def _no_constant(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_no_constant)
_quote = json.JSONEncoder(ensure_ascii=False).encode


def _write(value: Any, pieces: list[str], room: int) -> None:
    """Appends the text of `value`. Raises ValueError where it goes deeper than `room` levels."""
    if isinstance(value, str):
        pieces.append(_quote(value))
    elif value is None:
        pieces.append("null")
    elif isinstance(value, bool):
        pieces.append("true" if value else "false")
    elif isinstance(value, int):
        pieces.append(str(value))
    elif isinstance(value, float):
        pieces.append(number(value))
    elif room == 0:
        raise ValueError("too deep")
    elif isinstance(value, list):
        _write_array(value, pieces, room - 1)
    else:
        _write_object(value, pieces, room - 1)


def _write_array(array: list[Any], pieces: list[str], room: int) -> None:
    mark = "["
    for entry in array:
        pieces.append(mark)
        _write(entry, pieces, room)
        mark = ","
    pieces.append("]" if array else "[]")


def _write_object(members: dict[str, Any], pieces: list[str], room: int) -> None:
    mark = "{"
    for key in _in_order(members):
        pieces += (mark, _quote(key), ":")
        _write(members[key], pieces, room)
        mark = ","
    pieces.append("}" if members else "{}")


def _in_order(members: dict[str, Any]) -> list[str]:
    """Keys that are array indexes in ascending order, then the others as they first came."""
    indexes = [key for key in members if _ARRAY_INDEX.fullmatch(key) and int(key) <= _MAX_ARRAY_INDEX]
    if not indexes:
        return list(members)
    first = set(indexes)
    return sorted(indexes, key=int) + [key for key in members if key not in first]


def number(value: float) -> str:
    """A double as JavaScript prints it in JSON: Number::toString, with null for what is not finite."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that read back as the same double, as JavaScript does; only the layout differs.
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0")
    return sign + _lay_out(digits, point)


def _lay_out(digits: str, point: int) -> str:
    """`digits` with the decimal point after the first `point` of them (which may be none, or more than there are)."""
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{point - 1:+d}"
