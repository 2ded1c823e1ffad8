"""Which deliveries go out together: nothing is lost, nothing twice, and of one subject nothing overtakes."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import clock
from bridge.gather import FILL, Waiting, batches, digests, one_by_one

NOW = 1_773_489_600_000_000
S = clock.SECOND


def waiting(routes, *, keys=None, since=NOW):
    """One delivery for each route named, oldest first; of no subject, unless `keys` names them."""
    named = keys or [None] * len(routes)
    return [Waiting(str(n), route, key, since) for n, (route, key) in enumerate(zip(routes, named, strict=True))]


def gathered(of, limit, **changed):
    rules: dict[str, Any] = {
        "after": 5,
        "window": 60 * S,
        "last": {},
        "now": NOW,
        "most": 1_000,
        "target": "qa",
    } | changed
    return digests(of, limit, **rules)


def ids(found):
    return ["".join(one.id for one in group.members) for group in found.groups]


@pytest.mark.parametrize(
    ("why", "routes", "limit", "expected"),
    [
        ("all may go now: nobody waits for a digest", "aaaaaaa", 7, list("0123456")),
        ("no more than `after` wait", "aaaaa", 2, ["0", "1"]),
        ("more than `after` wait, and not all may go", "aaaaaa", 2, ["012345"]),
        ("each route by itself", "aaaaaabb", 9, list("01234567")),
        ("each route by itself", "aaaaaabb", 2, ["012345", "6"]),
        ("in the order of what waits longest", "baaaaaab", 3, ["0", "123456", "7"]),
        ("two routes, two digests", "aaaaaabbbbbb", 3, ["012345", "67891011"]),
        ("nothing may go", "aaaaaa", 0, []),
    ],
)
def test_a_route_with_too_much_behind_it_becomes_a_digest(why, routes, limit, expected):
    assert ids(gathered(waiting(routes), limit)) == expected, why


@pytest.mark.parametrize(
    ("why", "last", "most", "expected", "wait"),
    [
        ("the first digest of a route goes at once", {}, 99, ["012345"], None),
        ("the next waits for the end of the window", {"a": NOW - 20 * S}, 99, [], 40 * S),
        ("and then goes", {"a": NOW - 60 * S}, 99, ["012345"], None),
        ("another route's digest holds up nobody", {"b": NOW}, 99, ["012345"], None),
        ("while there is more than can be seen, digests follow each other", {"a": NOW}, 6, ["012345"], None),
        ("a clock that was set back holds nothing up", {"a": NOW + 9 * S}, 99, ["012345"], None),
    ],
)
def test_a_route_gets_one_digest_in_a_window(why, last, most, expected, wait):
    found = gathered(waiting("aaaaaa"), 1, last=last, most=most)

    assert (ids(found), found.wait) == (expected, wait), why


def test_what_waited_in_quiet_hours_comes_together_however_little_it_is():
    in_the_night = waiting("aab", since=NOW - S)
    later = [Waiting("later", "a", None, NOW)]

    found = gathered([*in_the_night, *later], 9, held_before=NOW)

    assert ids(found) == ["01later", "2"]
    assert [group.cause for group in found.groups] == ["in quiet hours"] * 2


def test_a_digest_says_that_its_target_took_no_messages():
    (digest,) = gathered(waiting("a" * 6, since=NOW - S), 1, down_until=NOW).groups

    assert digest.cause == "while qa took no messages"


@pytest.mark.parametrize(
    ("why", "routes", "keys", "expected"),
    [
        (
            "k's first is in b's message, which comes later: a's digest leaves k's second",
            "aaaaaaba",
            "123456kk",
            ["012345"],
        ),
        ("k's first is in the digest itself", "aaaaaaa", "123456k", ["0123456"]),
    ],
)
def test_a_digest_takes_nothing_before_what_came_earlier_of_its_subject(why, routes, keys, expected):
    assert ids(gathered(waiting(routes, keys=keys), 1)) == expected, why


@pytest.mark.parametrize(
    ("why", "count", "age", "expected", "wait"),
    [
        ("a full one goes at once", 3, 0, ["012"], None),
        ("one that is not full waits for more", 4, 0, ["012"], FILL),
        ("but no longer than a second", 4, FILL, ["012", "3"], None),
        ("no more than may go", 9, FILL, ["012", "345"], None),
        ("a clock that was set back holds nothing up", 1, -5 * S, ["0"], None),
        ("nothing waits", 0, 0, [], None),
    ],
)
def test_batches_are_filled_as_it_comes(why, count, age, expected, wait):
    found = batches(waiting("a" * count, since=NOW - age), 2, size=3, now=NOW)

    assert (ids(found), found.wait) == (expected, wait), why


backlogs = st.lists(
    st.tuples(st.sampled_from("aaab"), st.sampled_from(["x", "y", "z", None]), st.sampled_from([NOW - 9, NOW])),
    max_size=40,
).map(lambda rows: [Waiting(str(n), *row) for n, row in enumerate(rows)])

rules = st.one_of(
    st.just(one_by_one),
    st.builds(partial, st.just(batches), size=st.integers(1, 5), now=st.just(NOW + FILL)),
    st.builds(
        partial,
        st.just(digests),
        after=st.integers(1, 5),
        window=st.just(S),
        last=st.dictionaries(st.sampled_from("ab"), st.sampled_from([NOW - S, NOW]), max_size=2),
        now=st.just(NOW),
        most=st.sampled_from([5, 100]),
        held_before=st.sampled_from([0, NOW]),
    ),
)


@given(backlogs, rules, st.integers(0, 6))
def test_nothing_is_lost_nothing_is_in_two_messages_and_order_is_kept(backlog, rule, limit):
    """Turn after turn until nothing is left: each delivery goes out once, and each subject's in their order."""
    gone, left = [], backlog
    for turn in range(100):
        found = rule(left, max(limit, turn > 50))
        assert len(found.groups) <= max(limit, turn > 50)
        assert all(group.members for group in found.groups)
        out = [one for group in found.groups for one in group.members]
        gone += out
        left = [one for one in left if one not in out]
        if not out:
            if found.wait is None and turn > 50:
                break
            rule = partial(rule.func, **rule.keywords | {"last": {}}) if found.wait else rule  # the window is over
    assert left == []
    assert sorted(gone, key=lambda one: int(one.id)) == backlog
    for key in "xyz":
        assert [one for one in gone if one.order_key == key] == [one for one in backlog if one.order_key == key]


@given(backlogs, st.integers(1, 6))
def test_a_digest_is_of_one_route(backlog, limit):
    for group in gathered(backlog, limit, after=1).groups:
        assert len({one.route for one in group.members}) == 1
