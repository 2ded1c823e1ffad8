"""Expo's EAS posts when a build of an app, or its submission to a store, has ended. https://docs.expo.dev/eas/webhooks/

Compared field by field with the two bodies on that page
(https://github.com/expo/expo/blob/main/docs/pages/eas/webhooks.mdx), which also shows the signature.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome
from bridge.vendors.document import Document
from bridge.vendors.naming import first_line, key, numbered, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Whether it is a build or a submission (a body does not name its event), which app and profile."""
    draft = context.read(body)
    is_submission = body.text("submissionDetailsPageUrl") is not None
    draft.type = "submission" if is_submission else "build"
    draft.kind = Kind.DEPLOYMENT if is_submission else Kind.TEST_RUN
    profile, platform = body.text("metadata.buildProfile"), draft.app.platform
    name = draft.app.name or "App"
    described = f"{name} ({platform})" if platform else name
    draft.title = titled(described, numbered(draft.type, body.text("metadata.appBuildVersion")))
    if profile and not is_submission:
        draft.title += f", {profile}"
        draft.environment = profile
    draft.subject_key = key(body.text("appId", "projectName"), platform, profile or draft.type)
    draft.summary = body.text("error.message", "submissionInfo.error.message") or first_line(draft.summary)
    draft.reason = body.text("error.errorCode", "submissionInfo.error.errorCode")
    start, end = body.count("metrics.buildStartTimestamp"), body.count("metrics.buildEndTimestamp")
    draft.duration_ms = end - start if start and end and end > start else None
    yield draft


VENDOR = Vendor(
    name="expo",
    title="Expo EAS",
    docs="https://docs.expo.dev/eas/webhooks/",
    setup="In the project's folder: eas webhook:create --event BUILD --url URL --secret SECRET (of at least 16 "
    "characters); once more with SUBMIT for submissions.",
    signature=Scheme(header="expo-signature", algorithm="sha1", prefix="sha1="),
    dedupe=("id", "status"),
    dated=("id",),
    events={
        "build": EventType(kind=Kind.TEST_RUN, title="Build"),
        "submission": EventType(kind=Kind.DEPLOYMENT, title="Submission"),
    },
    result={
        "vendor_id": "id",
        "run_id": "id",
        "outcome": "status",
        "url": ("buildDetailsPageUrl", "submissionDetailsPageUrl"),
        "summary": "metadata.gitCommitMessage",
        "time": ("completedAt", "updatedAt"),
        "started_at": ("workerStartedAt", "createdAt"),
        "finished_at": "completedAt",
        "vcs.commit": "metadata.gitCommitHash",
        "app.id": ("metadata.appIdentifier", "appId"),
        "app.name": ("metadata.appName", "projectName"),
        "app.version": "metadata.appVersion",
        "app.platform": "platform",
        "labels.actor": "metadata.username",
        "labels.profile": "metadata.buildProfile",
        "labels.channel": "metadata.channel",
        "sensitive_artifacts.build": "artifacts.buildUrl",
    },
    # Of the three words that are documented (errored, finished, canceled) this is the good one.
    outcomes={"finished": Outcome.PASSED, "errored": Outcome.FAILED},
    understand=understand,
)
