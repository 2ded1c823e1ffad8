"""Autosana runs mobile and web tests in batches and posts once when a batch ends. https://docs.autosana.ai/webhooks

The body carries no id. Beside the documented fields, those of the run-status API (https://docs.autosana.ai/api-runs),
which has the same shape and more, are used where they appear.
"""

import hashlib
from collections.abc import Iterable

from bridge.model import BAD, Draft, Item, Kind, Outcome
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

CONTRADICTION = "the batch's numbers contradict each other"


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Groups and their runs as items, one verdict over them and the summary, and a subject that is the same suite."""
    draft = context.read(body)
    groups = [_Group(group, context) for group in body.items("run_groups")]
    for group in groups:
        draft.items += group.items
    complete = body.raw("is_complete") is not False and _readable(body, draft)
    draft.outcome, draft.reason = _verdict(draft, groups, complete=complete)
    shown = next((group for group in groups if group.outcome in BAD), groups[0] if groups else None)
    draft.url = shown.url if shown else None
    app = draft.app
    if app.name or app.id:
        draft.title = (app.name or app.id or "") + (f" ({app.platform})" if app.platform else "")
        suite = "\n".join(sorted(group.name for group in groups))
        digest = hashlib.sha256(suite.encode(errors="replace")).hexdigest()[:8]
        draft.subject_key = "/".join((app.id or app.name or "", app.platform or "-", draft.vcs.ref or "-", digest))
    yield draft


def _readable(body: Document, draft: Draft) -> bool:
    """Whether nothing that the verdict is made of is there in a shape that cannot be read: that might be bad news."""
    lists = [body.raw("run_groups"), *(group.raw("runs") for group in body.items("run_groups"))]
    if not all(each is None or isinstance(each, list) for each in lists):
        return False
    return draft.counts.failed is not None or body.raw("summary.failed_groups") is None


class _Group:
    """One group of runs: its own status, which may be bad while every run in it passed (setup or teardown failed)."""

    def __init__(self, group: Document, context: Context[VendorOptions]) -> None:
        self.name = group.text("name") or "Unnamed group"
        self.url = group.text("url")
        runs = group.items("runs")
        self.items = [_item(run, run.text("name") or "Unnamed run", [self.name], context) for run in runs]
        own = _item(group, self.name, [], context)
        explained = any(item.outcome in BAD for item in self.items)
        silent = bool(runs) and own.raw_status is None
        self.outcomes = {item.outcome for item in self.items} | (set() if silent else {own.outcome})
        self.outcome = _worst(self.outcomes)
        if not runs or (own.outcome in BAD and not explained):
            self.items.append(own)


def _item(part: Document, name: str, path: list[str], context: Context[VendorOptions]) -> Item:
    status = part.text("status")
    return Item(name, path, context.outcome(status), status, part.text("url"), part.text("summary"))


def _worst(outcomes: set[Outcome]) -> Outcome:
    for outcome in (Outcome.FAILED, Outcome.ERROR, Outcome.TIMED_OUT):
        if outcome in outcomes:
            return outcome
    if outcomes == {Outcome.SKIPPED}:
        return Outcome.SKIPPED
    return Outcome.PASSED if outcomes <= {Outcome.PASSED, Outcome.SKIPPED} else Outcome.UNKNOWN


def _verdict(draft: Draft, groups: list[_Group], *, complete: bool) -> tuple[Outcome, str | None]:
    """The vendor's own CI rule, which fails closed: neither the summary nor the list is believed alone.

    Green only if something ran and passed + skipped is all of it; a batch of only skipped groups is "skipped".
    """
    counts, found = draft.counts, [group.outcome for group in groups]
    if counts.failed or any(outcome in BAD for outcome in found):
        return Outcome.FAILED, None
    if not complete or counts.total is None or counts.passed is None:
        return Outcome.UNKNOWN, None
    skipped = found.count(Outcome.SKIPPED)
    accounted = counts.passed + skipped
    listed_passed = found.count(Outcome.PASSED)
    if accounted > counts.total or len(found) > counts.total or listed_passed > counts.passed:
        return Outcome.FAILED, CONTRADICTION
    if Outcome.UNKNOWN in found or counts.total == 0:
        return Outcome.UNKNOWN, None
    if accounted < counts.total:
        return (Outcome.UNKNOWN, None) if counts.failed is None else (Outcome.FAILED, CONTRADICTION)
    return (Outcome.PASSED if counts.passed else Outcome.SKIPPED), None


VENDOR = Vendor(
    name="autosana",
    title="Autosana",
    docs="https://docs.autosana.ai/webhooks",
    setup="Settings > Integrations > Add Webhook. Paste the URL (it must be HTTPS) and set a signing secret: "
    "without one, Autosana does not sign.",
    signature=Scheme(header="X-Autosana-Signature-256", prefix="sha256="),
    dated=("timestamp", "batch_id"),
    event="event",
    events={"batch.completed": EventType(kind=Kind.TEST_RUN, title="Test batch")},
    result={
        "time": "timestamp",
        "run_id": "batch_id",
        "app.id": "app.id",
        "app.name": "app.name",
        "app.platform": "app.platform",
        "vcs.ref": "git.branch",
        "vcs.commit": "git.commit_sha",
        "counts.unit": "group",
        "counts.total": "summary.total_groups",
        "counts.passed": "summary.passed_groups",
        "counts.failed": "summary.failed_groups",
        "extra.total_flows": "summary.total_flows",
        "extra.passed_flows": "summary.passed_flows",
        "extra.failed_flows": "summary.failed_flows",
        "extra.error_flows": "summary.error_flows",
        "extra.terminated_flows": "summary.terminated_flows",
        "extra.skipped_flows": "summary.skipped_flows",
        "sensitive_artifacts.build": "app.url",
    },
    # A run that a crash or a person ended has no verdict, and the vendor's own CI rule counts it against the batch.
    outcomes={"terminated": Outcome.ERROR},
    understand=understand,
)
