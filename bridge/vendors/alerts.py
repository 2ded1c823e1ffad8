"""A group of alerts as Alertmanager's webhook tells it, and Grafana's after it: `version` 4.
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config

In: a body of that shape; out: a draft of one group, its alerts as items. The same group is the same subject, so one
that fires has broken, and one that is resolved is fixed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.model import Draft, Item, Outcome, Severity
from bridge.vendors import words
from bridge.vendors.document import Document, as_text
from bridge.vendors.naming import listed
from bridge.vendors.vendor import Context
from bridge.vendors.words import Meaning

OUTCOMES: dict[str, Meaning] = {"firing": Outcome.FAILED, "resolved": Outcome.PASSED}
TEXTS = ("summary", "description", "message")
"""Annotations that say what is wrong, by the customs of who writes rules."""
QUIET = ("severity", "prometheus", "datasource_uid", "ref_id")
"""Labels that tell no two alerts apart: the first is the result's severity, the others say who evaluated the rule."""
SEVERITIES = {**words.SEVERITIES, "page": Severity.CRITICAL, "error": Severity.HIGH}
"""What people write into the label `severity`, which is theirs to choose."""
_RANKED = list(Severity)
_NO_END = datetime(1970, 1, 1, tzinfo=UTC)
"""Go writes a time that is not set as the year 1; a firing alert has such an end."""


def tell_group(draft: Draft, body: Document, context: Context[Any], *, pages: tuple[str, ...] = ()) -> None:
    """Says in `draft` which alerts of the group fire. `pages` are an alert's fields that may hold its own page.

    A group in which something fires is not resolved, whatever the group's own `status` says.
    """
    alerts = body.items("alerts")
    grouped = _labels(body, "groupLabels")
    summary = _said(body.at("commonAnnotations"))
    firing = [alert for alert in alerts if alert.text("status") != "resolved"]
    draft.items = [_item(alert, grouped, summary, context, (*pages, "generatorURL")) for alert in alerts]
    left_out = body.count("truncatedAlerts") or 0
    if draft.outcome is Outcome.PASSED:
        draft.outcome = _ended([item.outcome for item in draft.items], left_out)
    if left_out:
        draft.reason = f"{left_out:,} more alerts were left out by the sender"
    draft.title = _title(_labels(body, "commonLabels"), grouped) or draft.title
    draft.summary = summary or _gathered(firing or alerts)
    draft.severity = _severity([alert.text("labels.severity") for alert in firing])
    draft.subject_key = body.text("groupKey")
    _times(draft, alerts)
    _count(draft)


def _labels(part: Document, path: str) -> dict[str, str]:
    found = part.raw(path)
    texts = {key: as_text(value) for key, value in found.items()} if isinstance(found, Mapping) else {}
    return {key: text for key, text in texts.items() if text}


def _said(annotations: Document) -> str | None:
    return annotations.text(*TEXTS)


def _gathered(alerts: list[Document]) -> str | None:
    """What the alerts say of themselves, each thing once, where they are few; else their lines must do."""
    said = list(dict.fromkeys(text for alert in alerts if (text := _said(alert.at("annotations")))))
    return listed(said) if len(said) == 1 else None


def _title(common: dict[str, str], grouped: dict[str, str]) -> str:
    """`HighErrorRate (checkout, production)`: the rule, and what else the group is made by."""
    name = common.get("alertname") or grouped.get("alertname") or ""
    rest = ", ".join(value for key, value in grouped.items() if key not in ("alertname", *QUIET))
    return f"{name} ({rest})" if name and rest else name or rest


def _item(
    alert: Document, grouped: dict[str, str], said: str | None, context: Context[Any], pages: tuple[str, ...]
) -> Item:
    """An alert is known by its labels. Those of its group are in the title; which others its neighbours have too
    changes with them, so all of these count."""
    labels = _labels(alert, "labels")
    own = {key: value for key, value in labels.items() if key not in grouped and key not in QUIET}
    name = own.pop("alertname", None)
    rest = ", ".join(f"{key}={value}" for key, value in sorted(own.items()))
    status, message = alert.text("status"), _said(alert.at("annotations"))
    return Item(
        name=(f"{name} ({rest})" if name and rest else name or rest) or labels.get("alertname") or "alert",
        outcome=context.outcome(status),
        raw_status=status,
        url=alert.text(*pages),
        message=message if message != said else None,
    )


def _ended(outcomes: list[Outcome], left_out: int) -> Outcome:
    """Of a group that says it is resolved. With `max_alerts` Alertmanager judges only the alerts that it sends."""
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.PASSED if set(outcomes) == {Outcome.PASSED} and not left_out else Outcome.UNKNOWN


def _severity(said: list[str | None]) -> Severity | None:
    """The worst of the alerts that fire; none of a resolved group."""
    known = [SEVERITIES[word] for text in said if text and (word := words.fold(text)) in SEVERITIES]
    return min(known, key=_RANKED.index, default=None)


def _times(draft: Draft, alerts: list[Document]) -> None:
    starts = [start for alert in alerts if (start := alert.moment("startsAt")) and start > _NO_END]
    draft.started_at = min(starts, default=None)
    if draft.outcome is Outcome.PASSED:
        ends = [end for alert in alerts if (end := alert.moment("endsAt")) and end > _NO_END]
        draft.finished_at = max(ends, default=None)


def _count(draft: Draft) -> None:
    outcomes, counts = [item.outcome for item in draft.items], draft.counts
    if outcomes:
        counts.unit, counts.origin, counts.total = "alert", "derived", len(outcomes)
        counts.failed, counts.passed = outcomes.count(Outcome.FAILED), outcomes.count(Outcome.PASSED)
