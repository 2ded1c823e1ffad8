"""Vercel: deployments, and what becomes of them. https://vercel.com/docs/webhooks/webhooks-api

Compared with that page, and the names of events also with the API that makes webhooks
(https://github.com/vercel/sdk/blob/main/src/models/createwebhookop.ts). The page and the API spell
some names differently (`domain.renewal-failed`, `domain.renewal.failed`), so both are known. Names from before 2022
(`deployment-ready`) cannot be chosen any more and are unknown.

- not confirmed: the keys of `payload.deployment.meta`, of which the page only says that it is a map; taken from what
  Vercel's command line sends (https://github.com/vercel/vercel, `create-git-meta.ts`) and from public receivers.
- not confirmed: the bodies of `deployment.checks.*` and `firewall.attack`, which only the API names.
- not confirmed: whether a delivery that is tried again keeps its `id`.
- not confirmed: whether `deployment.succeeded` comes where no check is registered; the page speaks of checks only.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, listed, repository_name, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

GIT_HOSTS = ("github", "gitlab", "bitbucket", "git")
"""How keys of a deployment's `meta` begin; `git` where the command line deployed."""
PRODUCTION = ("deployment.promoted", "deployment.rollback")
"""Events that name no target, because they are of production alone."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Where it was deployed to, from which commit, and links that are whole."""
    draft = context.read(body)
    if context.type.startswith("deployment."):
        _deployed(draft, body)
    elif context.type.startswith("project.rolling-release."):
        _rolling_release(draft, body)
    elif context.type == "alerts.triggered":
        titles = [title for alert in body.items("payload.alerts") if (title := alert.text("title"))]
        draft.title = titled(draft.app.name, titles[0] if len(titles) == 1 else draft.title.lower())
        draft.summary = listed(titles) if len(titles) > 1 else None
    elif draft.title and (name := body.text("payload.domain.name", "payload.dnsNames.0") or draft.app.name):
        draft.title = f"{draft.title}: {name}"
    yield draft


def _deployed(draft: Draft, body: Document) -> None:
    draft.environment = draft.environment or _environment(draft.type, body)
    if draft.title == "Deployment":
        where = f" to {draft.environment}" if draft.environment else ""
        draft.title = titled(draft.app.name, f"deployment{where}")
    elif draft.title:
        what = titled(draft.app.name, draft.title.lower() if draft.app.name else draft.title)
        draft.title = f"{what} ({draft.environment})" if draft.environment else what
    branch = draft.vcs.ref if draft.environment == "preview" else "-"
    draft.subject_key = key(draft.app.id, draft.environment, branch)
    draft.summary = first_line(draft.summary)
    if before := body.text("payload.fromDeploymentId"):
        draft.summary = f"from {before} to {body.text('payload.toDeploymentId') or 'another deployment'}"
    if host := body.text("payload.deployment.url"):
        address = host if host.startswith(("https://", "http://")) else f"https://{host}"
        for link in draft.links:
            link.url = address
    meta = body.at("payload.deployment.meta")
    draft.vcs.repository = (
        key(meta.text("githubOrg"), meta.text("githubRepo"))
        or meta.text("gitlabProjectPath")
        or key(meta.text("bitbucketRepoOwner"), meta.text("bitbucketRepoSlug", "bitbucketRepoName"))
        or repository_name(meta.text("gitRemoteUrl"))
    )


def _environment(event: str, body: Document) -> str | None:
    """`target` is null for a preview, which lives as long as its branch. Where it is not there, nobody says."""
    if event in PRODUCTION:
        return "production"
    parts = (body.raw("payload"), body.raw("payload.deployment"))
    return "preview" if any(isinstance(part, dict) and "target" in part for part in parts) else None


def _rolling_release(draft: Draft, body: Document) -> None:
    draft.raw_status = draft.type.rpartition(".")[2]
    draft.title = titled(draft.app.name, "rolling release")
    draft.subject_key = key(draft.app.id, "rolling-release")
    if (share := body.count("payload.rollingRelease.default.targetPercentage")) is not None:
        draft.summary = f"{share}% of traffic"


def _meta(end: str) -> tuple[str, ...]:
    return tuple(f"payload.deployment.meta.{host}{end}" for host in GIT_HOSTS)


def _deployment(
    outcome: Outcome | None, state: State = State.FINISHED, title: str = "Deployment", severity: Severity | None = None
) -> EventType:
    return EventType(kind=Kind.DEPLOYMENT, state=state, outcome=outcome, title=title, severity=severity)


def _rolling(outcome: Outcome | None, state: State = State.FINISHED) -> EventType:
    return EventType(kind=Kind.DEPLOYMENT, state=state, outcome=outcome, title="Rolling release")


def _news(title: str, severity: Severity = Severity.INFO, kind: Kind = Kind.OTHER) -> EventType:
    return EventType(kind=kind, outcome=Outcome.NEUTRAL, severity=severity, title=title)


