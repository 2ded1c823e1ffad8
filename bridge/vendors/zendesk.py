"""Zendesk: tickets as they come and change. https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/

A body names the ticket and no address of it: with `options: {url: https://acme.zendesk.com}` messages link to it.
"""

from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.naming import key
from bridge.vendors.vendor import UNNAMED, Context, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

PREFIX = "zen:event-type:"
URGENT = {"urgent": Severity.HIGH, "high": Severity.MEDIUM}


class ZendeskOptions(VendorOptions):
    """`sources.<name>.options` of a Zendesk source."""

    url: str = ""
    """Where its agents work, as in https://acme.zendesk.com; tickets are linked below it."""


def understand(body: Document, context: Context[ZendeskOptions]) -> Iterable[Draft]:
    """`Ticket #35436 status changed`, with its subject. All of it is news; what is urgent matters more."""
    draft = context.read(body)
    if context.type == UNNAMED:
        yield draft
        return
    draft.outcome = Outcome.NEUTRAL
    thing, _, did = context.type.removeprefix(PREFIX).rpartition(".")
    number = body.text("detail.id")
    name = (thing or "event").replace("_", " ")
    draft.title = " ".join((name[:1].upper() + name[1:], f"#{number}" if number else "", did.replace("_", " "))).strip()
    draft.title = draft.title.replace("  ", " ")
    draft.severity = Severity.INFO
    if thing == "ticket":
        draft.severity = URGENT.get((body.text("detail.priority") or "").lower(), Severity.INFO)
        draft.run_id = key("ticket", number)
        draft.raw_status = body.text("event.current")
        if context.options.url and number:
            draft.url = f"{context.options.url.rstrip('/')}/agent/tickets/{number}"
    yield draft


VENDOR = Vendor(
    name="zendesk",
    title="Zendesk",
    docs="https://developer.zendesk.com/documentation/webhooks/creating-and-monitoring-webhooks/",
    setup="Admin Center > Apps and integrations > Webhooks > Create webhook > Zendesk events: pick the events and "
    "paste the URL; the signing secret is on the webhook's page (Reveal secret).",
    # https://developer.zendesk.com/documentation/webhooks/verifying/
    signature=Scheme(
        header="X-Zendesk-Webhook-Signature",
        encoding="base64",
        timestamp="header:X-Zendesk-Webhook-Signature-Timestamp",
        timestamp_format="iso",
        message=("timestamp", "body"),
    ),
    dedupe=("id",),
    dated=("id",),
    event="type",
    result={
        "vendor_id": "id",
        "time": "time",
        "summary": "detail.subject",
        "labels.priority": "detail.priority",
        "labels.status": "detail.status",
        "labels.channel": "detail.via.channel",
        "labels.group": "detail.group_id",
    },
    understand=understand,
    options=ZendeskOptions,
)
