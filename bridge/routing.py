"""Who hears of a result. In: a result as JSON and the operator's routes; out: one delivery per target, and why.

All matching routes apply, in the order of the file; `stop: true` ends the search. Pure: conditions written in Jinja
(`when`) come in compiled, and whether a route may mention again so soon is asked of `history` by the caller.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase, translate
from typing import Annotated, Any, TypeAlias, get_args, get_type_hints

from pydantic import Field

from bridge.editing import Mode
from bridge.errors import did_you_mean
from bridge.model import (
    App,
    Counts,
    Delivery,
    History,
    Result,
    Transition,
    Vcs,
    Verification,
    Why,
)
from bridge.options import Duration, Options
from bridge.paths import MISSING, find

Condition: TypeAlias = Callable[[dict[str, Any]], bool]
"""A compiled `when`. Takes the result as JSON; whatever it raises counts as a match."""

SHORT = {"transition": "history.transition"}
"""Keys of `match` that stand for a longer path."""

PINS = ("source", "vendor")
"""Keys that the source alone decides. Only these count for a test, and routes are indexed by them."""

GROUPS = {"vcs": Vcs, "app": App, "counts": Counts, "history": History, "verification": Verification}
OPEN = ("labels", "extra", "payload", "links", "items", "artifacts", "history.newly_failing", "history.fixed")
"""Fields below which a path may go on as it likes."""


def _types() -> dict[str, set[Any]]:
    """Every field of a result, those of its groups with a dot, and the types that its value may have."""
    hints = dict(get_type_hints(Result))
    for group, kind in GROUPS.items():
        hints |= {f"{group}.{name}": hint for name, hint in get_type_hints(kind).items()}
    return {name: {hint, *get_args(hint)} for name, hint in hints.items()}


def _words(kinds: set[Any]) -> list[str]:
    enums = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum)]
    return ["true", "false"] if bool in kinds else [str(word) for enum in enums for word in enum]


FIELDS = _types()
WORDS = {path: words for path, kinds in FIELDS.items() if (words := _words(kinds))}
"""Fields that hold one of a few words, and the words."""
NUMBERS = {path for path, kinds in FIELDS.items() if int in kinds}

MOST_KEY = 500
"""Characters of a thread key that count."""

SHOWN = 80
"""Characters of a value that a reason shows."""

Words: TypeAlias = str | Annotated[tuple[str, ...], Field(min_length=1)]


KeyOf: TypeAlias = Callable[[dict[str, Any]], Any]
"""A compiled `thread_key`. Takes the result as JSON."""


class Mention(Options):
    """Whom a route mentions, and when."""

    who: dict[str, str] = Field(min_length=1)
    """Target -> what to write there, as in `<!subteam^S0123>` or `<@&42>`."""
    transition: tuple[Transition, ...] = ()
    """Mention only on these; empty: on every result."""
    at_most: Annotated[Duration, Field(gt=0)] | None = None
    """Mention once in this span per subject; without it, every time."""


class Route(Options):
    """One rule of the file: which results, to which targets, and how they are shown there."""

    name: str = Field(min_length=1)
    match: dict[str, Words] = Field(default_factory=dict)
    """Field of the result -> the words it may have; all fields must match. A word may hold `*`, `?`, `[ab]`; one that
    begins with `!` must not match. A null field matches no word, and every `!` word; of a list, one entry is enough."""
    when: str | None = None
    """A Jinja expression over `result`, for what `match` cannot say."""
    to: tuple[str, ...]
    """Names of targets. May be empty with `stop: true`: what matches is silenced."""
    template: str | None = None
    mode: Mode = Mode.POST
    thread_key: str | None = None
    """A Jinja expression over `result`: what belongs together in `update` and `thread`. Without it, a source's run."""
    mention: Mention | None = None
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """A route that applies. `error` says why its `when` could not be judged, which counts as a match."""

    route: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NotMatched:
    """A route that does not apply, and the first reason why."""

    route: str
    reason: str


Step: TypeAlias = Matched | NotMatched


@dataclass(frozen=True, slots=True)
class Decision:
    """What is owed for a result (one delivery per target), and what each route said, in the order of the file."""

    deliveries: tuple[Delivery, ...]
    trail: tuple[Step, ...]


