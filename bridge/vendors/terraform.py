"""HCP Terraform and Terraform Enterprise: runs of a workspace, and the health of one.
https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """How far a run is stands in the trigger, how it ended in its status."""
    draft = context.read(body)
    status = body.text("notifications.0.run_status")
    if context.type in ("run:completed", "run:errored") and status:
        context.judge(draft, status)
    draft.raw_status = status
    workspace = key(body.text("organization_name"), body.text("workspace_name"))
    if context.type.startswith("run:") and workspace:
        draft.title = titled(workspace, "run")
        draft.subject_key = key(workspace, "run")
    elif context.type.startswith("assessment:"):
        workspace = key(*(body.text(f"details.{part}") for part in ("organization_name", "workspace_name")))
        draft.title = titled(workspace, draft.title.lower())
        draft.raw_status = body.text("message")
    message = body.text("notifications.0.message", "message")
    draft.summary = " - ".join(text for text in (message, first_line(body.text("run_message"))) if text)
    yield draft


def _run(state: State, reason: str | None = None, severity: Severity | None = None) -> EventType:
    return EventType(kind=Kind.DEPLOYMENT, state=state, reason=reason, severity=severity, title="Run")


def _assessment(title: str) -> EventType:
    """Told when it goes wrong, and not when it is right again: so it is no verdict, or it would fail for ever."""
    return EventType(kind=Kind.SYSTEM, outcome=Outcome.NEUTRAL, severity=Severity.HIGH, title=title)


VENDOR = Vendor(
    name="terraform",
    title="HCP Terraform",
    docs="https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations",
    setup="Workspace > Settings > Notifications > Create a Notification > Webhook: paste the URL, set a token (the "
    "secret), and pick the triggers. Start this source first: the URL is verified as you save.",
    signature=Scheme(header="X-TFE-Notification-Signature", algorithm="sha512"),
    dated=("run_id", "details.new_assessment_result.id"),
    event=("notifications.0.trigger", "trigger"),
    events={
        "run:created": _run(State.QUEUED),
        "run:planning": _run(State.RUNNING),
        "run:needs_attention": _run(State.RUNNING, "needs confirmation", Severity.HIGH),
        "run:applying": _run(State.RUNNING),
        "run:completed": _run(State.FINISHED),
        "run:errored": _run(State.FINISHED),
        "assessment:drifted": _assessment("Drift detected"),
        "assessment:check_failure": _assessment("Check failed"),
        "assessment:failed": _assessment("Health assessment failed"),
        "workspace:auto_destroy_reminder": EventType(
            kind=Kind.SYSTEM, outcome=Outcome.NEUTRAL, severity=Severity.MEDIUM, title="Will be destroyed soon"
        ),
        "workspace:auto_destroy_run_results": EventType(
            kind=Kind.SYSTEM, outcome=Outcome.NEUTRAL, severity=Severity.INFO, title="Was destroyed as scheduled"
        ),
        "verification": EventType(outcome=Outcome.NEUTRAL, title="Verification by HCP Terraform", test=True),
    },
    result={
        "run_id": "run_id",
        "url": ("run_url", "details.workspace_url"),
        "time": "notifications.0.run_updated_at",
        "started_at": "run_created_at",
        "environment": ("workspace_name", "details.workspace_name"),
        "labels.actor": ("notifications.0.run_updated_by", "run_created_by"),
        "labels.organization": ("organization_name", "details.organization_name"),
        "extra.workspace_id": "workspace_id",
    },
    outcomes={
        "applied": Outcome.PASSED,
        "planned_and_finished": Outcome.PASSED,
        "planned_and_saved": Outcome.PASSED,
        "discarded": Outcome.CANCELLED,
        "force_canceled": Outcome.CANCELLED,
        "policy_soft_failed": Outcome.FAILED,
        "errored": Outcome.FAILED,
    },
    understand=understand,
)