def _domain(title: str, *names: str) -> dict[str, EventType]:
    """A failure that concerns a domain, by the page's name for it and the API's."""
    return {f"domain.{name}": EventType(kind=Kind.SYSTEM, outcome=Outcome.FAILED, title=title) for name in names}


VENDOR = Vendor(
    name="vercel",
    title="Vercel",
    docs="https://vercel.com/docs/webhooks/webhooks-api",
    setup="Team Settings > Webhooks: pick the deployment events (at least succeeded, error and canceled: ready is no "
    "verdict) and the projects, paste the URL; Vercel shows the secret once. Of an integration's webhooks the secret "
    "is its client secret.",
    # https://vercel.com/docs/webhooks/webhooks-api#securing-webhooks: hex of HMAC-SHA-1 over the raw body.
    signature=Scheme(header="x-vercel-signature", algorithm="sha1"),
    dedupe=("id",),
    dated=("id",),
    event="type",
    events={
        "deployment.created": _deployment(None, State.RUNNING),
        # Ready is built; checks may still run. `succeeded` is said once they are through.
        "deployment.ready": _deployment(None, State.RUNNING),
        "deployment.succeeded": _deployment(Outcome.PASSED),
        "deployment.error": _deployment(Outcome.FAILED),
        "deployment.canceled": _deployment(Outcome.CANCELLED),
        "deployment.checks.failed": _deployment(Outcome.NEUTRAL, title="Checks failed", severity=Severity.HIGH),
        "deployment.checks.succeeded": _deployment(Outcome.NEUTRAL, title="Checks passed", severity=Severity.INFO),
        "deployment.promoted": _deployment(Outcome.NEUTRAL, title="Promoted", severity=Severity.INFO),
        "deployment.rollback": _deployment(Outcome.NEUTRAL, title="Rollback", severity=Severity.HIGH),
        "deployment.cleanup": _deployment(Outcome.NEUTRAL, title="Cleaned up", severity=Severity.INFO),
        "deployment.check-rerequested": _deployment(None, State.RUNNING, title="Check asked for again"),
        "deployment.integration.action.start": _deployment(None, State.RUNNING, title="Integration action"),
        "deployment.integration.action.cancel": _deployment(Outcome.NEUTRAL, title="Integration action cancelled"),
        "deployment.integration.action.cleanup": _deployment(Outcome.NEUTRAL, title="Integration action cleaned up"),
        "project.rolling-release.started": _rolling(None, State.RUNNING),
        "project.rolling-release.approved": _rolling(None, State.RUNNING),
        "project.rolling-release.completed": _rolling(Outcome.PASSED),
        "project.rolling-release.aborted": _rolling(Outcome.CANCELLED),
        # Nothing tells when an alert is over, so it is no failure that could be fixed.
        "alerts.triggered": _news("Alert", Severity.HIGH, Kind.SYSTEM),
        "firewall.attack": _news("Attack on the firewall", Severity.HIGH, Kind.SECURITY),
        **_domain("Domain not renewed", "renewal-failed", "renewal.failed"),
        **_domain("Domain not transferred", "transfer-in-failed", "transfer-in.failed"),
        **_domain("Certificate not added", "certificate-add-failed", "certificate.add.failed"),
        **_domain("Certificate not renewed", "certificate-renew-failed", "certificate.renew.failed"),
        "project.domain-unverified": _news("Domain no longer verified", Severity.HIGH),
        "project.domain.unverified": _news("Domain no longer verified", Severity.HIGH),
        "project.created": _news("Project created"),
        "project.removed": _news("Project removed"),
        "project.renamed": _news("Project renamed"),
        "project.env-variable.created": _news("Environment variable created"),
        "project.env-variable.updated": _news("Environment variable changed"),
        "project.env-variable.deleted": _news("Environment variable deleted"),
    },
    result={
        "vendor_id": "id",
        "time": "createdAt",
        "started_at": "payload.startedAt",
        "run_id": (
            "payload.deployment.id",
            "payload.toDeploymentId",
            "payload.rollingRelease.default.targetDeploymentId",
            "payload.groupId",
            "payload.alerts.0.alertId",
        ),
        "summary": (*_meta("CommitMessage"), "payload.action", "payload.errorReason"),
        "url": ("payload.links.deployment", "payload.links.project", "payload.links.observability"),
        "links.deployment": "payload.deployment.url",
        "environment": ("payload.target", "payload.deployment.target", "payload.rollingRelease.config.target"),
        "app.id": ("payload.project.id", "payload.projectId"),
        "app.name": ("payload.deployment.name", "payload.project.name", "payload.projectSlug"),
        "vcs.ref": _meta("CommitRef"),
        "vcs.commit": _meta("CommitSha"),
        "vcs.change": ("payload.deployment.meta.githubPrId",),
        "labels.actor": (*_meta("CommitAuthorLogin"), *_meta("CommitAuthorName")),
        "labels.region": "region",
        "extra.plan": "payload.plan",
    },
    understand=understand,
)
