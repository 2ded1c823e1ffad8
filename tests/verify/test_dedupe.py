"""By what a repeat is known, and for how long."""

import json
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import DAY, MINUTE
from bridge.verify import dedupe_key

Paths: TypeAlias = tuple[str, ...]

ID = ("id",)
PAIR = ("run.id", "run.state")


def key(body: Any, paths: Paths = (), dated: Paths = (), window: int | None = None, source: str = "qa") -> bytes:
    covered = body if isinstance(body, bytes) else json.dumps(body).encode()
    return dedupe_key(covered, source, paths, dated, window)[0]


def window(body: Any, paths: Paths = (), dated: Paths = (), given: int | None = None) -> int:
    covered = body if isinstance(body, bytes) else json.dumps(body).encode()
    return dedupe_key(covered, "qa", paths, dated, given)[1]


@pytest.mark.parametrize(("one", "other", "paths"), [
    ({"id": "e1", "n": 1}, {"n": 2, "id": "e1"}, ID),
    ({"id": 7, "n": 1}, {"id": 7}, ID),
    ({"id": 0}, {"id": 0, "n": 1}, ID),
    ({"run": {"id": "r", "state": "ok"}, "n": 1}, {"run": {"state": "ok", "id": "r"}}, PAIR),
    ({"run": {"id": "r", "state": False}, "n": 1}, {"run": {"state": False, "id": "r"}}, PAIR),
    ({"ids": ["a", "b"], "n": 1}, {"ids": ["a", "c"]}, ("ids.0",)),
    (b'{"id":"\\ud800","n":1}', b'{"id":"\\ud800","n":2}', ID),
    (b'{"id":98765432109876543210,"x":"\\ud800"}', b'{"id":98765432109876543210,"y":"\\ud800"}', ID),
    (b"same bytes", b"same bytes", ()),
    (b"\xff\x00", b"\xff\x00", ID),
    (b"", b"", ID),
])  # fmt: skip
def test_these_are_one_event(one, other, paths):
    assert key(one, paths) == key(other, paths)


@pytest.mark.parametrize(("one", "other", "paths"), [
    ({"id": "e1"}, {"id": "e2"}, ID),
    ({"id": "1"}, {"id": 1}, ID),
    ({"id": True}, {"id": 1}, ID),
    ({"id": 1}, {"id": 1, "n": 2}, ()),
    ({"run": {"id": "r", "state": "ok"}}, {"run": {"id": "r", "state": "bad"}}, PAIR),
    ({"run": {"id": "ab", "state": "c"}}, {"run": {"id": "a", "state": "bc"}}, PAIR),
    ({"run": {"id": 'a","b', "state": "c"}}, {"run": {"id": "a", "state": 'b","c'}}, PAIR),
    ({"run": {"id": "r"}, "n": 1}, {"run": {"id": "r"}, "n": 2}, PAIR),
    ({"run": {"id": "r", "state": None}, "n": 1}, {"run": {"id": "r", "state": None}, "n": 2}, PAIR),
    ({"id": "", "n": 1}, {"id": "", "n": 2}, ID),
    ({"id": "  ", "n": 1}, {"id": "  ", "n": 2}, ID),
    ({"id": {"a": 1}, "n": 1}, {"id": {"a": 1}, "n": 2}, ID),
    ({"id": ["a"], "n": 1}, {"id": ["a"], "n": 2}, ID),
    ({"id": 1.5, "n": 1}, {"id": 1.5, "n": 2}, ID),
    (b'{"id":123456789012345678901234567890}', b'{"id":123456789012345678901234567891}', ID),
    ({"n": 1}, {"n": 2}, ID),
    ([1], [2], ID),
    (b'{"id":1', b'{"id":1 ', ID),
    (b"a", b"a ", ()),
])  # fmt: skip
def test_these_are_two_events(one, other, paths):
    assert key(one, paths) != key(other, paths)


def test_a_body_cannot_pass_for_the_ids_of_another():
    body = json.dumps(["ids", "qa", ["id"], ["e1"]]).encode()
    assert key(body) != key({"id": "e1"}, ID)


def test_ids_from_other_paths_are_other_ids():
    assert key({"a": "x", "b": "x"}, ("a",)) != key({"a": "x", "b": "x"}, ("b",))


@pytest.mark.parametrize(("body", "paths"), [({"id": "e1"}, ID), (b"raw", ())])
def test_sources_do_not_share_keys(body, paths):
    assert key(body, paths, source="a") != key(body, paths, source="b")


@pytest.mark.parametrize(("body", "paths", "dated", "length"), [
    ({"id": "e1"}, ID, (), 30 * DAY),
    ({"id": 5}, ID, (), 30 * DAY),
    ({"run": {"id": "r", "state": "ok"}}, PAIR, (), 30 * DAY),
    ({"run": {"id": "r"}}, PAIR, (), 10 * MINUTE),
    ({"run": {"id": "r"}}, PAIR, ("run.id",), 30 * DAY),
    ({"run": {"state": "ok"}}, PAIR, ("run.id",), 10 * MINUTE),
    ({"n": 1}, ID, (), 10 * MINUTE),
    ({"timestamp": "2025-01-31T12:34:56.789Z"}, (), ("timestamp",), 30 * DAY),
    ({"timestamp": 1714867200}, (), ("timestamp",), 30 * DAY),
    ({"timestamp": 1714867200.25}, (), ("timestamp",), 30 * DAY),
    ({"b": "x"}, (), ("a", "b"), 30 * DAY),
    ({"timestamp": ""}, (), ("timestamp",), 10 * MINUTE),
    ({"timestamp": " "}, (), ("timestamp",), 10 * MINUTE),
    ({"timestamp": None}, (), ("timestamp",), 10 * MINUTE),
    ({"timestamp": {}}, (), ("timestamp",), 10 * MINUTE),
    ({"timestamp": []}, (), ("timestamp",), 10 * MINUTE),
    ({"type": "ping"}, (), (), 10 * MINUTE),
    (b"not json", ID, ("timestamp",), 10 * MINUTE),
    (b"\xff", ID, ("timestamp",), 10 * MINUTE),
    (b"", ID, ("timestamp",), 10 * MINUTE),
    (b"[" * 100_000, ID, ("timestamp",), 10 * MINUTE),
    (b'{"id":' + b"1" * 5_000 + b"}", ID, (), 10 * MINUTE),
])  # fmt: skip
def test_it_counts_for_long_just_where_the_signed_bytes_hold_an_id_or_a_time(body, paths, dated, length):
    assert window(body, paths, dated) == length


@pytest.mark.parametrize("body", [{"id": "e1"}, {"n": 1}, b"not json"])
@pytest.mark.parametrize("given", [0, MINUTE, 90 * DAY])
def test_the_operators_word_on_the_window_stands(body, given):
    assert window(body, ID, ("at",), given) == given
    assert key(body, ID, ("at",), given) == key(body, ID, ("at",))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_have_a_key_of_their_own(one, other):
    assert len(key(one, ID, ("at",))) == 32
    assert (key(one, ID, ("at",)) == key(other, ID, ("at",))) is (one == other)


@given(st.text(), st.text(), st.text(), st.text())
def test_compound_ids_are_equal_just_when_all_their_parts_are(a, b, c, d):
    one = key({"run": {"id": a, "state": b}, "n": 1}, PAIR)
    other = key({"run": {"id": c, "state": d}, "n": 2}, PAIR)
    assert (one == other) is ((a, b) == (c, d) and bool(a.strip() and b.strip()))
