"""GitLab: pipelines, jobs, deployments, pushes, merge requests, releases.
https://docs.gitlab.com/user/project/integrations/webhook_events/

A hook carries its secret token as it is, or, where a signing token is set, a signature of the Standard Webhooks kind
(https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944): `signature: {variant: signing}`.
"""

from collections.abc import Callable, Iterable

from bridge.model import Draft, Item, Kind, Outcome, Severity, State
from bridge.vendors.document import Document, as_milliseconds
from bridge.vendors.naming import first_line, key, numbered, tell_push, titled
from bridge.vendors.standard_webhooks import scheme
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

BRANCH_SOURCES = frozenset({"push", "web", "api", "trigger", "webide", "chat", "pipeline"})
"""What starts a branch's own pipeline. Others (schedule, parent_pipeline, ...) run other jobs on the same branch."""
NEVER_RUN = frozenset({"created", "manual", "skipped", "scheduled", "waiting_for_resource", "preparing", "pending"})
"""States in which a job of a finished pipeline did not run at all."""

MERGE_REQUEST = {"open": "opened", "close": "closed", "reopen": "reopened", "update": "updated", "merge": "merged"}


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Title, subject and verdict, by the event."""
    draft = context.read(body)
    if tell := _TELL.get(context.type):
        tell(draft, body)
    elif draft.title:
        draft.title = titled(draft.vcs.repository, draft.title.lower())
    if context.type == "pipeline" and draft.state is State.FINISHED:
        _jobs(draft, body, context)
    yield draft


def _pipeline(draft: Draft, body: Document) -> None:
    about = body.at("object_attributes")
    number = about.text("iid", "id")
    draft.vcs.change = body.text("merge_request.iid")
    draft.title = titled(draft.vcs.repository, numbered(about.text("name") or "pipeline", number))
    draft.summary = first_line(body.text("commit.title", "commit.message"))
    draft.started_at = about.moment("created_at")
    draft.duration_ms = as_milliseconds(about.raw("duration"))
    source = about.text("source") or "push"
    origin, target = body.text("merge_request.source_project_id"), body.text("merge_request.target_project_id")
    if origin and target and origin != target:
        # A fork's `main` is not our `main`: neither a route nor a history may take it for ours.
        draft.vcs.ref = f"refs/merge-requests/{draft.vcs.change or '?'}/head"
    draft.subject_key = key(draft.vcs.repository, draft.vcs.ref)
    if source not in BRANCH_SOURCES:
        draft.subject_key = key(draft.subject_key, source)
    draft.run_id = key("pipeline", about.text("id"))
    if "warnings" in (about.text("detailed_status") or ""):
        draft.reason = "passed with warnings"
    if draft.raw_status == "manual":
        draft.reason = "waits for a manual job"
    if draft.state is not State.FINISHED:
        draft.finished_at = None


def _jobs(draft: Draft, body: Document, context: Context[VendorOptions]) -> None:
    """The jobs of a finished pipeline as items, and their numbers."""
    page = body.text("project.web_url")
    for job in body.items("builds"):
        status, reason = job.text("status"), job.text("failure_reason")
        outcome = Outcome.SKIPPED if status in NEVER_RUN else context.outcome(status)
        if outcome is Outcome.FAILED and job.raw("allow_failure") is True:
            outcome, reason = Outcome.NEUTRAL, f"allowed to fail: {reason or 'failed'}"
        number, stage = job.text("id"), job.text("stage")
        draft.items.append(
            Item(
                job.text("name") or "Unnamed job",
                [stage] if stage else [],
                outcome,
                status,
                f"{page}/-/jobs/{number}" if page and number else None,
                reason if outcome in (Outcome.FAILED, Outcome.NEUTRAL) else None,
                as_milliseconds(job.raw("duration")),
            )
        )
    if draft.items:
        counts, outcomes = draft.counts, [item.outcome for item in draft.items]
        counts.unit, counts.origin, counts.total = "job", "derived", len(outcomes)
        counts.passed, counts.failed = outcomes.count(Outcome.PASSED), outcomes.count(Outcome.FAILED)
        counts.skipped, counts.cancelled = outcomes.count(Outcome.SKIPPED), outcomes.count(Outcome.CANCELLED)


def _job(draft: Draft, body: Document) -> None:
    name, stage = body.text("build_name"), body.text("build_stage")
    draft.title = titled(draft.vcs.repository, f"job {name}" if name else None) or draft.title
    draft.summary = first_line(body.text("commit.message"))
    draft.subject_key = key(draft.vcs.repository, draft.vcs.ref, "job", stage, name)
    draft.run_id = key("job", body.text("build_id"))
    draft.duration_ms = as_milliseconds(body.raw("build_duration"))
    if (page := body.text("project.web_url")) and (number := body.text("build_id")):
        draft.url = f"{page}/-/jobs/{number}"
    if draft.outcome is Outcome.FAILED:
        draft.reason = body.text("build_failure_reason")
        if body.raw("build_allow_failure") is True:
            draft.outcome, draft.reason = Outcome.NEUTRAL, "allowed to fail"


def _deployment(draft: Draft, body: Document) -> None:
    where = f" to {draft.environment}" if draft.environment else ""
    draft.title = titled(draft.vcs.repository, f"deployment{where}")
    draft.subject_key = key(draft.vcs.repository, "deployment", draft.environment)
    draft.run_id = key("deployment", body.text("deployment_id"))
    # Only the link has the whole hash.
    if commit := (body.text("commit_url") or "").rpartition("/commit/")[2]:
        draft.vcs.commit = commit


def _push(draft: Draft, body: Document) -> None:
    before, after, ref = body.text("before") or "", body.text("after") or "", body.text("ref")
    if not ref:
        return
    deleted = bool(after) and not after.strip("0")
    messages = [commit.text("title", "message") for commit in body.items("commits")]
    total = body.count("total_commits_count")
    created = bool(before) and not before.strip("0")
    tell_push(draft, ref, messages, total=total, created=created, deleted=deleted)
    draft.vcs.commit = None if deleted else body.text("checkout_sha", "after")
    if (page := body.text("project.web_url")) and draft.vcs.commit:
        draft.url = f"{page}/-/commit/{draft.vcs.commit}" if created else f"{page}/-/compare/{before}...{after}"


def _merge_request(draft: Draft, body: Document) -> None:
    did, number = body.text("object_attributes.action", "object_attributes.state"), body.text("object_attributes.iid")
    if not did or not number:
        return
    draft.vcs.change = number
    done = MERGE_REQUEST.get(did, did)
    draft.title = titled(draft.vcs.repository, f"merge request !{number} {done}")
    draft.run_id = key("merge_request", draft.vcs.repository, number)
    draft.raw_status, draft.outcome = done, Outcome.NEUTRAL


def _release(draft: Draft, body: Document) -> None:
    tag, did = body.text("tag"), body.text("action")
    if not tag or not did:
        return
    done = f"{did.rstrip('e')}ed"
    draft.title = titled(draft.vcs.repository, f"release {tag} {done}")
    name = body.text("name")
    draft.summary = name if name != tag else None
    draft.vcs.ref, draft.vcs.commit = tag, body.text("commit.id")
    draft.run_id = key("release", draft.vcs.repository, tag)
    draft.raw_status, draft.outcome = done, Outcome.NEUTRAL


_TELL: dict[str, Callable[[Draft, Document], None]] = {
    "pipeline": _pipeline,
    "build": _job,
    "deployment": _deployment,
    "push": _push,
    "tag_push": _push,
    "merge_request": _merge_request,
    "release": _release,
}


def _news(title: str) -> EventType:
    return EventType(kind=Kind.CODE, outcome=Outcome.NEUTRAL, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="gitlab",
    title="GitLab",
    docs="https://docs.gitlab.com/user/project/integrations/webhook_events/",
    setup="Settings > Webhooks > Add new webhook: paste the URL, set a secret token (or a signing token, with "
    "`signature: {variant: signing}` here), and pick pipeline, deployment and whatever else you want to hear of.",
    signature=Scheme(header="X-Gitlab-Token", algorithm="token"),
    signatures={"signing": scheme("webhook")},
    # Not X-Gitlab-Event-UUID: hooks that one hook set off share it.
    dedupe=(("header:webhook-id",), ("header:Idempotency-Key",)),
    dated=(
        "object_attributes.finished_at",
        "object_attributes.updated_at",
        "object_attributes.created_at",
        "build_id",
        "status_changed_at",
        "created_at",
    ),
    event="object_kind",
    events={
        "pipeline": EventType(kind=Kind.TEST_RUN, title="Pipeline"),
        "build": EventType(kind=Kind.TEST_RUN, title="Job"),
        "deployment": EventType(kind=Kind.DEPLOYMENT, title="Deployment"),
        "push": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Push"),
        "tag_push": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Tag"),
        "merge_request": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Merge request"),
        "release": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Release"),
        "issue": _news("Issue"),
        "work_item": _news("Work item"),
        "note": _news("Comment"),
        "wiki_page": _news("Wiki page"),
        "feature_flag": _news("Feature flag"),
        "milestone": _news("Milestone"),
        "emoji": _news("Emoji"),
    },
    result={
        "vendor_id": "header:webhook-id|Idempotency-Key",
        "outcome": ("object_attributes.status", "build_status", "status"),
        "summary": ("object_attributes.note", "object_attributes.title", "object_attributes.name", "commit_title"),
        "url": ("object_attributes.url", "deployable_url", "url"),
        "links.environment": "environment_external_url",
        "environment": ("environment.name", "environment"),
        "vcs.repository": ("project.path_with_namespace", "project_name"),
        "vcs.ref": ("object_attributes.ref", "object_attributes.source_branch", "ref"),
        # Not a job's `commit.id`, which is the pipeline's.
        "vcs.commit": ("object_attributes.sha", "object_attributes.last_commit.id", "sha", "short_sha"),
        "time": (
            "object_attributes.finished_at",
            "object_attributes.updated_at",
            "build_finished_at",
            "status_changed_at",
        ),
        "started_at": "build_started_at",
        "finished_at": ("object_attributes.finished_at", "build_finished_at"),
        "labels.actor": ("user.username", "user_username", "user.name", "user_name"),
        "labels.event": "object_attributes.source",
        "labels.stage": "build_stage",
        "labels.tier": "environment_tier",
        "labels.base": "object_attributes.target_branch",
        "extra.pipeline_id": "pipeline_id",
        "extra.retries": "retries_count",
        "extra.detailed_status": "object_attributes.detailed_status",
    },
    outcomes={
        "created": State.QUEUED,
        "waiting_for_resource": State.QUEUED,
        "waiting_for_callback": State.QUEUED,
        "preparing": State.QUEUED,
        "manual": State.RUNNING,
        "blocked": State.QUEUED,
        "canceling": State.RUNNING,
    },
    understand=understand,
)
