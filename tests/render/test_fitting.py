"""Whatever a template makes, what leaves for Slack or Discord is within their limits and says what is missing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.render import Rendered, discord, slack
from tests.render.making import problems, texts, view


def fitted(room, made, **fields):
    body, was_cut = room.finish(made, view(**fields))
    kind = "slack" if room is slack else "discord"
    assert problems(kind, Rendered(body)) == []
    return body, was_cut


def section(text="x", **keys):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **keys}


def plain(text):
    return {"type": "plain_text", "text": text}


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        (section("x" * 3001), "x" * 2999 + "…"),
        (section("x" * 3000), "x" * 3000),
        (section("&lt;" * 751), "&lt;" * 749 + "…"),
        ({"type": "header", "text": plain("x" * 151)}, "x" * 149 + "…"),
        ({"type": "section", "fields": [plain("x" * 2001)]}, "x" * 1999 + "…"),
        ({"type": "actions", "elements": [{"type": "button", "text": plain("x" * 76)}]}, "x" * 74 + "…"),
        ({"type": "context", "elements": [plain("x" * 3001)]}, "x" * 2999 + "…"),
    ],
)
def test_each_text_in_slack_has_its_limit(block, shown):
    body, was_cut = fitted(slack, {"text": "t", "blocks": [block]})
    assert shown in list(texts(body))
    assert was_cut is shown.endswith("…")


@pytest.mark.parametrize(
    "block",
    [
        section(""),
        section("  \n"),
        {"type": "section"},
        {"type": "section", "fields": [plain("")]},
        {"type": "header", "text": plain("")},
        {"type": "header"},
        {"type": "context", "elements": [plain(""), {"type": "mrkdwn", "text": " "}]},
        {"type": "context", "elements": []},
        {"type": "actions", "elements": [{"type": "button", "text": plain("")}]},
        {"type": "image", "image_url": "javascript:x", "alt_text": "x"},
        {"type": "image"},
    ],
)
def test_a_block_with_nothing_to_see_is_left_out(block):
    body, was_cut = fitted(
        slack, {"text": "t", "blocks": [block], "attachments": [{"color": "#000000", "blocks": [block]}]}
    )
    assert body.keys() == {"text", "unfurl_links", "unfurl_media"}
    assert was_cut is False


def test_slack_gets_at_most_so_many_of_each():
    fields = [plain("x")] * 11
    elements = [plain("y")] * 11
    buttons = [{"type": "button", "text": plain("z"), "url": "https://e.example"}] * 26
    blocks = [
        section(fields=fields),
        {"type": "context", "elements": elements},
        {"type": "actions", "elements": buttons},
    ]
    body, was_cut = fitted(slack, {"text": "t", "blocks": blocks})
    assert [
        len(body["blocks"][0]["fields"]),
        len(body["blocks"][1]["elements"]),
        len(body["blocks"][2]["elements"]),
    ] == [*(10, 10, 25)]
    assert was_cut


def test_slack_gets_fifty_blocks_and_is_told_how_many_are_missing():
    made = {"text": "t", "blocks": [section()] * 30, "attachments": [{"blocks": [section()] * 30, "color": "#000000"}]}
    body, was_cut = fitted(slack, made)
    assert len(body["blocks"]) + len(body["attachments"][0]["blocks"]) == 50
    assert body["attachments"][0]["blocks"][-1]["elements"][0]["text"] == "… 11 more parts left out"
    assert was_cut


def test_all_blocks_together_stay_below_what_slack_takes():
    body, was_cut = fitted(slack, {"text": "t", "blocks": [section("é" * 2500) for _ in range(9)] + [section("short")]})
    assert was_cut
    assert len(body["blocks"]) == 10
    assert body["blocks"][-1]["text"]["text"] == "short"


def test_many_small_blocks_that_are_too_much_together_are_left_out_from_the_end():
    many = [{"type": "section", "fields": [plain("x" * 150)] * 9} for _ in range(20)]
    body, _ = fitted(slack, {"text": "t", "blocks": many})
    assert "more parts left out" in body["blocks"][-1]["elements"][0]["text"]


def test_a_message_without_text_gets_the_headline():
    assert fitted(slack, {"blocks": [section()]})[0]["text"] == "❌ My App (android) — FAILED"


def test_a_mention_survives_the_cut():
    mention = "<!subteam^S0123>"
    assert fitted(slack, {"text": "x" * 9000}, mention=mention)[0]["text"].endswith("… " + mention)
    blocks = fitted(slack, {"text": "t", "blocks": [section("x" * 9000)]}, mention=mention)[0]["blocks"]
    assert blocks[0]["text"]["text"] == mention
    fifty = fitted(slack, {"text": "t", "blocks": [{"type": "divider"}] * 60}, mention=mention)[0]["blocks"]
    assert fifty[0]["text"]["text"] == mention
    assert fitted(discord, {"content": "x" * 9000}, mention="<@&42>")[0]["content"].startswith("<@&42> x")


def test_a_template_may_place_the_mention_itself():
    body, _ = fitted(discord, {"content": "hey <@&42>!"}, mention="<@&42>")
    assert body["content"] == "hey <@&42>!"
    body, _ = fitted(discord, {"content": r"hey \<@&42>!"}, mention="<@&42>")
    assert body["content"] == r"<@&42> hey \<@&42>!"
    body, _ = fitted(slack, {"text": "hey <@U42>!"}, mention="<@U42>")
    assert body["text"] == "hey <@U42>!"


@pytest.mark.parametrize(
    ("embed", "shown"),
    [
        ({"title": "x" * 257}, "x" * 255 + "…"),
        ({"title": "\\*" * 129}, "\\*" * 127 + "…"),
        ({"description": "😀" * 2049}, "😀" * 2047 + "…"),
        ({"title": "t", "footer": {"text": "x" * 2049}}, "x" * 2047 + "…"),
        ({"title": "t", "author": {"name": "x" * 257}}, "x" * 255 + "…"),
        ({"fields": [{"name": "n" * 257, "value": "v"}]}, "n" * 255 + "…"),
        ({"fields": [{"name": "n", "value": "v" * 1025}]}, "v" * 1023 + "…"),
        ({"fields": [{"name": "n", "value": "  v  "}]}, "v"),
    ],
)
def test_each_text_in_discord_has_its_limit(embed, shown):
    body, was_cut = fitted(discord, {"embeds": [embed]})
    assert shown in list(texts(body))
    assert was_cut is shown.endswith("…")


def test_discord_loses_what_it_would_refuse():
    embed: dict[str, Any] = {
        "title": "t",
        "url": "javascript:x",
        "color": 0x1000000,
        "timestamp": "soon",
        "fields": [{"name": "", "value": "v"}, {"name": "n", "value": " "}, {"name": "n"}],
        "footer": {"text": ""},
        "author": {"name": "a", "url": "x", "icon_url": "https://e.example/i"},
        "image": {"url": ""},
        "thumbnail": {"url": "https://e.example/i"},
    }
    rows = [{"type": 1, "components": [{"type": 2, "style": 5, "label": "x", "url": "ftp://x"}]}, {"type": 1}]
    body, was_cut = fitted(discord, {"embeds": [embed, {"color": 1}], "components": rows, "username": "Clyde's"})
    assert body == {
        "embeds": [
            {
                "title": "t",
                "author": {"name": "a", "icon_url": "https://e.example/i"},
                "thumbnail": {"url": "https://e.example/i"},
            }
        ],
        "allowed_mentions": {"parse": []},
    }
    assert was_cut is False


def test_all_embeds_together_stay_within_six_thousand():
    embeds: list[dict[str, Any]] = [
        {"title": f"t{n}", "description": "é" * 4000, "url": "https://e.example"} for n in range(4)
    ]
    embeds.append({"fields": [{"name": "n" * 100, "value": "v" * 100}] * 25})
    body, was_cut = fitted(discord, {"embeds": embeds})
    assert was_cut
    assert [embed["title"] for embed in body["embeds"][:4]] == ["t0", "t1", "t2", "t3"]


def test_small_texts_that_are_too_much_together_are_left_out_from_the_end():
    embeds = [{"fields": [{"name": "n" * 90, "value": "v" * 90} for _ in range(25)]} for _ in range(4)]
    body, was_cut = fitted(discord, {"embeds": embeds})
    assert was_cut
    assert len(body["embeds"][0]["fields"]) == 25


def test_discord_gets_at_most_so_many_of_each():
    button = {"type": 2, "style": 5, "label": "l" * 90, "url": "https://e.example"}
    rows = [{"type": 1, "components": [dict(button) for _ in range(6)]} for _ in range(6)]
    embeds = [{"title": "t", "fields": [{"name": "n", "value": "v"}] * 26} for _ in range(11)]
    body, was_cut = fitted(discord, {"embeds": embeds, "components": rows})
    assert was_cut
    assert [len(body["embeds"]), len(body["embeds"][0]["fields"])] == [10, 25]
    assert [len(body["components"]), len(body["components"][0]["components"])] == [5, 5]


@pytest.mark.parametrize(
    ("name", "kept"), [("CI", "CI"), ("x" * 90, "x" * 79 + "…"), ("my discord", None), (" ", None)]
)
def test_the_name_to_post_under(name, kept):
    assert fitted(discord, {"content": "x"}, username=name)[0].get("username") == kept


size = st.sampled_from([0, 1, 74, 76, 149, 160, 255, 260, 1000, 1030, 2001, 3001, 4100, 9000])
words = st.builds(
    lambda piece, number: (
        (piece * (number // len(piece) + 1))[:number] if len(piece) == 1 else piece * (number // len(piece))
    ),
    st.sampled_from(["x", "é", "😀", "&amp;", "<https://e.example/a|b> ", "```\nab\n```\n", "\\* ", " "]),
    size,
)
text_objects = st.builds(lambda text: {"type": "mrkdwn", "text": text}, words)
blocks = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "section", "text": text}, text_objects),
        st.builds(lambda fields: {"type": "section", "fields": fields}, st.lists(text_objects, max_size=12)),
        st.builds(lambda elements: {"type": "context", "elements": elements}, st.lists(text_objects, max_size=12)),
        st.just({"type": "divider"}),
    ),
    max_size=12,
)


def test_a_mention_with_a_block_of_its_own_is_counted_with_the_others():
    body = {"text": "x", "blocks": [{"type": "divider"}], "attachments": [{"blocks": [{"type": "divider"}] * 49}]}
    payload, _ = fitted(slack, copied(body), mention="<!here>")
    assert payload["blocks"][0]["text"]["text"] == "<!here>"


@settings(max_examples=150, deadline=None)
@given(words.filter(lambda text: "\\" not in text), blocks, st.integers(1, 6), blocks)
def test_no_sizes_whatever_are_too_much_for_slack(text, first, times, second):
    fitted(
        slack,
        {
            "text": text,
            "blocks": copied(first) * 1,
            "attachments": [{"color": "#000000", "blocks": copied(second * times)}],
        },
        mention="<!here>",
    )


def copied(node):
    if isinstance(node, dict):
        return {key: copied(value) for key, value in node.items()}
    return [copied(value) for value in node] if isinstance(node, list) else node


embeds = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "title": words,
            "description": words,
            "footer": words.map(lambda text: {"text": text}),
            "author": words.map(lambda text: {"name": text}),
            "fields": st.lists(
                st.builds(lambda name, value: {"name": name, "value": value}, words, words), max_size=30
            ),
        },
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(words, embeds)
def test_no_sizes_whatever_are_too_much_for_discord(content, made):
    fitted(discord, {"content": content, "embeds": copied(made)}, mention="@here")
