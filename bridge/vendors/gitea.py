"""Gitea and Forgejo: runs and jobs of Actions, commit statuses, code, reviews, issues, releases, packages.
https://docs.gitea.com/usage/webhooks, https://forgejo.org/docs/latest/user/webhooks/

Gitea tells of each step of a run (`workflow_run`), Forgejo of its end (`action_run_success` and its like). Forgejo
sends Gitea's headers too.

Compared with the sources, which say more than the pages: https://github.com/go-gitea/gitea, `services/webhook`,
`modules/webhook/type.go`, `modules/structs` (`hook.go`, `repo_actions.go`, `pull.go`) and `services/convert`;
https://codeberg.org/forgejo/forgejo, `services/webhook` and `modules/structs/action.go`.

- not confirmed: `workflow_run.head_repository`, which the structure has and the current Gitea does not fill.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, numbered, short_ref, tell_push, tell_release, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

JUDGED = {
    "workflow_run": ("workflow_run.conclusion", "workflow_run.status"),
    "workflow_job": ("workflow_job.conclusion", "workflow_job.status"),
    # A run that was cancelled or skipped comes as `action_run_failure` as well: the status says which it is.
    "action_run_success": ("run.status",),
    "action_run_failure": ("run.status",),
    "action_run_recover": ("run.status",),
    "status": ("state",),
}
REVIEWS = {
    "pull_request_approved": "approved",
    "pull_request_rejected": "changes requested",
    "pull_request_comment": "reviewed",
}


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Title, subject and verdict, by the event."""
    draft = context.read(body)
    if word := body.text(*JUDGED.get(context.type, ())):
        context.judge(draft, word)
    if tell := _TELL.get(context.type):
        tell(draft, body)
    yield draft


def _workflow_run(draft: Draft, body: Document) -> None:
    run = body.at("workflow_run")
    # The path is `ci.yml@refs/heads/main`; of a pull request or a tag it alone names the ref.
    file, _, ref = (run.text("path") or "").partition("@")
    workflow = body.text("workflow.id") or file or None
    draft.vcs.ref = run.text("head_branch") or short_ref(ref or None)
    draft.title = titled(draft.vcs.repository, numbered(body.text("workflow.name") or workflow, run.text("run_number")))
    draft.summary = first_line(run.text("display_title"))
    _mark_fork(draft, run.text("head_repository.full_name"))
    draft.subject_key = key(draft.vcs.repository, workflow, draft.vcs.ref)
    draft.run_id = _attempt(key("run", run.text("id")), run)
    _times(draft, run, "started_at", "completed_at")


def _workflow_job(draft: Draft, body: Document) -> None:
    job = body.at("workflow_job")
    draft.vcs.ref, draft.vcs.commit = job.text("head_branch"), job.text("head_sha")
    draft.title = titled(draft.vcs.repository, job.text("name") or draft.title)
    draft.subject_key = key(draft.vcs.repository, "job", job.text("name"), draft.vcs.ref)
    draft.run_id = _attempt(key("job", job.text("id")), job)
    _times(draft, job, "started_at", "completed_at")


def _mark_fork(draft: Draft, origin: str | None) -> None:
    """A fork's `main` is not our `main`: neither a route nor a history may take it for ours."""
    home = draft.vcs.repository
    if origin and home and origin != home and draft.vcs.ref:
        draft.vcs.ref = f"{origin.partition('/')[0]}:{draft.vcs.ref}"


def _attempt(run_id: str | None, run: Document) -> str | None:
    attempt = run.count("run_attempt")
    return key(run_id, str(attempt)) if attempt and attempt > 1 else run_id


def _times(draft: Draft, run: Document, started: str, ended: str) -> None:
    draft.started_at = _moment(run, started)
    # The pull request that a run is for has a time of its own, which is not the run's.
    draft.time = draft.finished_at = _moment(run, ended) if draft.state is State.FINISHED else None


