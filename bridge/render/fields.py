"""Which fields a result has, so that a mistyped one is an error and not a silent nothing.

In: a result as JSON; out: the same with its known mappings marked. The list of fields is read from `bridge.model`,
so there is only one.
"""

from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias, get_args, get_type_hints

from bridge.model import Result

Schema: TypeAlias = dict[str, Any]
"""Field name -> null (a value, or free-form), the schema of the mapping below, or a list of its entries' schema."""


class Fields(dict[str, Any]):
    """A mapping of the result with a known set of fields: one that is absent is null, an unknown one is an error."""

    __slots__ = ("schema",)

    def __init__(self, values: dict[str, Any], schema: Schema) -> None:
        super().__init__(values)
        self.schema = schema


def strict(result: dict[str, Any]) -> Fields:
    """A copy in which every mapping with known fields is marked; `payload`, `labels` and `extra` stay free."""
    return _marked(result, RESULT)


def _marked(values: dict[str, Any], schema: Schema) -> Fields:
    marked = Fields(values, schema)
    for name, below in _NESTED[id(schema)]:
        value = marked.get(name)
        if isinstance(below, dict):
            marked[name] = _marked(value if isinstance(value, dict) else {}, below)
        elif isinstance(value, list):
            marked[name] = [_marked(entry, below[0]) if isinstance(entry, dict) else entry for entry in value]
    return marked


def _schema(kind: Any) -> Schema:
    hints = get_type_hints(kind)
    return {field.name: _below(hints[field.name]) for field in fields(kind)}


def _below(hint: Any) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return _schema(hint)
    inner = [_schema(argument) for argument in get_args(hint) if is_dataclass(argument)]
    return inner or None


def _nested(schema: Schema, into: dict[int, list[tuple[str, Any]]]) -> dict[int, list[tuple[str, Any]]]:
    """For each schema, only the fields that need marking below them."""
    into[id(schema)] = [(name, below) for name, below in schema.items() if below]
    for _, below in into[id(schema)]:
        _nested(below if isinstance(below, dict) else below[0], into)
    return into


RESULT: Schema = _schema(Result)
_NESTED = _nested(RESULT, {})
