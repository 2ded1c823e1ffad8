"""`drawbridge check`: would this file work? In: a path and an environment; out: every problem, before anybody is woken.

It does what the server does, with the same functions, to the samples of the vendors in use: understand, compare with
what went before, route, render. Then it runs the file's own `tests:`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path as FilePath
from typing import Any

from bridge import clock
from bridge.config import samples
from bridge.config.config import Config, Source
from bridge.config.load import load
from bridge.config.samples import Sample
from bridge.config.schema import Case, Expectation
from bridge.config.trial import try_vendors
from bridge.errors import ConfigError, Problem, did_you_mean
from bridge.history import Subject, place
from bridge.model import BAD, Event, Outcome, Result, State, Verification
from bridge.normalize import as_json, cap_items, normalize
from bridge.render import Renderer, View, evaluate, on_occasion
from bridge.render.renderer import TargetType
from bridge.routing import Decision, Matched, NotMatched, Route, Router

TYPES: tuple[TargetType, ...] = ("slack", "discord", "http", "inbox")

_FALL = re.compile(r"template (\S+): (?:(.+?):(\d+):(\d+): )?(.*)", re.DOTALL)


def check(path: FilePath, env: Mapping[str, str], now: int | None = None) -> list[Problem]:
    """Everything that is wrong with the file, its templates and what it makes of samples, and what is doubtful there.

    `now` is in microseconds, the present by default: the samples are taken to have come then. Raises nothing for what
    an operator wrote.
    """
    try:
        config = load(path, env)
    except ConfigError as error:
        return list(error.problems)
    moment = clock.now() if now is None else now
    return sorted({*config.warnings, *try_vendors(config), *rehearse(config, moment), *run_tests(config, moment)})


def rehearse(config: Config, now: int) -> list[Problem]:
    """Compile all templates, then route and render the samples of the vendors in use. Done before each reload too."""
    renderer = Renderer(config.templates, config.admin.url)
    problems = [_of_template(config, str(error)) for error in renderer.problems]
    problems += _missing_templates(config, renderer)
    router = Router(config.routes, config.conditions)
    failed: dict[tuple[str, int, int], tuple[Problem, set[str]]] = {}
    for source, sample in _samples(config):
        for result in understand(source, sample, now):
            place(None, result)
            cap_items(result)
            plain = as_json(result) | {"payload": result.payload}
            for problem in [*_failed_conditions(config, router.route(plain)), *_falls(config, renderer, plain)]:
                where = (problem.file, problem.line, problem.column)
                failed.setdefault(where, (problem, set()))[1].add(f"{sample.name!r} of {source.vendor.name}")
    return problems + [_with_samples(problem, sorted(names)) for problem, names in failed.values()]


def _with_samples(problem: Problem, names: Sequence[str]) -> Problem:
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return replace(problem, text=f"{problem.text} (with the sample {names[0]}{others})")


def _samples(config: Config) -> Iterator[tuple[Source, Sample]]:
    for source in config.sources.values():
        for sample in config.samples(source.vendor.name).values():
            yield source, sample


def understand(source: Source, sample: Sample, now: int) -> list[Result]:
    """What a sample says, as if it had come through that door at `now` (µs) and had proved itself."""
    event = Event(
        id=clock.uuid7(now),
        seq=0,
        source=source.name,
        vendor=source.vendor.name,
        received_at=now,
        headers={"content-type": "application/json", **sample.headers},
        body=sample.body,
        verification=Verification(source.scheme.name, True, 1) if source.scheme else Verification("none", False),
        is_test=False,
    )
    return normalize(event, source.vendor, source.options, evaluate)


# ---------------------------------------------------------------------------------------------- templates


def _missing_templates(config: Config, renderer: Renderer) -> Iterator[Problem]:
    """Templates that a route names and one of its targets does not have."""
    broken = {error.template for error in renderer.problems}
    for index, route in enumerate(config.routes):
        for kind in dict.fromkeys(_rendered_types(config, route)) if route.template else ():
            there = renderer.names(kind)
            if route.template not in there and f"{kind}/{route.template}" not in broken:
                hint = did_you_mean(str(route.template), there) or f"; there is {', '.join(there)}"
                text = f"no template named {route.template!r} for {kind}{hint}"
                yield config.problem(("routes", index, "template"), text)


def _rendered_types(config: Config, route: Route) -> Iterator[TargetType]:
    """The types of the route's targets, less those that send the result as it is."""
    for name in route.to:
        target = config.targets[name]
        if target.type != "http" or target.format == "template":
            yield target.type


def _falls(config: Config, renderer: Renderer, result: dict[str, Any]) -> Iterator[Problem]:
    """What keeps each template from being used for this result."""
    for kind in TYPES:
        for template in renderer.names(kind):
            view = on_occasion(View(result=result, route="check"), template)
            for fall in renderer.render(kind, template, view).falls:
                yield _of_template(config, fall)


def _of_template(config: Config, text: str) -> Problem:
    match = _FALL.fullmatch(text)
    if match and match[2]:
        return Problem(match[2], int(match[3]), int(match[4]), match[5])
    return Problem(str(config.templates or config.file), 0, 0, text)


