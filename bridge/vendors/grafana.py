"""Grafana Alerting posts groups of alerts from a webhook contact point.
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/

The body is Alertmanager's and more: pages of dashboards and panels, and `state` and `title`, which repeat the rest.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind
from bridge.vendors.alerts import OUTCOMES, tell_group
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

PAGES = ("panelURL", "dashboardURL")
FAULTS = {"DatasourceNoData": "no data", "DatasourceError": "the query failed"}
"""Alerts that Grafana makes itself, of a rule that it could not evaluate; `rulename` says of which."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The group, on the page that shows its first alert."""
    draft = context.read(body)
    tell_group(draft, body, context, pages=PAGES)
    alert = next(iter(body.items("alerts")), Document(None))
    labels = body.at("commonLabels")
    if fault := FAULTS.get(labels.text("alertname") or ""):
        draft.title = labels.text("rulename") or draft.title
        draft.reason = draft.reason or fault
    # Contact points > Test: https://github.com/grafana/grafana sends one alert with just these labels.
    draft.is_test |= labels.text("alertname") == "TestAlert" and labels.text("instance") == "Grafana"
    draft.url = alert.text(*PAGES, "generatorURL") or draft.url
    yield draft


_HEADER = "X-Grafana-Alerting-Signature"

VENDOR = Vendor(
    name="grafana",
    title="Grafana",
    docs="https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/"
    "webhook-notifier/",
    setup="Alerting > Contact points > Add contact point > Webhook: paste the URL and, under HMAC Signature, set a "
    "secret. With a timestamp header there too, say 'signature: {variant: timestamp, timestamp: header:<its name>}'; "
    "with an Authorization Header or Basic Authentication instead, 'variant: token' or 'variant: basic' (the secret is "
    "user:password).",
    signature=Scheme(header=_HEADER),
    signatures={
        # The name of the time's header is the operator's choice at Grafana; this one is only what we propose.
        "timestamp": Scheme(
            header=_HEADER, timestamp="header:X-Grafana-Alerting-Timestamp", message=("timestamp", "literal::", "body")
        ),
        "token": Scheme(header="Authorization", algorithm="token", prefix="Bearer "),
        "basic": Scheme(algorithm="basic"),
    },
    events={"alerts": EventType(kind=Kind.SYSTEM, title="Alerts")},
    result={
        "outcome": "status",
        "url": "externalURL",
        "links.dashboard": "alerts.0.dashboardURL",
        "links.silence": "alerts.0.silenceURL",
        "links.runbook": "commonAnnotations.runbook_url",
        "environment": ("commonLabels.environment", "commonLabels.env"),
        "labels.alertname": ("commonLabels.alertname", "groupLabels.alertname"),
        "labels.severity": "commonLabels.severity",
        "labels.team": "commonLabels.team",
        "labels.folder": "commonLabels.grafana_folder",
        "labels.receiver": "receiver",
        "labels.organization": "orgId",
    },
    outcomes=OUTCOMES,
    understand=understand,
)
