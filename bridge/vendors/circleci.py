"""CircleCI posts when a workflow or a job of one has ended. https://circleci.com/docs/reference/outbound-webhooks-reference/

Where the code comes from GitHub or Bitbucket by OAuth, `pipeline.vcs` says what was built; else
`pipeline.trigger_parameters` does.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome
from bridge.vendors.document import Document
from bridge.vendors.naming import key, numbered, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Title and subject of a workflow, or of a job in it."""
    draft = context.read(body)
    organization, project = body.text("organization.name"), body.text("project.name")
    workflow, job = body.text("workflow.name"), body.text("job.name")
    draft.vcs.repository = key(organization, project) or project
    if context.type == "workflow-completed" and workflow:
        draft.title = titled(draft.vcs.repository, numbered(workflow, body.text("pipeline.number")))
        draft.subject_key = key(body.text("project.slug"), workflow, draft.vcs.ref)
    elif context.type == "job-completed" and job:
        draft.title = titled(draft.vcs.repository, key(workflow, job) or job)
        draft.subject_key = key(body.text("project.slug"), workflow, job, draft.vcs.ref)
        if draft.url and (number := body.text("job.number")):
            draft.url = f"{draft.url}/jobs/{number}"
    if draft.raw_status == "unauthorized":
        draft.reason = "whoever started it may not run it"
    yield draft


VENDOR = Vendor(
    name="circleci",
    title="CircleCI",
    docs="https://circleci.com/docs/reference/outbound-webhooks-reference/",
    setup="Project Settings > Webhooks > Add Webhook: paste the URL, set a secret token, leave certificate "
    "verification on, and pick Workflow Completed (and Job Completed, if you want each job).",
    # https://circleci.com/docs/guides/integration/outbound-webhooks/#validate-webhooks: a list, of which v1 counts.
    signature=Scheme(header="circleci-signature", format="comma_list", prefix="v1="),
    dedupe=("id",),
    dated=("id",),
    event="type",
    events={
        "workflow-completed": EventType(kind=Kind.TEST_RUN, title="Workflow"),
        "job-completed": EventType(kind=Kind.TEST_RUN, title="Job"),
        "ping": EventType(outcome=Outcome.NEUTRAL, title="Ping from CircleCI", test=True),
    },
    result={
        "vendor_id": "id",
        "time": "happened_at",
        # A job's event names its workflow too, so the job comes first.
        "outcome": ("job.status", "workflow.status"),
        "run_id": ("job.id", "workflow.id"),
        "summary": ("pipeline.vcs.commit.subject", "pipeline.trigger_parameters.gitlab.commit_title"),
        "url": "workflow.url",
        "started_at": ("job.started_at", "workflow.created_at"),
        "finished_at": ("job.stopped_at", "workflow.stopped_at"),
        "vcs.ref": (
            "pipeline.vcs.branch",
            "pipeline.vcs.tag",
            "pipeline.trigger_parameters.git.branch",
            "pipeline.trigger_parameters.git.tag",
            "pipeline.trigger_parameters.gitlab.branch",
        ),
        "vcs.commit": (
            "pipeline.vcs.revision",
            "pipeline.trigger_parameters.git.checkout_sha",
            "pipeline.trigger_parameters.gitlab.checkout_sha",
        ),
        "labels.actor": (
            "pipeline.trigger_parameters.gitlab.user_username",
            "pipeline.trigger_parameters.github_app.user_username",
            "pipeline.vcs.commit.author.name",
        ),
        "labels.event": "pipeline.trigger.type",
        "extra.workflow_id": "workflow.id",
        "extra.pipeline_number": "pipeline.number",
        "extra.webhook": "webhook.name",
    },
    outcomes={"unauthorized": Outcome.ERROR},
    understand=understand,
)
