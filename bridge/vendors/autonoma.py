"""Autonoma writes, reviews, deploys and watches code. https://www.theautonoma.io/docs/webhooks

The body is `type` and `data`, and the shape of `data` is not documented: every field is looked for under several names,
and an event whose `data` says nothing still gives a message.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

SUBJECTS = {
    "security.vulnerability_detected": "vulnerability",
    "security.vulnerability_fixed": "vulnerability",
    "security.compliance_check": "compliance",
}
"""What sort of thing a security event is about, where no id says which one."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The subject, what kind of thing `data` is, and the one verdict that stands in `data`."""
    draft = context.read(body)
    thing, identity = body.text("data.service", "data.environment", "data.app"), body.text("data.id")
    draft.subject_key = thing
    if draft.kind is Kind.SECURITY and (thing or identity):
        # Never the service's own key: a fixed vulnerability would say that its failed deployment is fixed.
        draft.subject_key = "/".join(part for part in (thing, identity or SUBJECTS[context.type]) if part)
    if draft.title and thing:
        draft.title = f"{draft.title}: {thing}"
    if isinstance(data := body.raw("data"), list):
        draft.counts.total, draft.counts.unit, draft.counts.origin = len(data), "entry", "derived"
    elif isinstance(data, str):
        draft.summary = data
    if context.type == "security.compliance_check":
        draft.raw_status = body.text("data.status")
        outcome = context.outcome(draft.raw_status)
        draft.outcome = Outcome.NEUTRAL if outcome is Outcome.UNKNOWN else outcome
    yield draft


def _deployment(state: State, outcome: Outcome | None, reason: str | None = None) -> EventType:
    return EventType(kind=Kind.DEPLOYMENT, state=state, outcome=outcome, reason=reason, title="Deployment")


def _event(kind: Kind, title: str, outcome: Outcome, severity: Severity | None = None) -> EventType:
    return EventType(kind=kind, title=title, outcome=outcome, severity=severity)


VENDOR = Vendor(
    name="autonoma",
    title="Autonoma",
    docs="https://www.theautonoma.io/docs/webhooks",
    setup="autonoma webhook create --url URL --events EVENTS --secret SECRET, or POST /v1/webhooks with url, events "
    "and secret. You choose the secret.",
    # The documented check signs JSON.stringify of the parsed body, so that is tried where the raw bytes do not match.
    signature=Scheme(
        header="x-autonoma-signature", prefix="sha256=", prefix_mode="optional", body_form=("raw", "json_js")
    ),
    dated=("data.id", "data.taskId", "data.timestamp", "data.createdAt", "data.completedAt"),
    event="type",
    events={
        "code.generated": _event(Kind.CODE, "Code generated", Outcome.NEUTRAL, Severity.INFO),
        "code.reviewed": _event(Kind.CODE, "Code reviewed", Outcome.NEUTRAL, Severity.INFO),
        "code.merged": _event(Kind.CODE, "Code merged", Outcome.NEUTRAL, Severity.INFO),
        "deployment.started": _deployment(State.RUNNING, None),
        "deployment.completed": _deployment(State.FINISHED, Outcome.PASSED),
        "deployment.failed": _deployment(State.FINISHED, Outcome.FAILED),
        "deployment.rollback": _deployment(State.FINISHED, Outcome.FAILED, "rollback"),
        "security.vulnerability_detected": _event(
            Kind.SECURITY, "Vulnerability detected", Outcome.NEUTRAL, Severity.HIGH
        ),
        "security.vulnerability_fixed": _event(Kind.SECURITY, "Vulnerability fixed", Outcome.PASSED),
        "security.compliance_check": _event(Kind.SECURITY, "Compliance check", Outcome.NEUTRAL),
        "system.anomaly_detected": _event(Kind.SYSTEM, "Anomaly detected", Outcome.NEUTRAL, Severity.HIGH),
        "system.self_healing_triggered": _event(Kind.SYSTEM, "Self-healing triggered", Outcome.NEUTRAL, Severity.INFO),
        "system.performance_alert": _event(Kind.SYSTEM, "Performance alert", Outcome.NEUTRAL, Severity.MEDIUM),
    },
    result={
        "vendor_id": "data.id",
        "run_id": ("data.deploymentId", "data.taskId", "data.task_id"),
        "time": ("data.timestamp", "data.completedAt", "data.createdAt"),
        "title": ("data.title", "data.name"),
        "summary": ("data.description", "data.message", "data.summary", "data.error"),
        "url": ("data.url", "data.link", "data.deploymentUrl"),
        "severity": "data.severity",
        "raw_status": "data.status",
        "environment": "data.environment",
        "app.name": ("data.service", "data.app"),
        "app.version": "data.version",
        "vcs.repository": ("data.repository", "data.repo"),
        "vcs.ref": ("data.branch", "data.ref"),
        "vcs.commit": ("data.commit", "data.commitSha", "data.sha"),
        "vcs.change": ("data.pullRequest", "data.prNumber"),
        "started_at": "data.startedAt",
        "finished_at": "data.completedAt",
        "extra.confidence": "data.confidence",
    },
    understand=understand,
)