def _action_run(draft: Draft, body: Document) -> None:
    run = body.at("run")
    workflow = run.text("workflow_id")
    draft.vcs.repository = run.text("repository.full_name") or draft.vcs.repository
    draft.title = titled(draft.vcs.repository, numbered(workflow or draft.title, run.text("index_in_repo")))
    draft.summary = first_line(run.text("title"))
    draft.vcs.ref = short_ref(run.text("prettyref"))
    if run.raw("is_fork_pull_request") is True and draft.vcs.ref:
        draft.vcs.ref = f"fork:{draft.vcs.ref}"
    draft.subject_key = key(draft.vcs.repository, workflow, draft.vcs.ref)
    draft.run_id = key("run", run.text("id"))
    _times(draft, run, "started", "stopped")


def _moment(run: Document, name: str) -> datetime | None:
    """A time that has come: what has not is written as Go's zero time, in the year 1."""
    found = run.moment(name)
    return found if found and found.year > 1970 else None


def _push(draft: Draft, body: Document) -> None:
    before, after, ref = body.text("before") or "", body.text("after") or "", body.text("ref")
    if not ref:
        return
    deleted, created = bool(after) and not after.strip("0"), bool(before) and not before.strip("0")
    messages = [commit.text("message") for commit in reversed(body.items("commits"))]
    tell_push(draft, ref, messages, total=body.count("total_commits"), created=created, deleted=deleted)
    draft.vcs.commit = None if deleted else after or None


def _ref(draft: Draft, body: Document) -> None:
    ref, what = body.text("ref"), body.text("ref_type")
    if ref and what:
        draft.raw_status = f"{draft.type}d"
        draft.title = titled(draft.vcs.repository, f"{what} {short_ref(ref)} {draft.raw_status}")
        draft.vcs.ref, draft.vcs.commit, draft.outcome = short_ref(ref), body.text("sha"), Outcome.NEUTRAL


def _status(draft: Draft, body: Document) -> None:
    """Of a commit, and of no branch that is named: so it has no history."""
    if sha := body.text("sha"):
        draft.title = titled(draft.vcs.repository, body.text("context") or draft.title)
        draft.summary = first_line(body.text("description") or body.text("commit.message"))
        draft.vcs.commit, draft.run_id = sha, key("status", sha, body.text("context"))


def _pull_request(draft: Draft, body: Document) -> None:
    action = body.text("action")
    if not action or not draft.vcs.change:
        return
    did = "merged" if action == "closed" and body.raw("pull_request.merged") is True else action.replace("_", " ")
    draft.summary = body.text("pull_request.title")
    _about_request(draft, body, did)


def _review(draft: Draft, body: Document) -> None:
    if draft.vcs.change:
        draft.summary = first_line(body.text("review.content")) or body.text("pull_request.title")
        _about_request(draft, body, REVIEWS[draft.type])


def _about_request(draft: Draft, body: Document, did: str) -> None:
    draft.title = titled(draft.vcs.repository, f"pull request #{draft.vcs.change} {did}")
    draft.run_id = key("pull", draft.vcs.repository, draft.vcs.change)
    draft.raw_status, draft.outcome = did, Outcome.NEUTRAL
    # The label is the branch's name alone, whosever branch it is.
    _mark_fork(draft, body.text("pull_request.head.repo.full_name"))


def _issue(draft: Draft, body: Document) -> None:
    action, number = body.text("action"), body.text("issue.number")
    if not action or not number:
        return
    commented = draft.type == "issue_comment"
    did = {"created": "commented on"}.get(action, f"comment {action}") if commented else action.replace("_", " ")
    request = body.raw("is_pull") is True
    draft.title = titled(draft.vcs.repository, f"{'pull request' if request else 'issue'} #{number} {did}")
    draft.summary = (first_line(body.text("comment.body")) if commented else None) or body.text("issue.title")
    draft.vcs.change = number if request else None
    draft.run_id = key("pull" if request else "issue", draft.vcs.repository, number)
    draft.raw_status, draft.outcome = did, Outcome.NEUTRAL


def _package(draft: Draft, body: Document) -> None:
    action, package = body.text("action"), body.at("package")
    if not action or not package.text("name"):
        return
    draft.vcs.repository = draft.vcs.repository or package.text("repository.full_name")
    named = " ".join(part for part in (package.text("type"), package.text("name"), package.text("version")) if part)
    draft.title = titled(draft.vcs.repository or package.text("owner.login"), f"package {named} {action}")
    draft.run_id = key("package", package.text("id"))
    draft.raw_status, draft.outcome = action, Outcome.NEUTRAL


