"""Mailgun: what became of the mail that was sent through it.
https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks

The signature stands in the body and covers a time and a token, and nothing of what happened: it proves that Mailgun
made the token, and a token counts once. Addresses and subjects, and what servers answer, which names addresses, are
personal and stay in the payload.
"""

from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """A failure is one once Mailgun does not try again."""
    draft = context.read(body)
    if draft.title and (domain := body.text("event-data.recipient-domain")):
        draft.title = f"{draft.title} to {domain}"
    if context.type == "failed":
        permanent = body.text("event-data.severity") != "temporary"
        draft.outcome = Outcome.FAILED if permanent else Outcome.NEUTRAL
        draft.severity = Severity.MEDIUM if permanent else Severity.INFO
        draft.title += "" if permanent else " deferred"
        if draft.reason and (code := body.text("event-data.delivery-status.code")):
            draft.reason = f"{draft.reason} ({code})"
    yield draft


def _news(title: str, severity: Severity = Severity.INFO) -> EventType:
    return EventType(outcome=Outcome.NEUTRAL, severity=severity, title=title)


VENDOR = Vendor(
    name="mailgun",
    title="Mailgun",
    docs="https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks",
    setup="Send > Sending > Webhooks > Add webhook: paste the URL and pick the events (permanent_fail, complained, "
    "...); the secret is the HTTP webhook signing key under API Security.",
    # https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
    signature=Scheme(
        json_field="signature.signature",
        timestamp="json:signature.timestamp",
        message=("timestamp", "json:signature.token"),
    ),
    dedupe=("signature.token",),
    dated=("signature.token",),
    event="event-data.event",
    events={
        "accepted": _news("Mail accepted"),
        "delivered": EventType(outcome=Outcome.PASSED, title="Mail"),
        "failed": EventType(title="Mail"),
        "rejected": EventType(outcome=Outcome.FAILED, severity=Severity.MEDIUM, title="Rejected mail"),
        "complained": _news("Complaint about mail", Severity.MEDIUM),
        "unsubscribed": _news("Unsubscribed from mail"),
        "opened": _news("Mail opened"),
        "clicked": _news("Link in mail clicked"),
        "stored": _news("Mail stored"),
    },
    test_when={"event-data.flags.is-test-mode": "true"},
    result={
        "vendor_id": "event-data.id",
        "time": "event-data.timestamp",
        "reason": ("event-data.reject.reason", "event-data.reason"),
        "labels.domain": "event-data.domain.name",
        "labels.tag": "event-data.tags.0",
        "labels.severity": "event-data.severity",
        "extra.code": "event-data.delivery-status.code",
        "extra.attempt": "event-data.delivery-status.attempt-no",
    },
    understand=understand,
)
