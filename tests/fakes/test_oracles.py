"""The oracles refuse one more than each documented limit, and take the limit itself."""

import copy
from typing import Any

import pytest

from tests.fakes import discord, slack

SLACK: dict[str, Any] = {
    "text": "Login Suite failed <!subteam^S0123>",
    "unfurl_links": False,
    "attachments": [
        {
            "color": "#E01E5A",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "Login & Suite", "emoji": True}},
                {
                    "type": "section",
                    "text": {
                        "type": "mrkdwn",
                        "text": "<https://example.com/r?a=1&amp;b=2|a &lt; b>",
                        "verbatim": True,
                    },
                    "fields": [{"type": "mrkdwn", "text": "*2* passed"}],
                },
                {"type": "context", "elements": [{"type": "mrkdwn", "text": "<!date^1773489600^{time}|12:00>"}]},
                {"type": "divider"},
                {
                    "type": "actions",
                    "elements": [
                        {
                            "type": "button",
                            "text": {"type": "plain_text", "text": "Open"},
                            "url": "https://example.com/",
                        }
                    ],
                },
            ],
        }
    ],
}
DISCORD: dict[str, Any] = {
    "content": "<@&42> Login Suite failed",
    "username": "Results",
    "allowed_mentions": {"parse": [], "roles": ["42"]},
    "embeds": [
        {
            "title": "Login Suite failed",
            "url": "https://example.com/r/1",
            "description": "2 of 3 groups passed",
            "color": 0xE01E5A,
            "timestamp": "2026-03-14T12:00:00Z",
            "author": {"name": "Autosana"},
            "fields": [{"name": "Branch", "value": "main", "inline": True}],
            "footer": {"text": "mobile-tests"},
        }
    ],
    "components": [
        {"type": 1, "components": [{"type": 2, "style": 5, "label": "Open", "url": "https://example.com/r/1"}]}
    ],
}


