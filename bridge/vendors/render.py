"""Render: builds, deploys, jobs, the health of services and databases. https://render.com/docs/webhooks

A body names the service and, since November 2025, how a thing ended
(https://render.com/changelog/webhooks-for-completed-actions-now-include-the-actions-result); it has no link.

Names and words compared with what Render makes of its API's schema (https://github.com/render-oss/cli,
`pkg/client/eventtypes`, `eventstatuses` and `jobs`), headers and body with its example receivers
(https://github.com/render-examples/webhook-receiver, .../webhook-discord-bot).

- not confirmed: which ends carry `data.status`; the names `postgres_credentials_*`, which only the page has.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import key, titled
from bridge.vendors.standard_webhooks import scheme
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions

HEALTH = {
    "server_failed": "server",
    "server_available": "server",
    "postgres_unavailable": "postgres",
    "postgres_available": "postgres",
    "key_value_unhealthy": "key_value",
    "key_value_available": "key_value",
}
"""Of what each tells that it went and came back."""
ENDINGS = ("_started", "_ended", "_completed", "_succeeded", "_failed")


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The service in the title, and a subject for what starts and ends, or goes and comes back."""
    draft = context.read(body)
    if draft.title and draft.app.name:
        draft.title = titled(draft.app.name, draft.title.lower())
    for end in ENDINGS:
        if context.type.endswith(end) and f"{context.type.removesuffix(end)}_started" in VENDOR.events:
            draft.subject_key = key(draft.app.id, context.type.removesuffix(end))
            draft.raw_status = draft.raw_status or end.removeprefix("_")
    if what := HEALTH.get(context.type):
        draft.subject_key = key(draft.app.id, what)
    yield draft


def _runs(name: str, title: str, kind: Kind = Kind.DEPLOYMENT) -> dict[str, EventType]:
    """What starts and ends. An end that does not say how is no verdict."""
    return {
        f"{name}_started": EventType(kind=kind, state=State.RUNNING, title=title),
        f"{name}_ended": EventType(kind=kind, outcome=Outcome.NEUTRAL, title=title),
    }


def _works(name: str, title: str, good: str = "succeeded") -> dict[str, EventType]:
    """What a database does: the event's name says how it went."""
    return {
        f"{name}_started": EventType(kind=Kind.SYSTEM, state=State.RUNNING, title=title),
        f"{name}_{good}": EventType(kind=Kind.SYSTEM, outcome=Outcome.PASSED, title=title),
        f"{name}_failed": EventType(kind=Kind.SYSTEM, outcome=Outcome.FAILED, title=title),
    }


def _is(outcome: Outcome, title: str, kind: Kind = Kind.SYSTEM) -> EventType:
    return EventType(kind=kind, outcome=outcome, title=title)


def _news(title: str, severity: Severity = Severity.INFO) -> EventType:
    return EventType(kind=Kind.SYSTEM, outcome=Outcome.NEUTRAL, severity=severity, title=title)


