"""GitHub: runs of Actions, checks of apps, deployments, pushes, pull requests, releases.
https://docs.github.com/en/webhooks/webhook-events-and-payloads

The event's name stands in a header, which the signature does not cover; so what a body says is looked for where that
event has it, and an event of another name than its body is unknown.
"""

from collections.abc import Callable, Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, numbered, tell_push, tell_release, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

JUDGED = ("workflow_run", "check_suite", "deployment_status")
"""Events with a verdict, in an object that is called as the event is."""
TELLING = ("startup_failure", "waiting")
"""Words that say more than the outcome which they come to."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Title, subject and verdict, by the event."""
    draft = context.read(body)
    # The conclusion is null until the end; until then the status says how far it is.
    if context.type in JUDGED and (word := body.at(context.type).text("conclusion", "state", "status")):
        context.judge(draft, word)
    if draft.raw_status in TELLING:
        draft.reason = draft.raw_status
    if tell := _TELL.get(context.type):
        tell(draft, body)
    yield draft


def _workflow_run(draft: Draft, body: Document) -> None:
    run = body.at("workflow_run")
    draft.title = titled(draft.vcs.repository, numbered(run.text("name") or draft.title, run.text("run_number")))
    draft.summary = first_line(run.text("display_title", "head_commit.message"))
    home = draft.vcs.repository
    # Null where the fork is gone; then a pull request's branch may be anybody's.
    from_request = (run.text("event") or "").startswith("pull_request")
    origin = run.text("head_repository.full_name") or ("?" if from_request else home)
    if origin and origin != home and draft.vcs.ref:
        # A fork's `main` is not our `main`: neither a route nor a history may take it for ours.
        draft.vcs.ref = f"{origin.partition('/')[0]}:{draft.vcs.ref}"
    draft.subject_key = key(home, run.text("workflow_id"), draft.vcs.ref)
    draft.run_id = run.text("id")
    if (attempt := run.count("run_attempt")) and attempt > 1:
        draft.run_id = key(draft.run_id, str(attempt))
    draft.started_at = run.moment("run_started_at", "created_at")
    draft.time = run.moment("updated_at")
    draft.finished_at = draft.time if draft.state is State.FINISHED else None


def _check_suite(draft: Draft, body: Document) -> None:
    suite = body.at("check_suite")
    app = suite.text("app.name")
    draft.title = titled(draft.vcs.repository, f"{app} checks" if app else draft.title)
    draft.summary = first_line(suite.text("head_commit.message"))
    draft.subject_key = key(draft.vcs.repository, "checks", suite.text("app.id"), draft.vcs.ref)
    draft.run_id = key("check_suite", suite.text("id"))
    if (page := body.text("repository.html_url")) and draft.vcs.commit:
        draft.url = f"{page}/commit/{draft.vcs.commit}/checks"
    draft.started_at, draft.time = suite.moment("created_at"), suite.moment("updated_at")
    draft.finished_at = draft.time if draft.state is State.FINISHED else None


def _deployment_status(draft: Draft, body: Document) -> None:
    where = f" to {draft.environment}" if draft.environment else ""
    draft.title = titled(draft.vcs.repository, f"deployment{where}")
    task = body.text("deployment.task") or "deploy"
    draft.subject_key = key(draft.vcs.repository, task, draft.environment)
    draft.run_id = key("deployment", body.text("deployment.id"))
    draft.time = body.moment("deployment_status.created_at")
    draft.started_at = body.moment("deployment.created_at")
    draft.finished_at = draft.time if draft.state is State.FINISHED else None


def _push(draft: Draft, body: Document) -> None:
    if not body.text("ref"):
        return
    deleted = body.raw("deleted") is True
    tell_push(
        draft,
        body.text("ref"),
        [commit.text("message") for commit in body.items("commits")],
        created=body.raw("created") is True,
        deleted=deleted,
        forced=body.raw("forced") is True,
    )
    draft.vcs.commit = None if deleted else body.text("after")
    draft.time = body.moment("repository.pushed_at")


