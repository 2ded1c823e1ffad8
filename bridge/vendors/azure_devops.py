"""Azure DevOps service hooks: builds, pipeline runs and stages, releases, pushes, pull requests.
https://learn.microsoft.com/en-us/azure/devops/service-hooks/events

Nothing is signed; the subscription's basic authentication is what proves the sender
(https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks).
"""

from collections.abc import Callable, Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import key, numbered, short_ref, tell_push, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

BUILD, RELEASED = "build.complete", "ms.vss-release.deployment-completed-event"
RUN, STAGE = "ms.vss-pipelines.run-state-changed-event", "ms.vss-pipelines.stage-state-changed-event"

# The result stands there once the state is "completed"; until then the state says how far it is.
WORDS = {
    BUILD: ("result", "status"),
    RUN: ("run.result", "run.state"),
    STAGE: ("stage.result", "stage.state"),
    RELEASED: ("environment.status",),
}


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Title, subject and verdict, by the event. The vendor's own sentence is the summary."""
    draft = context.read(body)
    resource = body.at("resource")
    if word := resource.text(*WORDS.get(context.type, ())):
        context.judge(draft, word)
    if tell := _TELL.get(context.type):
        tell(draft, resource)
    draft.vcs.ref = short_ref(draft.vcs.ref)
    if draft.raw_status == "partiallySucceeded":
        draft.raw_status = "partially succeeded"
    if draft.is_test:
        draft.kind, draft.subject_key, draft.outcome = Kind.OTHER, None, Outcome.NEUTRAL
    yield draft


def _build(draft: Draft, build: Document) -> None:
    name, project = build.text("definition.name"), build.text("definition.project.name", "project.name")
    draft.title = titled(project, numbered(name or "build", build.text("buildNumber")))
    # Resource version 1.0 has no branch, only `LG:refs/heads/main:<commit>`.
    version = (build.text("sourceGetVersion") or "").split(":")
    if len(version) == 3 and not draft.vcs.ref:
        draft.vcs.ref, draft.vcs.commit = version[1], version[2]
    draft.subject_key = key(build.text("definition.id"), short_ref(draft.vcs.ref))
    draft.run_id = key("run", build.text("id"))
    draft.started_at, draft.finished_at = build.moment("startTime"), build.moment("finishTime")


def _run(draft: Draft, resource: Document) -> None:
    run, pipeline = resource.at("run"), resource.at("pipeline")
    stage = resource.at("stage") if isinstance(resource.raw("stage"), dict) else None
    draft.title = numbered(pipeline.text("name") or draft.title, run.text("name")) or draft.title
    stage_name = stage.text("displayName", "name") if stage else None
    draft.title = titled(draft.title, stage_name)
    draft.run_id = key("run", run.text("id"), stage_name) if stage else key("run", run.text("id"))
    repository = run.at("resources.repositories.self")
    draft.vcs.ref, draft.vcs.commit = repository.text("refName"), repository.text("version")
    subject = key(pipeline.text("id"), short_ref(draft.vcs.ref) or "-")
    draft.subject_key = key(subject, stage_name) if stage else subject
    draft.started_at, draft.finished_at = run.moment("createdDate"), run.moment("finishedDate")


def _deployment(draft: Draft, resource: Document) -> None:
    definition = resource.text("environment.releaseDefinition.name", "release.releaseDefinition.name")
    release = resource.text("environment.release.name", "release.name")
    where = f" to {draft.environment}" if draft.environment else ""
    draft.title = titled(definition, f"deployment of {release}{where}" if release else f"deployment{where}")
    draft.subject_key = key(resource.text("project.name"), definition, draft.environment)
    draft.run_id = key("release", release, draft.environment)


def _push(draft: Draft, resource: Document) -> None:
    update = resource.at("refUpdates.0")
    old, new = update.text("oldObjectId") or "", update.text("newObjectId") or ""
    if not update.text("name"):
        return
    deleted = bool(new) and not new.strip("0")
    messages = [commit.text("comment") for commit in reversed(resource.items("commits"))]
    created = bool(old) and not old.strip("0")
    tell_push(draft, update.text("name"), messages, created=created, deleted=deleted)
    draft.vcs.commit = None if deleted else new or None


