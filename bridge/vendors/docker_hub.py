"""Docker Hub posts when an image was pushed. https://docs.docker.com/docker-hub/repos/manage/webhooks/

Nothing is signed: the URL that is pasted carries the secret, as `?token=<secret>`. `callback_url` is an address that
a stranger wrote, and is never called.
"""

from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity
from bridge.vendors.document import Document
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """The image and its tag, as one would pull it."""
    draft = context.read(body)
    if draft.app.name:
        image = f"{draft.app.name}:{draft.app.version}" if draft.app.version else draft.app.name
        draft.title = f"{image} pushed"
        draft.outcome, draft.raw_status = Outcome.NEUTRAL, "pushed"
    yield draft


VENDOR = Vendor(
    name="docker_hub",
    title="Docker Hub",
    docs="https://docs.docker.com/docker-hub/repos/manage/webhooks/",
    setup="Repository > Webhooks: give a name, and as URL this one with ?token=<secret> at its end.",
    signature=Scheme(query="token", algorithm="token"),
    dated=("push_data.pushed_at",),
    events={"push": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Image pushed")},
    result={
        "time": "push_data.pushed_at",
        "url": "repository.repo_url",
        "app.name": "repository.repo_name",
        "app.version": "push_data.tag",
        "labels.actor": "push_data.pusher",
    },
    understand=understand,
)
