"""How a room declares what the configuration file may say about it. `config` composes these; nobody else reads YAML.

Plain values only: durations in microseconds, sizes in bytes. Secrets are `SecretStr`, so that no repr, log or error can
show one by accident.
"""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

from bridge import clock

DURATION_UNITS = {"ms": 1_000, "s": clock.SECOND, "m": clock.MINUTE, "h": clock.HOUR, "d": clock.DAY}
SIZE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class Options(BaseModel):
    """Base of every group of keys: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain_booleans(cls, value: Any, info: ValidationInfo) -> Any:
        """Of text, only `true` and `false` are booleans (`${NAME}` may stand for one); not `on`, `yes` or `1`."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        if annotation in (bool, bool | None) and isinstance(value, str) and value not in ("true", "false"):
            raise ValueError("must be true or false")
        return value


def _measure(value: Any, units: dict[str, int], example: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *([A-Za-z]+)", value.strip()) if isinstance(value, str) else None
    if not match or match[2] not in units:
        raise ValueError(f"must be a number with a unit ({', '.join(units)}), as in {example}")
    return round(float(match[1]) * units[match[2]])


def parse_duration(value: Any) -> int:
    """`90s`, `1.5h`, `30d` as microseconds. Raises ValueError that names the units."""
    return value if type(value) is int else _measure(value, DURATION_UNITS, "90s or 26h")


def parse_size(value: Any) -> int:
    """`5MiB` as bytes. Raises ValueError that names the units."""
    return value if type(value) is int else _measure(value, SIZE_UNITS, "5MiB")


Duration = Annotated[int, BeforeValidator(parse_duration, json_schema_input_type=str)]
"""A span of time, written `90s`; held in microseconds."""

Size = Annotated[int, BeforeValidator(parse_size, json_schema_input_type=str)]
"""A number of bytes, written `5MiB`."""