def _pull_request(draft: Draft, resource: Document) -> None:
    number, did = resource.text("pullRequestId"), draft.type.rpartition(".")[2]
    if did == "merged" and resource.text("mergeStatus") != "succeeded":
        did = "merge attempted"
    if number:
        draft.title = titled(draft.vcs.repository, f"pull request #{number} {did}")
        draft.summary, draft.vcs.change = resource.text("title"), number
        draft.vcs.ref, draft.run_id = resource.text("sourceRefName"), key("pull", draft.vcs.repository, number)
        draft.raw_status, draft.outcome = did, Outcome.NEUTRAL


_TELL: dict[str, Callable[[Draft, Document], None]] = {
    BUILD: _build,
    RUN: _run,
    STAGE: _run,
    "ms.vss-release.deployment-started-event": _deployment,
    RELEASED: _deployment,
    "git.push": _push,
    "git.pullrequest.created": _pull_request,
    "git.pullrequest.updated": _pull_request,
    "git.pullrequest.merged": _pull_request,
}


def _news(title: str) -> EventType:
    return EventType(kind=Kind.CODE, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="azure_devops",
    title="Azure DevOps",
    docs="https://learn.microsoft.com/en-us/azure/devops/service-hooks/events",
    setup="Project settings > Service hooks > + > Web Hooks: pick the event, paste the URL, and give a basic "
    "authentication user name and password. The secret here is `user:password`.",
    signature=Scheme(algorithm="basic"),
    dedupe=("subscriptionId", "notificationId", "id"),
    dated=("createdDate",),
    event="eventType",
    events={
        BUILD: EventType(kind=Kind.TEST_RUN, title="Build"),
        RUN: EventType(kind=Kind.TEST_RUN, title="Pipeline run"),
        STAGE: EventType(kind=Kind.TEST_RUN, title="Pipeline stage"),
        "ms.vss-release.deployment-started-event": EventType(
            kind=Kind.DEPLOYMENT, state=State.RUNNING, title="Deployment"
        ),
        RELEASED: EventType(kind=Kind.DEPLOYMENT, title="Deployment"),
        "git.push": _news("Push"),
        "git.pullrequest.created": _news("Pull request"),
        "git.pullrequest.updated": _news("Pull request"),
        "git.pullrequest.merged": _news("Pull request merge attempted"),
    },
    # The "Test" button of a subscription that does not exist yet.
    test_when={"subscriptionId": "00000000-0000-0000-0000-000000000000"},
    result={
        "vendor_id": "id",
        "time": "createdDate",
        "summary": ("message.text", "detailedMessage.text"),
        "url": (
            "resource._links.web.href",
            "resource.run._links.web.href",
            "resource.environment.release._links.web.href",
            "resource.repository.remoteUrl",
        ),
        "environment": "resource.environment.name",
        "vcs.repository": ("resource.repository.name",),
        "vcs.ref": "resource.sourceBranch",
        "vcs.commit": "resource.sourceVersion",
        "labels.actor": (
            "resource.requestedFor.displayName",
            "resource.requests.0.requestedFor.displayName",
            "resource.pushedBy.displayName",
            "resource.createdBy.displayName",
        ),
        "labels.event": "resource.reason",
        "labels.project": (
            "resource.definition.project.name",
            "resource.project.name",
            "resource.repository.project.name",
        ),
    },
    # Words of both the older and the newer shape. Partially succeeded: some step failed, and was let pass.
    outcomes={
        "partiallySucceeded": Outcome.NEUTRAL,
        "rejected": Outcome.FAILED,
        "notStarted": State.QUEUED,
        "inProgress": State.RUNNING,
        "canceling": State.RUNNING,
    },
    understand=understand,
)
