"""A cut text is within its limit and as well formed as the whole was."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.render import cutting
from bridge.render.slots import MARKDOWN, MRKDWN
from tests.fakes import slack

text = st.text(max_size=60) | st.text("<>&*_~`\\[]| é👩\u200d\u0301\n", max_size=60)
pieces = st.lists(st.tuples(st.sampled_from(["text", "link", "code", "moment"]), text), min_size=1, max_size=12)


def written(slot, parts):
    makers = {
        "text": slot.escape,
        "link": lambda value: slot.link("https://example.com/" + value, value),
        "code": slot.code,
        "moment": lambda value: slot.moment("2026-03-14T12:00:00Z"),
    }
    return " ".join(makers[kind](value) for kind, value in parts)


@given(pieces, st.integers(0, 300))
def test_a_cut_leaves_slack_no_half_of_anything(parts, limit):
    kept = cutting.cut("x" + written(MRKDWN, parts), limit, cutting.SLACK)
    assert cutting.units(kept) <= limit
    assert slack.problems({"text": kept or "x"}) == []


@given(pieces, st.integers(0, 300))
def test_a_cut_leaves_discord_no_half_of_anything(parts, limit):
    kept = cutting.cut(written(MARKDOWN, parts), limit, cutting.DISCORD)
    assert cutting.units(kept) <= limit
    assert kept.count("```") % 2 == 0
    assert not re.search(r"(?<!\\)(?:\\\\)*\\$", kept)
    whole = r"```.*?```|`[^`\n]+`|\\.|\[(?:\\.|[^\]\\\n])*\]\([^()\s]*\)"
    assert "[" not in re.sub(whole, "", kept, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("whole", "limit", "kept"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("ab &amp; c", 6, "ab…"),
        ("a\u200d&lt;b c", 7, "a\u200d&lt;…"),
        ("a\u200d&lt;b c", 6, "a\u200d…"),
        ("a <https://e.example|b>", 10, "a…"),
        ("```\nab\ncd\n```", 12, "```\nab…\n```"),
        ("👩\u200d👩\u200d👧 family", 6, "…"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"),
        ("😀😀😀", 5, "😀😀…"),
        ("abc", 0, ""),
    ],
)
def test_where_a_cut_falls(whole, limit, kept):
    assert cutting.cut(whole, limit, cutting.SLACK) == kept


def test_lengths_are_counted_in_utf_16_units():
    assert [cutting.units(text) for text in ("a", "é", "😀", "👩\u200d👧")] == [1, 1, 2, 5]


def test_half_a_megabyte_is_cut_in_no_time():
    assert cutting.units(cutting.cut("&lt;" * 130_000, 3000, cutting.SLACK)) <= 3000
    assert cutting.units(cutting.cut("\\*" * 130_000, 3000, cutting.DISCORD)) <= 3000


def test_what_stands_in_a_fence_is_not_read_as_markup():
    whole = MARKDOWN.code("[\\\n\\") + " [a](https://example.com/) and more"
    assert cutting.cut(whole, len(whole) - 1, cutting.DISCORD).count("```") == 2
