"""CloudEvents of any sender, as JSON or with their attributes in headers, one or a batch of them.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md - the standard names type,
source, subject and time, and says nothing of verdicts: where `data` holds one, say so in `options.result`.
"""

from collections.abc import Iterable, Mapping

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, Vendor, VendorOptions
from bridge.verify.handshake import Handshake
from bridge.verify.scheme import Scheme

MOST = 1_000
"""Events of a batch that become results; what is more than that is counted."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """A draft for each event of a batch. No verdict is said, so each is neutral until an operator's path says more."""
    batch = [Document(entry) for entry in body.value] if isinstance(body.value, list) else [body]
    for event in batch[:MOST]:
        draft = context.read(event)
        draft.type = context.vendor.type_of(event, context.headers)
        draft.summary = draft.summary or _about(draft.labels)
        draft.outcome, draft.severity = draft.outcome or Outcome.NEUTRAL, draft.severity or Severity.INFO
        yield draft
    if len(batch) > MOST:
        title = f"{len(batch) - MOST:,} more events in this batch"
        yield Draft(type="batch", title=title, reason=f"only {MOST:,} of a batch are read")


def _about(labels: Mapping[str, str]) -> str | None:
    """`checkout of /ci/1`: what it is about and where. A source that is a whole address stays a label: it is no link
    that anybody should follow."""
    source = labels.get("source", "")
    about = (labels.get("subject"), source if "://" not in source else None)
    return " of ".join(part for part in about if part) or None


VENDOR = Vendor(
    name="cloudevents",
    title="CloudEvents",
    docs="https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
    setup="Have the sender post to this URL with 'Authorization: Bearer <secret>'; or, with 'signature: {variant: "
    "basic}', with a user and a password, of which the secret is user:password.",
    signature=Scheme(header="Authorization", algorithm="token", prefix="Bearer "),
    signatures={"basic": Scheme(algorithm="basic")},
    handshake=Handshake(webhook_origin=True),
    # The two together are unique: https://github.com/cloudevents/spec/blob/main/cloudevents/spec.md#id
    dedupe=(("header:ce-source", "header:ce-id"), ("source", "id")),
    dated=("time", "id"),
    event=("header:ce-type", "type"),
    result={
        "vendor_id": ("header:ce-id", "id"),
        "time": ("header:ce-time", "time"),
        "title": ("header:ce-type", "type"),
        "subject_key": ("header:ce-subject", "subject"),
        "labels.source": ("header:ce-source", "source"),
        "labels.subject": ("header:ce-subject", "subject"),
        "extra.schema": ("header:ce-dataschema", "dataschema"),
    },
    understand=understand,
)
