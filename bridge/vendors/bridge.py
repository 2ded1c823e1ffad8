"""Drawbridge itself: what its alarms say, so that they take the same path as any vendor's event.

The body is an `Alarm` of `bridge.alarms` as JSON. It has no samples and is no vendor that a source can name: nobody
posts alarms.
"""

from enum import StrEnum

from bridge.model import Kind, Outcome
from bridge.vendors.vendor import EventType, Vendor


class AlarmKind(StrEnum):
    """What can be the matter with the bridge; the `type` of the result."""

    TARGET_PAUSED = "target.paused"
    TARGET_RESUMED = "target.resumed"
    DEAD_LETTER = "delivery.dead"
    TEMPLATE_FAILED = "template.failed"
    CONDITION_FAILED = "route.condition_failed"
    UNKNOWN_EVENT = "source.unknown_event"
    UNKNOWN_WORD = "source.unknown_word"
    SOURCE_SILENT = "source.silent"
    SOURCE_REFUSED = "source.refused"
    CONFIG_REFUSED = "config.refused"


VENDOR = Vendor(
    name="bridge",
    title="Drawbridge",
    event="alarm",
    # No verdict, and so no history: how much an alarm matters is its severity.
    events={kind.value: EventType(kind=Kind.SYSTEM, outcome=Outcome.NEUTRAL) for kind in AlarmKind},
    result={
        "title": "title",
        "summary": "summary",
        "severity": "severity",
        "subject_key": "subject",
        "labels.target": "about.target",
        "labels.source": "about.source",
        "labels.route": "about.route",
        "labels.template": "about.template",
    },
)
