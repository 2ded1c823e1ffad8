"""Slack posts what happens in a workspace to an app's request URL. https://docs.slack.dev/apis/events-api/

Made for mentions and messages; what else an app subscribes to is kept and noticed as unknown. What a bot writes is
acknowledged and not kept: this bridge is one, and would post its own messages for ever.
"""

from bridge.model import Kind, Outcome, Severity
from bridge.vendors.vendor import EventType, Vendor
from bridge.verify.handshake import Handshake, Ping
from bridge.verify.scheme import Scheme


def _event(title: str, severity: Severity = Severity.INFO) -> EventType:
    return EventType(kind=Kind.OTHER, outcome=Outcome.NEUTRAL, severity=severity, title=title)


VENDOR = Vendor(
    name="slack",
    title="Slack",
    docs="https://docs.slack.dev/apis/events-api/",
    setup="Your app > Event Subscriptions: paste the URL as Request URL, and subscribe to app_mention or message. "
    "The secret is the app's Signing Secret (Basic Information), and must be in the configuration first.",
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    signature=Scheme(
        header="X-Slack-Signature",
        prefix="v0=",
        timestamp="header:X-Slack-Request-Timestamp",
        message=("literal:v0:", "timestamp", "literal::", "body"),
    ),
    handshake=Handshake(
        pings=(
            Ping(when={"type": "url_verification"}, echo="challenge"),
            Ping(when={"event.bot_id": "*"}),
            Ping(when={"event.message.bot_id": "*"}),
        )
    ),
    dedupe=("event_id",),
    dated=("event_id", "event_time"),
    event=("event.type", "type"),
    events={
        "app_mention": _event("Mention in Slack"),
        "message": _event("Message in Slack"),
        # Slack stops sending for a minute: what was missed is not sent later.
        "app_rate_limited": _event("Slack left out events: more than 30,000 an hour", Severity.HIGH),
    },
    result={
        "vendor_id": "event_id",
        "time": ("event_time", "minute_rate_limited"),
        "summary": "event.text",
        "labels.channel": "event.channel",
        "labels.user": "event.user",
        "labels.team": "team_id",
        "labels.thread": "event.thread_ts",
        "extra.subtype": "event.subtype",
    },
)
