"""Any sender that follows Standard Webhooks: OpenAI, Replicate, Supabase and many more.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

The standard says how to sign, and of the body that it should have `type`, `timestamp` and `data`. What happened is what
the sender's type says last (`batch.failed`), and news where that is no verdict. What a sender says elsewhere can be
read by `options.result`. Addresses and subjects of mail are personal and stay in the payload.
"""

from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity, State
from bridge.vendors.document import Document
from bridge.vendors.vendor import UNNAMED, Context, ResultPaths, Vendor, VendorOptions
from bridge.vendors.words import Meaning
from bridge.verify.scheme import Scheme

VERDICTS = {
    "succeeded": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "bounced": Outcome.FAILED,
    "errored": Outcome.ERROR,
    "cancelled": Outcome.CANCELLED,
    "canceled": Outcome.CANCELLED,
    "expired": Outcome.TIMED_OUT,
}
"""Last words of types that say how something ended. Every other is the name of something that happened."""
SAID = ("succeeded", "failed", "errored", "cancelled", "canceled")
"""Those of which the verdict says all there is, so that the title need not."""
STATES: dict[str, Meaning] = {"starting": State.QUEUED, "processing": State.RUNNING}
"""Replicate's words for a prediction that has not ended."""
WORSE = {"complained": Severity.MEDIUM, "incomplete": Severity.MEDIUM}
"""Last words that are no verdict and more than news."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The type as a sentence and, where its last word is one, its verdict."""
    draft = context.read(body)
    thing, _, last = context.type.rpartition(".")
    if context.type == UNNAMED and (status := body.text("status")):
        # Replicate posts the prediction itself: https://replicate.com/docs/topics/webhooks/receive-webhook
        draft.type = "status"
        context.judge(draft, status)
        draft.title = body.text("model", "version") or "Prediction"
    elif context.type != UNNAMED:
        draft.outcome = VERDICTS.get(last) if thing else None
        draft.outcome = draft.outcome or Outcome.NEUTRAL
        said = thing if last in SAID and thing else context.type
        words = " ".join(said.replace(".", " ").replace("_", " ").split())
        draft.title = words[:1].upper() + words[1:]
    draft.summary = draft.summary or body.text("data.id")
    if draft.outcome is Outcome.NEUTRAL:
        draft.severity = WORSE.get(last, Severity.INFO)
    yield draft


def scheme(family: str) -> Scheme:
    """The standard's signature, in headers called `webhook-...` or, as Svix calls them, `svix-...`."""
    return Scheme(
        header=f"{family}-signature",
        format="space_list",
        prefix="v1,",
        encoding="base64",
        key="whsec",
        timestamp=f"header:{family}-timestamp",
        message=(f"header:{family}-id", "literal:.", "timestamp", "literal:.", "body"),
    )


def result(family: str) -> ResultPaths:
    """Where senders put what the standard leaves to them."""
    return {
        "vendor_id": f"header:{family}-id",
        "time": ("timestamp", "completed_at", "created_at"),
        "summary": ("data.name", "data.title", "data.description"),
        "reason": ("data.error.message", "data.error", "data.bounce.message", "data.failed.reason", "error"),
        "url": ("urls.web", "data.url"),
        "run_id": ("data.id", "data.email_id", "id"),
        "started_at": "started_at",
        "finished_at": "completed_at",
        "labels.object": "data.object",
        "labels.instance": "instance_id",
        "extra.event_id": "id",
    }


VENDOR = Vendor(
    name="standard_webhooks",
    title="Standard Webhooks",
    docs="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    setup="Where the sender keeps its webhooks (OpenAI: Settings > Project > Webhooks): paste the URL and pick the "
    "events; the signing secret begins with whsec_. For senders whose headers are called svix-..., take vendor svix.",
    signature=scheme("webhook"),
    dedupe=(("header:webhook-id",),),
    event=("type", "event_type", "event"),
    result=result("webhook"),
    outcomes=STATES,
    understand=understand,
)
