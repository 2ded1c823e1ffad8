"""What `preview` is to show: results, each with the story that goes before it.

In: what was typed, a configuration or none; out: `Told`s. Without a configuration a built-in vendor is as good as a
source. Every way in which that fails is a `click.ClickException` that names the next step.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import click

from bridge import vendors
from bridge.config import Config, Source
from bridge.config.check import before, understand
from bridge.config.samples import Sample, read, shipped
from bridge.history import Subject, place
from bridge.model import BAD, GOOD, Outcome, Result, Transition
from bridge.normalize import Parsed, as_json, cap_items, parse
from bridge.store import Store
from bridge.web.readable import event_story

MAIN_VENDORS = ("autosana", "autonoma", "agnox", "autousers", "autotab")
"""Whose messages are shown where there is neither a configuration nor a wish."""

STORIES: dict[Transition, tuple[str, ...]] = {
    Transition.FIRST: (),
    Transition.BROKE: ("passed",) * 12,
    Transition.STILL_FAILING: ("failed",) * 3,
    Transition.FAILURES_CHANGED: ("failed",) * 3,
    Transition.FIXED: ("failed",) * 2,
    Transition.STILL_PASSING: ("passed",) * 12,
}
"""Transition -> verdicts before it, by which it comes about."""

MAIN_BAD = (Transition.BROKE, Transition.STILL_FAILING, Transition.FAILURES_CHANGED)
MAIN_GOOD = (Transition.FIXED, Transition.STILL_PASSING)


@dataclass(frozen=True, slots=True)
class Told:
    """One result as JSON, with its payload, and what the page calls it."""

    title: str
    result: dict[str, Any]

    @property
    def about(self) -> str:
        """What changed, in a word or two."""
        if self.result["is_test"]:
            return "test"
        change = self.result["history"]["transition"]
        return str(self.result["state"] if change == Transition.NONE else change).replace("_", " ")


@dataclass(frozen=True, slots=True)
class History:
    """What is to have gone before: a transition that must come about, or verdicts (oldest first), or nothing."""

    transition: Transition | None = None
    after: tuple[str, ...] = ()


def door(config: Config | None, name: str) -> Source:
    """The source of that name, or a built-in vendor as if it were one."""
    if config and name in config.sources:
        return config.sources[name]
    try:
        vendor = config.vendors[name] if config and name in config.vendors else vendors.load(name)
    except LookupError as error:
        there = f"no source named {name!r} (there are: {', '.join(config.sources)}), and " if config else ""
        raise click.ClickException(f"{there}{error}") from None
    return Source(
        name=name,
        vendor=vendor,
        options=vendor.options(),
        verify="enforce" if vendor.signature else "none",
        scheme=vendor.signature,
        secrets=("preview",) if vendor.signature else (),
        dedupe_window=None,
        max_body=0,
        tests="show",
    )


def of_sample(config: Config | None, words: str, history: History, now: int) -> list[Told]:
    """Of `SOURCE/SAMPLE`; of `SOURCE` alone its main cases."""
    name, _, wanted = words.partition("/")
    source = door(config, name)
    known = _samples(config, source)
    if not wanted:
        return _main(source, list(known.values()), history, now)
    if wanted not in known:
        raise click.ClickException(f"{name} has no sample {wanted!r}; it has: {', '.join(known) or 'none'}")
    return _tell(source, known[wanted], history, now) or _refuse(source, known[wanted], history, now)


def of_file(config: Config | None, file: Path, source: str | None, history: History, now: int) -> list[Told]:
    """Of a body in a file, as if it had come from that source or vendor."""
    try:
        sample = read(file)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from None
    name = source or (next(iter(config.sources)) if config else None)
    if name is None:
        raise click.ClickException(f"say whose body {file} is: --source VENDOR; `drawbridge vendors` lists them")
    door_of_it = door(config, name)
    return _tell(door_of_it, sample, history, now) or _refuse(door_of_it, sample, history, now)


def of_nothing(config: Config | None, history: History, now: int) -> list[Told]:
    """The main cases of the first source, or, without a configuration, those of the vendors we are made for."""
    if config:
        return of_sample(config, next(iter(config.sources)), history, now)
    return [told for vendor in MAIN_VENDORS for told in of_sample(None, vendor, history, now)]


def of_event(event_id: str) -> Callable[[Store, Config], Any]:
    """Of a kept event, as it was understood when it came: a story for `with_store`."""

    async def story(store: Store, _config: Config) -> list[Told]:
        event = await event_story(store, event_id)
        if event is None:
            raise click.ClickException(f"no event {event_id}; see: drawbridge events")
        parsed = parse(str(event.get("body") or "").encode())
        payload = parsed.value if isinstance(parsed, Parsed) else None
        results = event["results"] or []
        if not results:
            raise click.ClickException(f"event {event_id} is not understood yet: is a server running on this store?")
        return [Told(f"{event['source']}, event {event_id}", result | {"payload": payload}) for result in results]

    return story


def _samples(config: Config | None, source: Source) -> dict[str, Sample]:
    return dict(config.samples(source.vendor.name) if config else shipped(source.vendor.name))


def _tell(source: Source, sample: Sample, history: History, now: int) -> list[Told]:
    """What the sample's results tell; nothing where the transition that is asked for cannot come about."""
    told = [_placed(source, sample, result, history) for result in understand(source, sample, now)]
    wanted = history.transition
    came = wanted is None or any(each.result["history"]["transition"] == wanted for each in told)
    return told if came else []


