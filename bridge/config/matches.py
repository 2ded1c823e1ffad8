"""Can it ever match? In: the `match` of a route or a test, as written; noted in the report: every field that no result
has and every word that its field never is, each at its own place.

The mapping is read as it stands in the file, and not as a `Route`, so that a mistake of shape hides nothing beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from bridge import routing
from bridge.config.marks import Path, quoted
from bridge.config.report import Report, meant
from bridge.normalize import UNREADABLE
from bridge.vendors import Document, Vendor
from bridge.vendors.bridge import VENDOR as ALARMS

SYSTEM = "bridge"
"""The source of Drawbridge's own alarms, and their vendor. Routes may match it; nobody else may have its name."""

Sources = Mapping[str, Vendor | None]
"""The sources of the file by name, and their vendors; null where nobody can tell."""


def check_match(report: Report, path: Path, sources: Sources) -> None:
    """Every line of the `match` at `path`, for results of these sources or of Drawbridge's own."""
    match = report.value(path)
    for key in match if isinstance(match, dict) else ():
        at = (*path, key)
        if problem := routing.unknown_field(key):
            report.add(path, problem, key=True, where=at)
        for where, word in report.texts(at):
            if problem := routing.impossible(key, word):
                report.add(at, problem, where=where)
    _names(report, (*path, "source"), [*sources, SYSTEM])
    if all(sources.values()):
        _names(report, (*path, "vendor"), [*(vendor.name for vendor in sources.values() if vendor), SYSTEM])
    _types(report, path, sources)


def _names(report: Report, path: Path, known: Sequence[str]) -> None:
    for where, word in report.texts(path):
        plain = word.removeprefix("!")
        if not any(fnmatchcase(name, plain) for name in known):
            report.add(path, f"no {path[-1]} named {quoted(plain)}{meant(plain, known)}", where=where)


def _types(report: Report, path: Path, sources: Sources) -> None:
    """The words for `type` against the events of the vendors whose results get as far as that.

    A word that is nearly one of theirs is a slip. Another one may be an event that the vendor has not documented.
    """
    by_source = [word for _, word in report.texts((*path, "source"))]
    by_vendor = [word for _, word in report.texts((*path, "vendor"))]
    asked = [vendor for name, vendor in {**sources, SYSTEM: ALARMS}.items() if _accepted(name, by_source)]
    named = [vendor for vendor in asked if vendor and _accepted(vendor.name, by_vendor)]
    if not named or not all(asked):
        return
    known = {name for vendor in named for name in _documented(vendor)}
    for where, word in report.texts((*path, "type")):
        plain = word.removeprefix("!")
        if any(fnmatchcase(name, plain) for name in known):
            continue
        who = f"no event of {', '.join(sorted({repr(vendor.name) for vendor in named}))} has the type {quoted(plain)}"
        any_name = any(vendor.event and not vendor.events for vendor in named)
        if hint := meant(plain.casefold(), known, rest=False):
            report.add((*path, "type"), who + hint, where=where, warning=any_name)
        elif not any_name:
            text = f"{who} that its documentation knows{meant(plain, known)}"
            report.add((*path, "type"), text, where=where, warning=True)


def _documented(vendor: Vendor) -> Iterable[str]:
    yield UNREADABLE
    yield vendor.type_of(Document(None))
    yield from vendor.events


def _accepted(name: str, words: Sequence[str]) -> bool:
    """Whether `match` lets that source's or vendor's name through."""
    wanted = [word for word in words if not word.startswith("!")]
    if wanted and not any(fnmatchcase(name, word) for word in wanted):
        return False
    return not any(fnmatchcase(name, word.removeprefix("!")) for word in words if word.startswith("!"))