class Router:
    """The routes of one configuration, compiled. Keeps nothing between results but what it compiled."""

    def __init__(self, routes: Iterable[Route], conditions: Mapping[str, Condition] | None = None) -> None:
        """`conditions` holds the compiled `when` of each route that has one, by the route's name."""
        given = conditions or {}
        self._routes = [_Compiled(route, given[route.name] if route.when else None) for route in routes]
        self._plans: dict[tuple[Any, ...], _Plan] = {}

    def route(self, result: dict[str, Any]) -> Decision:
        """Who hears of `result` (as JSON, with `payload` where routes match on it). Never raises.

        A test result goes wherever results of its source could go: only `source` and `vendor` are compared.
        """
        plan = self._plan(result)
        trail = list(plan.trail)
        is_test = result["is_test"]
        applied: list[Route] = []
        texts: dict[str, tuple[str, ...]] = {}
        for index, compiled in plan.candidates:
            step = Matched(compiled.route.name) if is_test else compiled.judge(result, texts)
            trail[index] = step
            if isinstance(step, NotMatched):
                continue
            applied.append(compiled.route)
            if compiled.route.stop and not (is_test and compiled.is_choosy):
                reason = f"not asked: route {compiled.route.name!r} stopped the search"
                trail[index + 1 :] = [NotMatched(later.route.name, reason) for later in self._routes[index + 1 :]]
                break
        return Decision(tuple(_deliveries(result, applied)), tuple(trail))

    def _plan(self, result: dict[str, Any]) -> "_Plan":
        """Which routes a source's results can match at all; worked out once per source."""
        pins = tuple(result[pin] for pin in PINS)
        plan = self._plans.get(pins)
        if plan is None:
            steps = [compiled.judge_pins(result) for compiled in self._routes]
            candidates = [(i, self._routes[i]) for i, step in enumerate(steps) if isinstance(step, Matched)]
            plan = self._plans[pins] = _Plan(tuple(candidates), tuple(steps))
        return plan


def thread_key(route: str, result: Mapping[str, Any], keys: Mapping[str, KeyOf]) -> str | None:
    """What a result belongs together with at its targets: what its route says, else its source's run. Null where that
    is nothing, or cannot be told: then it is a post of its own. `keys` holds the compiled ones, by the route's name.
    It may be made of anything that a sender wrote, and PostgreSQL takes no text with NUL in it.
    """
    if route not in keys:
        return f"{result['source']}/{result['run_id']}" if result["run_id"] else None
    try:
        said = keys[route](dict(result))
    except Exception:
        return None
    return f"{route}/{said}".replace("\0", "")[:MOST_KEY] if said not in (None, "") else None


def order_key(result: dict[str, Any]) -> str | None:
    """What keeps deliveries in order at their target: the result's subject, else its run, else nothing."""
    if result["subject_key"]:
        return f"{result['source']}/{result['subject_key']}"
    return f"{result['source']}/run/{result['run_id']}" if result["run_id"] else None


# ---------------------------------------------------------------------------------------------- compiled


@dataclass(frozen=True, slots=True)
class _Plan:
    candidates: tuple[tuple[int, "_Compiled"], ...]
    trail: tuple[Step, ...]


class _Compiled:
    """A route, ready to be compared with many results."""

    def __init__(self, route: Route, condition: Condition | None) -> None:
        self.route = route
        self._condition = condition
        compared = [_Field(key, _listed(words)) for key, words in route.match.items()]
        self._pins = [field for field in compared if field.key in PINS]
        self._rest = [field for field in compared if field.key not in PINS]
        self.is_choosy = bool(self._rest or condition)

    def judge_pins(self, result: dict[str, Any]) -> Step:
        return self._compare(self._pins, result, {}) or Matched(self.route.name)

    def judge(self, result: dict[str, Any], texts: dict[str, tuple[str, ...]]) -> Step:
        """`texts` holds values that other routes already looked up in this result."""
        refused = self._compare(self._rest, result, texts)
        if refused or self._condition is None:
            return refused or Matched(self.route.name)
        try:
            holds = self._condition(result)
        except Exception as error:  # whatever a condition raises, the result must not be lost for it
            return Matched(self.route.name, error=f"when: {error}")
        return Matched(self.route.name) if holds else NotMatched(self.route.name, "when: is not true")

    def _compare(
        self, compared: Sequence["_Field"], result: dict[str, Any], texts: dict[str, tuple[str, ...]]
    ) -> NotMatched | None:
        for field in compared:
            found = texts.get(field.path)
            if found is None:
                found = texts[field.path] = _texts(find(result, field.path))
            if not field.accepts(found):
                return NotMatched(self.route.name, field.reason(found))
        return None


