"""Calendly: meetings as people book and cancel them. https://developer.calendly.com/docs/webhooks/overview

Names of events, and the fields of meetings booked and cancelled, were compared with
https://developer.calendly.com/api-docs/calendly-api/webhooks/get-sample-webhook-data; `rescheduled` and `old_invitee`
also with https://developer.calendly.com/see-how-webhook-payloads-change-when-invitees-reschedule-events.
not confirmed: the payloads of routing forms, event types, meeting recaps and contacts (they are told by the event's
name), and whether a hook that is sent again keeps its `created_at`.

Who booked is personal and stays in the payload. A meeting that is moved is cancelled and booked again.
"""

from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """What was booked, and when it begins."""
    draft = context.read(body)
    meeting = body.at("payload.scheduled_event")
    if draft.title and (name := meeting.text("name")):
        draft.raw_status = did = draft.title.rpartition(" ")[2]
        if body.raw("payload.rescheduled") is True:
            did += ", because it was moved"
        elif body.text("payload.old_invitee"):
            draft.raw_status = did = "moved"
        draft.title = f"{name} {did}"
    if start := meeting.moment("start_time"):
        draft.summary = f"{start:%A %Y-%m-%d %H:%M} UTC"
    yield draft


def _news(title: str) -> EventType:
    return EventType(outcome=Outcome.NEUTRAL, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="calendly",
    title="Calendly",
    docs="https://developer.calendly.com/docs/webhooks/overview",
    setup="Made by API: POST https://api.calendly.com/webhook_subscriptions with this URL, the events, and a "
    "signing_key of yours, which is the secret.",
    # https://developer.calendly.com/docs/webhooks/overview: t=<seconds>,v1=<hex>, over the seconds, a dot and the body.
    signature=Scheme(header="Calendly-Webhook-Signature", format="kv", message=("timestamp", "literal:.", "body")),
    dedupe=("event", "payload.uri", "created_at"),
    dated=("created_at",),
    event="event",
    events={
        "invitee.created": _news("Meeting booked"),
        "invitee.canceled": _news("Meeting cancelled"),
        "invitee_no_show.created": _news("No-show noted"),
        "invitee_no_show.deleted": _news("No-show removed"),
        "routing_form_submission.created": _news("Routing form submitted"),
        "event_type.created": _news("Event type created"),
        "event_type.updated": _news("Event type updated"),
        "event_type.deleted": _news("Event type deleted"),
        "meeting_recap.created": _news("Meeting recap created"),
        "meeting_recap.updated": _news("Meeting recap updated"),
        "meeting_recap.deleted": _news("Meeting recap deleted"),
        "contact.created": _news("Contact created"),
        "contact.updated": _news("Contact updated"),
        "contact.deleted": _news("Contact deleted"),
    },
    result={
        "time": "created_at",
        "reason": "payload.cancellation.reason",
        "run_id": "payload.scheduled_event.uri",
        "labels.meeting": "payload.scheduled_event.name",
    },
    understand=understand,
)
