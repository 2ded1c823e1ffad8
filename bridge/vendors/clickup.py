"""ClickUp: tasks, lists and other things as they change. https://developer.clickup.com/docs/webhooktaskpayloads

A body has the task's id and what changed, and no name of it.
"""

import re
from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.naming import key
from bridge.vendors.vendor import UNNAMED, Context, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """`Task 1vj38vv status updated`, with what it was and is. None of it is a verdict."""
    draft = context.read(body)
    if context.type == UNNAMED:
        yield draft
        return
    thing, _, did = _CAPITAL.sub(" ", context.type).lower().partition(" ")
    id_ = body.text(f"{thing}_id")
    draft.title = " ".join(part for part in (thing.capitalize(), id_, did) if part)
    draft.outcome, draft.severity = Outcome.NEUTRAL, Severity.INFO
    draft.run_id = key(thing, id_)
    if thing == "task" and id_:
        draft.url = f"https://app.clickup.com/t/{id_}"
    change = body.at("history_items.0")
    before, after = (change.text(f"{side}.status", f"{side}.priority", side) for side in ("before", "after"))
    if after:
        draft.summary = f"{change.text('field') or 'changed'}: {f'{before} → ' if before else ''}{after}"
    yield draft


VENDOR = Vendor(
    name="clickup",
    title="ClickUp",
    docs="https://developer.clickup.com/docs/webhooks",
    setup="Made by API: POST /api/v2/team/{team_id}/webhook with the URL as endpoint and the events; the answer has "
    "the secret (https://developer.clickup.com/docs/webhooksignature).",
    signature=Scheme(header="X-Signature"),
    dedupe=("webhook_id", "event", "history_items.0.id"),
    dated=("history_items.0.id",),
    event="event",
    result={
        "time": "history_items.0.date",
        "labels.actor": "history_items.0.user.username",
        "labels.list": "history_items.0.parent_id",
        "extra.field": "history_items.0.field",
    },
    understand=understand,
)
