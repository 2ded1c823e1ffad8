"""Linear: issues, comments, projects and cycles, as they change. https://linear.app/developers/webhooks

None of it is a verdict; an issue's priority is its severity. The signature, the time beside it, and the types are also
those of the vendor's SDK (https://github.com/linear/linear/tree/master/packages/sdk/src/webhooks).
"""

from collections.abc import Iterable

from bridge import clock
from bridge.model import Draft, Kind, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

DONE = {"create": "created", "update": "updated", "remove": "removed"}
URGENCY = {1: Severity.HIGH, 2: Severity.MEDIUM, 3: Severity.LOW}
"""Linear's priority: 1 is urgent, 4 low, 0 none."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """What changed, in which issue."""
    draft = context.read(body)
    action = body.text("action")
    thing = body.text("data.identifier", "data.issue.identifier")
    if action and draft.title:
        did = DONE.get(action, action)
        draft.title = titled(thing, f"{draft.title.lower() if thing else draft.title} {did}")
    if context.type == "Issue" and draft.severity is Severity.INFO:
        draft.severity = URGENCY.get(body.count("data.priority") or 0, Severity.INFO)
    draft.summary = first_line(draft.summary)
    draft.run_id = key(
        "issue", body.text("data.issue.id") or (body.text("data.id") if context.type == "Issue" else None)
    )
    yield draft


def _news(title: str) -> EventType:
    return EventType(kind=Kind.OTHER, outcome=Outcome.NEUTRAL, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="linear",
    title="Linear",
    docs="https://linear.app/developers/webhooks",
    setup="Settings > API > Webhooks > New webhook: paste the URL, pick the resource types; the signing secret is on "
    "the webhook's page.",
    signature=Scheme(
        header="Linear-Signature",
        timestamp="json:webhookTimestamp",
        timestamp_format="ms",
        tolerance=clock.MINUTE,
    ),
    # Not the bytes: each retry (after a minute, an hour, six hours) is sent with its own `webhookTimestamp`.
    dedupe=("type", "action", "data.id", "createdAt"),
    dated=("webhookTimestamp",),
    event="type",
    events={
        "Issue": _news("Issue"),
        "Comment": _news("Comment"),
        "Attachment": _news("Attachment"),
        "IssueLabel": _news("Issue label"),
        "Reaction": _news("Reaction"),
        "Project": _news("Project"),
        "ProjectUpdate": _news("Project update"),
        "Cycle": _news("Cycle"),
        "Document": _news("Document"),
        "Initiative": _news("Initiative"),
        "InitiativeUpdate": _news("Initiative update"),
        "Customer": _news("Customer"),
        "CustomerNeed": _news("Customer request"),
        "User": _news("User"),
        "AuditEntry": _news("Audit entry"),
        "IssueSLA": _news("Issue SLA"),
    },
    result={
        "vendor_id": "header:Linear-Delivery",
        "time": "createdAt",
        "url": "url",
        "summary": ("data.title", "data.name", "data.body"),
        "raw_status": "data.state.name",
        "labels.actor": "actor.name",
        "labels.team": "data.team.key",
        "labels.action": "action",
        "labels.assignee": "data.assignee.name",
    },
    understand=understand,
)
