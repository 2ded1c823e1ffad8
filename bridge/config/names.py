"""Do the names exist? In: routes and tests as written, sources and targets; noted in the report: every name that leads
nowhere.

What is compared stands in the file as it is, and not in a `Route`, so that a mistake of shape hides no other. An entry
that is broken otherwise (null here) still counts as existing, so that one mistake is not told twice.
"""

from collections.abc import Mapping
from typing import Any

from bridge.config.marks import Path, quoted
from bridge.config.matches import Sources, check_match
from bridge.config.report import Report, meant
from bridge.editing import Mode
from bridge.targets import mention_problem, mode_problem

Targets = Mapping[str, Any]


def check_routes(report: Report, sources: Sources, targets: Targets) -> None:
    """The targets, sources and vendors that routes name, whom they mention, and the routes' own names."""
    first: dict[str, int] = {}
    for index, route in enumerate(_entries(report, "routes")):
        if not isinstance(route, dict):
            continue
        path: Path = ("routes", index)
        for at, name in report.texts((*path, "name")):
            if (earlier := first.setdefault(name, index)) != index:
                text = f"routes[{earlier}] is named {quoted(name)} already; names tell routes apart in the log"
                report.add(at, text)
        if route.get("to") == [] and route.get("stop") not in (True, "true"):
            text = "`to` names no target; name one, or say `stop: true` to silence what matches"
            report.add((*path, "to"), text, key=True)
        _to(report, (*path, "to"), targets)
        _mention(report, path, route, targets)
        _mode(report, path, route, targets)
        check_match(report, (*path, "match"), sources)


def check_fallbacks(report: Report, targets: Targets) -> None:
    """The targets that targets name as their fallback: each is there, and none leads back to where it came from."""
    leads: dict[str, str] = {}
    for name in targets:
        for at, to in report.texts(("targets", name, "fallback")):
            if to == name:
                report.add(at, "is this target itself; name another one, or remove it")
            elif to not in targets:
                report.add(at, f"no target named {quoted(to)}{meant(to, targets)}")
            else:
                leads[name] = to
    told: set[str] = set()
    for name in leads:
        circle = [name]
        while (to := leads.get(circle[-1], "")) and to not in circle:
            circle.append(to)
        if to == name and name not in told:
            told.update(circle)
            text = f"leads back to where it came from: {' -> '.join([*circle, name])}; end it somewhere"
            report.add(("targets", name, "fallback"), text)


def check_tests(report: Report, sources: Sources, targets: Targets) -> None:
    """The sources and targets that the entries of `tests:` name, and what they expect the result to be."""
    for index in range(len(_entries(report, "tests"))):
        path: Path = ("tests", index)
        known = dict(sources)
        for at, name in report.texts((*path, "source")):
            if name in sources:
                known = {name: sources[name]}
            else:
                report.add(at, f"no source named {quoted(name)}{meant(name, sources)}")
        for key in ("to", "mention"):
            _to(report, (*path, "expect", key), targets)
        check_match(report, (*path, "expect", "match"), known)


def _entries(report: Report, section: str) -> list[Any]:
    value = report.value((section,))
    return value if isinstance(value, list) else []


def _to(report: Report, path: Path, targets: Targets) -> None:
    for at, name in report.texts(path) if isinstance(report.value(path), list) else ():
        if name not in targets:
            report.add(path, f"no target named {quoted(name)}{meant(name, targets)}", where=at)


def _mention(report: Report, path: Path, route: dict[str, Any], targets: Targets) -> None:
    """Each target of a mention is one of the route's, and what stands for it there notifies somebody.

    Where the route's `to` was mistyped, the target may well be meant there, and is not told of again.
    """
    mention, to = route.get("mention"), route.get("to")
    who = mention.get("who") if isinstance(mention, dict) else None
    for name in who if isinstance(who, dict) else ():
        at = (*path, "mention", "who", name)
        misread = isinstance(to, list) and name in targets and not all(each in targets for each in map(str, to))
        if isinstance(to, list) and name not in to and not misread:
            text = f"names {quoted(name)}, which is not in this route's `to`{meant(name, map(str, to), rest=False)}"
            report.add(at[:-1], text, key=True, where=at)
            continue
        kind = report.value(("targets", name, "type"))
        for where, text in report.texts(at):
            if targets.get(name) and (problem := mention_problem(kind, text)):
                report.add(at, problem, where=where)


def _mode(report: Report, path: Path, route: dict[str, Any], targets: Targets) -> None:
    """Each target of the route can do what its `mode` says, and a `thread_key` is there for a mode that looks at it."""
    mode, to = route.get("mode", Mode.POST), route.get("to")
    if mode not in list(Mode):
        return
    if "thread_key" in route and mode == Mode.POST:
        report.add((*path, "thread_key"), "counts in `mode: update` and `mode: thread` only; set one, or remove it")
    for _, name in report.texts((*path, "to")) if isinstance(to, list) else ():
        if (options := targets.get(name)) and (problem := mode_problem(options, Mode(mode))):
            report.add((*path, "mode"), f"{quoted(mode)} cannot be at target {quoted(name)}: {problem}")
