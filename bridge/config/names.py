"""Do the names exist? In: the entries that could be read; noted in the report: every name that leads nowhere.

An entry that is broken otherwise (null here) still counts as existing, so that one mistake is not told twice.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from bridge.config.config import Source
from bridge.config.marks import Path, quoted
from bridge.config.report import Report, meant
from bridge.routing import Route

SYSTEM = "bridge"
"""The source of Drawbridge's own alarms, and their vendor. Routes may match it; nobody else may have its name."""

MENTIONING = ("slack", "discord")
"""Types of targets on which somebody can be mentioned."""


def check_routes(
    report: Report, routes: list[Route | None], sources: Mapping[str, Source | None], targets: Mapping[str, Any]
) -> None:
    """The targets, sources and vendors that routes name, and the routes' own names."""
    first: dict[str, int] = {}
    used = {source.vendor.name for source in sources.values() if source}
    complete = all(sources.values())
    for index, route in enumerate(routes):
        path: Path = ("routes", index)
        if route is None:
            _to(report, path, report.value((*path, "to")), targets)
            continue
        if (earlier := first.setdefault(route.name, index)) != index:
            text = f"routes[{earlier}] is named {quoted(route.name)} already; names tell routes apart in the log"
            report.add((*path, "name"), text)
        _to(report, path, list(route.to), targets)
        _mention(report, path, route, targets)
        _matched(report, path, route, "source", [*sources, SYSTEM])
        if complete:
            _matched(report, path, route, "vendor", [*used, SYSTEM])


def _to(report: Report, path: Path, names: Any, targets: Mapping[str, Any], key: str = "to") -> None:
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name not in targets:
            text = f"no target named {quoted(name)}{meant(name, targets)}"
            report.add((*path, key), text, where=(*path, key, index))


def _mention(report: Report, path: Path, route: Route, targets: Mapping[str, Any]) -> None:
    for name in route.mention.who if route.mention else ():
        target = targets.get(name)
        if target and target.type not in MENTIONING:
            text = f"target {name!r} is of type {target.type}, which cannot mention anybody"
            report.add((*path, "mention", "who", name), text, key=True)


def _matched(report: Report, path: Path, route: Route, key: str, names: Iterable[str]) -> None:
    words = route.match.get(key, ())
    known = list(names)
    for index, word in enumerate((words,) if isinstance(words, str) else words):
        plain = word.removeprefix("!")
        if not any(fnmatchcase(name, plain) for name in known):
            at = (*path, "match", key) if isinstance(words, str) else (*path, "match", key, index)
            report.add((*path, "match", key), f"no {key} named {quoted(plain)}{meant(plain, known)}", where=at)


def check_tests(report: Report, count: int, sources: Mapping[str, Source | None], targets: Mapping[str, Any]) -> None:
    """The sources and targets that the `count` entries of `tests:` name."""
    for index in range(count):
        path: Path = ("tests", index)
        source, to = report.value((*path, "source")), report.value((*path, "expect", "to"))
        if isinstance(source, str) and source not in sources:
            report.add((*path, "source"), f"no source named {quoted(source)}{meant(source, sources)}")
        _to(report, (*path, "expect"), to, targets)
        _to(report, (*path, "expect"), report.value((*path, "expect", "mention")), targets, "mention")
