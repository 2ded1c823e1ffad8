"""Typeform: a form was answered. https://www.typeform.com/developers/webhooks/

The answers are personal and stay in the payload; a message says that there are some.
"""

from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The form's name, and how much was answered."""
    draft = context.read(body)
    if form := body.text("form_response.definition.title"):
        draft.title = f"{form}: {draft.title.lower()}"
    if count := len(body.items("form_response.answers")):
        draft.summary = f"{count} {'answer' if count == 1 else 'answers'}"
    yield draft


def _news(title: str) -> EventType:
    return EventType(outcome=Outcome.NEUTRAL, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="typeform",
    title="Typeform",
    docs="https://www.typeform.com/developers/webhooks/",
    setup="The form > Connect > Webhooks > Add a webhook: paste the URL; then Edit, and set a secret.",
    # https://www.typeform.com/developers/webhooks/secure-your-webhooks/
    signature=Scheme(header="Typeform-Signature", prefix="sha256=", encoding="base64"),
    dedupe=("event_id",),
    dated=("event_id",),
    event="event_type",
    events={
        "form_response": _news("New response"),
        "form_response_partial": _news("Partial response"),
    },
    result={
        "vendor_id": "event_id",
        "time": "form_response.submitted_at",
        "started_at": "form_response.landed_at",
        "run_id": "form_response.token",
        "labels.form": "form_response.form_id",
        "extra.score": "form_response.calculated.score",
    },
    understand=understand,
)