def _failed_conditions(config: Config, decision: Decision) -> Iterator[Problem]:
    names = [route.name for route in config.routes]
    for step in decision.trail:
        if isinstance(step, Matched) and step.error:
            detail = step.error.rpartition("expression: ")[2]
            yield config.problem(("routes", names.index(step.route), "when"), detail)


# ---------------------------------------------------------------------------------------------- the file's own tests


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a test's sample."""

    to: frozenset[str]
    mentioned: frozenset[str]
    results: Sequence[dict[str, Any]]
    trails: Sequence[Decision]


def run_tests(config: Config, now: int) -> list[Problem]:
    """Run `tests:`. Each expectation that does not hold is a problem, with the reason that routing gives."""
    router = Router(config.routes, config.conditions)
    problems = []
    for index, test in enumerate(config.tests):
        source = config.sources[test.source]
        try:
            sample = _sample(config, source, test.sample)
        except LookupError as error:
            problems.append(config.problem(("tests", index, "sample"), str(error)))
            continue
        results = understand(source, sample, now)
        if test.after and not any(result.subject_key for result in results):
            text = f"the sample {test.sample!r} names no subject, so no verdict can come before it"
            problems.append(config.problem(("tests", index, "after"), text))
        found = _play(results, test, router)
        for key, text in _differences(config, test.expect, found):
            problems.append(config.problem(("tests", index, "expect", key), f"{test.name}: {text}"))
    return problems


def _sample(config: Config, source: Source, name: str) -> Sample:
    """A sample by its vendor's name for it, or a file beside the configuration. Raises LookupError."""
    known = config.samples(source.vendor.name)
    if name in known:
        return known[name]
    file = config.file.parent / name
    if name.endswith(samples.SUFFIX):
        try:
            return samples.read(file)
        except OSError as error:
            hint = "make it" + (f", or name one of the vendor's: {', '.join(known)}" if known else "")
            raise LookupError(f"there is no file {str(file)!r} to read ({error.strerror}); {hint}") from None
        except ValueError:
            raise LookupError(f"{str(file)!r} cannot be read, or the .headers beside it are no headers") from None
    hint = did_you_mean(name, known) or "; name a JSON file beside this one, as in samples/failed.json"
    raise LookupError(f"vendor {source.vendor.name!r} has no sample {name!r}{hint}")


def _play(results: Sequence[Result], test: Case, router: Router) -> _Outcome:
    """The sample's results, after the verdicts that the test says came before."""
    to: set[str] = set()
    mentioned: set[str] = set()
    told, trails = [], []
    for result in results:
        place(before(result, test.after), result)
        cap_items(result)
        plain = as_json(result) | {"payload": result.payload}
        decision = router.route(plain)
        to |= {delivery.target for delivery in decision.deliveries}
        mentioned |= {delivery.target for delivery in decision.deliveries if delivery.mention}
        told.append(plain)
        trails.append(decision)
    return _Outcome(frozenset(to), frozenset(mentioned), told, trails)


def before(result: Result, verdicts: Sequence[str]) -> Subject | None:
    """The subject after `verdicts`, oldest first, an hour apart. A bad one failed in what fails in the sample."""
    subject: Subject | None = None
    for age, verdict in zip(range(len(verdicts), 0, -1), verdicts, strict=True):
        outcome = Outcome(verdict)
        items = [replace(item, outcome=item.outcome if outcome in BAD else Outcome.PASSED) for item in result.items]
        moment = (result.time or result.received_at) - timedelta(hours=age)
        earlier = replace(result, outcome=outcome, state=State.FINISHED, items=items, time=moment)
        subject = place(subject, earlier) or subject
    return subject


def _differences(config: Config, expect: Expectation, found: _Outcome) -> Iterator[tuple[str, str]]:
    """(key of `expect`, what is otherwise) for each expectation that does not hold."""
    for key, expected, there in (("to", expect.to, found.to), ("mention", expect.mention, found.mentioned)):
        if expected is not None and there != set(expected):
            verb = "goes to" if key == "to" else "mentions somebody at"
            text = f"{verb} {_list(there)}, not {_list(expected)}"
            yield key, text + _why_not(config, set(expected) - found.to, found.trails)
    if expect.match:
        router = Router([Route(name="expect", match=expect.match, to=("expect",))])
        steps = [router.route(result | {"is_test": False}).trail[0] for result in found.results]
        reasons = [step.reason for step in steps if isinstance(step, NotMatched)]
        if len(reasons) == len(steps):
            yield "match", reasons[0]


def _why_not(config: Config, missing: set[str], decisions: Sequence[Decision]) -> str:
    """Why the routes that lead to the missing targets did not apply."""
    leading = {route.name for route in config.routes if missing & set(route.to)}
    reasons = {
        step.route: step.reason
        for decision in decisions
        for step in decision.trail
        if isinstance(step, NotMatched) and step.route in leading
    }
    return "".join(f"; route {route!r}: {reason}" for route, reason in reasons.items())


def _list(names: Sequence[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"
