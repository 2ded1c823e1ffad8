"""The built-in layouts: what a reader sees, in order, of every vendor's results, on every target."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model import Why
from bridge.render import Renderer, View
from tests.render.making import HOSTILE, ID, failing, item, problems, result, samples, texts, view

RENDERER = Renderer()
CHATS = ("slack", "discord")
STYLES = ("bar", "blocks")
MENTIONS = {"slack": "<!subteam^S0123>", "discord": "<@&42>"}


def rendered(target_type, made=None, **fields):
    message = RENDERER.render(target_type, None, view(made, **fields))
    assert message.falls == ()
    if target_type in CHATS:
        assert problems(target_type, message) == []
    return message.body


def shown(body):
    return "\n".join(texts(body)) if not isinstance(body, str) else body


BROKEN = result(
    counts={"total": 3, "passed": 2, "failed": 1, "unit": "group", "origin": "reported"},
    items=[
        item(
            "pay with saved card",
            is_new=True,
            streak=1,
            url="https://example.com/t/1",
            message="button not found\n at 12",
        ),
        item("coupon", streak=3, url="https://example.com/t/2", message="total differs"),
        item("login", outcome="passed"),
    ],
    history={"previous": "passed", "previous_streak": 12, "transition": "broke", "streak": 1},
    vcs={"ref": "main", "commit": "a1b2c3d4e5f6"},
    environment="staging",
    duration_ms=252_000,
)
PASSED = result(
    outcome="passed", counts={"total": 3, "passed": 3, "unit": "group"}, vcs={"ref": "main"}, duration_ms=9000
)


def test_a_broken_run_in_slack_with_a_bar():
    body = rendered("slack", BROKEN)
    under = "Checkout \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
    (attachment,) = body["attachments"]
    changed, failed, counts, where, footer = attachment["blocks"]
    assert body["text"] == "❌ My App (android) — FAILED: 1 of 3 groups"
    assert "blocks" not in body
    assert attachment["color"] == "#E01E5A"
    assert changed["text"]["text"] == "Broke: passing for the 12 runs before"
    assert failed["text"]["text"] == (
        f"• *NEW* <https://example.com/t/1|{under} pay with saved card> — button not found\n"
        f"• still <https://example.com/t/2|{under} coupon> (3rd run) — total differs"
    )
    assert counts["text"]["text"] == "✅ 2 groups passed   ❌ 1 failed"
    assert where["elements"][0]["text"] == (
        "main · a1b2c3d · staging · 4 m 12 s · "
        "<!date^1773489600^{date_short_pretty} {time}|2026-03-14 12:00 UTC> · <https://example.com/runs/1|open run>"
    )
    assert footer["elements"][0]["text"] == f"mobile-tests · event {ID} · route broken tests"
    assert body["unfurl_links"] is body["unfurl_media"] is False


def test_a_broken_run_in_slack_with_blocks():
    bar, blocks = rendered("slack", BROKEN), rendered("slack", BROKEN, style="blocks")
    assert blocks["text"] == bar["text"]
    assert blocks["blocks"][0]["text"]["text"] == "*❌ My App (android) — FAILED: 1 of 3 groups*"
    assert blocks["blocks"][1:] == bar["attachments"][0]["blocks"]
    assert "attachments" not in blocks


def test_a_broken_run_in_discord():
    body = rendered("discord", BROKEN, mention="<@&42>")
    (embed,) = body["embeds"]
    lines = embed["description"].split("\n")
    assert body["content"] == "<@&42> ❌ My App (android) — FAILED: 1 of 3 groups"
    assert embed["title"] == "❌ My App (android) — FAILED: 1 of 3 groups"
    assert embed["url"] == "https://example.com/runs/1"
    assert embed["color"] == 0xE01E5A
    assert embed["author"] == {"name": "Autosana"}
    assert lines[0] == "Broke: passing for the 12 runs before"
    assert lines[1].startswith("• **NEW** [Checkout")
    assert lines[2].endswith("(3rd run) — total differs")
    assert len(lines) == 3  # the title is the link to the run already
    assert [(field["name"], field["value"]) for field in embed["fields"]] == [
        *(
            ("Passed", "2 groups"),
            ("Failed", "1 group"),
            ("Duration", "4 m 12 s"),
            ("Branch", "main"),
            ("Commit", "a1b2c3d"),
        ),
        ("Environment", "staging"),
    ]
    assert embed["footer"] == {"text": f"mobile-tests · event {ID} · route broken tests"}
    assert body["allowed_mentions"] == {"parse": [], "roles": ["42"]}


def test_a_broken_run_in_an_inbox():
    lines = rendered("inbox", BROKEN).split("\n")
    assert lines[0] == "❌ My App (android) — FAILED: 1 of 3 groups"
    assert lines[1] == "Broke: passing for the 12 runs before"
    assert lines[2].startswith("• NEW Checkout")
    assert lines[-1] == f"mobile-tests · event {ID} · route broken tests"


def test_a_broken_run_as_an_http_body():
    body = rendered("http", BROKEN)
    assert body["text"] == "❌ My App (android) — FAILED: 1 of 3 groups"
    assert body["vcs"]["ref"] == "main"
    assert body["failing"][0]["is_new"] is True
    assert body["failing"][0]["message"] == "button not found at 12"
    assert "summary" not in body


@pytest.mark.parametrize("style", STYLES)
def test_a_pass_that_is_nothing_new_is_one_line_in_slack(style):
    line = "✅ My App (android) — PASSED: 3 groups · main · 9 s · <https://example.com/runs/1|open run>"
    body = rendered("slack", PASSED, style=style)
    assert body["text"] == ("✅ My App (android) — PASSED: 3 groups" if style == "blocks" else line)  # a notification
    assert "attachments" not in body
    assert [block["text"]["text"] for block in body.get("blocks", [])] == ([line] if style == "blocks" else [])


def test_a_pass_that_is_nothing_new_is_one_line_in_discord():
    body = rendered("discord", PASSED)
    assert (
        body["content"]
        == "✅ My App (android) — PASSED: 3 groups · main · 9 s · [open run](https://example.com/runs/1)"
    )
    assert "embeds" not in body
    assert body["flags"] == 4


def test_a_pass_that_fixes_something_is_shown_in_green():
    fixed = {"transition": "fixed", "fixed": [{"name": "coupon", "path": []}], "previous_streak": 2}
    made = {**PASSED, "history": {**PASSED["history"], **fixed}}
    assert rendered("slack", made)["attachments"][0]["color"] == "#2EB67D"
    assert "Fixed: coupon" in shown(rendered("discord", made))


@pytest.mark.parametrize("target_type", ["slack", "discord", "inbox"])
def test_ten_failures_are_listed_and_the_rest_counted(target_type):
    text = shown(rendered(target_type, failing(5000)))
    assert text.count("• ") == 10
    assert "+ 4990 more" in text


def test_the_full_message_of_an_only_failure_stands_in_a_fence():
    made = result(items=[item(message="AssertionError\n  at pay.py:12\n```\n" + "x" * 2000)])
    for target_type in CHATS:
        text = shown(rendered(target_type, made))
        assert "```\nAssertionError\n  at pay.py:12" in text
        assert "…\n```" in text


@pytest.mark.parametrize("target_type", ["slack", "discord", "inbox"])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"why": Why.TEST}, "TEST · "),
        ({"why": Why.REPLAY}, "REPLAY · "),
        ({"late_by": 720_000_000}, "Sent 12 m late"),
    ],
)
def test_a_message_says_why_it_is_not_simply_new(target_type, fields, words):
    assert words in shown(rendered(target_type, BROKEN, **fields))


@pytest.mark.parametrize("target_type", ["slack", "discord", "inbox"])
def test_a_hook_that_proved_nothing_is_marked(target_type):
    assert "not verified" in shown(rendered(target_type, result(verification={"verified": False})))
    assert "not verified" not in shown(rendered(target_type, BROKEN))


def test_buttons_take_the_links_place():
    slack = rendered("slack", BROKEN, buttons=True)
    (actions,) = [block for block in slack["attachments"][0]["blocks"] if block["type"] == "actions"]
    assert actions["elements"][0]["url"] == "https://example.com/runs/1"
    assert "|open run>" not in shown(slack)
    discord = rendered("discord", BROKEN, buttons=True)
    assert discord["components"][0]["components"][0]["label"] == "open run"
    assert "components" not in rendered("discord", BROKEN)


@pytest.mark.parametrize(("style", "made"), [("bar", BROKEN), ("blocks", BROKEN), ("bar", PASSED), ("blocks", PASSED)])
def test_a_mention_stands_where_slack_pings(style, made):
    body = rendered("slack", made, style=style, mention="<!subteam^S0123>")
    place = body["blocks"][0]["text"]["text"] if style == "blocks" else body["text"]
    assert place.endswith(" <!subteam^S0123>")
    assert shown(body).count("<!subteam^S0123>") == 1


@pytest.mark.parametrize(
    ("mention", "allowed"),
    [
        (None, {"parse": []}),
        ("<@&42> <@7> <@!8> <@&42>", {"parse": [], "roles": ["42"], "users": ["7", "8"]}),
        ("@here", {"parse": ["everyone"]}),
    ],
)
def test_only_the_routes_mention_pings_in_discord(mention, allowed):
    made = result(title="@everyone <@&1> <@2>")
    body = rendered("discord", made, mention=mention)
    assert body["allowed_mentions"] == allowed


def test_what_is_sensitive_or_private_is_never_shown():
    made = result(
        artifacts=[{"kind": "report", "url": "https://example.com/secret", "sensitive": True}], extra={"k": "hush"}
    )
    made["payload"] = {"x": "hush"}
    for target_type in ("slack", "discord", "http", "inbox"):
        text = str(rendered(target_type, made))
        assert "hush" not in text
        assert "secret" not in text


@pytest.mark.parametrize(("name", "made"), list(samples()))
def test_every_vendors_sample_is_taken_by_every_target(name, made):
    for target_type in ("slack", "discord", "http", "inbox"):
        for style in STYLES:
            assert rendered(target_type, made, style=style, buttons=style == "bar")


hostile_text = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=[]), max_size=300)
hostile_items = st.lists(
    st.builds(
        item,
        hostile_text,
        path=st.lists(hostile_text, max_size=3),
        url=st.none() | hostile_text.map("https://e.example/".__add__),
        message=st.none() | hostile_text,
        is_new=st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(
    title=hostile_text,
    summary=st.none() | hostile_text,
    ref=st.none() | hostile_text,
    items=hostile_items,
    links=st.lists(hostile_text.map(lambda text: {"label": text, "url": "https://e.example/" + text}), max_size=5),
    style=st.sampled_from(STYLES),
)
def test_no_result_whatever_is_refused(title, summary, ref, items, links, style):
    made = result(title=title, summary=summary, vcs={"ref": ref}, items=items, links=links)
    for target_type in CHATS:
        rendered(target_type, made, style=style, buttons=True, mention=MENTIONS[target_type])


def test_the_verdict_the_counts_and_the_link_outlast_every_cut():
    wide = "\\*" * 75
    items = [item(wide, path=[wide, wide], url="https://e.example/" + "x" * 900, message=wide) for _ in range(40)]
    made = result(items=items, title="*_" * 200, counts={"total": 40, "failed": 40, "unit": "test"}, summary=wide * 9)
    for target_type in CHATS:
        text = shown(rendered(target_type, made, mention=MENTIONS[target_type]))
        assert "FAILED: 40 of 40 tests" in text
        assert "https://example.com/runs/1" in text
        assert re.search(r"\+ 3\d more", text)


def test_a_view_needs_nothing_but_a_result():
    assert RENDERER.render("slack", None, View(result=result())).falls == ()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"state": "running", "outcome": None, "reason": "failing"}, "▶️ My App (android) — RUNNING · failing"),
        (
            {"kind": "deployment", "outcome": "passed", "summary": "Round half up\nmore"},
            "✅ My App (android) — SUCCEEDED · Round half up · open",
        ),
        ({"kind": "other", "outcome": "neutral", "summary": "Printer is on fire"}, "My App (android) · Printer"),
        (
            {"outcome": "neutral", "raw_status": "ended", "counts": {"total": 6, "unit": "run"}},
            "My App (android) — ENDED: 6 runs",
        ),
        ({"outcome": "neutral", "counts": {"total": 2, "unit": "entry"}}, "2 entries"),
    ],
)
def test_one_line_says_what_happened_too(fields, line):
    text = rendered("inbox", result(type="x", attention=False, **fields))
    assert line in text
    assert "\n" not in text


@pytest.mark.parametrize("summary", ["x" * 200, "one\ntwo"])
def test_news_that_is_long_is_more_than_one_line(summary):
    assert "\n" in rendered("inbox", result(kind="other", outcome="neutral", attention=False, summary=summary))