class _Field:
    """One line of `match`."""

    def __init__(self, key: str, words: Sequence[str]) -> None:
        self.key = key
        self.path = SHORT.get(key, key)
        self._shown = ", ".join(words)
        self._wanted = _any_of([word for word in words if not word.startswith("!")])
        self._unwanted = _any_of([word[1:] for word in words if word.startswith("!")])

    def accepts(self, texts: Sequence[str]) -> bool:
        if self._wanted and not any(map(self._wanted, texts)):
            return False
        return not (self._unwanted and any(map(self._unwanted, texts)))

    def reason(self, texts: Sequence[str]) -> str:
        value = ", ".join(texts) if texts else "null"
        cut = value if len(value) <= SHOWN else f"{value[:SHOWN]}…"
        return f"{self.key}: {cut} does not match {self._shown}"


def _any_of(words: Sequence[str]) -> Callable[[str], bool] | None:
    """A test for texts that are one of the words or fit one that is a pattern; null where there are no words."""
    if not words:
        return None
    exact = frozenset(words)
    patterns = [translate(word) for word in words if any(sign in word for sign in "*?[")]
    if not patterns:
        return exact.__contains__
    fits = re.compile("|".join(patterns)).match
    return lambda text: text in exact or fits(text) is not None


def _listed(words: Words) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words


def _texts(value: Any) -> tuple[str, ...]:
    """A value as the texts that words are compared with: none for null, one per entry of a list, else one."""
    if value is None or value is MISSING:
        return ()
    if isinstance(value, list):
        return tuple(_text(entry) for entry in value if entry is not None)
    return (_text(value),)


def _text(value: Any) -> str:
    """Numbers and booleans as JSON writes them. Of an object only that it is there counts."""
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    return value if isinstance(value, str) else json.dumps(value)


# ---------------------------------------------------------------------------------------------- deliveries


def _deliveries(result: dict[str, Any], applied: Sequence[Route]) -> Iterable[Delivery]:
    """One per target: its first route gives template, mode and mention, the others are named in `also`."""
    by_target: dict[str, list[Route]] = {}
    for route in applied:
        for target in dict.fromkeys(route.to):
            by_target.setdefault(target, []).append(route)
    why = Why.TEST if result["is_test"] else Why.REPLAY if result["is_replay"] else Why.NEW
    key = order_key(result)
    for target, (route, *others) in by_target.items():
        yield Delivery(
            result_id=result["id"],
            source=result["source"],
            route=route.name,
            target=target,
            also=tuple(other.name for other in others),
            order_key=key,
            mention=why is Why.NEW and _mentions(route, target, result),
            why=why,
        )


def _mentions(route: Route, target: str, result: dict[str, Any]) -> bool:
    mention = route.mention
    if mention is None or target not in mention.who:
        return False
    return not mention.transition or result["history"]["transition"] in mention.transition


# ---------------------------------------------------------------------------------------------- the operator's slips


def unknown_field(key: str) -> str | None:
    """What is wrong with `key` as a field of `match`, for the operator; None where nothing is."""
    path = SHORT.get(key, key)
    if path in GROUPS:
        part = next(field for field in FIELDS if field.startswith(f"{path}."))
        return f"{key!r} has several parts; name one of them, as in {part!r}"
    if path in FIELDS or any(path.startswith(f"{field}.") for field in OPEN):
        return None
    return f"a result has no field {key!r}{did_you_mean(key.casefold(), [*SHORT, *FIELDS])}"


def impossible(key: str, word: str) -> str | None:
    """Why the field `key` can never be `word` (as in `match`, with its signs), for the operator; None where it can."""
    path, plain = SHORT.get(key, key), word.removeprefix("!")
    known = WORDS.get(path, [])
    if known and not any(fnmatchcase(one, plain) for one in known):
        return f"is never {plain!r}{did_you_mean(plain.casefold(), known) or f'; it is {_either(known)}'}"
    if path in NUMBERS and not re.search(r"[*?\[]", plain) and not re.fullmatch(r"-?\d+", plain, re.ASCII):
        return f"is a number and never {plain!r}; to compare numbers, use `when`, as in: when: result.{path} > 0"
    return None


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
