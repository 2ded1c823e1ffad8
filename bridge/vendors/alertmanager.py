"""Prometheus Alertmanager posts groups of alerts as they fire, change and are resolved.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config

It signs nothing: `http_config` makes it show a secret. An unchanged group comes again after `repeat_interval`, as the
same bytes; so the bytes identify it for ten minutes only.
"""

from collections.abc import Iterable
from urllib.parse import quote

from bridge.model import Draft, Kind
from bridge.vendors.alerts import OUTCOMES, tell_group
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The group, and the page where it can be silenced, as Alertmanager's own messages link it."""
    draft = context.read(body)
    tell_group(draft, body, context)
    if (page := body.text("externalURL")) and (receiver := body.text("receiver")):
        draft.url = f"{page.rstrip('/')}/#/alerts?receiver={quote(receiver, safe='')}"
    yield draft


VENDOR = Vendor(
    name="alertmanager",
    title="Alertmanager",
    docs="https://prometheus.io/docs/alerting/latest/configuration/#webhook_config",
    setup="alertmanager.yml: a receiver with webhook_configs: [{url: <this URL>, http_config: {authorization: "
    "{credentials: <secret>}}}]; or, with 'signature: {variant: basic}', http_config: {basic_auth: {username: ..., "
    "password: ...}}, of which the secret is user:password. Leave send_resolved on.",
    signature=Scheme(header="Authorization", algorithm="token", prefix="Bearer "),
    signatures={"basic": Scheme(algorithm="basic")},
    events={"alerts": EventType(kind=Kind.SYSTEM, title="Alerts")},
    result={
        "outcome": "status",
        "links.runbook": "commonAnnotations.runbook_url",
        "links.dashboard": ("commonAnnotations.dashboard_url", "commonAnnotations.dashboard"),
        "environment": ("commonLabels.environment", "commonLabels.env"),
        "labels.alertname": ("commonLabels.alertname", "groupLabels.alertname"),
        "labels.severity": "commonLabels.severity",
        "labels.team": "commonLabels.team",
        "labels.receiver": "receiver",
        "labels.namespace": "commonLabels.namespace",
        "labels.service": "commonLabels.service",
        "labels.job": "commonLabels.job",
        "labels.cluster": "commonLabels.cluster",
    },
    outcomes=OUTCOMES,
    understand=understand,
)
