"""Stripe: payments, invoices, subscriptions, disputes, payouts, and any other event of its.
https://docs.stripe.com/webhooks and https://docs.stripe.com/api/events/types

There are hundreds of event types, and more each year: those here have a verdict or a severity, all others are news.
Who paid is personal and stays in the payload.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.naming import key
from bridge.vendors.vendor import Context, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF".split())  # noqa: SIM905
"""Currencies without a smaller unit: https://docs.stripe.com/currencies#zero-decimal"""
THOUSANDTHS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
"""Currencies of three decimals: https://docs.stripe.com/currencies#three-decimal"""


@dataclass(frozen=True, slots=True)
class _About:
    title: str
    outcome: Outcome
    severity: Severity | None = None


def _passed(title: str) -> _About:
    return _About(title, Outcome.PASSED)


def _failed(title: str, severity: Severity) -> _About:
    return _About(title, Outcome.FAILED, severity)


def _news(title: str, severity: Severity = Severity.INFO) -> _About:
    return _About(title, Outcome.NEUTRAL, severity)


# A card that is declined is everyday; money that does not reach us, or that we may owe, is not.
EVENTS = {
    "charge.failed": _failed("Charge", Severity.MEDIUM),
    "charge.succeeded": _passed("Charge"),
    "charge.dispute.created": _news("Dispute opened", Severity.HIGH),
    "charge.dispute.funds_withdrawn": _news("Dispute: funds withdrawn", Severity.HIGH),
    "checkout.session.async_payment_failed": _failed("Checkout payment", Severity.MEDIUM),
    "checkout.session.async_payment_succeeded": _passed("Checkout payment"),
    "customer.subscription.deleted": _news("Subscription ended", Severity.LOW),
    "customer.subscription.paused": _news("Subscription paused", Severity.LOW),
    "invoice.finalization_failed": _failed("Finalizing an invoice", Severity.HIGH),
    "invoice.marked_uncollectible": _news("Invoice marked uncollectible", Severity.MEDIUM),
    "invoice.paid": _passed("Invoice payment"),
    "invoice.payment_action_required": _news("Invoice payment needs the customer", Severity.MEDIUM),
    "invoice.payment_failed": _failed("Invoice payment", Severity.MEDIUM),
    "invoice.payment_succeeded": _passed("Invoice payment"),
    "payment_intent.payment_failed": _failed("Payment", Severity.MEDIUM),
    "payment_intent.succeeded": _passed("Payment"),
    "payout.failed": _failed("Payout", Severity.HIGH),
    "payout.paid": _passed("Payout"),
    "radar.early_fraud_warning.created": _news("Early fraud warning", Severity.HIGH),
    "refund.failed": _failed("Refund", Severity.HIGH),
    "review.opened": _news("Payment to review", Severity.MEDIUM),
    "setup_intent.setup_failed": _failed("Saving a payment method", Severity.LOW),
    "setup_intent.succeeded": _passed("Saving a payment method"),
    "topup.failed": _failed("Top-up", Severity.HIGH),
    "topup.succeeded": _passed("Top-up"),
    "transfer.reversed": _news("Transfer reversed", Severity.MEDIUM),
}


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """What it was, with the amount; a subject where what failed can succeed later."""
    draft = context.read(body)
    about = EVENTS.get(context.type) or _news(_words(context.type))
    draft.outcome, draft.severity = about.outcome, about.severity
    thing = body.at("data.object")
    amount = _amount(thing)
    draft.title = f"{about.title}: {amount}" if amount else about.title
    draft.subject_key = _subject(context.type, thing)
    draft.run_id = thing.text("id")
    live = body.raw("livemode")
    draft.environment = {True: "live", False: "test"}.get(live) if isinstance(live, bool) else None
    if event := draft.vendor_id:
        draft.url = f"https://dashboard.stripe.com/{'test/' if live is False else ''}events/{event}"
    yield draft


def _words(type_: str) -> str:
    """`Customer tax id updated` of `customer.tax_id.updated`."""
    said = type_.replace(".", " ").replace("_", " ")
    return said[:1].upper() + said[1:]


def _amount(thing: Document) -> str | None:
    """`20.00 USD`. Amounts are whole numbers of the currency's smallest unit."""
    currency = (thing.text("currency") or "").upper()
    number = thing.count("amount", "amount_due", "amount_total")
    if number is None or not currency:
        return None
    decimals = 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2
    return f"{number / 10**decimals:,.{decimals}f} {currency}"


def _subject(type_: str, thing: Document) -> str | None:
    """What is tried again until it goes well: an invoice, a payment, a set-up, a session."""
    group = type_.partition(".")[0]
    if group in ("invoice", "payment_intent", "setup_intent", "checkout"):
        return key(group, thing.text("id"))
    if group == "charge":
        return key("payment_intent", thing.text("payment_intent"))
    return "payouts" if group == "payout" else None


VENDOR = Vendor(
    name="stripe",
    title="Stripe",
    docs="https://docs.stripe.com/webhooks",
    setup="Workbench > Webhooks > Add destination: pick the events, choose Webhook endpoint and paste the URL; the "
    "signing secret (`whsec_...`, all of it) is shown on the destination's page.",
    # https://docs.stripe.com/webhooks#verify-manually: several v1 while a secret is rolled.
    signature=Scheme(header="Stripe-Signature", format="kv", message=("timestamp", "literal:.", "body")),
    dedupe=("id",),
    dated=("id",),
    event="type",
    result={
        "kind": "other",
        "vendor_id": "id",
        "time": "created",
        "raw_status": "data.object.status",
        "reason": (
            "data.object.last_payment_error.message",
            "data.object.last_setup_error.message",
            "data.object.failure_message",
            "data.object.last_finalization_error.message",
            "data.object.cancellation_details.reason",
            "data.object.reason",
            "data.object.failure_reason",
        ),
        "summary": ("data.object.description", "data.object.number"),
        "links.invoice": "data.object.hosted_invoice_url",
        "labels.customer": "data.object.customer",
        "labels.subscription": "data.object.subscription",
        "labels.account": "account",
        "labels.object": "data.object.object",
        "extra.amount": ("data.object.amount", "data.object.amount_due", "data.object.amount_total"),
        "extra.currency": "data.object.currency",
        "extra.attempts": "data.object.attempt_count",
        "extra.api_version": "api_version",
    },
    understand=understand,
)
