"""SonarQube Server and Cloud: the quality gate of each analysis.
https://docs.sonarsource.com/sonarqube-server/project-administration/webhooks/

The body is what the server writes (https://github.com/SonarSource/sonarqube, `WebhookPayloadFactoryImpl.java` in
`server/sonar-server-common`): `branch` and `qualityGate` may be absent, `value` and `errorThreshold` too.
"""

from collections.abc import Iterable

from bridge.model import Draft, Item, Kind, Outcome
from bridge.vendors.document import Document
from bridge.vendors.naming import key, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

SIDES = {"GREATER_THAN": "above", "LESS_THAN": "below"}
"""On which side of its threshold a condition fails."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The gate's verdict, or an error where the analysis itself did not end well; the gate's conditions as items."""
    draft = context.read(body)
    project, branch = body.text("project.name", "project.key"), body.text("branch.name")
    draft.title = titled(project, "quality gate") if project else draft.title
    task = body.text("status")
    if task and task != "SUCCESS":
        draft.outcome, draft.raw_status, draft.reason = Outcome.ERROR, task, "the analysis itself failed"
    if body.text("branch.type") == "PULL_REQUEST":
        draft.vcs.change, draft.vcs.ref = branch, None
        branch = key("pull", branch)
    draft.subject_key = key(body.text("project.key"), branch or "-")
    for condition in body.items("qualityGate.conditions"):
        status = condition.text("status")
        # A condition without a value was not measured: it says nothing.
        outcome = Outcome.SKIPPED if status == "NO_VALUE" else context.outcome(status)
        value, bound = condition.text("value"), condition.text("errorThreshold")
        side = SIDES.get(condition.text("operator") or "", "against")
        message = f"{value} is {side} {bound}" if outcome is Outcome.FAILED and value and bound else None
        draft.items.append(
            Item((condition.text("metric") or "condition").replace("_", " "), [], outcome, status, message=message)
        )
    if draft.items:
        counts, outcomes = draft.counts, [item.outcome for item in draft.items]
        counts.unit, counts.origin, counts.total = "condition", "derived", len(outcomes)
        counts.passed, counts.failed = outcomes.count(Outcome.PASSED), outcomes.count(Outcome.FAILED)
        counts.skipped = outcomes.count(Outcome.SKIPPED)
    yield draft


VENDOR = Vendor(
    name="sonarqube",
    title="SonarQube",
    docs="https://docs.sonarsource.com/sonarqube-server/project-administration/webhooks/",
    setup="Project Settings > Webhooks > Create (or Administration > Configuration > Webhooks, for all projects): "
    "paste the URL and set a secret.",
    signature=Scheme(header="X-Sonar-Webhook-HMAC-SHA256"),
    dated=("taskId", "changedAt"),
    events={"analysis": EventType(kind=Kind.TEST_RUN, title="Quality gate")},
    result={
        "outcome": "qualityGate.status",
        "url": ("branch.url", "project.url"),
        "run_id": "taskId",
        "time": ("changedAt", "analysedAt"),
        "vcs.ref": "branch.name",
        "vcs.commit": "revision",
        "app.id": "project.key",
        "app.name": "project.name",
        "labels.gate": "qualityGate.name",
        "extra.analysis": "status",
    },
    outcomes={"error": Outcome.FAILED, "warn": Outcome.NEUTRAL, "none": Outcome.NEUTRAL},
    understand=understand,
)
