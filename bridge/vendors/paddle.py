"""Paddle Billing: transactions, subscriptions, adjustments, and any other event of its.
https://developer.paddle.com/webhooks/overview

The names of types are those of the vendor's SDK
(https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Entities/Events/EventTypeName.py).
Types with a verdict or a severity are listed, all others are news. Who paid is personal and stays in the payload.
"""

from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.naming import key
from bridge.vendors.vendor import UNNAMED, Context, Vendor, VendorOptions
from bridge.verify.scheme import KeyValue, Scheme

FAILED = {"transaction.payment_failed": "Payment"}
PASSED = {"transaction.completed": "Payment"}
MATTERS = {
    "subscription.past_due": Severity.MEDIUM,
    "transaction.past_due": Severity.MEDIUM,
    "subscription.canceled": Severity.LOW,
    "subscription.paused": Severity.LOW,
    "adjustment.created": Severity.LOW,
}


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The type as a sentence, with the transaction's payment as the subject that fails and succeeds."""
    draft = context.read(body)
    type_ = context.type
    if type_ == UNNAMED:
        yield draft
        return
    words = type_.replace(".", " ").replace("_", " ")
    draft.title = FAILED.get(type_) or PASSED.get(type_) or words[:1].upper() + words[1:]
    if type_ in FAILED:
        draft.outcome, draft.severity = Outcome.FAILED, Severity.MEDIUM
    elif type_ in PASSED:
        draft.outcome = Outcome.PASSED
    else:
        draft.outcome, draft.severity = Outcome.NEUTRAL, MATTERS.get(type_, Severity.INFO)
    if type_.startswith("transaction."):
        draft.subject_key = key("transaction", draft.run_id)
    yield draft


VENDOR = Vendor(
    name="paddle",
    title="Paddle",
    docs="https://developer.paddle.com/webhooks/overview",
    setup="Developer tools > Notifications > New destination: paste the URL and pick the events; the secret key is "
    "shown when the destination is edited.",
    # https://developer.paddle.com/webhooks/signature-verification, and the vendor's own
    # https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Notifications/PaddleSignature.py
    signature=Scheme(
        header="Paddle-Signature",
        format="kv",
        kv=KeyValue(delimiter=";", signature="h1", timestamp="ts"),
        message=("timestamp", "literal::", "body"),
    ),
    dedupe=("event_id",),
    dated=("event_id",),
    event="event_type",
    result={
        "kind": "other",
        "vendor_id": "event_id",
        "time": "occurred_at",
        "raw_status": "data.status",
        "run_id": "data.id",
        "summary": "data.invoice_number",
        "reason": ("data.payments.0.error_code", "data.reason"),
        "labels.customer": "data.customer_id",
        "labels.subscription": "data.subscription_id",
        "labels.currency": "data.currency_code",
    },
    understand=understand,
)
