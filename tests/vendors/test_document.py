"""A document gives what is asked for or nothing, whatever its shape."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.vendors import Document
from bridge.vendors.document import as_count, as_milliseconds, as_moment, as_scalar, as_text

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (" a ", "a"), (7, "7"), (1.5, "1.5"), (True, "true"), (False, "false")]
)
def test_text_is_text_or_a_number_or_a_yes(value, text):
    assert as_text(value) == text


@pytest.mark.parametrize("value", ["", " ", None, [], ["a"], {}, {"a": 1}])
def test_what_is_no_text_is_none(value):
    assert as_text(value) is None


@pytest.mark.parametrize(("value", "count"), [(0, 0), (3, 3), (3.0, 3), ("3", 3), (2**53, 2**53)])
def test_a_count_is_a_whole_number_from_0_to_2_to_the_53(value, count):
    assert as_count(value) == count


@pytest.mark.parametrize(
    "value",
    [None, True, False, -1, 2**53 + 1, 3.5, float("inf"), float("nan"), "", "3 tests", "-1", "³", "٣", "9" * 5000, []],
)
def test_what_is_no_count_is_none(value):
    assert as_count(value) is None


@pytest.mark.parametrize("value", ["a", True, 0.5, -1, 0])
def test_a_scalar_is_what_json_carries_exactly(value):
    assert as_scalar(value) == value


@pytest.mark.parametrize("value", [None, [], {}, 2**53 + 1, float("inf"), float("nan")])
def test_what_is_no_scalar_is_none(value):
    assert as_scalar(value) is None


BEFORE_ALL, AFTER_ALL = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"
NOON = datetime(2024, 5, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-05T12:00:00Z",
        "2024-05-05T12:00:00.000Z",
        "2024-05-05T14:00:00+02:00",
        "2024-05-05T14:00:00+0200",
        "2024-05-05 12:00:00 UTC",
        "2024-05-05 14:00:00 +0200",
        "2024-05-05T12:00:00.000000001Z",
        "2024-05-05 12:00:00",
        " 2024-05-05T12:00:00 ",
        1_714_910_400,
        1_714_910_400.0,
        1_714_910_400_000,
        "1714910400",
        "1714910400000",
    ],
)
def test_a_moment_is_iso_8601_or_seconds_or_milliseconds(value):
    moment = as_moment(value)
    assert moment == NOON
    assert moment is not None
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [],
        {},
        "",
        "soon",
        "2024-13-05",
        "2024-05-05 12:00:00 CEST",
        "2024-05-05 12:00:00 UTC UTC",
        -1,
        1e300,
        float("inf"),
        float("nan"),
        "9" * 5000,
        10**400,
        "²",
        BEFORE_ALL,
        AFTER_ALL,
    ],
)
def test_what_is_no_moment_is_none(value):
    assert as_moment(value) is None


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0, 0), (17, 17_000), (17.0, 17_000), (100.25, 100_250)])
def test_seconds_are_kept_as_milliseconds(seconds, milliseconds):
    assert as_milliseconds(seconds) == milliseconds


@pytest.mark.parametrize("value", [None, True, "17", -1, float("inf"), float("nan"), 10**400, 32e6, []])
def test_what_is_no_number_of_seconds_is_none(value):
    assert as_milliseconds(value) is None


@given(value=ANYTHING)
def test_nothing_raises(value):
    document = Document(value)
    for path in ("", "a", "0", "a.0.b", "."):
        document.text(path), document.count(path), document.moment(path), document.items(path), document.at(path)


def test_a_getter_takes_the_first_path_that_holds_what_it_asks_for():
    document = Document({"a": None, "b": [], "c": {"d": "here"}, "e": "later"})
    assert document.text("missing", "a", "b", "c.d", "e") == "here"


def test_items_are_documents_of_their_own():
    document = Document({"runs": [{"name": "one"}, None, "two"], "name": "no list"})
    assert [run.text("name") for run in document.items("runs")] == ["one", None, None]
    assert document.items("name") == []
    assert document.at("runs").at("0").text("name") == "one"
