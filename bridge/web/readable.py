"""The store's rows as the API and the commands show them: times in RFC 3339, JSON as JSON, text as text."""

import base64
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from bridge import clock
from bridge.config import Source
from bridge.model import Refusal
from bridge.store import Store, deliveries, events, targets
from bridge.store.targets import TargetState
from bridge.verify import mask


async def event_story(store: Store, event_id: str) -> dict[str, Any] | None:
    """All that is known of an event: its body and results, its deliveries, every attempt. Null where there is none."""
    row = await store.read(partial(events.find, event_id=event_id))
    if row is None:
        return None
    story = readable_event(row)
    story["deliveries"] = []
    for owed in await store.read(partial(deliveries.listed, event_id=event_id)):
        delivery = readable_delivery(owed)
        attempts = await store.read(partial(deliveries.attempts, message_id=owed["message_id"]))
        delivery["attempt_log"] = [
            attempt | {"began_at": iso(attempt["began_at"]), "ended_at": iso(attempt["ended_at"])}
            for attempt in attempts
        ]
        story["deliveries"].append(delivery)
    return story


def readable_event(row: dict[str, Any]) -> dict[str, Any]:
    """An event's row for people and programs: times in RFC 3339, JSON as JSON, the body as text where it is text."""
    shown = dict(row)
    for key in ("received_at", "dispatched_at"):
        shown[key] = iso(shown[key])
    for key in ("headers", "verification", "results"):
        if isinstance(shown.get(key), str):
            shown[key] = json.loads(shown[key])
    for key in ("is_test", "is_replay"):
        shown[key] = bool(shown[key])
    if "body" in shown:
        shown |= readable_body(bytes(shown.pop("body")))
    return shown


def readable_body(body: bytes) -> dict[str, str]:
    """A body as text where it is text, else in base64."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def readable_refusal(refusal: Refusal, source: Source | None) -> dict[str, Any]:
    """What was refused, for people and programs: without its body, and of its signature only the shape."""
    # What else is secret was masked before it was kept. Without its source nobody knows which header proves something.
    proving = source.scheme.headers if source and source.scheme else ()
    return {
        "id": refusal.id,
        "source": refusal.source,
        "at": iso(refusal.at),
        "reason": refusal.reason,
        "detail": refusal.detail,
        "let_in": refusal.let_in,
        "method": refusal.method,
        "caller": refusal.caller,
        "headers": [
            [name, mask(value) if name in proving or source is None else value] for name, value in refusal.headers
        ],
        "size": refusal.size,
    }


def readable_delivery(row: dict[str, Any]) -> dict[str, Any]:
    """A delivery's row for people and programs."""
    shown = dict(row)
    for key in ("created_at", "finished_at", "next_at"):
        shown[key] = iso(shown[key])
    shown["also"] = json.loads(shown["also"])
    return shown


def iso(micros: int | None) -> str | None:
    """A time for people and programs; null where there is none."""
    return clock.to_iso(micros) if micros else None


async def target_rows(store: Store, configured: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every target in the file or in the store, with its queue and condition."""
    owed = await store.read(deliveries.owed)
    states = {state.name: state for state in await store.read(targets.listed)}
    return [
        _target(name, configured.get(name), states.get(name), owed.get(name, 0))
        for name in sorted(configured.keys() | states.keys() | owed.keys())
    ]


def _target(name: str, options: Any, state: TargetState | None, waiting: int) -> dict[str, Any]:
    state = state or TargetState(name)
    return {
        "name": name,
        "type": options.type if options else None,
        "configured": options is not None,
        "waiting": waiting,
        "paused_at": iso(state.paused_at),
        "paused_reason": state.paused_reason,
        "not_before": None if state.not_before == targets.NEVER else iso(state.not_before),
        "faults": state.faults,
        "last_sent_at": iso(state.last_sent_at),
        "last_error": state.last_error,
    }
