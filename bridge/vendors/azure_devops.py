"""Azure DevOps service hooks: builds, runs and their stages, jobs and approvals, releases, code, work items.
https://learn.microsoft.com/en-us/azure/devops/service-hooks/events

Nothing is signed; the subscription's basic authentication is what proves the sender
(https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks).

Compared with the page's source (https://github.com/MicrosoftDocs/azure-devops-docs, `docs/service-hooks/events.md`) and
its sample of every event.

- not confirmed: a run's `resources.repositories`, `requestedFor` and a stage's times, which the samples leave out or
  null; read as the receiver of OpenTelemetry's collector reads them.
- not confirmed: a comment on a pull request, and a changed work item, of which the page has no sample of its own.
- not confirmed: how an approval of a run is called that was neither given nor refused; such a word is unknown.
"""

from collections.abc import Callable, Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document, as_text
from bridge.vendors.naming import first_line, key, numbered, short_ref, tell_push, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

BUILD, RELEASED = "build.complete", "ms.vss-release.deployment-completed-event"
RUN, STAGE = "ms.vss-pipelines.run-state-changed-event", "ms.vss-pipelines.stage-state-changed-event"
JOB, COMMENT = "ms.vss-pipelines.job-state-changed-event", "ms.vss-code.git-pullrequest-comment-event"

PARTS = {STAGE: ("stage",), JOB: ("stage", "job")}
"""What of a run an event is about, from the outside in."""
APPROVALS = {"pending": Severity.MEDIUM, "approved": Severity.INFO, "rejected": Severity.HIGH}
"""How an approval stands, and how much that matters."""

