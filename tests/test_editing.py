"""Where a message goes: what is an edit, what is a reply, and what must be a post of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.editing import NEW, Edit, Mode, Post, Reply, Update, closes, place, superseded


def result(state="finished", transition="none", attention=False):
    return {"state": state, "attention": attention, "history": {"transition": transition}}


def post(state="finished", transition="none", external_id="m1", root_id="m0", closed=False):
    return Post(external_id, root_id, state, transition, closed)


@pytest.mark.parametrize(
    ("said", "run", "subject", "expected"),
    [
        pytest.param(result("running"), None, None, NEW, id="the first of a run is posted"),
        pytest.param(result("running"), post("running"), None, Edit("m1"), id="a run that goes on is edited"),
        pytest.param(result(), post("running"), None, Edit("m1"), id="a run that ends is edited"),
        pytest.param(result(transition="still_passing"), post("running"), None, Edit("m1"), id="when it passed again"),
        pytest.param(result(transition="first"), post("running"), None, Edit("m1"), id="and when it passed at first"),
        pytest.param(result(transition="broke"), post("running"), None, NEW, id="what broke is posted"),
        pytest.param(result(transition="failures_changed"), post("running"), None, NEW, id="other failures are posted"),
        pytest.param(result(transition="fixed"), post("running"), None, NEW, id="what was fixed is posted"),
        pytest.param(result(attention=True), post("running"), None, NEW, id="what failed without a history is posted"),
        pytest.param(result("running"), post("finished"), None, NEW, id="what begins anew is posted"),
        pytest.param(result(), post("finished"), None, NEW, id="a second end is posted"),
        pytest.param(
            result(transition="still_failing"), None, post(transition="broke"), Edit("m1"), id="a failure that goes on"
        ),
        pytest.param(
            result(transition="still_failing"), None, post(transition="still_failing"), Edit("m1"), id="and on"
        ),
        pytest.param(
            result(transition="still_failing"),
            None,
            post(transition="fixed"),
            NEW,
            id="fixed keeps its place",
        ),
        pytest.param(result(transition="still_failing"), None, None, NEW, id="a failure of which nothing stands there"),
        pytest.param(result(transition="still_passing"), None, post(transition="broke"), NEW, id="passed after all"),
        pytest.param(result(), post("running", closed=True), None, NEW, id="a run below which more was said"),
        pytest.param(
            result(transition="still_failing"),
            None,
            post(transition="broke", closed=True),
            NEW,
            id="a failure below which more was said",
        ),
    ],
)
def test_an_update_edits_only_what_it_does_not_hide(said, run, subject, expected):
    assert place(Mode.UPDATE, said, mentions=False, run=run, subject=subject) == expected


def test_what_mentions_is_always_posted():
    still = result(transition="still_failing")
    assert place(Mode.UPDATE, still, mentions=True, run=post("running"), subject=post(transition="broke")) == NEW


@pytest.mark.parametrize(
    ("said", "mentions", "closed"),
    [
        pytest.param(result("running"), False, False, id="a run that goes on"),
        pytest.param(result("running", attention=True), False, True, id="a run that calls for attention"),
        pytest.param(result("running"), True, True, id="a run that mentions somebody"),
        pytest.param(result(transition="broke"), True, False, id="what broke, until it goes on failing"),
    ],
)
def test_what_calls_for_somebody_while_a_run_goes_on_is_edited_no_more(said, mentions, closed):
    assert closes(said, mentions=mentions) is closed


@pytest.mark.parametrize("transition", ["none", "broke", "fixed", "still_failing"])
def test_a_thread_replies_to_the_first_of_its_key(transition):
    said = result(transition=transition)
    assert place(Mode.THREAD, said, mentions=False, run=None, subject=post()) == NEW
    assert place(Mode.THREAD, said, mentions=True, run=post(), subject=None) == Reply("m0")


def test_a_plain_route_always_posts():
    assert place(Mode.POST, result("running"), mentions=False, run=post("running"), subject=post()) == NEW


def update(name, run="r1", subject=None, state="finished", transition="none", mentions=False, urgent=False):
    return Update(name, result(state, transition), run, subject, mentions, urgent)


@pytest.mark.parametrize(
    ("waiting", "dropped"),
    [
        pytest.param([update("a", state="running"), update("b")], {"a": "b"}, id="the end of a run"),
        pytest.param(
            [update("a", state="running"), update("b", state="running"), update("c")],
            {"a": "b", "b": "c"},
            id="each by the next",
        ),
        pytest.param([update("a", state="running"), update("b", run="r2")], {}, id="another run is another thing"),
        pytest.param([update("a"), update("b")], {}, id="an end is not dropped for another"),
        pytest.param(
            [
                update("a", "r1", "s", transition="broke"),
                update("b", "r2", "s", transition="still_failing"),
                update("c", "r3", "s", transition="still_failing"),
            ],
            {"b": "c"},
            id="a failure that goes on",
        ),
        pytest.param(
            [update("a", "r1", "s", transition="still_failing"), update("b", "r2", "s", transition="fixed")],
            {},
            id="what changed takes no place",
        ),
        pytest.param([update("a", state="running", mentions=True), update("b")], {}, id="what mentions stays"),
        pytest.param([update("a", run=None, state="running"), update("b", run=None)], {}, id="of no run or subject"),
        pytest.param([update("a", state="running", urgent=True), update("b")], {}, id="what is urgent for what waits"),
    ],
)
def test_of_updates_that_wait_those_are_dropped_whose_place_a_later_one_takes(waiting, dropped):
    assert superseded(waiting) == dropped


def test_the_end_of_a_run_that_is_still_shown_as_going_on_is_not_dropped_for_another_run():
    waiting = [update(name, name, "s", transition="still_failing") for name in ("a", "b")]
    assert superseded(waiting, {"a"}) == {}
    assert superseded(waiting, {"b"}) == {"a": "b"}
    same = [update(name, "r1", "s", transition="still_failing") for name in ("a", "b")]
    assert superseded(same, {"r1"}) == {"a": "b"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "r1", "r2"]),
            st.sampled_from([None, "s1", "s2"]),
            st.sampled_from(["running", "finished"]),
            st.sampled_from(["none", "broke", "still_failing", "fixed", "still_passing"]),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_no_news_is_dropped_and_what_is_dropped_leads_to_something_that_is_sent(rows):
    waiting = [update(str(n), *row) for n, row in enumerate(rows)]
    dropped = superseded(waiting)
    for n, one in enumerate(waiting):
        if one.id in dropped:
            assert one.result["history"]["transition"] not in ("broke", "failures_changed", "fixed")
            assert not one.mentions
            assert int(dropped[one.id]) > n
    for last in dropped.values():
        while last in dropped:
            last = dropped[last]
        assert last not in dropped
