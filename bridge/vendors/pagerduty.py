"""PagerDuty: what happens to incidents, by webhook subscriptions of version 3.
https://developer.pagerduty.com/docs/webhooks-overview (its text: https://github.com/PagerDuty/developer-docs, in
docs/webhooks/01-Overview.md; of actions and tasks in docs/webhooks/20-Early-Access-Webhooks.md)

Bodies were compared with those pages' for incidents, notes, status updates, responders, bridges, custom fields,
workflows, services, actions and tasks.
not confirmed: the bodies of `incident.role.assigned`, `service.custom_field_values.updated` and `pagey.ping`, which no
text of PagerDuty's shows, and the words of `state` beyond `pending` and `created` (they are shown as they come).

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

ABOUT = {
    "incident.delegated": ("escalation_policy.summary",),
    "incident.reassigned": ("assignees.0.summary",),
    "incident.priority_updated": ("priority.summary",),
    "incident.incident_type.changed": ("incident_type.name",),
    "incident_responder": ("user.summary", "escalation_policy.summary"),
    "incident_workflow_instance": ("incident_workflow.summary", "summary"),
    "incident_action_invocation": ("action.summary",),
    "incident_task": ("name", "summary"),
}
"""Where an event, or what it is of (`data.type`), names whom or what was chosen, asked, run or to be done."""


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
    service = incident.text("service.summary") or data.text("service.summary")
    draft.title = titled(service, numbered(name, incident.text("number")) or draft.title)
    draft.url = incident.text("html_url")
    draft.subject_key = draft.run_id = key("incident", incident.text("id"))
    draft.raw_status = context.type.removeprefix("incident.").replace(".", " ")
    if context.type in PRESSING:
        draft.severity = URGENT.get(incident.text("urgency") or "", Severity.HIGH)
    draft.summary = _did(context.type, body, data)
    yield draft


def _did(event: str, body: Document, data: Document) -> str | None:
    """`resolved by Jane Roe`, or `responder added by Jane Roe: Sam Poe (pending)`, with what they wrote."""
    what = event.removeprefix("incident.").replace(".", " ").replace("_", " ")
    who = body.text("event.agent.summary")
    about = _about(event, data)
    did = f"{what} by {who}" if who else what if about else None
    return titled(titled(did, about), data.text("content", "message", "resolve_reason.summary")) or None


def _about(event: str, data: Document) -> str | None:
    """Whom or what was chosen, asked, run or to be done, and how that stands; which custom fields were changed."""
    if changed := [name for field in data.items("changed_custom_fields") if (name := field.text("name"))]:
        return ", ".join(changed)
    about = data.text(*(ABOUT.get(event) or ABOUT.get(data.text("type") or "", ())))
    state = data.text("state", "status") if data.text("type") != "incident" else None
    return f"{about} ({state})" if about and state else about


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
        "incident.task.created": _news("Incident"),
        "incident.task.updated": _news("Incident"),
        "incident.task.completed": _news("Incident"),
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