# The result stands there once the state is "completed"; until then the state says how far it is.
WORDS = {
    BUILD: ("result", "status"),
    RUN: ("run.result", "run.state"),
    STAGE: ("stage.result", "stage.state"),
    JOB: ("job.result", "job.state"),
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
    parts = [resource.at(name) for name in PARTS.get(draft.type, ())]
    names = [part.text("displayName", "name") for part in parts]
    draft.title = numbered(pipeline.text("name") or draft.title, run.text("name")) or draft.title
    for name in names:
        # A pipeline whose file has no stages has one that is called so.
        draft.title = titled(draft.title, name if name != "__default" else None)
    draft.run_id = key("run", run.text("id"), *names)
    repository = run.at("resources.repositories.self")
    draft.vcs.ref, draft.vcs.commit = repository.text("refName"), repository.text("version")
    draft.subject_key = key(pipeline.text("id"), short_ref(draft.vcs.ref) or "-", *names)
    # The last part is what the event is about; the run around it may go on.
    about = parts[-1] if parts else run
    draft.started_at = about.moment("startTime", "createdDate")
    draft.finished_at = about.moment("finishTime", "finishedDate")


def _deployment(draft: Draft, resource: Document) -> None:
    definition = resource.text("environment.releaseDefinition.name", "release.releaseDefinition.name")
    release = resource.text("environment.release.name", "release.name")
    where = f" to {draft.environment}" if draft.environment else ""
    place = definition or resource.text("project.name")
    draft.title = titled(place, f"deployment of {release}{where}" if release else f"deployment{where}")
    # The end does not say of which definition it is; the stage's own number says it at both ends.
    draft.subject_key = key(
        resource.text("project.name"), "stage", resource.text("environment.definitionEnvironmentId")
    )
    draft.run_id = key("release", release, draft.environment)


def _release(draft: Draft, resource: Document) -> None:
    release, did = resource.text("release.name"), draft.type.removesuffix("-event").rpartition("-")[2]
    if release:
        place = resource.text("release.releaseDefinition.name", "project.name")
        draft.title = titled(place, f"{release} {did}")
        draft.run_id, draft.raw_status, draft.outcome = key("release", release), did, Outcome.NEUTRAL


def _approval(draft: Draft, resource: Document) -> None:
    """A person's doing and no verdict: what was refused ends as rejected by itself."""
    status = resource.text("approval.status")
    severity = APPROVALS.get(status or "")
    if not severity:
        draft.raw_status = status
        return
    approval = resource.at("approval")
    place = approval.text("releaseDefinition.name") or resource.text("pipeline.name", "project.name")
    what = approval.text("release.name") or resource.text("run.name", "release.name")
    where = f" to {draft.environment}" if draft.environment else ""
    asked = f"approval of {what}{where} {status}" if what else f"{draft.title.lower()} {status}"
    draft.title = titled(place, asked) if place else asked[:1].upper() + asked[1:]
    draft.raw_status, draft.outcome, draft.severity = status, Outcome.NEUTRAL, severity
    draft.run_id = key("approval", approval.text("id"))


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


def _checkin(draft: Draft, resource: Document) -> None:
    if number := resource.text("changesetId"):
        draft.title, draft.summary = f"Changeset {number} checked in", first_line(resource.text("comment"))
        draft.run_id, draft.raw_status, draft.outcome = key("changeset", number), "checked in", Outcome.NEUTRAL


def _pull_request(draft: Draft, resource: Document) -> None:
    number, did = resource.text("pullRequestId"), draft.type.rpartition(".")[2]
    if not number:
        return
    said = draft.summary
    if did == "merged" and resource.text("mergeStatus") != "succeeded":
        did = "merge attempted"
    if did == "updated" and resource.text("status") in ("completed", "abandoned"):
        did = resource.text("status") or did
    _about(draft, resource, did)
    if draft.type != "git.pullrequest.created":
        # Who made the request need not be who changed it; the vendor's sentence says who did.
        draft.labels.pop("actor", None)
        draft.summary = "\n".join(line for line in (draft.summary, said) if line) or None


def _comment(draft: Draft, resource: Document) -> None:
    request, comment = resource.at("pullRequest"), resource.at("comment")
    if request.text("pullRequestId"):
        _about(draft, request, "commented on")
        draft.summary = first_line(comment.text("content")) or draft.summary


def _about(draft: Draft, request: Document, did: str) -> None:
    number = request.text("pullRequestId")
    draft.title = titled(draft.vcs.repository, f"pull request #{number} {did}")
    draft.summary, draft.vcs.change = request.text("title"), number
    draft.vcs.ref, draft.run_id = request.text("sourceRefName"), key("pull", draft.vcs.repository, number)
    draft.raw_status, draft.outcome = did, Outcome.NEUTRAL


def _work_item(draft: Draft, resource: Document) -> None:
    fields = resource.raw("revision.fields") or resource.raw("fields")
    item = {name: as_text(value) for name, value in fields.items()} if isinstance(fields, dict) else {}
    number, did = resource.text("workItemId", "id"), draft.type.rpartition(".")[2]
    if not number:
        return
    place, what = item.get("System.TeamProject"), item.get("System.WorkItemType") or "work item"
    draft.title = titled(place, f"{what} #{number} {'commented on' if did == 'commented' else did}")
    draft.summary = item.get("System.Title") or first_line(draft.summary)
    draft.run_id, draft.raw_status, draft.outcome = key("work item", number), did, Outcome.NEUTRAL
    if person := item.get("System.ChangedBy"):
        # `Mira Lind <mira@example.com>`
        draft.labels["actor"] = person.partition(" <")[0]


_TELL: dict[str, Callable[[Draft, Document], None]] = {
    BUILD: _build,
    RUN: _run,
    STAGE: _run,
    JOB: _run,
    "ms.vss-pipelinechecks-events.approval-pending": _approval,
    "ms.vss-pipelinechecks-events.approval-completed": _approval,
    "ms.vss-release.release-created-event": _release,
    "ms.vss-release.release-abandoned-event": _release,
    "ms.vss-release.deployment-approval-pending-event": _approval,
    "ms.vss-release.deployment-approval-completed-event": _approval,
    "ms.vss-release.deployment-started-event": _deployment,
    RELEASED: _deployment,
    "git.push": _push,
    "git.pullrequest.created": _pull_request,
    "git.pullrequest.updated": _pull_request,
    "git.pullrequest.merged": _pull_request,
    COMMENT: _comment,
    "tfvc.checkin": _checkin,
    "workitem.created": _work_item,
    "workitem.updated": _work_item,
    "workitem.commented": _work_item,
    "workitem.deleted": _work_item,
    "workitem.restored": _work_item,
}


def _news(title: str, kind: Kind = Kind.CODE) -> EventType:
    return EventType(kind=kind, severity=Severity.INFO, title=title)


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
        JOB: EventType(kind=Kind.TEST_RUN, title="Pipeline job"),
        "ms.vss-pipelinechecks-events.approval-pending": _news("Approval", Kind.DEPLOYMENT),
        "ms.vss-pipelinechecks-events.approval-completed": _news("Approval", Kind.DEPLOYMENT),
        "ms.vss-release.release-created-event": _news("Release", Kind.DEPLOYMENT),
        "ms.vss-release.release-abandoned-event": _news("Release", Kind.DEPLOYMENT),
        "ms.vss-release.deployment-approval-pending-event": _news("Approval", Kind.DEPLOYMENT),
        "ms.vss-release.deployment-approval-completed-event": _news("Approval", Kind.DEPLOYMENT),
        "ms.vss-release.deployment-started-event": EventType(
            kind=Kind.DEPLOYMENT, state=State.RUNNING, title="Deployment"
        ),
        RELEASED: EventType(kind=Kind.DEPLOYMENT, title="Deployment"),
        "git.push": _news("Push"),
        "git.pullrequest.created": _news("Pull request"),
        "git.pullrequest.updated": _news("Pull request"),
        "git.pullrequest.merged": _news("Pull request merge attempted"),
        COMMENT: _news("Comment on a pull request"),
        "tfvc.checkin": _news("Check-in"),
        "workitem.created": _news("Work item", Kind.OTHER),
        "workitem.updated": _news("Work item", Kind.OTHER),
        "workitem.commented": _news("Work item", Kind.OTHER),
        "workitem.deleted": _news("Work item", Kind.OTHER),
        "workitem.restored": _news("Work item", Kind.OTHER),
    },
    # The "Test" button of a subscription that does not exist yet.
    test_when={"subscriptionId": "00000000-0000-0000-0000-000000000000"},
    result={
        "vendor_id": "id",
        "time": "createdDate",
        "summary": ("message.text", "detailedMessage.text"),
        "url": (
            "resource._links.web.href",
            "resource.job._links.web.href",
            "resource.stage._links.web.href",
            "resource.run._links.web.href",
            "resource.pullRequest._links.web.href",
            "resource._links.html.href",
            "resource.revision._links.html.href",
            "resource.environment.release._links.web.href",
            "resource.repository.remoteUrl",
        ),
        "environment": ("resource.environment.name", "resource.approval.releaseEnvironment.name"),
        "vcs.repository": ("resource.repository.name", "resource.pullRequest.repository.name"),
        "vcs.ref": "resource.sourceBranch",
        "vcs.commit": "resource.sourceVersion",
        "labels.actor": (
            "resource.requestedFor.displayName",
            "resource.requests.0.requestedFor.displayName",
            "resource.pushedBy.displayName",
            "resource.checkedInBy.displayName",
            "resource.comment.author.displayName",
            "resource.approval.approver.displayName",
            "resource.createdBy.displayName",
        ),
        "labels.event": "resource.reason",
        "labels.project": (
            "resource.definition.project.name",
            "resource.project.name",
            "resource.repository.project.name",
            "resource.pullRequest.repository.project.name",
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
