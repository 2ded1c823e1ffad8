"""Trello posts each action on a board, list or card that a webhook watches.

https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/ - the types of action are many and grow, so every
name is known, and none is a verdict.
"""

import re
from collections.abc import Iterable

from bridge.model import Draft, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, Vendor, VendorOptions
from bridge.verify.handshake import Handshake
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The action's name in words, and what it was done to."""
    draft = context.read(body)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", context.type).lower()
    thing = body.text("action.data.card.name", "action.data.list.name", "action.data.board.name", "model.name")
    draft.title = f"Trello, {words}: {thing}" if thing else f"Trello, {words}"
    card = body.text("action.data.card.shortLink")
    draft.url = f"https://trello.com/c/{card}" if card and re.fullmatch(r"[A-Za-z0-9]+", card, re.ASCII) else None
    draft.outcome, draft.severity = Outcome.NEUTRAL, Severity.INFO
    yield draft


VENDOR = Vendor(
    name="trello",
    title="Trello",
    docs="https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/",
    setup="POST https://api.trello.com/1/webhooks/ with this URL as callbackURL and a board's or card's id as idModel. "
    "The secret is your Power-Up's API secret. The URL is signed, so 'public_url' must be just what you registered.",
    signature=Scheme(header="x-trello-webhook", algorithm="sha1", encoding="base64", message=("body", "url")),
    handshake=Handshake(head=True),
    dedupe=("action.id",),
    dated=("action.id", "action.date"),
    event="action.type",
    result={
        "vendor_id": "action.id",
        "time": "action.date",
        "summary": ("action.data.text", "action.data.card.desc"),
        "labels.board": "action.data.board.name",
        "labels.list": ("action.data.listAfter.name", "action.data.list.name"),
        "labels.by": ("action.memberCreator.fullName", "action.memberCreator.username"),
    },
    understand=understand,
)
