"""Outside text changes nothing about a message but its words: it pings nobody, links nowhere else, formats nothing.

Every text of a result, for every built-in layout, is replaced by hostile ones; the outcome is read as the platforms
would read it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.render import Renderer, View
from bridge.render.slots import public_url
from tests.fakes import reading
from tests.render.making import HOSTILE, item, problems, result

RENDERER = Renderer()
MENTIONS = {"slack": "<!subteam^S0123>", "discord": "<@&42>"}
READ = {"slack": reading.slack, "discord": reading.discord}
NEAR = (
    "<!here>",
    "<@U024BE7LH>",
    "@everyone",
    "<@&42>",
    "*NEW*",
    "**NEW**",
    "[pay](https://evil.example)",
    "](https://evil.example) [",
    "<https://evil.example|open run>",
    "`",
    "```",
    "\\",
    "# big",
    "- one\n- two",
    "||secret||",
    "~~no~~",
    "<#123> <:a:1> </x:1> <id:guide>",
    "|",
    "> said",
)
FULL = result(
    counts={"total": 3, "passed": 2, "failed": 1, "unit": "group", "origin": "reported"},
    items=[
        item("pay", is_new=True, streak=1, url="https://example.com/t/1", message="button not found\n at 12"),
        item("coupon", streak=3, url="https://example.com/t/2", message="total differs"),
        item("search", outcome="passed", flaky=True, url="https://example.com/t/3"),
        item("odd", outcome="unknown", raw_status="wobbly"),
    ],
    history={"previous": "passed", "previous_streak": 12, "transition": "broke", "streak": 2},
    links=[{"label": "logs", "url": "https://example.com/l", "kind": "log"}],
    artifacts=[{"kind": "report", "url": "https://example.com/r", "sensitive": False}],
    vcs={"repository": "acme/shop", "ref": "main", "commit": "a1b2c3d4e5f6", "change": "12"},
    app={"id": "a", "name": "b", "version": "2.4", "platform": "ios"},
    summary="two failed; drawbridge check",
    reason="flaky",
    subject_key="k",
    run_id="r",
    environment="staging",
    labels={"team": "qa"},
    duration_ms=252_000,
)
FIXED = {
    **FULL,
    "outcome": "passed",
    "attention": False,
    "history": {**FULL["history"], "transition": "fixed", "fixed": [{"name": "a", "path": ["b"]}]},
}
ALARM = {**FULL, "source": "bridge", "kind": "system", "outcome": "neutral", "severity": "high", "items": []}
NEWS = {**ALARM, "source": "mobile-tests", "kind": "other", "severity": "info", "reason": None, "attention": False}
PASSED = {**FIXED, "history": {**FULL["history"], "transition": "still_passing"}}
MADE: dict[str, dict[str, Any]] = {"failed": FULL, "fixed": FIXED, "brief": PASSED, "alarm": ALARM, "news": NEWS}
CHOSEN = {
    "type",
    "kind",
    "state",
    "outcome",
    "transition",
    "scheme",
    "previous",
    "time",
    "received_at",
    "failing_since",
}
"""Texts that are ours."""


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all texts of others in a result."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key)) if key not in CHOSEN else ()
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    elif isinstance(node, str) or path[-1] in ("raw_status", "reason", "summary"):
        yield path


def planted(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with the value at that path."""
    if not path:
        return value
    if isinstance(node, dict):
        return {**node, path[0]: planted(node[path[0]], path[1:], value)}
    return [planted(each, path[1:], value) if index == path[0] else each for index, each in enumerate(node)]


def addresses(node: Any) -> Iterator[str]:
    """Where a result's own links lead."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "url":
                yield public_url(value) or ""
            yield from addresses(value)
    elif isinstance(node, list):
        for value in node:
            yield from addresses(value)


def written(urls: Iterable[str]) -> set[str]:
    """Addresses as both targets may write them."""
    return {url.replace("|", "%7C").replace("(", "%28").replace(")", "%29") for url in urls}


def check_inert(made: dict[str, Any], style: str = "bar", **fields: Any) -> None:
    for target_type in ("slack", "discord"):
        view = View(result=made, mention=MENTIONS[target_type], style=style, route="r", **fields)
        message = RENDERER.render(target_type, None, view)
        assert message.falls == ()
        assert problems(target_type, message) == []
        read = READ[target_type](message.body)
        assert read.pings == [MENTIONS[target_type]]
        assert written(read.links) <= written(addresses(made))
        styled = [each for each in read.styled if each != "NEW"]
        assert len(styled) <= (style == "blocks" and target_type == "slack"), (
            styled
        )  # the headline, which is bold there


@pytest.mark.parametrize(("layout", "path"), [(name, path) for name, made in MADE.items() for path in leaves(made)])
def test_no_text_anywhere_does_anything(layout, path):
    for number, hostile in enumerate((*HOSTILE, *NEAR)):
        style = ("bar", "blocks")[number % 2]
        check_inert(planted(MADE[layout], path, hostile), style, buttons=number % 3 == 0)


@pytest.mark.parametrize("path", sorted(leaves(FULL), key=str))
def test_no_text_anywhere_does_anything_in_a_digest(path):
    members = tuple(planted(FULL, path, hostile) for hostile in (*HOSTILE, *NEAR))
    made = {"members": list(members), **members[0]}
    for target_type in ("slack", "discord"):
        view = View(result=members[0], members=members, cause=NEAR[0], route=NEAR[2], mention=MENTIONS[target_type])
        message = RENDERER.render(target_type, None, view)
        assert message.falls == ()
        assert problems(target_type, message) == []
        read = READ[target_type](message.body)
        assert read.pings == [MENTIONS[target_type]]
        assert read.styled == []
        assert written(read.links) <= written(addresses(made))


PIECES = st.lists(st.sampled_from((*HOSTILE[:10], *NEAR, " ", "a", "\n")), max_size=6).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(MADE)), st.lists(st.tuples(st.integers(0, 200), PIECES), max_size=5))
def test_no_mixture_of_texts_does_anything(layout, plants):
    made = MADE[layout]
    paths = list(leaves(made))
    for place, text in plants:
        made = planted(made, paths[place % len(paths)], text)
    check_inert(made)
