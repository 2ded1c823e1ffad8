"""Autotab runs skills in a browser and posts the run session. https://docs.autotab.com/api-reference/webhooks.md

The body is the session itself, without an event name; `state` says what happened. Wire names are snake case, the
TypeScript interface says camel case, and older models name things otherwise: all are read.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, State
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


class AutotabOptions(VendorOptions):
    """What an operator may add about an Autotab source."""

    cancel_is_failure: bool = False
    """The vendor's own samples hand a cancelled run to the handler of failed ones; with this, so do we."""


def understand(body: Document, context: Context[AutotabOptions]) -> Iterable[Draft]:
    """A cancelled run is a failure where the operator says so."""
    draft = context.read(body)
    if context.options.cancel_is_failure and draft.outcome is Outcome.CANCELLED:
        draft.outcome, draft.reason = Outcome.FAILED, "cancelled"
    yield draft


def _session(state: State, outcome: Outcome | None = None, reason: str | None = None) -> EventType:
    return EventType(kind=Kind.SESSION, state=state, outcome=outcome, reason=reason, title="Run session")


VENDOR = Vendor(
    name="autotab",
    title="Autotab",
    docs="https://docs.autotab.com/api-reference/webhooks.md",
    setup="Give Autotab this URL, and the secret that the vendor's samples call AUTOTAB_WEBHOOK_SECRET.",
    signature=Scheme(header="Autotab-Signature"),
    dated=("id",),
    event="state",
    event_prefix="run_session.",
    events={
        "run_session.play": _session(State.RUNNING),
        "run_session.editing": _session(State.RUNNING),
        "run_session.pause": _session(State.RUNNING, reason="pause"),
        "run_session.reset": _session(State.RUNNING, reason="reset"),
        # The vendor's only good end; no other vendor's bare "finished" is a verdict.
        "run_session.finish": _session(State.FINISHED, Outcome.PASSED),
        "run_session.cancel": _session(State.FINISHED, Outcome.CANCELLED),
        "run_session.timeout": _session(State.FINISHED, Outcome.TIMED_OUT),
    },
    result={
        "vendor_id": "id",
        "run_id": "id",
        "title": "name",
        "raw_status": "state",
        "subject_key": ("skill_id", "skillId", "macro_id"),
        "labels.skill": ("skill_id", "skillId", "macro_id"),
        "environment": "environment",
        "time": ("end_time", "endTime"),
        "started_at": ("start_time", "startTime"),
        "finished_at": ("end_time", "endTime"),
        "artifacts.video": ("video_url", "videoUrl"),
    },
    understand=understand,
    options=AutotabOptions,
)
