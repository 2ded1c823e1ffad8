"""Discord posts what happens to an app to its webhook events URL.

https://docs.discord.com/developers/events/webhook-events - each is signed by Discord's own key, to which the app's page
shows the public one. The same scheme and a PING guard an app's interactions URL, but an interaction wants the app's own
reply within three seconds, so only events are for a bridge.
"""

from bridge.model import Kind, Outcome, Severity
from bridge.vendors.vendor import EventType, Vendor
from bridge.verify.handshake import Handshake, Ping
from bridge.verify.scheme import Scheme


def _event(title: str) -> EventType:
    return EventType(kind=Kind.OTHER, outcome=Outcome.NEUTRAL, severity=Severity.INFO, title=title)


VENDOR = Vendor(
    name="discord",
    title="Discord",
    docs="https://docs.discord.com/developers/events/webhook-events",
    setup="Developer Portal > your app > Webhooks: paste the URL and choose events. The secret is the app's Public Key "
    "(General Information), and must be in the configuration first: Discord tries the URL, also with bad signatures.",
    signature=Scheme(
        header="X-Signature-Ed25519",
        algorithm="ed25519",
        key="hex",
        timestamp="header:X-Signature-Timestamp",
        message=("timestamp", "body"),
    ),
    handshake=Handshake(
        pings=(
            Ping(when={"type": "0"}, status=204),
            Ping(when={"type": "1", "token": "*"}, answer={"type": 1}),  # only an interaction has a token
        )
    ),
    answer=204,
    dated=("event.timestamp",),
    event="event.type",
    events={
        "APPLICATION_AUTHORIZED": _event("App added in Discord"),
        "APPLICATION_DEAUTHORIZED": _event("App removed in Discord"),
        "ENTITLEMENT_CREATE": _event("Entitlement created in Discord"),
        "ENTITLEMENT_UPDATE": _event("Entitlement changed in Discord"),
        "ENTITLEMENT_DELETE": _event("Entitlement deleted in Discord"),
    },
    result={
        "vendor_id": "event.data.id",
        "time": "event.timestamp",
        "labels.guild": "event.data.guild.name",
        "labels.user": ("event.data.user.username", "event.data.user_id"),
        "labels.app": "application_id",
        "extra.sku": "event.data.sku_id",
    },
)
