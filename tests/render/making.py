"""What the tests of this room are made of: results as they are stored, views of them, renderers of given templates."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slack_sdk.models.blocks import Block

from bridge import vendors
from bridge.model import BAD, Event, Item, Outcome, Result, State, Verification
from bridge.normalize import as_json, normalize
from bridge.render import Rendered, Renderer, View
from tests.fakes import discord, slack

TIME = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
ID = "0195945f-c000-7000-8000-000000000001"

HOSTILE = (
    "<!channel> <@U123> <#C1> <https://evil.example|ok> </b>",
    "@everyone @here <@&42> <@42> <#1> <t:1:R> <:a:1> [x](https://evil.example)",
    "{{ 7*7 }} {% for x in range(9) %} {# #}",
    "*b* _i_ ~s~ `c` ```fence``` ||s|| __u__ **bb** \\* \\",
    "> quote\n# head\n- item\n-# small\n1. one\n>>> all",
    "\u202eright to left\u202c \u2066x\u2069 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "👩\u200d👩\u200d👧\u200d👦🏳️\u200d🌈🇩🇪" * 40,
    "e" + "\u0301" * 300,
    "&amp;&lt;&" * 60,
    '"},{"type":"section"}\x00\x1b[31m\x07\r\n\t\u2028',
    "lone \ud800 surrogate \udfff",
    "javascript:alert(1)",
    "https://example.com/a b|c>d<e?(f)&g=" + "h" * 3000,
    " ",
    "",
    "x" * 5000,
)


def result(**fields: Any) -> dict[str, Any]:
    """A result as the store gives it: a failed test run of `My App`, with these fields instead."""
    whole: dict[str, Any] = {
        "id": ID,
        "source": "mobile-tests",
        "vendor": "autosana",
        "type": "batch.completed",
        "kind": "test_run",
        "state": State.FINISHED,
        "outcome": Outcome.FAILED,
        "title": "My App (android)",
        "url": "https://example.com/runs/1",
        "time": TIME,
        "received_at": TIME,
        "verification": Verification("hmac-sha256", True, 1),
    }
    made = as_json(Result(**whole))
    made["attention"] = fields.get("outcome", "failed") in BAD
    for name, value in fields.items():
        made[name] = {**made[name], **value} if isinstance(value, dict) and isinstance(made[name], dict) else value
    return made


def item(name: str = "pay", **fields: Any) -> dict[str, Any]:
    """A failed item, as JSON."""
    plain = {field: getattr(Item(name, outcome=Outcome.FAILED), field) for field in Item.__slots__}
    return {**plain, "path": ["Checkout"], **fields}


def failing(number: int, **fields: Any) -> dict[str, Any]:
    """A result of so many failed items."""
    items = [
        item(f"test {n}", url=f"https://example.com/t/{n}", message=f"button {n} not found") for n in range(number)
    ]
    counts = {"total": number, "failed": number, "unit": "test"}
    return result(items=items[:1000], items_omitted=max(0, number - 1000) or None, counts=counts, **fields)


def view(made: dict[str, Any] | None = None, **fields: Any) -> View:
    return View(**{"result": made or result(), "route": "broken tests", **fields})


def samples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every sample of every vendor as a result."""
    for vendor in vendors.names():
        for name, body in vendors.samples(vendor).items():
            proof = Verification("hmac-sha256", True, 1)
            event = Event(ID, 1, "qa", vendor, 1_773_489_600_000_000, {}, body, proof, False)
            for number, made in enumerate(normalize(event, vendors.load(vendor))):
                yield f"{vendor}-{name}-{number}", as_json(made)


def renderer(folder: Path, **files: str) -> Renderer:
    """A renderer over a folder of these templates, as `slack__mine="text: …"`."""
    for name, text in files.items():
        kind, _, stem = name.partition("__")
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / f"{stem}.yaml").write_text(text, encoding="utf-8")
    return Renderer(folder)


def problems(target_type: str, rendered: Rendered) -> list[str]:
    """What the target would not take of this message, by the oracles of the fakes and by Slack's own library."""
    if target_type == "discord":
        return discord.problems(rendered.body)
    found = slack.problems(rendered.body)
    assert isinstance(rendered.body, dict)
    for stack in [rendered.body, *rendered.body.get("attachments", [])]:
        blocks = stack.get("blocks", [])
        parsed = Block.parse_all(blocks)
        assert len(parsed) == len(blocks)
        assert all(block is not None for block in parsed)
        for block in parsed:
            block.validate_json()
    return found


def texts(node: Any) -> Iterator[str]:
    """All text of a message, wherever it stands."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
