"""How builds, deployments and pushes are named alike, whoever tells of them. In: parts of a body; out: titles, keys.

A key is made of all its parts or not at all: half a key would mix two things' histories.
"""

import re
from collections.abc import Sequence

from bridge.model import Draft, Outcome, Severity

SHOWN_COMMITS = 5
_REMOTE = re.compile(r"(?:[a-z+]+://[^/]+/|[^@/]+@[^:/]+:)(.+?)(?:\.git)?/?")


def key(*parts: str | None) -> str | None:
    """The parts joined by slashes; None where one of them is not known."""
    known = [part for part in parts if part]
    return "/".join(known) if len(known) == len(parts) else None


def titled(place: str | None, what: str | None) -> str:
    """`acme/shop: Tests #163`; one of the two where the other is not known."""
    return ": ".join(part for part in (place, what) if part)


def numbered(name: str | None, number: str | None) -> str | None:
    """`Tests #163`, or the name alone."""
    return f"{name} #{number}" if name and number else name


def first_line(text: str | None) -> str | None:
    """What a commit message's first line says."""
    return text.strip().partition("\n")[0].strip() or None if text else None


def short_ref(ref: str | None) -> str | None:
    """The branch or tag that `refs/heads/main` or `refs/tags/v1` names; any other ref as it is."""
    for prefix in ("refs/heads/", "refs/tags/"):
        if ref and ref.startswith(prefix):
            return ref[len(prefix) :] or None
    return ref


def repository_name(remote: str | None) -> str | None:
    """`acme/shop` of `git@host:acme/shop.git` or `https://host/acme/shop.git`; any other text as it is."""
    match = _REMOTE.fullmatch(remote) if remote else None
    return match[1] if match else remote


def listed(lines: Sequence[str]) -> str:
    """The lines as a list that also reads well where all of it stands in one line."""
    return lines[0] if len(lines) == 1 else "\n".join(f"• {line}" for line in lines)


def tell_push(
    draft: Draft,
    ref: str | None,
    messages: Sequence[str | None],
    *,
    total: int | None = None,
    created: bool = False,
    deleted: bool = False,
    forced: bool = False,
) -> None:
    """Says in `draft` what was pushed to `ref` (`refs/heads/...` or `refs/tags/...`): its title, summary and ref.

    `messages` are the commits' that stand in the body, `total` how many there were. A push is news and no verdict.
    """
    name = short_ref(ref) or "?"
    count = len(messages) if total is None else total
    what = f"{'tag' if ref and ref.startswith('refs/tags/') else 'branch'} {name}"
    if count and not deleted and not what.startswith("tag"):
        did = "forced" if forced else "pushed"
        said = f"{count} commit{'' if count == 1 else 's'} {did} to {name}{' (new branch)' if created else ''}"
    else:
        did = "deleted" if deleted else "created" if created else "moved"
        said = f"{what} {did}"
    draft.title, draft.raw_status = titled(draft.vcs.repository, said), did
    draft.vcs.ref = short_ref(ref)
    draft.outcome, draft.severity = Outcome.NEUTRAL, Severity.INFO
    lines = [line for message in messages if (line := first_line(message))]
    shown = lines[-SHOWN_COMMITS:]
    if shown and not deleted:
        draft.summary = listed([*shown, f"{count - len(shown)} more"] if count > len(shown) else shown)


def tell_release(draft: Draft, did: str | None, tag: str | None, name: str | None) -> None:
    """Says in `draft` what became of a release; nothing where its tag, or what was done, is not known."""
    if not did or not tag:
        return
    draft.title = titled(draft.vcs.repository, f"release {tag} {did}")
    draft.summary = name if name != tag else None
    draft.run_id = key("release", draft.vcs.repository, tag)
    draft.raw_status, draft.outcome = did, Outcome.NEUTRAL