def _placed(source: Source, sample: Sample, result: Result, history: History) -> Told:
    change = history.transition
    place(_story(result, change) if change else before(result, history.after), result)
    cap_items(result)
    return Told(f"{source.name}/{sample.name}", as_json(result) | {"payload": result.payload})


def _story(result: Result, change: Transition) -> Subject | None:
    """What is remembered of a subject to which `change` is about to happen."""
    earlier = result
    if change is Transition.FAILURES_CHANGED:
        earlier = replace(result, items=[])
    if change is Transition.FIXED:
        earlier = replace(result, items=[replace(item, outcome=Outcome.FAILED) for item in result.items[:2]])
    return before(earlier, STORIES.get(change, ()))


def _refuse(source: Source, sample: Sample, history: History, now: int) -> NoReturn:
    """Say why the transition that was asked for cannot come about."""
    result = understand(source, sample, now)[0]
    if result.is_test or not result.verification.verified:
        why = f"{'is a test' if result.is_test else 'comes unverified'}, and has no history"
    elif result.outcome not in GOOD | BAD:
        why = f"is no verdict ({result.outcome or result.state})"
    elif result.subject_key is None:
        why = "names no subject, so nothing can have gone before it"
    else:
        why = f"ended as {result.outcome}{'' if result.items else ' and lists no items'}"
    text = f"{source.name}/{sample.name} {why}: it cannot be {history.transition}; choose another sample"
    raise click.ClickException(text)


# ---------------------------------------------------------------------------------------------- main cases


def _main(source: Source, samples: Sequence[Sample], history: History, now: int) -> list[Told]:
    """The most telling bad and good sample, with all that can have changed; else the vendor's first sample."""
    if not samples:
        raise click.ClickException(f"{source.name} has no samples; name a body: --file F --source {source.name}")
    found: list[Told] = []
    for sample, changes in _telling(source, samples, now):
        wanted = [History(change) for change in changes] if history == History() else [history]
        found += [told for each in wanted for told in _tell(source, sample, each, now)]
    if not found and history.transition:
        _refuse(source, samples[0], history, now)
    return found or _tell(source, samples[0], history, now)


def _telling(source: Source, samples: Sequence[Sample], now: int) -> Iterator[tuple[Sample, tuple[Transition, ...]]]:
    """Of the bad and of the good samples one that is called so, of these the one with most items."""
    for outcomes, word, changes in ((BAD, "failed", MAIN_BAD), (GOOD, "passed", MAIN_GOOD)):
        of_these = [
            (word in sample.name, len(result.items), -number, sample)
            for number, sample in enumerate(samples)
            for result in understand(source, sample, now)[:1]
            if result.outcome in outcomes and result.subject_key and not result.is_test
        ]
        if of_these:
            yield max(of_these, key=lambda each: each[:3])[3], changes
