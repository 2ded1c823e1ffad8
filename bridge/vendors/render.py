"""Render: builds, deploys, jobs and the health of services. https://render.com/docs/webhooks

A body names the service and, since November 2025, how a thing ended
(https://render.com/changelog/webhooks-for-completed-actions-now-include-the-actions-result); it has no link.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import key, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The service in the title, and a subject for what starts and ends."""
    draft = context.read(body)
    if draft.title and draft.app.name:
        draft.title = titled(draft.app.name, draft.title.lower())
    for end in ("_started", "_ended"):
        if context.type.endswith(end):
            draft.subject_key = key(draft.app.id, context.type.removesuffix(end))
            draft.raw_status = draft.raw_status or end.removeprefix("_")
    if context.type in ("server_failed", "server_available"):
        draft.subject_key = key(draft.app.id, "server")
    yield draft


def _runs(name: str, title: str, kind: Kind = Kind.DEPLOYMENT) -> dict[str, EventType]:
    """What starts and ends. An end that does not say how is no verdict."""
    return {
        f"{name}_started": EventType(kind=kind, state=State.RUNNING, title=title),
        f"{name}_ended": EventType(kind=kind, outcome=Outcome.NEUTRAL, title=title),
    }


def _news(title: str, severity: Severity = Severity.INFO, outcome: Outcome = Outcome.NEUTRAL) -> EventType:
    return EventType(kind=Kind.SYSTEM, outcome=outcome, severity=severity, title=title)


VENDOR = Vendor(
    name="render",
    title="Render",
    docs="https://render.com/docs/webhooks",
    setup="Integrations > Webhooks > Create Webhook: paste the URL, pick the events; the signing secret (`whsec_...`) "
    "is shown on the webhook's page.",
    # Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    signature=Scheme(
        header="webhook-signature",
        format="space_list",
        prefix="v1,",
        encoding="base64",
        key="whsec",
        timestamp="header:webhook-timestamp",
        message=("header:webhook-id", "literal:.", "timestamp", "literal:.", "body"),
    ),
    dedupe=(("header:webhook-id",), ("data.id",)),
    dated=("data.id", "timestamp"),
    event="type",
    events={
        **_runs("deploy", "Deploy"),
        **_runs("build", "Build", Kind.TEST_RUN),
        **_runs("pre_deploy", "Pre-deploy command"),
        **_runs("initial_deploy_hook", "Initial deploy hook"),
        **_runs("cron_job_run", "Cron job", Kind.SYSTEM),
        **_runs("job_run", "One-off job", Kind.SYSTEM),
        **_runs("maintenance", "Maintenance", Kind.SYSTEM),
        **_runs("autoscaling", "Autoscaling", Kind.SYSTEM),
        **_runs("zero_downtime_redeploy", "Redeploy", Kind.SYSTEM),
        "image_pull_failed": EventType(kind=Kind.DEPLOYMENT, outcome=Outcome.FAILED, title="Image pull"),
        "server_failed": EventType(kind=Kind.SYSTEM, outcome=Outcome.FAILED, title="Server"),
        "server_available": EventType(kind=Kind.SYSTEM, outcome=Outcome.PASSED, title="Server"),
        "server_hardware_failure": _news("Server hardware failure", Severity.HIGH),
        "server_restarted": _news("Server restarted"),
        "service_suspended": _news("Service suspended", Severity.MEDIUM),
        "service_resumed": _news("Service resumed"),
        "autoscaling_config_changed": _news("Autoscaling changed"),
        "instance_count_changed": _news("Number of instances changed"),
        "plan_changed": _news("Plan changed"),
        "branch_deleted": _news("Branch deleted"),
        "commit_ignored": _news("Commit ignored"),
    },
    result={
        "vendor_id": "header:webhook-id",
        "time": "timestamp",
        "outcome": "data.status",
        "app.id": "data.serviceId",
        "app.name": "data.serviceName",
        "extra.event_id": "data.id",
    },
    understand=understand,
)
