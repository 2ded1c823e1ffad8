"""A private vendor, drafted from one hook that was captured. In: its body, headers and how it was signed; out: YAML to
paste into the configuration, a redacted sample and its headers as files, and what is left to do.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from bridge import clock
from bridge.config import guess, redact, schema
from bridge.config.describe import described, dump
from bridge.model import Event, Result, State, Verification
from bridge.normalize import Unreadable, normalize, parse
from bridge.vendors import Vendor, names
from bridge.verify import Scheme

SIGNATURE = {"header": "X-Signature"}
"""What stands in a draft where nobody knows how the vendor signs."""

_NAMING = ("event", "topic", "resource", "type", "action", "kind")
"""What a header is called that says the event's name, best first."""
_NO_NAME = re.compile(r"^content-|-(id|uuid|guid|time|timestamp|date|signature|token|version|count|attempt|number)$")
_EVENT = re.compile(r"[A-Za-z][\w.:/ -]{0,60}")
_SIGNED = re.compile(r"(^|-)(signature|hmac|sign)(-|$)")
_PREFIX = re.compile(r"(sha1|sha256|sha512|v0|v1)[=,](?=[0-9A-Za-z+/=_-]{20,}$)")


@dataclass(frozen=True, slots=True)
class Captured:
    """A hook. `headers` are in lower case; `scheme` is how it was verified, null where nobody knows."""

    body: bytes
    headers: Mapping[str, str]
    scheme: Scheme | None


@dataclass(frozen=True, slots=True)
class Drafted:
    """`text` is YAML with `vendors`, `sources` and `tests`; `files` are to be written beside the configuration."""

    text: str
    files: Mapping[str, bytes]
    steps: Sequence[str]


def draft(name: str, hook: Captured, now: int, *, redact_names: bool = False) -> Drafted:
    """A description of the vendor `name` that fits the hook. Raises ValueError where either cannot be used."""
    _check_name(name)
    parsed = parse(hook.body)
    if isinstance(parsed, Unreadable):
        raise ValueError(f"the hook cannot be understood: {parsed.reason}; a vendor's body must be JSON")
    payload = redact.redacted(parsed.value, names=redact_names)
    headers = _telling(hook.headers)
    said = guess.guess(payload)
    if headers:
        said = {**said, "event": f"header:{next(iter(headers))}"}
    result = _result(name, said, payload, headers, now)
    sample = re.sub(r"[^a-z0-9]+", "-", f"{result.type}-{result.raw_status or ''}".lower()).strip("-") or "first"
    folder = f"samples/{name}"
    files = {f"{folder}/{sample}.json": orjson.dumps(payload, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)}
    if headers:
        files[f"{folder}/{sample}.headers"] = "".join(f"{key}: {value}\n" for key, value in headers.items()).encode()
    signature = described(Vendor(signature=hook.scheme))["signature"] if hook.scheme else _signature(hook.headers)
    parts = {
        "vendors": {name: {"signature": signature, **said, "samples": folder}},
        "sources": {name: {"vendor": name, "secret": f"${{{_variable(name)}}}"}},
        "tests": [{"name": f"{name}: {sample}", "source": name, "sample": sample, "expect": {"match": _like(result)}}],
    }
    return Drafted(_text(parts), files, _steps(name, hook, said, list(files)))


def _telling(headers: Mapping[str, str]) -> dict[str, str]:
    """The header that says the event's name, if there is one: of what it is called and what stands there."""
    named = [key for key, value in headers.items() if not _NO_NAME.search(key) and _EVENT.fullmatch(value)]
    for word in _NAMING:
        for key in named:
            if word in key.split("-"):
                return {key: headers[key]}
    return {}


def _signature(headers: Mapping[str, str]) -> dict[str, str]:
    """Where the signature may stand, for a person to go on from."""
    for key, value in headers.items():
        if _SIGNED.search(key):
            prefix = _PREFIX.match(value)
            return {"header": key} | ({"prefix": prefix[0]} if prefix else {})
    return SIGNATURE


def _check_name(name: str) -> None:
    try:
        TypeAdapter(schema.Name).validate_python(name)
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["ctx"]["error"])) from None
    if name in names():
        raise ValueError(f"a built-in vendor is named {name!r}; see: drawbridge vendors show {name}")


def _result(name: str, said: dict[str, Any], payload: Any, headers: Mapping[str, str], now: int) -> Result:
    vendor = Vendor.model_validate({**said, "name": name})
    proof = Verification("sample", verified=True)
    event = Event(clock.uuid7(now), 0, name, name, now, headers, orjson.dumps(payload), proof, is_test=False)
    return normalize(event, vendor)[0]


def _like(result: Result) -> dict[str, str]:
    """What the test of the draft expects; a person corrects it."""
    verdict = {"outcome": str(result.outcome)} if result.state is State.FINISHED else {"state": str(result.state)}
    return {"type": result.type, **verdict}


def _variable(name: str) -> str:
    return f"{name.upper().replace('-', '_')}_SECRET"


def _text(parts: dict[str, Any]) -> str:
    """The parts as YAML. The secret's `${...}` is the only one that is meant as a variable."""
    text = dump(parts)
    return re.sub(r"(\n    secret: )(['\"]?)\$\$\{", r"\1\2${", text)


def _steps(name: str, hook: Captured, said: dict[str, Any], files: Sequence[str]) -> list[str]:
    steps = [f"Wrote {', '.join(files)}; look whether anything private is left in it.", "What is left to do:"]
    todo = [f"Put the parts above into config.yaml, and the secret into {_variable(name)}."]
    if hook.scheme is None:
        todo.append(f"Say how it signs: vendors.{name}.signature (keys: config.example.yaml; or copy a vendor that")
        todo[-1] += " signs alike: drawbridge vendors)."
    if strange := said.get("outcomes"):
        todo.append(f"Say what these words mean, instead of unknown: {', '.join(strange)}.")
    if "subject_key" not in said.get("result", {}):
        todo.append("Name in result.subject_key what is the same from run to run; without it there is no history.")
    todo.append("Add a route that leads from it to a target, and samples of other outcomes into the same folder.")
    todo.append(f"Try it: drawbridge check, then drawbridge send {name}.")
    return [*steps, *(f"  {number}. {text}" for number, text in enumerate(todo, 1))]
