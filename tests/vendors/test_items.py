"""`items:` and `decode:` of a vendor that is described by data alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.model import Outcome
from bridge.normalize import as_json
from bridge.render import evaluate
from bridge.vendors import Vendor
from tests.vendors.cases import read

SUITES = {
    "suites": [
        {"name": "login", "tests": [{"name": "works", "status": "ok"}, {"name": "fails", "status": "broken"}]},
        {"name": "empty", "tests": []},
        {"name": "cart", "tests": [{"name": "adds", "status": "pending", "error": {"text": "later"}, "ms": 12}]},
    ]
}
NESTED = {
    "each": "suites.*.tests",
    "path": ["suites.*.name"],
    "name": "name",
    "outcome": "status",
    "message": "error.text",
    "duration_ms": "ms",
}


def items(said: Any, body: Any) -> list[dict[str, Any]]:
    vendor = Vendor.model_validate({"name": "ci", "items": said})
    found: list[dict[str, Any]] = as_json(read(vendor, body, evaluate=evaluate))["items"]
    return found


def test_lists_in_lists_give_their_items_a_path():
    found = items(NESTED, SUITES)
    assert [(one["path"], one["name"], one["outcome"], one["raw_status"]) for one in found] == [
        (["login"], "works", "passed", "ok"),
        (["login"], "fails", "failed", "broken"),
        (["cart"], "adds", "unknown", "pending"),
    ]
    assert (found[2]["message"], found[2]["duration_ms"]) == ("later", 12)


@pytest.mark.parametrize(
    ("said", "body", "names"),
    [
        ({"each": "tests", "name": "n"}, {"tests": [{"n": "a"}, {"n": "b"}]}, ["a", "b"]),
        ({"each": "tests.*", "name": "n"}, {"tests": [{"n": "a"}]}, ["a"]),
        ({"each": "*", "name": "n"}, [{"n": "a"}], ["a"]),
        ({"each": ["none", "b"], "name": ["x", "n"]}, {"b": [{"n": "a"}, {"x": "y", "n": "b"}]}, ["a", "y"]),
        ({"each": "failed", "name": "failed.*"}, {"failed": ["a", "b"]}, ["a", "b"]),
        ({"each": "by_id", "name": "n"}, {"by_id": {"7.1": {"n": "a"}}}, ["a"]),
        ({"each": "by_id", "name": "by_id.*.n"}, {"by_id": {"7.1": {"n": "a"}}}, ["a"]),
        ({"each": "t", "name": "{{ item.n ~ '!' }}"}, {"t": [{"n": "a"}]}, ["a!"]),
        ({"each": "t", "name": "{{ payload.p ~ item.n }}"}, {"p": "x", "t": [{"n": "a"}]}, ["xa"]),
        ({"each": "t", "name": "n"}, {"t": [{}, 5, None]}, ["Unnamed"] * 3),
        ({"each": "t", "name": "n"}, {"t": "text"}, []),
        ({"each": "t.*.u.*.v", "name": "n"}, {"t": [{"u": [{"v": [{"n": "a"}]}, {}]}]}, ["a"]),
    ],
)
def test_where_a_list_may_be(said, body, names):
    assert [one["name"] for one in items(said, body)] == names


COMPLETE = {"each": "t", "name": "n", "outcome": "s", "complete": True}


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("ok ok", Outcome.PASSED),
        ("ok skipped", Outcome.PASSED),
        ("skipped", Outcome.SKIPPED),
        ("ok failed error", Outcome.FAILED),
        ("ok error", Outcome.ERROR),
        ("ok purple", Outcome.UNKNOWN),
        ("ok cancelled", Outcome.UNKNOWN),
        ("", Outcome.UNKNOWN),
    ],
)
def test_a_complete_list_gives_the_verdict_where_nothing_else_does(words, outcome):
    body = {"t": [{"n": "x", "s": word} for word in words.split()]}
    assert read(Vendor.model_validate({"items": COMPLETE}), body).outcome is outcome
    said = {"result": {"outcome": "status"}, "items": COMPLETE}
    assert read(Vendor.model_validate(said), body | {"status": "aborted"}).outcome is Outcome.CANCELLED
    assert read(Vendor.model_validate({"items": {**COMPLETE, "complete": False}}), body).outcome is Outcome.UNKNOWN


def test_a_complete_list_is_counted_where_the_vendor_reports_no_numbers():
    body = {"t": [{"s": word} for word in ("ok", "ok", "failed", "timeout", "skipped", "error", "what")], "total": 9}
    counts = read(Vendor.model_validate({"items": COMPLETE}), body).counts
    assert (counts.total, counts.passed, counts.failed, counts.error, counts.skipped) == (7, 2, 2, 1, 1)
    assert (counts.unit, counts.origin) == ("test", "derived")
    reported = Vendor.model_validate({"result": {"counts.total": "total"}, "items": COMPLETE})
    assert (read(reported, body).counts.total, read(reported, body).counts.failed) == (9, None)


def test_a_path_has_no_more_stars_than_its_list():
    with pytest.raises(ValidationError, match=r"'a\.\*\.b\.\*\.c' has more '\*' than `each`"):
        Vendor.model_validate({"items": {"each": "a", "name": "a.*.b.*.c"}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from(["suites", "tests", "name", "status", "error", "0"]), part, max_size=4)
    ),
    max_leaves=20,
)


@given(body=JSON)
def test_no_body_raises(body):
    assert isinstance(items(NESTED, body), list)


# ---------------------------------------------------------------------------------------------- decode


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ({"data": '{"name": "x"}'}, "x"),
        ({"data": {"name": "x"}}, "x"),
        ({"data": "not json"}, "Event"),
        ({"data": '["x"]'}, "Event"),
        ({"data": "[" * 300 + "]" * 300}, "Event"),
        ({}, "Event"),
        ([], "Event"),
    ],
)
def test_json_in_a_text_is_read_as_if_it_stood_there(body, title):
    vendor = Vendor.model_validate({"decode": ["data"], "result": {"title": "data.name"}})
    assert read(vendor, body).title == title


def test_json_in_json_in_a_list():
    vendor = Vendor.model_validate({"decode": ["a.0", "a.0.b"], "result": {"title": "a.0.b.c"}})
    result = read(vendor, {"a": [json.dumps({"b": json.dumps({"c": "x"})})]})
    assert (result.title, result.payload) == ("x", {"a": [{"b": {"c": "x"}}]})
