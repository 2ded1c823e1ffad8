"""Flux: what its controllers say of Kustomizations, Helm releases and sources.
https://fluxcd.io/flux/components/notification/events/

The body is the event as on that page; it has no link. Its `reason` is the controller's own word, and no page lists them
all: an error is known by `severity`, and of the rest what ends in "Succeeded" is good. What was undone or taken away is
no verdict.
"""

import re
from collections.abc import Iterable

from bridge.model import Draft, Kind, Outcome, Severity
from bridge.vendors.document import Document, as_text
from bridge.vendors.naming import first_line, key, titled
from bridge.vendors.vendor import Context, Vendor, VendorOptions
from bridge.verify.scheme import Scheme

DEPLOYS = ("Kustomization", "HelmRelease")
NO_VERDICT = ("RollbackSucceeded", "UninstallSucceeded")

_REVISION = re.compile(r"(?P<ref>[^@]*?)[@/](?:sha\d+:)?(?P<commit>[0-9a-f]{40,64})")
"""`main@sha1:731f7eaddf...`, or as it was written before, `main/731f7eaddf...`; a chart's is its version."""


def understand(body: Document, context: Context[VendorOptions]) -> Iterable[Draft]:
    """Which object, how it went, and from which revision."""
    draft = context.read(body)
    kind, name = body.text("involvedObject.kind"), body.text("involvedObject.name")
    draft.kind = Kind.DEPLOYMENT if kind in DEPLOYS else Kind.SYSTEM
    draft.outcome = _outcome(body.text("severity"), draft.raw_status)
    draft.raw_status = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", draft.raw_status or "").lower() or None
    draft.title = " ".join(filter(None, (kind, name))) or "Flux"
    if draft.outcome is not Outcome.PASSED:  # a good end is said of each result
        draft.title = titled(draft.title, draft.raw_status)
    # Flux knows two severities, and the one that is no error says nothing of how much it matters.
    draft.severity = Severity.INFO if draft.outcome is Outcome.NEUTRAL else None
    draft.subject_key = key(kind, body.text("involvedObject.namespace"), name)
    draft.summary = first_line(draft.summary)
    _revision(draft, body)
    yield draft


def _outcome(severity: str | None, reason: str | None) -> Outcome:
    if severity == "error":
        return Outcome.FAILED
    if severity != "info":
        return Outcome.UNKNOWN
    good = reason is not None and reason.endswith("Succeeded") and reason not in NO_VERDICT
    return Outcome.PASSED if good else Outcome.NEUTRAL


def _revision(draft: Draft, body: Document) -> None:
    """Metadata's keys have dots in them, as in `kustomize.toolkit.fluxcd.io/revision`."""
    metadata = body.raw("metadata")
    for name, value in metadata.items() if isinstance(metadata, dict) else ():
        if name.rpartition("/")[2] == "revision" and (text := as_text(value)):
            found = _REVISION.fullmatch(text)
            draft.vcs.ref, draft.vcs.commit = (found["ref"] or None, found["commit"]) if found else (None, None)
            draft.app.version = None if found else text


VENDOR = Vendor(
    name="flux",
    title="Flux",
    docs="https://fluxcd.io/flux/components/notification/providers/",
    setup="A Provider of type generic-hmac, its address this URL, its secretRef one with the secret as `token`; and an "
    "Alert that names it.",
    # https://fluxcd.io/flux/components/notification/providers/#generic-webhook-with-hmac: `<hash-function>=<hash>`.
    signature=Scheme(header="X-Signature", prefix="sha256="),
    dated=("timestamp",),
    event="involvedObject.kind",
    result={
        "time": "timestamp",
        "raw_status": "reason",
        "summary": "message",
        "labels.namespace": "involvedObject.namespace",
        "labels.controller": "reportingController",
    },
    understand=understand,
)
