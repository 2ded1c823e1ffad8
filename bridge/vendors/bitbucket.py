"""Bitbucket Cloud: build statuses, pushes, pull requests.
https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/

A build status is whatever a build server (or Bitbucket's own Pipelines) reports for a commit, under a key of its own.
"""

import re
from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity, State, Vcs
from bridge.vendors.document import Document
from bridge.vendors.naming import key, listed, tell_push, titled
from bridge.vendors.vendor import Context, EventType, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

REQUESTS = {
    "created": "opened",
    "updated": "updated",
    "fulfilled": "merged",
    "rejected": "declined",
    "approved": "approved",
    "unapproved": "no longer approved",
    "changes_request_created": "needs changes",
    "changes_request_removed": "needs no changes any more",
    "comment_created": "commented on",
    "comment_updated": "comment edited",
    "comment_deleted": "comment deleted",
    "comment_resolved": "comment resolved",
    "comment_reopened": "comment reopened",
}
"""What each event about a pull request says was done to it."""
PULL_REQUEST = EventType(kind=Kind.CODE, outcome=Outcome.NEUTRAL, severity=Severity.INFO, title="Pull request")
_NUMBER = re.compile(r"\s*#[0-9]+")


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Title, subject and verdict, by the event."""
    draft = context.read(body)
    if context.type == "repo:push":
        _push(draft, body)
    elif context.type.startswith("repo:commit_status_"):
        _status(draft, body)
    elif context.type.startswith("pullrequest:") and draft.vcs.change:
        did = REQUESTS.get(context.type.partition(":")[2], "changed")
        draft.title = titled(draft.vcs.repository, f"pull request #{draft.vcs.change} {did}")
        draft.run_id, draft.raw_status = key("pull", draft.vcs.repository, draft.vcs.change), did
    yield draft


def _status(draft: Draft, body: Document) -> None:
    status = body.at("commit_status")
    name, own_key = status.text("name"), status.text("key")
    draft.title = titled(draft.vcs.repository, name or own_key or draft.title)
    # "Pipeline #42 for main" is the same thing as "Pipeline #41 for main"; the key may be another for each run.
    same = _NUMBER.sub("", name).strip() if name else own_key
    draft.subject_key = key(draft.vcs.repository, same, draft.vcs.ref) if draft.vcs.ref else None
    draft.run_id = key("status", draft.vcs.commit, own_key)
    draft.started_at = status.moment("created_on")
    draft.finished_at = draft.time if draft.state is State.FINISHED else None


def _push(draft: Draft, body: Document) -> None:
    """One push may change several branches and tags: then each is a line."""
    changes = [change for change in body.items("push.changes") if change.text("new.name", "old.name")]
    if not changes:
        return
    told = [_change(draft, change) for change in changes]
    first = told[0]
    draft.title, draft.summary, draft.url, draft.vcs = first.title, first.summary, first.url, first.vcs
    draft.outcome, draft.raw_status = Outcome.NEUTRAL, first.raw_status
    if len(told) > 1:
        home = draft.vcs.repository
        draft.title = titled(home, f"{len(told)} branches and tags pushed")
        draft.summary = listed([one.title.removeprefix(f"{home}: ") for one in told])
        draft.vcs, draft.url = Vcs(repository=home), body.text("repository.links.html.href")
        draft.raw_status = "pushed"


def _change(draft: Draft, change: Document) -> Draft:
    told = Draft(type=draft.type, vcs=Vcs(repository=draft.vcs.repository, commit=change.text("new.target.hash")))
    told.url = change.text("links.html.href", "new.target.links.html.href")
    kind = "tags" if change.text("new.type", "old.type") == "tag" else "heads"
    messages = [commit.text("message") for commit in reversed(change.items("commits"))]
    tell_push(
        told,
        f"refs/{kind}/{change.text('new.name', 'old.name')}",
        messages,
        created=change.raw("old") is None,
        deleted=change.raw("new") is None,
        forced=change.raw("forced") is True,
    )
    return told


VENDOR = Vendor(
    name="bitbucket",
    title="Bitbucket",
    docs="https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/",
    setup="Repository settings > Webhooks > Add webhook: paste the URL, set a secret, and pick the triggers: build "
    "status created and updated, push, pull requests.",
    # https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
    signature=Scheme(header="X-Hub-Signature", prefix="sha256="),
    dated=("commit_status.updated_on", "pullrequest.updated_on", "push.changes.0.new.target.date"),
    event="header:X-Event-Key",
    events={
        "repo:commit_status_created": EventType(kind=Kind.TEST_RUN, title="Build status"),
        "repo:commit_status_updated": EventType(kind=Kind.TEST_RUN, title="Build status"),
        "repo:push": EventType(kind=Kind.CODE, severity=Severity.INFO, title="Push"),
        **{f"pullrequest:{word}": PULL_REQUEST for word in REQUESTS},
    },
    result={
        "vendor_id": "header:X-Request-UUID",
        "outcome": "commit_status.state",
        "summary": ("commit_status.description", "pullrequest.title"),
        "url": ("commit_status.url", "pullrequest.links.html.href"),
        "time": ("commit_status.updated_on", "pullrequest.updated_on"),
        "vcs.repository": "repository.full_name",
        "vcs.ref": ("commit_status.refname", "pullrequest.source.branch.name"),
        "vcs.commit": ("commit_status.commit.hash", "pullrequest.source.commit.hash"),
        "vcs.change": "pullrequest.id",
        "labels.actor": ("actor.nickname", "actor.display_name"),
        "labels.base": "pullrequest.destination.branch.name",
        "extra.commit_message": "commit_status.commit.message",
        "extra.build_key": "commit_status.key",
    },
    outcomes={"inprogress": State.RUNNING},
    understand=understand,
)
