"""The configuration, put together: what the stages run on. Never changes; a changed file gives a new one.

In: a `Config`, which is what the file says; out: a `Setup`, in which routes are compiled, templates are ready, and
targets can be sent to. The stages take up a new Setup with their next piece of work.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from bridge.config import Config, Source
from bridge.editing import Mode
from bridge.options import Options
from bridge.render import Renderer
from bridge.routing import Route, Router, thread_key
from bridge.targets import Target, build
from bridge.vendors import VendorOptions
from bridge.vendors.bridge import VENDOR

OWN = Source(
    name=VENDOR.name,
    vendor=VENDOR,
    options=VendorOptions(),
    verify="none",
    scheme=None,
    secrets=(),
    dedupe_window=None,
    max_body=0,
    tests="show",
)
"""The built-in source of the bridge's own alarms: dispatched like any other, and no door."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One configuration, ready to run."""

    config: Config
    targets: Mapping[str, Target]
    routes: Mapping[str, Route]
    router: Router
    renderer: Renderer
    updates: Mapping[str, Sequence[str]]
    """By target: the routes that update messages there."""
    fingerprints: Mapping[str, str]
    """By target: a digest of its options, secrets included. A change of it ends a pause."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """The operator's: those with a door."""
        return self.config.sources

    def thread_key(self, route: str, result: Mapping[str, Any]) -> str | None:
        """What a result of a route belongs together with at its targets; see `routing.thread_key`."""
        return thread_key(route, result, self.config.thread_keys)

    @property
    def dispatched(self) -> Mapping[str, Source]:
        """The sources whose events are dispatched: the operator's, and our own alarms."""
        return {**self.config.sources, OWN.name: OWN}


def set_up(config: Config) -> Setup:
    """Put a valid configuration together. Templates that cannot be used are in `renderer.problems`."""
    renderer = Renderer(config.templates, config.admin.url)
    return Setup(
        config=config,
        targets={name: build(name, options, renderer) for name, options in config.targets.items()},
        routes={route.name: route for route in config.routes},
        router=Router(config.routes, config.conditions),
        renderer=renderer,
        updates={
            name: [route.name for route in config.routes if route.mode is Mode.UPDATE and name in route.to]
            for name in config.targets
        },
        fingerprints={name: _fingerprint(options) for name, options in config.targets.items()},
    )


def _fingerprint(options: Options) -> str:
    return hashlib.sha256(json.dumps(options.model_dump(), default=_plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> str:
    return str(value.get_secret_value()) if isinstance(value, SecretStr) else repr(value)
