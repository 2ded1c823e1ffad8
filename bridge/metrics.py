"""What is counted, under the field's own words. Served at `/metrics`; names and counts only, never a payload."""

import functools

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
TEXT_TYPE = CONTENT_TYPE_LATEST

HOOKS = Counter("drawbridge_hooks", "Hooks answered", ["source", "status"], registry=REGISTRY)
REFUSALS = Counter("drawbridge_refusals", "Hooks refused", ["source", "reason"], registry=REGISTRY)
UNVERIFIED = Counter(
    "drawbridge_unverified_hooks",
    "Hooks let in that would have been refused but for 'verify: shadow'",
    ["source", "reason"],
    registry=REGISTRY,
)
OPEN_SOURCES = Gauge(
    "drawbridge_open_sources",
    "1 for a source that lets in what nobody has proved",
    ["source", "verify"],
    registry=REGISTRY,
)
KEEP_SECONDS = Histogram(
    "drawbridge_keep_seconds",
    "From a complete hook to its answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)
BYTES_IN_FLIGHT = Gauge("drawbridge_bytes_in_flight", "Bytes of hooks not yet answered", registry=REGISTRY)

EVENTS = Counter("drawbridge_events", "Events dispatched", ["source", "vendor"], registry=REGISTRY)
UNKNOWN_EVENTS = Counter(
    "drawbridge_unknown_events", "Events of a type that the vendor does not document", ["source"], registry=REGISTRY
)
DELIVERIES = Counter("drawbridge_deliveries", "Deliveries owed", ["route", "target"], registry=REGISTRY)

ATTEMPTS = Counter("drawbridge_attempts", "Attempts by answer", ["target", "answer"], registry=REGISTRY)
ATTEMPT_SECONDS = Histogram("drawbridge_attempt_seconds", "From rendering to answer", ["target"], registry=REGISTRY)
DEAD_LETTERS = Counter("drawbridge_dead_letters", "Messages that died", ["target"], registry=REGISTRY)
RENDER_FALLS = Counter(
    "drawbridge_render_falls", "Messages made by a lower rung than their template", ["target"], registry=REGISTRY
)
WAITING = Gauge("drawbridge_waiting", "Deliveries that wait", ["target"], registry=REGISTRY)
PAUSED = Gauge("drawbridge_paused", "1 while a target is paused", ["target"], registry=REGISTRY)
CONFIG_VALID = Gauge("drawbridge_config_valid", "0 while the file on disk cannot be used", registry=REGISTRY)


@functools.cache
def hooks_answered(source: str, status: str) -> Counter:
    """The counter of one source's answers; looked up once, for it is used for every hook."""
    return HOOKS.labels(source, status)


def as_text() -> bytes:
    """All of it in Prometheus' text format, of the type TEXT_TYPE."""
    return generate_latest(REGISTRY)
