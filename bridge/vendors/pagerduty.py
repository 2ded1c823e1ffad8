"""PagerDuty: what happens to incidents, by webhook subscriptions of version 3.
https://developer.pagerduty.com/docs/webhooks-overview (its text: https://github.com/PagerDuty/developer-docs)

Bodies were compared with that page's for incidents, notes, status updates, responders and services. Of roles, bridges,
custom fields, incident types, workflows and actions only the names are known here: they are told by their name.

An incident is one subject: triggered it broke, resolved it is fixed; what people do with it in between is news.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.naming import key, numbered, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

URGENT = {"high": Severity.HIGH, "low": Severity.LOW}
PRESSING = ("incident.triggered", "incident.reopened", "incident.unacknowledged", "incident.escalated")
"""Events that ask somebody to act, as urgently as the incident is; the others say that somebody does."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The incident's title, and who did what to it."""
    draft = context.read(body)
    data = body.at("event.data")
    if not context.type.startswith("incident."):
        if service := data.text("summary"):
            draft.title = f"{draft.title} {service}"
        yield draft
        return
    # A note, a responder, a status update: `data` is that thing, and names the incident it belongs to.
    incident = data if data.text("type") == "incident" else data.at("incident")
    name = incident.text("title", "summary")
    draft.title = titled(incident.text("service.summary"), numbered(name, incident.text("number")) or draft.title)
    draft.url = incident.text("html_url")
    draft.subject_key = draft.run_id = key("incident", incident.text("id"))
    draft.raw_status = context.type.removeprefix("incident.").replace(".", " ")
    if context.type in PRESSING:
        draft.severity = URGENT.get(incident.text("urgency") or "", Severity.HIGH)
    draft.summary = _did(draft.raw_status.replace("_", " "), body, data)
    yield draft


def _did(what: str, body: Document, data: Document) -> str | None:
    """`resolved by Jane Roe`, with what they wrote."""
    said = data.text("content", "message", "resolve_reason.summary")
    who = body.text("event.agent.summary")
    return titled(f"{what} by {who}" if who else None, said) or None


def _news(title: str) -> EventType:
    return EventType(kind=Kind.SYSTEM, outcome=Outcome.NEUTRAL, severity=Severity.INFO, title=title)


def _pressing(title: str, outcome: Outcome) -> EventType:
    return EventType(kind=Kind.SYSTEM, outcome=outcome, severity=Severity.HIGH, title=title)


VENDOR = Vendor(
    name="pagerduty",
    title="PagerDuty",
    docs="https://developer.pagerduty.com/docs/webhooks-overview",
    setup="Integrations > Generic Webhooks (v3) > New Webhook: paste the URL, pick the scope and the events; the "
    "secret is shown once, after saving.",
    # https://developer.pagerduty.com/docs/verifying-webhook-signatures: a list, one for each secret in rotation.
    signature=Scheme(header="X-PagerDuty-Signature", format="comma_list", prefix="v1="),
    dedupe=("event.id",),
    dated=("event.id",),
    event="event.event_type",
    events={
        "incident.triggered": _pressing("Incident", Outcome.FAILED),
        "incident.reopened": _pressing("Incident", Outcome.FAILED),
        "incident.resolved": EventType(kind=Kind.SYSTEM, outcome=Outcome.PASSED, title="Incident"),
        "incident.unacknowledged": _pressing("Incident", Outcome.NEUTRAL),
        "incident.escalated": _pressing("Incident", Outcome.NEUTRAL),
        "incident.acknowledged": _news("Incident"),
        "incident.annotated": _news("Incident"),
        "incident.delegated": _news("Incident"),
        "incident.reassigned": _news("Incident"),
        "incident.priority_updated": _news("Incident"),
        "incident.status_update_published": _news("Incident"),
        "incident.responder.added": _news("Incident"),
        "incident.responder.replied": _news("Incident"),
        "incident.role.assigned": _news("Incident"),
        "incident.conference_bridge.updated": _news("Incident"),
        "incident.custom_field_values.updated": _news("Incident"),
        "incident.incident_type.changed": _news("Incident"),
        "incident.service_updated": _news("Incident"),
        "incident.workflow.started": _news("Incident"),
        "incident.workflow.completed": _news("Incident"),
        "incident.action_invocation.created": _news("Incident"),
        "incident.action_invocation.updated": _news("Incident"),
        "incident.action_invocation.terminated": _news("Incident"),
        "service.created": _news("Service"),
        "service.updated": _news("Service"),
        "service.deleted": _news("Service"),
        "service.custom_field_values.updated": _news("Service"),
        "pagey.ping": EventType(outcome=Outcome.NEUTRAL, title="Ping from PagerDuty", test=True),
    },
    result={
        "vendor_id": "event.id",
        "time": "event.occurred_at",
        "url": "event.data.html_url",
        "summary": "event.data.message",
        "labels.actor": "event.agent.summary",
        "labels.service": ("event.data.service.summary", "event.data.incident.service.summary"),
        "labels.priority": "event.data.priority.summary",
        "labels.urgency": "event.data.urgency",
        "labels.team": "event.data.teams.0.summary",
        "labels.assignee": "event.data.assignees.0.summary",
        "extra.incident_key": "event.data.incident_key",
    },
    understand=understand,
)