VENDOR = Vendor(
    name="render",
    title="Render",
    docs="https://render.com/docs/webhooks",
    setup="Integrations > Webhooks > Create Webhook: paste the URL, pick the events; the signing secret (`whsec_...`) "
    "is shown on the webhook's page.",
    signature=scheme("webhook"),
    dedupe=(("header:webhook-id",), ("data.id",)),
    dated=("data.id", "timestamp"),
    event="type",
    events={
        **_runs("deploy", "Deploy"),
        **_runs("build", "Build", Kind.TEST_RUN),
        **_runs("pre_deploy", "Pre-deploy command"),
        **_runs("cron_job_run", "Cron job", Kind.SYSTEM),
        # Nothing tells that one started, and the next one is another: it has no history.
        "job_run_ended": _is(Outcome.NEUTRAL, "One-off job"),
        **_runs("maintenance", "Maintenance", Kind.SYSTEM),
        **_runs("autoscaling", "Autoscaling", Kind.SYSTEM),
        **_runs("zero_downtime_redeploy", "Redeploy", Kind.SYSTEM),
        "image_pull_failed": _is(Outcome.FAILED, "Image pull", Kind.DEPLOYMENT),
        "artifact_fetch_failed": _is(Outcome.FAILED, "Artifact fetch", Kind.DEPLOYMENT),
        "artifact_source_changed": _news("Source of artifacts changed"),
        "server_failed": _is(Outcome.FAILED, "Server"),
        "server_available": _is(Outcome.PASSED, "Server"),
        "server_hardware_failure": _news("Server hardware failure", Severity.HIGH),
        "server_restarted": _news("Server restarted"),
        "service_suspended": _news("Service suspended", Severity.MEDIUM),
        "service_resumed": _news("Service resumed"),
        "maintenance_mode_enabled": _news("Maintenance mode enabled", Severity.MEDIUM),
        "maintenance_mode_uri_updated": _news("Maintenance page changed"),
        "pipeline_minutes_exhausted": _news("Pipeline minutes exhausted", Severity.HIGH),
        "auto_deploy_disabled": _news("Automatic deploys disabled", Severity.MEDIUM),
        "auto_deploy_enabled": _news("Automatic deploys enabled"),
        "autoscaling_config_changed": _news("Autoscaling changed"),
        "instance_count_changed": _news("Number of instances changed"),
        "plan_changed": _news("Plan changed"),
        "branch_deleted": _news("Branch deleted"),
        "commit_ignored": _news("Commit ignored"),
        "disk_created": _news("Disk created"),
        "disk_updated": _news("Disk changed"),
        "disk_deleted": _news("Disk deleted"),
        "edge_cache_enabled": _news("Edge cache enabled"),
        "edge_cache_disabled": _news("Edge cache disabled"),
        "edge_cache_purged": _news("Edge cache purged"),
        "postgres_unavailable": _is(Outcome.FAILED, "Postgres"),
        "postgres_available": _is(Outcome.PASSED, "Postgres"),
        **_works("postgres_backup", "Postgres backup", "completed"),
        **_works("postgres_pitr_checkpoint", "Postgres recovery checkpoint", "completed"),
        **_works("postgres_upgrade", "Postgres upgrade"),
        "postgres_restore_succeeded": _is(Outcome.PASSED, "Postgres restore"),
        "postgres_restore_failed": _is(Outcome.FAILED, "Postgres restore"),
        "postgres_wal_archive_failed": _is(Outcome.FAILED, "Postgres archive of the write-ahead log"),
        "postgres_read_replica_stale": _news("Postgres read replica stale", Severity.HIGH),
        "postgres_cluster_leader_changed": _news("Postgres failover", Severity.MEDIUM),
        "postgres_created": _news("Postgres created"),
        "postgres_restarted": _news("Postgres restarted"),
        "postgres_ha_status_changed": _news("Postgres high availability changed"),
        "postgres_read_replicas_changed": _news("Postgres read replicas changed"),
        "postgres_disk_size_changed": _news("Postgres disk size changed"),
        "postgres_disk_autoscaling_enabled_changed": _news("Postgres disk autoscaling changed"),
        "postgres_connection_pool_changed": _news("Postgres connection pool changed"),
        "postgres_connection_pool_enabled_changed": _news("Postgres connection pool turned on or off"),
        "postgres_credentials_created": _news("Postgres credentials created"),
        "postgres_credentials_deleted": _news("Postgres credentials deleted"),
        "key_value_unhealthy": _is(Outcome.FAILED, "Key Value"),
        "key_value_available": _is(Outcome.PASSED, "Key Value"),
        "key_value_config_restart": _news("Key Value restarted for its configuration"),
    },
    result={
        "vendor_id": "header:webhook-id",
        "time": "timestamp",
        "outcome": "data.status",
        "app.id": "data.serviceId",
        "app.name": "data.serviceName",
        "extra.event_id": "data.id",
    },
    # How the API says that a cron job failed.
    outcomes={"unsuccessful": Outcome.FAILED},
    understand=understand,
)
