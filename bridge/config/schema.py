"""The keys of config.yaml, as one class: what each may hold and what it is when it is left out.

The keys of targets, routes, signatures and private vendors are declared by their own rooms and only put together here.
Nothing is looked up: whether a name exists is for `load` to say.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from bridge import clock
from bridge.callers import Networks
from bridge.options import Duration, Options, Size
from bridge.pace import Intake
from bridge.routing import Route, Words
from bridge.targets import TargetOptions
from bridge.targets.settings import Url
from bridge.vendors import Vendor
from bridge.verify import SchemeOverride

MOST_BODY = 64 << 20
"""What all bodies in flight may take together; one alone can be no larger."""

PYTHON_VENDOR_KEYS = frozenset({"name", "understand", "options"})
"""What YAML cannot say of a vendor: its name is its key, and the others are Python."""


_HOST_AND_PORT = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})", re.ASCII)


class Address(NamedTuple):
    """Where a server listens. An empty host means every address of the machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _address(value: Any) -> Address:
    if isinstance(value, Address):
        return value
    match = _HOST_AND_PORT.fullmatch(value) if isinstance(value, str) else None
    if not match or int(match[3]) > 65_535:
        raise ValueError("must be an address and a port, as in 0.0.0.0:8080 or [::]:8080")
    return Address(match[1] or match[2] or "0.0.0.0", int(match[3]))  # noqa: S104 (as the operator wrote it)


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise ValueError("a name is made of lower-case letters, digits and '-', at most 63 of them")
    return text


def _address_like(example: str) -> Callable[[str], str]:
    """Checks an address at which people or programs reach a port of ours."""

    def check(text: str) -> str:
        try:
            parts = urlsplit(text)
            named = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
            sound = bool(named and (parts.port, True))
        except ValueError:
            sound = False
        if not sound or re.search(r"[^!-~]|[?#]", text):
            raise ValueError(f"must be an address of the form {example}")
        return text.rstrip("/")

    return check


def _store_url(url: SecretStr) -> SecretStr:
    scheme, _, rest = url.get_secret_value().partition("://")
    if scheme in ("postgresql", "postgres") and rest:
        return _postgres_url(url)
    if scheme != "sqlite" or not rest.startswith("/") or not rest.strip("/"):
        raise ValueError("must be sqlite:///file.db, sqlite:////folder/file.db or postgresql://user@host/database")
    if ":memory:" in rest:
        raise ValueError("may not be in memory: what was acknowledged would not outlive the process")
    return url


def _postgres_url(url: SecretStr) -> SecretStr:
    """Several hosts may be named, as in `a:5432,b:5433`. What stands in it is never said: it may hold a password."""
    network = url.get_secret_value().partition("://")[2].partition("/")[0].partition("?")[0]
    for host in network.rpartition("@")[2].split(","):
        match = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[^:\[\]]*)(?::(\d{0,5}))?", host, re.ASCII)
        if not match or int(match[1] or 0) > 65_535:
            raise ValueError(
                "must have a port of digits, up to 65535, as in postgresql://user@host:5432/database (in a password, "
                "write ':' as %3A, '/' as %2F and '@' as %40)"
            )
    return url


