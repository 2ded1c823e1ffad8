"""What leaves us as data. In: a result as JSON; out: what an HTTP target is given of it, plain or as a CloudEvent.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import json
import re
from collections.abc import Collection
from typing import Any, Literal, TypeAlias

import orjson

Part: TypeAlias = Literal["payload", "extra", "artifacts"]
"""What is left out of an export unless the target asks: the vendor's body, the vendor's rest, sensitive artifacts."""


def exported(result: dict[str, Any], include: Collection[Part]) -> dict[str, Any]:
    """The result without what was not asked for; artifacts that are not sensitive always stay."""
    out = {key: value for key, value in result.items() if key not in ("payload", "extra") or key in include}
    if "artifacts" not in include:
        out["artifacts"] = [each for each in result["artifacts"] if not each["sensitive"]]
    return out


def written(data: Any) -> bytes:
    """As JSON. A vendor's body may hold what orjson does not write: integers above 64 bits, lone surrogates."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return json.dumps(data).encode()


def attributes(result: dict[str, Any]) -> dict[str, str]:
    """The CloudEvents attributes of a result. `id` and `source` together are what a receiver knows a repeat by."""
    out = {
        "specversion": "1.0",
        "id": result["id"],
        "source": f"/drawbridge/{result['source']}",
        "type": f"drawbridge.result.{result['state']}",
        "time": result["time"],
        "datacontenttype": "application/json",
    }
    if result["subject_key"]:
        out["subject"] = result["subject_key"]
    return out


def binary_headers(attributes: dict[str, str]) -> dict[str, str]:
    """The attributes as headers: `ce-<name>`, but `Content-Type` for the data's type."""
    named = {f"ce-{name}": _encoded(value) for name, value in attributes.items() if name != "datacontenttype"}
    return {"Content-Type": attributes["datacontenttype"], **named}


def _encoded(value: str) -> str:
    """Space, `"`, `%` and what is not printable ASCII are percent-encoded, nothing else (HTTP binding, 3.1.3.2)."""
    return re.sub(r"[^!-~]|[\"%]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), value)
