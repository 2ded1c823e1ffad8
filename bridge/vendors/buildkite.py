"""Buildkite: builds and their jobs, as they go. https://buildkite.com/docs/apis/webhooks/pipelines

A hook carries a signature with its time, or, if the webhook is set so, its token as it is
(`signature: {variant: token}`). What a build and a job are: https://buildkite.com/docs/apis/rest-api/builds
"""

import re
from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, numbered, repository_name, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import KeyValue, Scheme

_EMOJI = re.compile(r":[a-z0-9_+-]+:\s*")
"""In a step's name, `:rust:` is one of Buildkite's own pictures."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """What a build's or a job's state means, its title and its subject."""
    draft = context.read(body)
    about = body.at("job" if context.type.startswith("job.") else "build")
    pipeline, branch = body.text("pipeline.id", "pipeline.slug"), draft.vcs.ref
    draft.vcs.repository = repository_name(draft.vcs.repository)
    draft.summary = first_line(body.text("build.message"))
    draft.time = about.moment("finished_at", "started_at", "runnable_at", "scheduled_at", "created_at")
    draft.started_at, draft.finished_at = about.moment("started_at"), about.moment("finished_at")
    name = numbered(body.text("pipeline.name", "pipeline.slug"), body.text("build.number"))
    if context.type.startswith("build.") and about.text("id"):
        context.judge(draft, about.text("state"))
        draft.title, draft.run_id = name or draft.title, about.text("id")
        draft.subject_key = key(pipeline, branch)
        _unfinished(draft, about, context)
    elif context.type.startswith("job.") and about.text("id"):
        context.judge(draft, about.text("state"))
        step = about.text("name", "label", "step_key", "command")
        draft.title, draft.run_id = titled(name, _EMOJI.sub("", first_line(step) or "")), about.text("id")
        draft.subject_key = key(pipeline, branch, about.text("step_key", "name"))
        if draft.outcome is Outcome.FAILED and about.raw("soft_failed") is True:
            draft.outcome, draft.reason = Outcome.NEUTRAL, "soft failed"
        elif draft.outcome is Outcome.FAILED and (status := about.text("exit_status")):
            draft.reason = f"exit status {status}"
    elif agent := body.text("agent.name"):
        draft.title = f"{draft.title}: {agent}"
    yield draft


def _unfinished(draft: Draft, build: Document, context: Context[VendorOptions]) -> None:
    """`build.finished` is also sent when a build stops at a block step: it passed so far, and waits for somebody."""
    if context.type == "build.failing":
        draft.state, draft.outcome, draft.reason = State.RUNNING, None, "failing"
    elif build.raw("blocked") is True and draft.outcome is not Outcome.FAILED:
        draft.state, draft.outcome, draft.reason = State.RUNNING, None, "blocked"
    if draft.state is not State.FINISHED:
        draft.finished_at = None


def _build(title: str = "Build") -> EventType:
    return EventType(kind=Kind.TEST_RUN, title=title)


def _agent(title: str, severity: Severity = Severity.INFO) -> EventType:
    return EventType(kind=Kind.SYSTEM, outcome=Outcome.NEUTRAL, severity=severity, title=title)


VENDOR = Vendor(
    name="buildkite",
    title="Buildkite",
    docs="https://buildkite.com/docs/apis/webhooks/pipelines",
    setup="Settings > Notification Services > Add Webhook: paste the URL, choose to send the token as an "
    "X-Buildkite-Signature (or as X-Buildkite-Token, with `signature: {variant: token}` here), and pick build.finished "
    "and whatever else you want to hear of. The secret is the webhook's token.",
    # https://buildkite.com/docs/apis/webhooks/pipelines#webhook-signature
    signature=Scheme(
        header="X-Buildkite-Signature",
        format="kv",
        kv=KeyValue(signature="signature", timestamp="timestamp"),
        message=("timestamp", "literal:.", "body"),
    ),
    signatures={"token": Scheme(header="X-Buildkite-Token", algorithm="token")},
    dated=("job.id", "build.id", "agent.id"),
    event="event",
    events={
        "build.scheduled": _build(),
        "build.running": _build(),
        "build.failing": _build(),
        "build.finished": _build(),
        "build.skipped": _build(),
        "job.scheduled": _build("Job"),
        "job.started": _build("Job"),
        "job.finished": _build("Job"),
        "job.activated": _build("Job"),
        "agent.connected": _agent("Agent connected"),
        "agent.lost": _agent("Agent lost", Severity.MEDIUM),
        "agent.disconnected": _agent("Agent disconnected"),
        "agent.stopping": _agent("Agent stopping"),
        "agent.stopped": _agent("Agent stopped"),
        "agent.blocked": _agent("Agent blocked"),
        "ping": EventType(outcome=Outcome.NEUTRAL, title="Ping from Buildkite", test=True),
    },
    result={
        "url": ("job.web_url", "build.web_url", "agent.web_url"),
        "vcs.repository": "pipeline.repository",
        "vcs.ref": ("build.branch", "build.tag"),
        "vcs.commit": "build.commit",
        "vcs.change": "build.pull_request.id",
        "labels.actor": ("build.creator.name", "build.author.name"),
        "labels.event": "build.source",
        "labels.pipeline": "pipeline.slug",
        "labels.agent": "agent.name",
        "extra.build_number": "build.number",
        "extra.cancel_reason": "build.cancel_reason",
    },
    # A broken job is one that was never to run in this build: its branch or its condition did not match.
    outcomes={
        "broken": Outcome.SKIPPED,
        "not_run": Outcome.SKIPPED,
        "expired": Outcome.TIMED_OUT,
        "waiting_failed": Outcome.SKIPPED,
        "blocked_failed": Outcome.SKIPPED,
        "unblocked_failed": Outcome.SKIPPED,
        "creating": State.QUEUED,
        "limiting": State.QUEUED,
        "limited": State.QUEUED,
        "assigned": State.QUEUED,
        "accepted": State.QUEUED,
        "blocked": State.RUNNING,
        "unblocked": State.RUNNING,
        "failing": State.RUNNING,
        "canceling": State.RUNNING,
        "timing_out": State.RUNNING,
    },
    understand=understand,
)
