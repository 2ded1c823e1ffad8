"""What a dotted path finds in a document, whatever its shape."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.paths import MISSING, find

DOCUMENT = {
    "a": {"b": {"c": 1}, "none": None, "": "empty", "0": "key", "x": {"": 2}},
    "list": [{"n": "zero"}, [10, 20], None, "text"],
    "text": "hello",
    "number": 5,
    "false": False,
}


@pytest.mark.parametrize(("path", "value"), [
    ("a.b.c", 1),
    ("a.b", {"c": 1}),
    ("a.none", None),
    ("a.0", "key"),
    ("a.", "empty"),
    ("a.x.", 2),
    ("list.0.n", "zero"),
    ("list.1.1", 20),
    ("list.01.1", 20),
    ("list.2", None),
    ("list.3", "text"),
    ("text", "hello"),
    ("false", False),
])  # fmt: skip
def test_a_path_finds_what_stands_there(path, value):
    assert find(DOCUMENT, path) == value


@pytest.mark.parametrize("path", [
    "", ".", "..", "b", "a.c", "a.b.c.d", "a.none.x", "A.b", "a b", "a..b", ".a", "a.b.c.", "text.0", "text.length",
    "number.real", "list.4", "list.-1", "list.+1", "list. 1", "list.1.0.0", "list.x", "list.", "list.1.5", "list.1_0",
    "list.²", "list.\u0660",
    "list.99999999999999999999", "list." + "9" * 10_000, "a.__class__", "list.append", "a.items", "false.x",
])  # fmt: skip
def test_a_path_to_nowhere_is_missing(path):
    assert find(DOCUMENT, path) is MISSING


@pytest.mark.parametrize("document", [None, 1, "text", [], {}, True, 1.5])
def test_nothing_is_found_in_what_holds_nothing(document):
    assert find(document, "a.0.b") is MISSING


def test_missing_is_false_and_not_null():
    assert not MISSING
    assert MISSING is not None
    assert repr(MISSING) == "MISSING"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.text() | st.text(".0123456789ab"))
def test_no_document_and_no_path_raises(document, path):
    find(document, path)


@given(JSON)
def test_every_value_is_found_at_its_own_path(document):
    def walk(value: Any, path: list[str]) -> None:
        if path:
            assert find(document, ".".join(path)) is value
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, inner in entries:
            if "." not in str(step):
                walk(inner, [*path, str(step)])

    walk(document, [])