def _not_empty(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        raise ValueError("must not be empty")
    return secret


def _body_size(size: int) -> int:
    if not 0 < size <= MOST_BODY:
        raise ValueError(f"must be more than 0 and at most {MOST_BODY >> 20}MiB")
    return size


def _expectable(span: int) -> int:
    if span < clock.MINUTE:
        raise ValueError("must be at least 1m, and be written with its unit")
    return span


def _seldom(span: int) -> int:
    if span < 10 * clock.SECOND:
        raise ValueError("must be at least 10s, and be written with its unit")
    return span


Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
Name = Annotated[str, AfterValidator(_name)]
Text = Annotated[str, Field(min_length=1)]
Listen = Annotated[Address, BeforeValidator(_address), PlainSerializer(str), WithJsonSchema({"type": "string"})]
Verdict = Literal["passed", "failed", "error", "timed_out"]


class Admin(Options):
    """The operator's port: page, API, `/metrics`, `/readyz`."""

    listen: Listen = Address("127.0.0.1", 8081)
    token: SecretStr | None = None
    """What the operator logs in with. When it may be left out is said by `serving_problems`."""
    url: Annotated[str, AfterValidator(_address_like("https://drawbridge.example.com"))] | None = None
    """Where people reach that port. With it, messages lead to the page."""


StoreUrl = Annotated[SecretStr, AfterValidator(_store_url)]


class Store(Options):
    """Where everything is kept, and for how long."""

    url: StoreUrl = SecretStr("sqlite:///drawbridge.db")
    keep: Annotated[Duration, Field(gt=0)] = 30 * clock.DAY


class Heartbeat(Options):
    """An address that is called while hooks are kept and messages go out: who watches it notices when that ends."""

    url: Url
    every: Annotated[Duration, AfterValidator(_seldom)] = clock.MINUTE


class Source(Options):
    """One door: `POST /hooks/<name>`."""

    vendor: Text
    secret: Secret | Annotated[tuple[Secret, ...], Field(min_length=1)] | None = None
    """What the sender signs with; of several, any may match (newest first)."""
    verify: Literal["enforce", "shadow", "none"] = "enforce"
    """`shadow` lets in what would be refused, marks it and counts it."""
    signature: SchemeOverride | None = None
    """What this source's sender does differently from its vendor."""
    allow_from: Annotated[Networks, Field(min_length=1)] | None = None
    """From where hooks are taken; from everywhere where it is left out."""
    rate: Intake | None = None
    """How many hooks are taken in how much time, by each process."""
    expect_every: Annotated[Duration, AfterValidator(_expectable)] | None = None
    """An alarm is raised when nothing came for so long."""
    dedupe_window: Annotated[Duration, Field(ge=0)] | None = None
    max_body: Annotated[Size, AfterValidator(_body_size)] = 5 << 20
    options: dict[str, Any] = Field(default_factory=dict)
    """The vendor's own keys; checked by the vendor's class."""
    tests: Literal["show", "hide"] = "show"
    """Whether the vendor's own test events are shown."""


class PrivateVendor(Vendor):
    """An entry of `vendors:`: what a built-in vendor says, and where its samples are."""

    samples: Text | Annotated[tuple[Text, ...], Field(min_length=1)] = ()
    """A folder of recorded bodies, or a list of files and folders; relative to the configuration."""


class Expectation(Options):
    """What a test of the file expects of its sample. Whatever is left out is not compared."""

    to: tuple[str, ...] | None = None
    """Exactly these targets, in any order; an empty list for nobody."""
    mention: tuple[str, ...] | None = None
    """Exactly these targets get a mention."""
    match: dict[str, Words] = Field(default_factory=dict)
    """What the result is like, in the words of a route's `match`."""


class Case(Options):
    """One entry of `tests:`."""

    name: Text
    source: str
    sample: Text
    """A sample of the source's vendor, or a JSON file relative to the configuration."""
    after: tuple[Verdict, ...] = ()
    """Verdicts that the sample's subject had before, oldest first."""
    expect: Expectation


class Top(Options):
    """The keys of the file whose meaning needs no other key. The sections are only known to have the right shape."""

    listen: Listen = Address("0.0.0.0", 8080)  # noqa: S104 (the public door)
    public_url: Annotated[str, AfterValidator(_address_like("https://hooks.example.com"))] | None = None
    trusted_proxies: Networks = ()
    """Whose `X-Forwarded-For` is believed."""
    admin: Admin = Admin()
    store: Store = Store()
    heartbeat: Heartbeat | None = None
    templates: FilePath | None = None
    """The operator's own templates, looked at before the built-in ones; relative to the configuration."""
    sources: dict[str, Any] = Field(min_length=1)
    targets: dict[str, Any] = Field(default_factory=dict)
    routes: tuple[Any, ...] = ()
    vendors: dict[str, Any] = Field(default_factory=dict)
    tests: tuple[Any, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_nothing(cls, value: Any) -> Any:
        """`tests:` with all its entries commented out is as good as no `tests:`."""
        if not isinstance(value, dict):
            return value
        return {key: inner for key, inner in value.items() if inner is not None or key == "sources"}


class File(Top):
    """The whole file."""

    sources: dict[Name, Source] = Field(min_length=1)
    targets: dict[Name, TargetOptions] = Field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    vendors: dict[Name, PrivateVendor] = Field(default_factory=dict)
    tests: tuple[Case, ...] = ()


TOP = TypeAdapter(Top)
ADMIN = TypeAdapter(Admin)
STORE_URL: TypeAdapter[SecretStr] = TypeAdapter(StoreUrl)
SOURCE = TypeAdapter(Source)
TARGET: TypeAdapter[Any] = TypeAdapter(TargetOptions)
ROUTE = TypeAdapter(Route)
VENDOR = TypeAdapter(PrivateVendor)
CASE = TypeAdapter(Case)
NAME: TypeAdapter[str] = TypeAdapter(Name)


@cache
def json_schema() -> dict[str, Any]:
    """A JSON Schema of the file, for editors: text may be written as a number, and anything but text as `${...}`."""
    schema: dict[str, Any] = _as_written(File.model_json_schema())
    vendor = schema["$defs"]["PrivateVendor"]
    vendor["properties"] = {key: value for key, value in vendor["properties"].items() if key not in PYTHON_VENDOR_KEYS}
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Drawbridge's config.yaml"}
    return schema


def _as_written(node: Any) -> Any:
    """The schema of what is written, from that of what is meant. Defaults go: they stand there in our own units."""
    if isinstance(node, list):
        return [_as_written(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    node = {key: _as_written(inner) for key, inner in node.items() if key != "default"}
    if "const" in node:
        return node
    if "enum" in node or node.get("type") in ("integer", "number", "boolean"):
        return {"anyOf": [node, {"type": "string", "pattern": "\\$\\{"}]}
    return node | {"type": ["string", "number", "boolean"]} if node.get("type") == "string" else node


def known_keys(path: tuple[str | int, ...], document: Any) -> set[str]:
    """The keys that a mapping at `path` may have, by the schema. `document` tells which kind of target is meant."""
    schema = json_schema()
    nodes, value = [schema], document
    for step in path:
        nodes = [inner for node in _branches(nodes, schema, value) for inner in _inside(node, step)]
        value = value.get(step) if isinstance(value, dict) else None
    return {key for node in _branches(nodes, schema, value) for key in node.get("properties", {})}


def _branches(nodes: list[dict[str, Any]], schema: dict[str, Any], value: Any) -> list[dict[str, Any]]:
    """The schemas that `nodes` stand for: references followed, unions taken apart."""
    tag = value.get("type") if isinstance(value, dict) else None
    found: list[dict[str, Any]] = []
    for node in nodes:
        if "$ref" in node:
            found += _branches([schema["$defs"][node["$ref"].rpartition("/")[2]]], schema, value)
            continue
        inner = _branches([*node.get("anyOf", ()), *node.get("oneOf", ())], schema, value)
        chosen = [
            branch for branch in inner if tag and branch.get("properties", {}).get("type", {}).get("const") == tag
        ]
        found += [node, *(chosen or inner)]
    return found


def _inside(node: dict[str, Any], step: str | int) -> list[dict[str, Any]]:
    if isinstance(step, int):
        inner = node.get("items")
    else:
        inner = node.get("properties", {}).get(step) or node.get("additionalProperties")
    return [inner] if isinstance(inner, dict) else []
