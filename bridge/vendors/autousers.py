"""Autousers runs evaluations with people and simulated users. https://docs.autousers.ai/webhooks/overview

One envelope for all events (`id type created data.object`); the objects are at https://docs.autousers.ai/webhooks/events.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State
from bridge.vendors.document import Document, summed
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


class AutousersOptions(VendorOptions):
    """What an operator may add about an Autousers source."""

    outcome_when: str = ""
    """Jinja that gives a completed evaluation's verdict, as a word or as true or false:
    `{{ 'passed' if payload.data.object.summary.krippendorffAlpha >= 0.6 else 'failed' }}`. A failed run is worse."""


def understand(body: Document, context: Context[AutousersOptions]) -> Iterable[Draft]:
    """Which subject an event belongs to, how far an evaluation is, and the verdict of a completed one."""
    draft = context.read(body)
    draft.is_test = draft.is_test or (draft.vendor_id or "").startswith("event_test_")
    if user := body.text("data.object.autouser.name", "data.object.autouserId"):
        draft.title = f"{draft.title}: {user}"
    if context.type.startswith("evaluation."):
        draft.subject_key = draft.run_id
    elif context.type.startswith("autouser_run."):
        evaluation, user_id = body.text("data.object.evaluationId"), body.text("data.object.autouserId")
        draft.subject_key = f"{evaluation}/{user_id}" if evaluation and user_id else None
    if context.type in {"evaluation.created", "evaluation.status_changed"}:
        context.judge(draft, draft.raw_status)
    elif context.type == "evaluation.completed":
        draft.counts.total = summed((draft.counts.passed, draft.counts.failed))
        draft.outcome, draft.reason = _verdict(draft, body, context)
    if draft.is_test:  # made up by the vendor, whatever it says
        draft.kind, draft.subject_key, draft.outcome = Kind.OTHER, None, Outcome.NEUTRAL
    yield draft


def _verdict(draft: Draft, body: Document, context: Context[AutousersOptions]) -> tuple[Outcome, str | None]:
    """The vendor has no word for it: failed runs make it bad, else the operator's expression says, else nobody."""
    if draft.counts.failed:
        return Outcome.FAILED, None
    if not context.options.outcome_when:
        return Outcome.NEUTRAL, None
    answer = context.answer(context.options.outcome_when, {"payload": body.value})
    if isinstance(answer, bool):
        return (Outcome.PASSED if answer else Outcome.FAILED), None
    outcome = context.outcome(answer) if isinstance(answer, str) else Outcome.UNKNOWN
    return outcome, "outcome_when gave no verdict" if outcome is Outcome.UNKNOWN else None


def _event(title: str, outcome: Outcome | None = None, severity: Severity | None = None) -> EventType:
    return EventType(kind=Kind.EVALUATION, title=title, outcome=outcome, severity=severity)


VENDOR = Vendor(
    name="autousers",
    title="Autousers",
    docs="https://docs.autousers.ai/webhooks/overview",
    setup="Create a webhook endpoint with this URL (Pro or Enterprise plan); the secret is all of `whsec_...`.",
    # The whole `whsec_` text is the key, undecoded: https://docs.autousers.ai/webhooks/signature-verification
    signature=Scheme(
        header="Autousers-Signature",
        format="kv",
        message=("timestamp", "literal:.", "body"),
    ),
    dedupe=("id",),
    dated=("id",),
    event="type",
    events={
        "evaluation.created": _event("Evaluation"),
        "evaluation.status_changed": _event("Evaluation"),
        "evaluation.completed": _event("Evaluation"),
        "autouser_run.completed": _event("Autouser run", Outcome.PASSED),
        "autouser_run.failed": _event("Autouser run", Outcome.FAILED),
        "rating.created": _event("Rating", Outcome.NEUTRAL, Severity.INFO),
        "calibration.frozen": _event("Calibration frozen", Outcome.NEUTRAL, Severity.INFO),
        "webhook.test": EventType(outcome=Outcome.NEUTRAL, title="Test event from Autousers", test=True),
    },
    result={
        "vendor_id": "id",
        "time": "created",
        "run_id": "data.object.id",
        "title": "data.object.name",
        "summary": ("data.object.error", "data.object.justification"),
        "url": "data.object.links.results",
        "links.results": "data.object.links.results",
        "links.review": "data.object.links.review",
        "links.preview": "data.object.links.preview",
        "raw_status": "data.object.status",
        "started_at": "data.object.startedAt",
        "finished_at": "data.object.completedAt",
        "counts.unit": "run",
        "counts.passed": "data.object.summary.completedRunCount",
        "counts.failed": "data.object.summary.failedRunCount",
        "labels.evaluation": "data.object.evaluationId",
        "labels.autouser": ("data.object.autouserId", "data.object.autouser.id"),
        "extra.alpha": ("data.object.summary.krippendorffAlpha", "data.object.rubric.krippendorffAlpha"),
        "extra.ratings": ("data.object.summary.ratingCount", "data.object.ratingsCreated"),
        "extra.autouser_ratings": "data.object.summary.autouserRatingCount",
        "extra.human_ratings": "data.object.summary.humanRatingCount",
        "extra.input_tokens": "data.object.inputTokens",
        "extra.output_tokens": "data.object.outputTokens",
        "extra.cost_usd": "data.object.estimatedCostUsd",
        "extra.previous_status": "data.object.previous_status",
        "extra.evaluation_type": "data.object.type",
        "extra.rubric_version": ("data.object.rubricVersion", "data.object.rubric.version"),
        "sensitive_artifacts.report": "data.object.artifactsPath",
    },
    outcomes={"draft": State.QUEUED, "ended": Outcome.NEUTRAL},
    understand=understand,
    options=AutousersOptions,
)
