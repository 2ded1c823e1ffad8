"""Dropbox posts whose files changed, not which. https://www.dropbox.com/developers/reference/webhooks

The body holds neither an id nor a time, so a change of the same accounts within `dedupe_window` (ten minutes, unless
the source says otherwise) is taken for a repeat.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.handshake import Handshake
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """How many accounts have changes."""
    draft = context.read(body)
    accounts = body.items("list_folder.accounts", "delta.users")
    if accounts:
        draft.counts.total, draft.counts.unit, draft.counts.origin = len(accounts), "account", "derived"
    yield draft


VENDOR = Vendor(
    name="dropbox",
    title="Dropbox",
    docs="https://www.dropbox.com/developers/reference/webhooks",
    setup="App Console > your app > Webhooks: add the URL. The secret is the app secret.",
    signature=Scheme(header="X-Dropbox-Signature"),
    handshake=Handshake(echo_query="challenge"),
    events={
        "files.changed": EventType(
            kind=Kind.OTHER, outcome=Outcome.NEUTRAL, severity=Severity.INFO, title="Files changed in Dropbox"
        )
    },
    understand=understand,
)
