"""The configuration as the other rooms use it: every name looked up, every condition compiled, nothing left to guess.

It is made by `load` alone and never changes; a reload makes another one. No repr of it shows a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Literal

from pydantic import SecretStr

from bridge.callers import Network
from bridge.config.marks import Path, Place
from bridge.config.report import show
from bridge.config.samples import Sample, shipped
from bridge.config.schema import Address, Admin, Case, Heartbeat, Store
from bridge.errors import Problem
from bridge.pace import Rate
from bridge.routing import Condition, KeyOf, Route
from bridge.vendors import Vendor, VendorOptions
from bridge.verify import Repeats, Scheme, Verifier


@dataclass(frozen=True, slots=True)
class Source:
    """One door, ready to be asked: what its hooks must prove, and who understands them.

    `scheme` is null exactly where `verify` is `none`, `allow_from` empty where hooks may come from everywhere.
    `dedupe_window` and `expect_every` are in microseconds, `max_body` in bytes.
    """

    name: str
    vendor: Vendor
    options: VendorOptions
    verify: Literal["enforce", "shadow", "none"]
    scheme: Scheme | None
    secrets: tuple[str, ...] = field(repr=False)
    dedupe_window: int | None
    max_body: int
    tests: Literal["show", "hide"]
    allow_from: tuple[Network, ...] = ()
    rate: Rate | None = None
    expect_every: int | None = None
    verifier: Verifier | None = field(init=False, repr=False, compare=False)
    """The scheme and the secrets, compiled once; null where the scheme is."""
    repeats: Repeats = field(init=False, repr=False, compare=False)
    """By what a repeat is known, compiled once."""
    kept_headers: frozenset[str] = field(init=False, compare=False)
    """What is kept of a hook beside its body: the names that scheme, vendor and options say. Never a shown secret."""

    def __post_init__(self) -> None:
        if (self.scheme is None) != (self.verify == "none"):
            raise ValueError("a source has a scheme, or says 'verify: none'")
        named = {"content-type"} | self.vendor.headers | self.options.fields.headers
        if self.scheme is not None:
            named = (named - set(self.scheme.headers)) | self.scheme.kept_headers
        object.__setattr__(self, "kept_headers", frozenset(named))
        repeats = Repeats(self.name, self.vendor.dedupe, self.vendor.dated, self.dedupe_window)
        object.__setattr__(self, "repeats", repeats)
        object.__setattr__(self, "verifier", self.scheme and Verifier(self.scheme, self.secrets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that the file says."""

    file: FilePath
    listen: Address
    public_url: str | None
    trusted_proxies: tuple[Network, ...]
    admin: Admin
    store: Store
    heartbeat: Heartbeat | None
    templates: FilePath | None
    sources: Mapping[str, Source]
    vendors: Mapping[str, Vendor]
    """The private ones, whether a source names them or not."""
    own_samples: Mapping[str, Mapping[str, Sample]] = field(repr=False)
    """The samples of each private vendor."""
    targets: Mapping[str, Any]
    """Each value is one of the target room's options, by its `type`."""
    routes: tuple[Route, ...]
    conditions: Mapping[str, Condition] = field(repr=False)
    """The compiled `when` of each route that has one, by the route's name."""
    thread_keys: Mapping[str, KeyOf] = field(repr=False)
    """The compiled `thread_key` of each route that has one, by the route's name."""
    tests: tuple[Case, ...]
    files: tuple[FilePath, ...]
    """What a change of should be followed by a reload: the file, the secrets it names, the templates."""
    places: Mapping[Path, Place] = field(repr=False)
    warnings: tuple[Problem, ...] = ()
    """What is doubtful, and keeps nothing from working."""
    broken: int = 0
    """How many problems the file has, where this is only what could be read of it; see `load_for_store`."""

    @property
    def admin_token(self) -> str | None:
        """The operator's token; null where the file leaves it empty."""
        return self.admin.token.get_secret_value() or None if self.admin.token else None

    @property
    def embedded(self) -> bool:
        """Whether the store is SQLite, which one process has to itself."""
        return self.store.url.get_secret_value().startswith("sqlite:")

    def where(self, *path: str | int) -> str:
        """`config.yaml:19`, for messages about what stands there; only the file where it stands nowhere."""
        place = self.places.get(path)
        return f"{self.file}:{place.line}" if place else str(self.file)

    def samples(self, vendor: str) -> Mapping[str, Sample]:
        """The samples of a vendor, the operator's own or a built-in one, by name; none where it has none."""
        return self.own_samples[vendor] if vendor in self.vendors else shipped(vendor)

    def problem(self, path: Path, text: str, *, warning: bool = False) -> Problem:
        """A problem of what stands at `path`, at its place or that of the nearest thing around it."""
        around = path
        while around and around not in self.places:
            around = around[:-1]
        line, column = self.places.get(around, (0, 0))
        return Problem(str(self.file), line, column, f"{show(path)}: {text}", warning)


def serving_problems(config: Config, on_terminal: bool) -> list[Problem]:
    """Why `serve` must not start with this configuration, though commands may use it.

    Without a token the operator's login is a link that `serve` prints. That needs somebody who reads its terminal, and
    a single process: with PostgreSQL, replicas share one page.
    """
    if config.admin_token or (on_terminal and config.embedded):
        return []
    why = "serve does not run on a terminal" if config.embedded else "replicas on PostgreSQL share one login"
    text = f"must not be empty, since {why}; set it, for example to the output of: openssl rand -hex 24"
    return [config.problem(("admin", "token"), text)]


def needs_restart(old: Config, new: Config) -> list[str]:
    """The keys that differ and take effect only when the process starts anew."""

    def fixed(config: Config) -> dict[str, Address | SecretStr]:
        return {
            "listen": config.listen,
            "admin.listen": config.admin.listen,
            "store.url": config.store.url,
        }

    before, after = fixed(old), fixed(new)
    return [key for key in before if before[key] != after[key]]
