"""Browser Use Cloud: the tasks of its browser agents. https://docs.browser-use.com/cloud/guides/webhooks

What is signed is the time and the body with its keys sorted and no blanks, however the body itself is written. Another
edition of the pages signs the body as it is (https://docs.cloud.browser-use.com/guides/webhooks) and spells its fields
in camel case; it is the variant `raw`.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, State
from bridge.vendors.document import Document
from bridge.vendors.naming import key
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

REASONS = {"paused": "paused", "stopped": "by somebody, or because of an error"}
"""What two of the vendor's words stand for."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """A task that the agent is done with has no verdict of its own, unless the vendor says that it finished."""
    draft = context.read(body)
    if context.type == "agent.task.status_update":
        context.judge(draft, draft.raw_status)
        draft.title = f"{draft.title} {draft.run_id}" if draft.run_id else draft.title
        draft.reason = REASONS.get(draft.raw_status or "")
        draft.run_id = key("task", draft.run_id)
    yield draft


VENDOR = Vendor(
    name="browser_use",
    title="Browser Use",
    docs="https://docs.browser-use.com/cloud/guides/webhooks",
    setup="cloud.browser-use.com > Settings > Webhooks: paste the URL; the secret is shown there. Where the header is "
    "X-Webhook-Signature, say 'signature: {variant: raw}'.",
    signature=Scheme(
        header="X-Browser-Use-Signature",
        timestamp="header:X-Browser-Use-Timestamp",
        message=("timestamp", "literal:.", "body"),
        body_form=("json_sorted",),
    ),
    signatures={"raw": Scheme(header="X-Webhook-Signature")},
    dated=("timestamp",),
    event="type",
    events={
        "agent.task.status_update": EventType(kind=Kind.SESSION, title="Browser task"),
        "test": EventType(outcome=Outcome.NEUTRAL, title="Test from Browser Use", test=True),
    },
    result={
        "time": "timestamp",
        "raw_status": "payload.status",
        "run_id": ("payload.task_id", "payload.taskId"),
        "labels.session": ("payload.session_id", "payload.sessionId"),
    },
    outcomes={
        # "Task completed successfully": https://docs.cloud.browser-use.com/usage/webhooks
        "finished": Outcome.PASSED,
        "idle": Outcome.NEUTRAL,
        "stopped": Outcome.CANCELLED,
        "initializing": State.QUEUED,
        "paused": State.RUNNING,
    },
    understand=understand,
)
