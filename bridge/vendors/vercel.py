"""Vercel: deployments, and what becomes of them. https://vercel.com/docs/webhooks/webhooks-api"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

GIT_HOSTS = ("github", "gitlab", "bitbucket")


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Where it was deployed to, from which commit, and links that are whole."""
    draft = context.read(body)
    if context.type.startswith("deployment."):
        # `target` is null for a preview, which lives as long as its branch.
        draft.environment = draft.environment or "preview"
        if draft.title == "Deployment":
            draft.title = titled(draft.app.name, f"deployment to {draft.environment}")
        elif draft.title:
            what = draft.title.lower() if draft.app.name else draft.title
            draft.title = f"{titled(draft.app.name, what)} ({draft.environment})"
        branch = draft.vcs.ref if draft.environment == "preview" else "-"
        draft.subject_key = key(draft.app.id, draft.environment, branch)
        draft.summary = first_line(draft.summary)
    elif draft.title and draft.app.name:
        draft.title = f"{draft.title}: {draft.app.name}"
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
        or key(meta.text("bitbucketRepoOwner"), meta.text("bitbucketRepoName"))
    )
    yield draft


def _meta(end: str) -> tuple[str, ...]:
    return tuple(f"payload.deployment.meta.{host}{end}" for host in GIT_HOSTS)


def _deployment(
    outcome: Outcome | None, state: State = State.FINISHED, title: str = "Deployment", severity: Severity | None = None
) -> EventType:
    return EventType(kind=Kind.DEPLOYMENT, state=state, outcome=outcome, title=title, severity=severity)


VENDOR = Vendor(
    name="vercel",
    title="Vercel",
    docs="https://vercel.com/docs/webhooks/webhooks-api",
    setup="Team Settings > Webhooks: pick the deployment events and the projects, paste the URL; Vercel shows the "
    "secret once.",
    # https://vercel.com/docs/headers/request-headers#x-vercel-signature: HMAC of the body with SHA-1.
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
        "project.created": EventType(outcome=Outcome.NEUTRAL, severity=Severity.INFO, title="Project created"),
        "project.removed": EventType(outcome=Outcome.NEUTRAL, severity=Severity.INFO, title="Project removed"),
    },
    result={
        "vendor_id": "id",
        "time": "createdAt",
        "run_id": ("payload.deployment.id", "payload.toDeploymentId"),
        "summary": _meta("CommitMessage"),
        "url": ("payload.links.deployment", "payload.links.project"),
        "links.deployment": "payload.deployment.url",
        "environment": "payload.target",
        "app.id": ("payload.project.id", "payload.projectId"),
        "app.name": ("payload.deployment.name", "payload.project.name", "payload.name"),
        "vcs.ref": _meta("CommitRef"),
        "vcs.commit": _meta("CommitSha"),
        "vcs.change": ("payload.deployment.meta.githubPrId",),
        "labels.actor": (*_meta("CommitAuthorLogin"), *_meta("CommitAuthorName")),
        "labels.region": "region",
        "extra.plan": "payload.plan",
    },
    understand=understand,
)
