"""Sentry: issue alerts, metric alerts, issues as they come and go. Of an internal integration (not the older plugin).
https://docs.sentry.io/organization/integrations/integration-platform/webhooks/

What happened is a resource (in a header that the signature does not cover) and an action. An issue is one subject
over alerts and its own events: the alert says that it broke, its resolution that it is fixed.
"""

import re
from collections.abc import Callable, Iterable

from bridge.model import Draft, Kind, Outcome, Severity
from bridge.vendors import words
from bridge.vendors.document import Document
from bridge.vendors.naming import key, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

MILD = (Severity.MEDIUM, Severity.LOW, Severity.INFO)
"""Issues of level warning and below are news, and no failure."""
LEVELS = {**words.SEVERITIES, "error": Severity.HIGH, "debug": Severity.INFO, "sample": Severity.INFO}
_IN_PROJECT = re.compile(r".*/projects/[^/]+/([^/]+)/.*")
"""An event's API address, which alone names the project in words."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """By the resource."""
    draft = context.read(body)
    draft.raw_status = body.text("action")
    if tell := _TELL.get(context.type):
        tell(draft, body, context)
    yield draft


def _issue(draft: Draft, body: Document, context: Context[VendorOptions]) -> None:
    issue = body.at("data.issue")
    draft.title = titled(issue.text("project.slug"), issue.text("title") or draft.title)
    draft.run_id = draft.subject_key = key("issue", issue.text("id"))
    draft.app.platform = issue.text("platform")
    if draft.raw_status in ("created", "unresolved", "resolved"):
        context.judge(draft, draft.raw_status)
        _by_level(draft, issue.text("level"))
        if draft.raw_status == "unresolved":
            draft.reason = issue.text("substatus")
    elif draft.raw_status in ("assigned", "archived", "ignored"):
        draft.outcome, draft.severity = Outcome.NEUTRAL, Severity.INFO
        draft.reason = f"assigned to {name}" if (name := issue.text("assignedTo.name")) else None


def _event(draft: Draft, body: Document, context: Context[VendorOptions]) -> None:
    event = body.at("data.event" if context.type == "event_alert" else "data.error")
    place = _IN_PROJECT.fullmatch(event.text("url") or "")
    draft.title = titled(place[1] if place else None, event.text("title") or draft.title)
    draft.run_id = draft.subject_key = key("issue", event.text("issue_id"))
    if rule := body.text("data.triggered_rule"):
        draft.reason = f"alert rule “{rule}”"
    if draft.raw_status in ("triggered", "created"):
        context.judge(draft, draft.raw_status)
        _by_level(draft, event.text("level"))


def _by_level(draft: Draft, level: str | None) -> None:
    """A failure is as severe as its level. A mild issue neither fails nor, when it is resolved, passes."""
    severity = LEVELS.get(words.fold(level or ""))
    if severity in MILD:
        draft.outcome = Outcome.NEUTRAL
    draft.severity = severity if draft.outcome is not Outcome.PASSED else None
    if draft.outcome is Outcome.NEUTRAL and draft.raw_status == "resolved":
        draft.severity = Severity.INFO


def _metric(draft: Draft, body: Document, context: Context[VendorOptions]) -> None:
    alert = body.at("data.metric_alert")
    draft.title = titled(alert.text("projects.0"), alert.text("alert_rule.name", "title") or draft.title)
    draft.subject_key = key("metric", alert.text("organization_id"), alert.text("alert_rule.id"))
    draft.run_id = key("incident", alert.text("id"))
    draft.environment = alert.text("alert_rule.environment")
    context.judge(draft, draft.raw_status)
    if draft.outcome is Outcome.FAILED:
        draft.severity = Severity.CRITICAL if draft.raw_status == "critical" else Severity.MEDIUM
    draft.started_at = alert.moment("date_started")
    draft.finished_at = alert.moment("date_closed") if draft.outcome is Outcome.PASSED else None


def _installation(draft: Draft, body: Document, _context: Context[VendorOptions]) -> None:
    did = {"created": "installed", "deleted": "uninstalled"}.get(draft.raw_status or "")
    if did:
        if name := body.text("data.installation.app.slug"):
            draft.title = f"Sentry integration {name}"
        draft.raw_status, draft.outcome = did, Outcome.NEUTRAL


def _comment(draft: Draft, body: Document, _context: Context[VendorOptions]) -> None:
    draft.title = titled(body.text("data.project_slug"), "comment on an issue")
    draft.run_id = key("issue", body.text("data.issue_id"))
    draft.outcome = Outcome.NEUTRAL


_TELL: dict[str, Callable[[Draft, Document, Context[VendorOptions]], None]] = {
    "issue": _issue,
    "event_alert": _event,
    "error": _event,
    "metric_alert": _metric,
    "installation": _installation,
    "comment": _comment,
}

VENDOR = Vendor(
    name="sentry",
    title="Sentry",
    docs="https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
    setup="Settings > Developer Settings > Custom Integrations > New Internal Integration: paste the URL, turn Alert "
    "Rule Action on and pick the webhooks (issue, ...); the secret is the Client Secret. Then add the integration as "
    "an action of alert rules.",
    # https://docs.sentry.io/organization/integrations/integration-platform/webhooks/#verifying-the-signature
    signature=Scheme(header="Sentry-Hook-Signature"),
    dated=("data.event.event_id", "data.error.event_id", "data.comment_id"),
    event="header:Sentry-Hook-Resource",
    events={
        "event_alert": EventType(kind=Kind.SYSTEM, title="Issue alert"),
        "metric_alert": EventType(kind=Kind.SYSTEM, title="Metric alert"),
        "issue": EventType(kind=Kind.SYSTEM, title="Issue"),
        "error": EventType(kind=Kind.SYSTEM, title="Error"),
        "comment": EventType(severity=Severity.INFO, title="Comment"),
        "installation": EventType(severity=Severity.INFO, title="Sentry integration"),
    },
    result={
        "vendor_id": "header:Request-ID",
        # Not an event's own time: alerts on it arrive after what is known of its issue, and would count as late.
        "time": "data.timestamp",
        "url": (
            "data.event.web_url",
            "data.error.web_url",
            "data.issue.web_url",
            "data.issue.permalink",
            "data.web_url",
        ),
        "summary": (
            "data.description_text",
            "data.event.culprit",
            "data.error.culprit",
            "data.issue.culprit",
            "data.comment",
        ),
        "environment": ("data.event.environment", "data.error.environment"),
        "app.version": ("data.event.release", "data.error.release"),
        "app.platform": ("data.event.platform", "data.error.platform"),
        "labels.action": "action",
        "labels.actor": "actor.name",
        "labels.level": ("data.event.level", "data.error.level", "data.issue.level"),
        "labels.rule": ("data.triggered_rule", "data.metric_alert.alert_rule.name"),
        "labels.project": ("data.issue.project.slug", "data.metric_alert.projects.0", "data.project_slug"),
        "extra.issue": "data.issue.shortId",
        "extra.times_seen": "data.issue.count",
        "extra.users": "data.issue.userCount",
    },
    outcomes={
        "critical": Outcome.FAILED,
        "warning": Outcome.FAILED,
        "triggered": Outcome.FAILED,
        "created": Outcome.FAILED,
        "unresolved": Outcome.FAILED,
        "resolved": Outcome.PASSED,
    },
    understand=understand,
)
