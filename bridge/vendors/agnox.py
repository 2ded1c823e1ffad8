"""Agnox runs test suites and posts once when an execution ends. https://docs.agnox.dev/docs/integrations/webhooks

An earlier edition of that page describes another shape (`execution.completed`, the fields under `data`, a `ping`); both
are read here.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document, summed
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


class AgnoxOptions(VendorOptions):
    """What an operator may add about an Agnox source."""

    dashboard_url: str = ""
    """Where your dashboard is, as in https://agnox.dev; with it, results link to their execution."""
    parse_summary: bool = False
    """Read numbers out of the summary's text ("3 tests failed"), where the body has no others."""


def understand(body: Document, context: Context[AgnoxOptions]) -> Iterable[Draft]:
    """A flaky run, which is no failure and yet worth a look; the link where the dashboard is known; the numbers."""
    draft = context.read(body)
    draft.subject_key = body.text("groupName")
    if (draft.raw_status or "").upper() == "UNSTABLE":
        draft.reason, draft.severity = "flaky", Severity.HIGH
    if context.options.dashboard_url and (task := body.text("taskId")) and not draft.url:
        draft.url = f"{context.options.dashboard_url.rstrip('/')}/dashboard?drawerId={quote(task, safe='')}"
    counts = draft.counts
    counts.total = summed((counts.passed, counts.failed, counts.skipped))
    if context.options.parse_summary and counts.origin is None:
        _parse(draft)
    yield draft


_TESTS = re.compile(r"\b([0-9]{1,7}) tests? (failed|skipped|passed(?: on retry)?)\b")
_NUMBERS = {"failed": "failed", "skipped": "skipped", "passed": "passed", "passed on retry": "flaky"}


def _parse(draft: Draft) -> None:
    for number, what in _TESTS.findall(draft.summary or ""):
        setattr(draft.counts, _NUMBERS[what], int(number))
        draft.counts.origin = "parsed"


VENDOR = Vendor(
    name="agnox",
    title="Agnox",
    docs="https://docs.agnox.dev/docs/integrations/webhooks",
    setup="Settings > Connectors > Webhooks: paste the URL and set a secret. There is one webhook per organisation, "
    "and Agnox tries each event once.",
    # The server sends `sha256=<hex>`; the page's own samples compare bare hex. Either is taken.
    signature=Scheme(header="x-agnox-signature", prefix="sha256=", prefix_mode="optional"),
    dedupe=("executionId", "status"),
    dated=("executionId", "data.executionId", "finishedAt", "timestamp"),
    event="event",
    events={
        "execution.finished": EventType(kind=Kind.TEST_RUN, title="Test execution"),
        "execution.completed": EventType(kind=Kind.TEST_RUN, title="Test execution"),
        "ping": EventType(outcome=Outcome.NEUTRAL, title="Ping from Agnox", test=True),
    },
    result={
        "outcome": ("status", "data.status"),
        "title": "groupName",
        "summary": "summary",
        "url": "data.executionUrl",
        "run_id": ("executionId", "data.executionId"),
        "time": ("finishedAt", "timestamp"),
        "started_at": "startedAt",
        "finished_at": "finishedAt",
        "duration_ms": "data.durationMs",
        "counts.unit": "test",
        "counts.passed": "data.testsPassed",
        "counts.failed": "data.testsFailed",
        "counts.skipped": "data.testsSkipped",
        "vcs.repository": "data.ciContext.repository",
        "vcs.commit": "data.ciContext.commitSha",
        "vcs.change": "data.ciContext.prNumber",
        "labels.ci": "data.ciContext.source",
        "extra.task_id": "taskId",
        "extra.cycle_id": "data.cycleId",
    },
    outcomes={"unstable": Outcome.NEUTRAL, "analyzing": State.RUNNING},
    understand=understand,
    options=AgnoxOptions,
)
