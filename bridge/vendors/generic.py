"""Any sender of JSON that has no vendor of its own here: the usual names for a title, a status and a link are tried.

The source says how it signs. What this finds is shown as it is; a status is only believed where its word is a common
one, and else the outcome is unknown. `drawbridge vendors new` makes a vendor of such an event that says more.
"""

from collections.abc import Iterable

from bridge.model import Draft, Outcome
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, Vendor, VendorOptions

AROUND = ("", "data.", "payload.", "event.", "run.", "build.", "job.", "check.", "alert.", "object.", "data.object.")
"""Where senders put what an event is about."""

EVENT_HEADERS = (
    "X-Event-Type",
    "X-Event-Name",
    "X-Event-Key",
    "X-Event",
    "X-Webhook-Event",
    "X-Webhook-Topic",
    "X-Topic",
    "X-GitHub-Event",
    "X-Gitlab-Event",
    "X-Gitea-Event",
    "X-Shopify-Topic",
    "Sentry-Hook-Resource",
    "Ce-Type",
)
"""Headers in which senders name an event that the body does not name. They are kept, for `drawbridge vendors new`."""


def _anywhere(*names: str) -> tuple[str, ...]:
    """The names at the top and one level below, the best name first."""
    return tuple(around + name for name in names for around in AROUND)


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """What says nothing of how a thing ended is a notice, and no verdict that was not understood."""
    draft = context.read(body)
    if draft.raw_status is None:
        draft.outcome = Outcome.NEUTRAL
    yield draft


VENDOR = Vendor(
    name="generic",
    title="Any sender",
    docs="https://www.rfc-editor.org/rfc/rfc8259",
    setup="Paste the URL wherever the sender asks for one, and say in the source's `signature` how it signs.",
    dated=(*_anywhere("id", "uuid"), *_anywhere("timestamp", "time", "finished_at", "completed_at", "created_at")),
    event=("event_type", "event", "event_name", "type", "action", f"header:{'|'.join(EVENT_HEADERS)}"),
    result={
        "title": _anywhere("title", "name", "display_name", "subject", "workflow", "project", "headline", "text"),
        "summary": _anywhere("summary", "description", "message", "body"),
        "outcome": _anywhere("outcome", "conclusion", "result", "verdict", "status", "state"),
        "severity": _anywhere("severity", "priority", "level"),
        "url": _anywhere("html_url", "web_url", "url", "link", "permalink", "details_url", "target_url"),
        "vendor_id": ("event_id", "delivery_id", "id", "uuid"),
        "run_id": _anywhere("run_id", "build_id", "execution_id", "number"),
        "time": _anywhere("timestamp", "time", "finished_at", "completed_at", "created_at"),
        "started_at": _anywhere("started_at"),
        "finished_at": _anywhere("finished_at", "completed_at"),
        "duration_ms": _anywhere("duration_ms"),
        "environment": _anywhere("environment.name", "environment", "env", "stage"),
        "app.name": _anywhere("service", "app.name", "app"),
        "app.version": _anywhere("version"),
        "vcs.repository": _anywhere("repository.full_name", "repository.name", "repository", "repo"),
        "vcs.ref": _anywhere("branch", "ref", "head_branch"),
        "vcs.commit": _anywhere("commit_sha", "commit.sha", "commit.id", "commit", "sha", "head_sha"),
    },
    understand=understand,
)
