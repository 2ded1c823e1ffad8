"""Gitea and Forgejo: runs of Actions, pushes, pull requests, releases.
https://docs.gitea.com/usage/webhooks, https://forgejo.org/docs/latest/user/webhooks/

Gitea tells of each step of a run (`workflow_run`), Forgejo of its end (`action_run_success` and its like). Forgejo
sends Gitea's headers too.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, numbered, short_ref, tell_push, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

RUNS = ("workflow_run", "action_run_success", "action_run_failure", "action_run_recover")


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Title, subject and verdict, by the event."""
    draft = context.read(body)
    about = "workflow_run" if context.type == "workflow_run" else "run"
    if context.type in RUNS and (word := body.at(about).text("conclusion", "status")):
        context.judge(draft, word)
    if tell := _TELL.get(context.type):
        tell(draft, body)
    yield draft


def _workflow_run(draft: Draft, body: Document) -> None:
    run = body.at("workflow_run")
    # The path is `ci.yml@refs/heads/main`.
    workflow = (run.text("path") or "").partition("@")[0] or None
    name = body.text("workflow.name") or workflow or draft.title
    draft.title = titled(draft.vcs.repository, numbered(name, run.text("run_number")))
    draft.summary = first_line(run.text("display_title"))
    home, fork = draft.vcs.repository, run.text("head_repository.full_name")
    if fork and home and fork != home and draft.vcs.ref:
        # A fork's `main` is not our `main`: neither a route nor a history may take it for ours.
        draft.vcs.ref = f"{fork.partition('/')[0]}:{draft.vcs.ref}"
    draft.subject_key = key(home, body.text("workflow.id") or workflow, draft.vcs.ref)
    draft.run_id = key("run", run.text("id"))
    if (attempt := run.count("run_attempt")) and attempt > 1:
        draft.run_id = key(draft.run_id, str(attempt))
    draft.started_at = _moment(run, "started_at")
    if draft.state is State.FINISHED:
        draft.time = draft.finished_at = _moment(run, "completed_at")


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
    draft.started_at = _moment(run, "started")
    if draft.state is State.FINISHED:
        draft.time = draft.finished_at = _moment(run, "stopped")


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


def _pull_request(draft: Draft, body: Document) -> None:
    action = body.text("action")
    if not action or not draft.vcs.change:
        return
    did = "merged" if action == "closed" and body.raw("pull_request.merged") is True else action.replace("_", " ")
    draft.title = titled(draft.vcs.repository, f"pull request #{draft.vcs.change} {did}")
    draft.summary = body.text("pull_request.title")
    draft.run_id = key("pull", draft.vcs.repository, draft.vcs.change)
    draft.raw_status, draft.outcome = did, Outcome.NEUTRAL


def _release(draft: Draft, body: Document) -> None:
    action, tag = body.text("action"), body.text("release.tag_name")
    if not action or not tag:
        return
    draft.title = titled(draft.vcs.repository, f"release {tag} {action}")
    name = body.text("release.name")
    draft.summary = name if name != tag else None
    draft.run_id = key("release", draft.vcs.repository, tag)
    draft.raw_status, draft.outcome = action, Outcome.NEUTRAL


_TELL: dict[str, Callable[[Draft, Document], None]] = {
    "workflow_run": _workflow_run,
    "action_run_success": _action_run,
    "action_run_failure": _action_run,
    "action_run_recover": _action_run,
    "push": _push,
    "create": _ref,
    "delete": _ref,
    "pull_request": _pull_request,
    "release": _release,
}


def _news(title: str) -> EventType:
    return EventType(kind=Kind.CODE, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="gitea",
    title="Gitea / Forgejo",
    docs="https://docs.gitea.com/usage/webhooks",
    setup="Settings > Webhooks > Add Webhook > Gitea (or Forgejo): paste the URL, content type application/json, set a "
    "secret, and pick the events: workflow runs, pushes, pull requests, releases.",
    signature=Scheme(header=("X-Gitea-Signature", "X-Forgejo-Signature")),
    dated=(
        "workflow_run.completed_at",
        "run.updated",
        "pull_request.updated_at",
        "release.id",
        "head_commit.timestamp",
    ),
    event=("header:X-Gitea-Event", "header:X-Forgejo-Event"),
    events={
        "workflow_run": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "action_run_success": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "action_run_failure": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "action_run_recover": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "push": _news("Push"),
        "create": _news("Branch or tag created"),
        "delete": _news("Branch or tag deleted"),
        "pull_request": _news("Pull request"),
        "release": _news("Release"),
    },
    result={
        "vendor_id": "header:X-Gitea-Delivery|X-Forgejo-Delivery",
        "url": (
            "workflow_run.html_url",
            "run.html_url",
            "run.run_html_url",
            "pull_request.html_url",
            "release.html_url",
            "compare_url",
        ),
        "time": "pull_request.updated_at",
        "vcs.repository": "repository.full_name",
        "vcs.ref": ("workflow_run.head_branch", "pull_request.head.label", "release.tag_name"),
        "vcs.commit": ("workflow_run.head_sha", "run.commit_sha", "pull_request.head.sha"),
        "vcs.change": "pull_request.number",
        "labels.actor": ("workflow_run.trigger_actor.login", "run.trigger_user.login", "sender.login"),
        "labels.event": ("workflow_run.event", "run.trigger_event", "run.event"),
        "labels.base": "pull_request.base.ref",
        "extra.prior_status": "prior_status",
        "extra.attempt": "workflow_run.run_attempt",
    },
    outcomes={"requested": State.QUEUED, "blocked": State.QUEUED, "action_required": Outcome.NEUTRAL},
    understand=understand,
)
