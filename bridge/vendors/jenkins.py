"""Jenkins, by its Notification plugin: builds of jobs, as JSON over HTTP. https://plugins.jenkins.io/notification/

Jenkins itself has no webhooks going out, and the plugin signs nothing: the URL that is pasted carries the secret, as
`?token=<secret>`.
"""

from collections.abc import Iterable

from bridge.model import Draft, Item, Kind, Outcome, State
from bridge.vendors.document import Document
from bridge.vendors.naming import key, numbered, repository_name
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """What the phase and the status mean, and the failed tests."""
    draft = context.read(body)
    build = body.at("build")
    name = body.text("display_name", "name")
    draft.title = numbered(name, build.text("number")) or draft.title
    if word := build.text("status"):
        context.judge(draft, word)
    if draft.raw_status == "UNSTABLE":
        draft.reason = "unstable"
    draft.vcs.repository = repository_name(draft.vcs.repository)
    if draft.vcs.ref:
        draft.vcs.ref = draft.vcs.ref.removeprefix("origin/")
    job = (body.text("url", "name") or "").strip("/") or None
    draft.subject_key = key(job, draft.vcs.ref) if draft.vcs.ref else job
    draft.run_id = build.text("full_url") or key(job, build.text("number"))
    if draft.state is not State.FINISHED:
        draft.duration_ms = None
    else:
        draft.items = [
            Item(test.text("name") or "Unnamed test", outcome=Outcome.FAILED, raw_status=test.text("status"))
            for test in build.items("test_summary.failed_tests")
        ]
    yield draft


def _phase(state: State) -> EventType:
    return EventType(kind=Kind.TEST_RUN, state=state, title="Build")


VENDOR = Vendor(
    name="jenkins",
    title="Jenkins",
    docs="https://plugins.jenkins.io/notification/",
    setup="Install the Notification plugin; in the job: Job Notifications > Add Endpoint, format JSON, protocol HTTP, "
    "and as URL this one with ?token=<secret> at its end.",
    signature=Scheme(query="token", algorithm="token"),
    # COMPLETED and FINALIZED say the same of one build; the second is news only if the status is another by then.
    dedupe=("build.full_url", "build.status"),
    dated=("build.timestamp",),
    event="build.phase",
    events={
        "QUEUED": _phase(State.QUEUED),
        "STARTED": _phase(State.RUNNING),
        "COMPLETED": _phase(State.FINISHED),
        "FINALIZED": _phase(State.FINISHED),
    },
    result={
        "url": "build.full_url",
        "duration_ms": "build.duration",
        "vcs.repository": "build.scm.url",
        "vcs.ref": "build.scm.branch",
        "vcs.commit": "build.scm.commit",
        "counts.unit": "test",
        "counts.total": "build.test_summary.total",
        "counts.passed": "build.test_summary.passed",
        "counts.failed": "build.test_summary.failed",
        "counts.skipped": "build.test_summary.skipped",
        "labels.job": "name",
        "labels.actor": "build.scm.culprits.0",
    },
    # Unstable: it was built, and tests failed.
    outcomes={"unstable": Outcome.FAILED, "not_built": Outcome.SKIPPED},
    understand=understand,
)