def _repository(draft: Draft, body: Document) -> None:
    if (action := body.text("action")) and draft.vcs.repository:
        draft.title = f"Repository {draft.vcs.repository} {action}"
        draft.raw_status, draft.outcome = action, Outcome.NEUTRAL


def _release(draft: Draft, body: Document) -> None:
    tell_release(draft, body.text("action"), body.text("release.tag_name"), body.text("release.name"))


_TELL: dict[str, Callable[[Draft, Document], None]] = {
    "workflow_run": _workflow_run,
    "workflow_job": _workflow_job,
    "status": _status,
    "action_run_success": _action_run,
    "action_run_failure": _action_run,
    "action_run_recover": _action_run,
    "push": _push,
    "create": _ref,
    "delete": _ref,
    "pull_request": _pull_request,
    **dict.fromkeys(REVIEWS, _review),
    "issues": _issue,
    "issue_comment": _issue,
    "release": _release,
    "package": _package,
    "repository": _repository,
}


def _news(title: str) -> EventType:
    return EventType(kind=Kind.CODE, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="gitea",
    title="Gitea / Forgejo",
    docs="https://docs.gitea.com/usage/webhooks",
    setup="Settings > Webhooks > Add Webhook > Gitea (or Forgejo): paste the URL, content type application/json, set a "
    "secret, and pick the events: workflow runs, pushes, pull requests, releases. Forgejo tells of a recovery as a "
    "success too: pick success and failure.",
    # The MAC is of the JSON, so of the body only where the content type is application/json.
    signature=Scheme(header=("X-Gitea-Signature", "X-Forgejo-Signature")),
    dated=(
        "workflow_run.completed_at",
        "workflow_job.completed_at",
        "run.updated",
        "comment.updated_at",
        "issue.updated_at",
        "pull_request.updated_at",
        "release.id",
        "package.id",
        "created_at",
        "head_commit.timestamp",
    ),
    event=("header:X-Gitea-Event", "header:X-Forgejo-Event"),
    events={
        "workflow_run": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "workflow_job": EventType(kind=Kind.TEST_RUN, title="Workflow job"),
        "status": EventType(kind=Kind.TEST_RUN, title="Commit status"),
        "action_run_success": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "action_run_failure": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "action_run_recover": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "push": _news("Push"),
        "create": _news("Branch or tag created"),
        "delete": _news("Branch or tag deleted"),
        "pull_request": _news("Pull request"),
        "pull_request_approved": _news("Review"),
        "pull_request_rejected": _news("Review"),
        "pull_request_comment": _news("Review"),
        "issues": _news("Issue"),
        "issue_comment": _news("Comment"),
        "release": _news("Release"),
        "package": _news("Package"),
        "repository": _news("Repository"),
    },
    result={
        "vendor_id": "header:X-Gitea-Delivery|X-Forgejo-Delivery",
        "url": (
            "workflow_run.html_url",
            "workflow_job.html_url",
            "run.html_url",
            "comment.html_url",
            "issue.html_url",
            "pull_request.html_url",
            "release.html_url",
            "package.html_url",
            "target_url",
            "compare_url",
        ),
        "time": ("comment.updated_at", "issue.updated_at", "pull_request.updated_at", "updated_at", "created_at"),
        "vcs.repository": "repository.full_name",
        "vcs.ref": ("pull_request.head.label", "release.tag_name"),
        "vcs.commit": ("workflow_run.head_sha", "run.commit_sha", "pull_request.head.sha"),
        "vcs.change": ("pull_request.number", "workflow_run.pull_requests.0.number"),
        "labels.actor": ("workflow_run.trigger_actor.login", "run.trigger_user.login", "sender.login"),
        "labels.event": ("workflow_run.event", "run.trigger_event", "run.event"),
        "labels.base": "pull_request.base.ref",
        "extra.prior_status": "prior_status",
        "extra.attempt": "workflow_run.run_attempt",
    },
    outcomes={
        "warning": Outcome.NEUTRAL,
        "requested": State.QUEUED,
        "blocked": State.QUEUED,
        "action_required": Outcome.NEUTRAL,
    },
    understand=understand,
)
