"""Whatever a value holds, it is inert where it lands, and still reads as it was written."""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.render.slots import (
    FORM,
    JSON,
    JSON_INSIDE,
    MARKDOWN,
    MRKDWN,
    SLACK_PLAIN,
    TEXT,
    URL,
    ZERO_WIDTH,
    clean_url,
    plain,
)
from tests.fakes import discord, slack

Z = ZERO_WIDTH

anything = st.text(st.characters(exclude_categories=[]), max_size=200) | st.text(
    "<>&*_~`|\\[]()#-+>@! \n1.a", max_size=60
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("&lt;", "&amp;lt;"),
        ("test_login_flow", "test_login_flow"),
        ("2*3*4", "2*3*4"),
        ("*bold* _it_ ~no~", f"*{Z}bold*{Z} _{Z}it_{Z} ~{Z}no~{Z}"),
        ("a`b`c", "a\N{MODIFIER LETTER GRAVE ACCENT}b\N{MODIFIER LETTER GRAVE ACCENT}c"),
        ("> said", f"{Z}&gt; said"),
        ("\u202eevil\u2066", "evil"),
        ("\x1b[31mred\x00", "[31mred"),
        ("lone \ud800", "lone \ufffd"),
    ],
)
def test_slack_shows_a_value_as_it_was_written(text, written):
    assert MRKDWN.escape(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("*b* ~s~ |x| `c`", r"\*b\* \~s\~ \|x\| \`c\`"),
        ("snake_case_name", "snake_case_name"),
        ("_it_ and __u__", r"\_it\_ and \_\_u\_\_"),
        ("back\\slash", r"back\\slash"),
        ("[x](https://e.example)", r"\[x\](https://e.example)"),
        ("<@42> <#1> <t:1:R>", r"\<@42> \<#1> \<t:1:R>"),
        ("@everyone and @here", f"@{Z}everyone and @{Z}here"),
        ("# head", r"\# head"),
        ("- a\n  - b\n> c\n1. d\n2) e", "\\- a\n  \\- b\n\\> c\n1\\. d\n2\\) e"),
        ("someone@example.com", "someone@example.com"),
    ],
)
def test_discord_shows_a_value_as_it_was_written(text, written):
    assert MARKDOWN.escape(text) == written


@given(anything)
def test_no_value_is_markup_to_slack(text):
    assert slack.problems({"text": "x" + MRKDWN.escape(text) + "x"}) == []
    assert "```" not in MRKDWN.escape(text)
    assert slack.problems({"text": "x" + SLACK_PLAIN.escape(text).replace("`", "")}) == []


@given(anything)
def test_in_discord_every_mark_of_a_value_has_its_backslash(text):
    left = re.sub(r"\\[^A-Za-z0-9\s]", "", MARKDOWN.escape(text))
    assert not set(left) & set("\\*~|`[]<")
    assert not re.search(r"@(everyone|here)", left)


@given(anything, anything)
def test_a_link_is_one_link_or_its_label(url, label):
    for address in (url, "https://example.com/" + url):
        linked = MRKDWN.link(address, label)
        assert slack.problems({"text": f"x{linked}"}) == []
        assert linked.count("<") <= 1
        marked = re.sub(r"\\[^A-Za-z0-9\s]", "", MARKDOWN.link(address, label))
        assert marked.count("](") <= 1
        assert discord.problems({"content": "x" + marked[:1000], "allowed_mentions": {"parse": []}}) == []


@pytest.mark.parametrize(
    ("slot", "linked"),
    [
        (MRKDWN, "<https://e.example/?a=1&amp;b=2|pay ¦ *{Z}now*{Z}>".replace("{Z}", Z)),
        (MARKDOWN, r"[pay \| \*now\*](https://e.example/?a=1&b=2)"),
        (TEXT, "pay | *now* (https://e.example/?a=1&b=2)"),
        (URL, "https://e.example/?a=1&b=2"),
    ],
)
def test_every_slot_writes_its_own_links(slot, linked):
    assert slot.link("https://e.example/?a=1&b=2", "pay |\n*now*") == linked


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://e.example/a", "https://e.example/a"),
        (" HTTPS://E.example/A ", "https://E.example/A"),
        ("https://e.example/a b|c>", "https://e.example/a%20b%7Cc%3E"),
        ("https://e.example/ü", "https://e.example/%C3%BC"),
        ("https://e.example/%41", "https://e.example/%41"),
        ("https://[::1]:8080/x", "https://[::1]:8080/x"),
        ("javascript:alert(1)", None),
        ("ftp://e.example", None),
        ("//e.example", None),
        ("https://", None),
        ("https:///x", None),
        ("https://e.example:99999/", None),
        ("https://[oops/", None),
        ("https://e.example/" + "x" * 3000, None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_only_a_web_address_becomes_a_link(url, cleaned):
    assert clean_url(url) == cleaned


@given(anything)
def test_a_cleaned_address_can_stand_anywhere(text):
    for url in (clean_url(text), clean_url("https://e.example/" + text), clean_url("http://" + text)):
        assert url is None or re.fullmatch(r"https?://[^\s<>|\"]+", url)


@pytest.mark.parametrize(
    ("slot", "value", "code"),
    [
        (MRKDWN, "a < b", "`a &lt; b`"),
        (MRKDWN, "x`y", "`x\N{MODIFIER LETTER GRAVE ACCENT}y`"),
        (MRKDWN, "a\n```\nb", f"```\na\n`{Z}`{Z}`{Z}\nb\n```"),
        (MARKDOWN, "a * b", "`a * b`"),
        (MARKDOWN, "a\n@here", f"```\na\n@{Z}here\n```"),
        (MRKDWN, None, ""),
        (MARKDOWN, "  ", ""),
        (TEXT, "a `b`", "a `b`"),
    ],
)
def test_code_stays_inside_its_fence(slot, value, code):
    assert slot.code(value) == code


@given(anything)
def test_nothing_in_a_form_or_in_json_breaks_out(text):
    assert orjson.loads(f'{{"a": "{JSON_INSIDE.escape(text)}"}}')["a"] == JSON.escape(text)
    assert not set(FORM.escape(text)) & set("&=; \n")


@given(anything)
def test_text_for_a_terminal_steers_nothing(text):
    shown = plain(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode()


@pytest.mark.parametrize(
    ("slot", "shown"),
    [
        (MRKDWN, "<!date^1773489600^{date_short_pretty} {time}|2026-03-14 12:00 UTC>"),
        (MARKDOWN, "<t:1773489600:f>"),
        (TEXT, "2026-03-14 12:00 UTC"),
    ],
)
def test_a_time_is_shown_by_its_readers_clock_where_the_target_can(slot, shown):
    assert slot.moment("2026-03-14T12:00:00.000Z") == shown
    assert slot.moment("soon") == "soon"
    assert slot.moment(None) == ""


@pytest.mark.parametrize("slot", [MRKDWN, MARKDOWN, TEXT])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1969-12-31T23:59:00Z", "1969-12-31 23:59 UTC"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_a_time_that_no_chats_clock_can_show_is_text(slot, value, shown):
    assert slot.moment(value).replace("\\", "") == shown