def changed(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a dotted path."""
    out = copy.deepcopy(payload)
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    node: Any = out
    for key in way:
        node = node[key]
    node[last] = value
    return out


def mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text)}


def test_a_good_message_has_no_problems():
    assert slack.problems(SLACK) == []
    assert slack.problems({"text": "hello"}) == []
    assert discord.problems(DISCORD) == []
    assert discord.problems({"content": "x", "allowed_mentions": {"parse": []}}) == []


IN_BAR = "attachments.0.blocks"


@pytest.mark.parametrize(
    ("path", "most", "made"),
    [
        ("text", 40_000, lambda n: "x" * n),
        (f"{IN_BAR}.0.text.text", 150, lambda n: "x" * n),
        (f"{IN_BAR}.1.text.text", 3000, lambda n: "x" * n),
        (f"{IN_BAR}.1.fields", 10, lambda n: [mrkdwn("x")] * n),
        (f"{IN_BAR}.1.fields.0.text", 2000, lambda n: "x" * n),
        (f"{IN_BAR}.2.elements", 10, lambda n: [mrkdwn("x")] * n),
        (f"{IN_BAR}.4.elements.0.text.text", 75, lambda n: "x" * n),
        (f"{IN_BAR}.4.elements.0.url", 3000, lambda n: "https://x/".ljust(n, "x")),
        (IN_BAR, 50, lambda n: [{"type": "divider"}] * n),
        ("attachments", 100, lambda n: [{"fallback": "x"}] * n),
        ("attachments.0.footer", 300, lambda n: "x" * n),
    ],
)
def test_slack_takes_the_limit_and_not_one_more(path, most, made):
    assert slack.problems(changed(SLACK, path, made(most))) == []
    assert slack.problems(changed(SLACK, path, made(most + 1))) != []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("text", "a & b"),
        ("text", "a < b"),
        ("text", "cut &am"),
        ("text", "cut <https://example.com|lab"),
        ("text", "cut <!subteam^S01"),
        ("text", "<javascript:alert(1)|x>"),
        ("text", "```never closed"),
        ("text", ""),
        ("text", None),
        ("colour", "red"),
        ("attachments.0.color", "red"),
        (f"{IN_BAR}.0.text.type", "mrkdwn"),
        (f"{IN_BAR}.1.text.text", " "),
        (f"{IN_BAR}.1.text.style", "bold"),
        (f"{IN_BAR}.3.type", "line"),
        (f"{IN_BAR}.3.type", ["divider"]),
        (f"{IN_BAR}.4.elements.0.url", "javascript:alert(1)"),
        (IN_BAR, [section("x" * 2900)] * 5),
        ("blocks", [{"type": "divider"}] * 46),
        ("blocks", {"type": "divider"}),
        ("attachments", "x"),
        ("text", "\ud800"),
        ("text", float("nan")),
    ],
)
def test_slack_refuses(path, value):
    assert slack.problems(changed(SLACK, path, value)) != []


@pytest.mark.parametrize(
    ("path", "most", "made"),
    [
        ("content", 2000, lambda n: "x" * n),
        ("content", 1000, lambda n: "\N{FIRE}" * n),
        ("username", 80, lambda n: "x" * n),
        ("embeds.0.title", 256, lambda n: "x" * n),
        ("embeds.0.description", 4096, lambda n: "x" * n),
        ("embeds.0.author.name", 256, lambda n: "x" * n),
        ("embeds.0.footer.text", 2048, lambda n: "x" * n),
        ("embeds.0.fields", 25, lambda n: [{"name": "a", "value": "b"}] * n),
        ("embeds.0.fields.0.name", 256, lambda n: "x" * n),
        ("embeds.0.fields.0.value", 1024, lambda n: "x" * n),
        ("embeds.0.color", 0xFFFFFF, lambda n: n),
        ("embeds", 10, lambda n: [{"title": "x"}] * n),
        ("components.0.components.0.label", 80, lambda n: "x" * n),
        ("components.0.components.0.url", 512, lambda n: "https://x/".ljust(n, "x")),
        ("components.0.components", 5, lambda n: [DISCORD["components"][0]["components"][0]] * n),
        ("components", 5, lambda n: [DISCORD["components"][0]] * n),
    ],
)
def test_discord_takes_the_limit_and_not_one_more(path, most, made):
    assert discord.problems(changed(DISCORD, path, made(most))) == []
    assert discord.problems(changed(DISCORD, path, made(most + 1))) != []


def test_discord_sums_over_all_embeds():
    embeds = [
        {"description": "x" * 3000},
        {"footer": {"text": "x" * 2000}, "fields": [{"name": "x" * 200, "value": "x" * 800}]},
    ]
    assert discord.problems(changed(DISCORD, "embeds", embeds)) == []
    assert discord.problems(changed(DISCORD, "embeds", [*embeds, {"title": "x"}])) == [
        "embeds: 6001 of 6000 over all embeds"
    ]


def test_discord_trims_before_it_counts():
    assert discord.problems(changed(DISCORD, "content", " " * 50 + "x" * 2000 + "\n")) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("allowed_mentions", None),
        ("allowed_mentions", {}),
        ("allowed_mentions", {"parse": ["roles"], "roles": ["42"]}),
        ("allowed_mentions", {"parse": ["all"]}),
        ("allowed_mentions.roles", ["x"]),
        ("username", "Discord Results"),
        ("username", " "),
        ("embeds.0", {}),
        ("embeds.0.url", "javascript:alert(1)"),
        ("embeds.0.timestamp", "yesterday"),
        ("embeds.0.color", "#ff0000"),
        ("embeds.0.color", True),
        ("embeds.0.fields.0.value", ""),
        ("embeds.0.fields.0.value", " \n"),
        ("embeds.0.footer", "x"),
        ("embeds.0.colour", 1),
        ("embeds", [{"title": "a", "url": "https://x/"}, {"title": "b", "url": "https://x/"}]),
        ("components.0.components.0.style", 1),
        ("components.0.components.0.url", "mailto:x@example.com"),
        ("text", "hello"),
        ("content", "\ud800"),
    ],
)
def test_discord_refuses(path, value):
    assert discord.problems(changed(DISCORD, path, value)) != []


def test_an_empty_discord_message_is_none():
    assert discord.problems({"content": " ", "allowed_mentions": {"parse": []}}) == ["50006 empty message"]


@pytest.mark.parametrize("payload", [None, [], "x", 5, {"text": {1}}, {"content": object()}])
def test_what_is_no_json_object_is_none(payload):
    assert slack.problems(payload) != []
    assert discord.problems(payload) != []