def _pull_request(draft: Draft, body: Document) -> None:
    request, action = body.at("pull_request"), body.text("action")
    if not action or not draft.vcs.change:
        return
    did = "merged" if action == "closed" and request.raw("merged") is True else action.replace("_", " ")
    draft.title = titled(draft.vcs.repository, f"pull request #{draft.vcs.change} {did}")
    draft.summary = request.text("title")
    draft.run_id = key("pull", draft.vcs.repository, draft.vcs.change)
    draft.raw_status, draft.outcome = did, Outcome.NEUTRAL


def _release(draft: Draft, body: Document) -> None:
    tell_release(draft, body.text("action"), body.text("release.tag_name"), body.text("release.name"))


_TELL: dict[str, Callable[[Draft, Document], None]] = {
    "workflow_run": _workflow_run,
    "check_suite": _check_suite,
    "deployment_status": _deployment_status,
    "push": _push,
    "pull_request": _pull_request,
    "release": _release,
}

VENDOR = Vendor(
    name="github",
    title="GitHub",
    docs="https://docs.github.com/en/webhooks/webhook-events-and-payloads",
    setup="Settings > Webhooks > Add webhook (of a repository, an organisation or an app): paste the URL, choose "
    "content type application/json, set a secret, and pick the events: workflow runs, deployment statuses, ...",
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    signature=Scheme(header="X-Hub-Signature-256", prefix="sha256="),
    dated=(
        "workflow_run.updated_at",
        "check_suite.updated_at",
        "deployment_status.id",
        "pull_request.updated_at",
        "release.id",
        "repository.pushed_at",
    ),
    event="header:X-GitHub-Event",
    events={
        "workflow_run": EventType(kind=Kind.TEST_RUN, title="Workflow run"),
        "check_suite": EventType(kind=Kind.TEST_RUN, title="Checks"),
        "deployment_status": EventType(kind=Kind.DEPLOYMENT, title="Deployment"),
        "push": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Push"),
        "pull_request": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Pull request"),
        "release": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Release"),
        "ping": EventType(outcome=Outcome.NEUTRAL, title="Ping from GitHub", test=True),
    },
    # The body of a deployment's status may hold the workflow run that made it, so a deployment's fields come first.
    result={
        "vendor_id": "header:X-GitHub-Delivery",
        "summary": ("deployment_status.description", "deployment.description", "zen"),
        "url": (
            "deployment_status.log_url",
            "deployment_status.target_url",
            "workflow_run.html_url",
            "pull_request.html_url",
            "release.html_url",
            "compare",
        ),
        "links.environment": "deployment_status.environment_url",
        "environment": ("deployment_status.environment", "deployment.environment"),
        "vcs.repository": "repository.full_name",
        "vcs.ref": (
            "deployment.ref",
            "workflow_run.head_branch",
            "check_suite.head_branch",
            "pull_request.head.label",
            "release.tag_name",
        ),
        "vcs.commit": (
            "deployment.sha",
            "workflow_run.head_sha",
            "check_suite.head_sha",
            "pull_request.head.sha",
        ),
        "vcs.change": (
            "pull_request.number",
            "workflow_run.pull_requests.0.number",
            "check_suite.pull_requests.0.number",
        ),
        "time": ("pull_request.updated_at",),
        "labels.actor": ("workflow_run.triggering_actor.login", "sender.login"),
        "labels.event": "workflow_run.event",
        "labels.base": "pull_request.base.ref",
        "extra.attempt": "workflow_run.run_attempt",
        "extra.draft": "pull_request.draft",
        "extra.prerelease": "release.prerelease",
    },
    outcomes={
        "startup_failure": Outcome.ERROR,
        "action_required": Outcome.NEUTRAL,
        "stale": Outcome.NEUTRAL,
        "inactive": Outcome.NEUTRAL,
        "requested": State.QUEUED,
    },
    understand=understand,
)
