"""Who hears of a result: the operator's `match`, `when`, `stop` and `mention`, case by case."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge import clock
from bridge.errors import RenderError
from bridge.model import (
    App,
    Delivery,
    Draft,
    Kind,
    Outcome,
    Result,
    Severity,
    Transition,
    Vcs,
    Verification,
    Why,
)
from bridge.routing import (
    Matched,
    Mention,
    NotMatched,
    Route,
    Router,
    impossible,
    order_key,
    thread_key,
    unknown_field,
)

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def result(transition: Transition = Transition.BROKE, **more: Any) -> dict[str, Any]:
    """A failed test run on main, as the store holds it."""
    fields: dict[str, Any] = {
        "id": "r1",
        "source": "nightly",
        "vendor": "agnox",
        "type": "execution.finished",
        "time": NOON,
        "received_at": NOON,
        "kind": Kind.TEST_RUN,
        "outcome": Outcome.FAILED,
        "subject_key": "checkout",
        "vcs": Vcs(ref="main"),
        "app": App(platform="android"),
        "labels": {"team": "shop"},
        "attention": True,
        "verification": Verification("hmac-sha256", True, 1),
    }
    made = Result(**(fields | more))
    made.history.transition = transition
    document: dict[str, Any] = orjson.loads(orjson.dumps(made))
    return document


def route(name: str = "r", **more: Any) -> Route:
    return Route.model_validate({"name": name, "to": ["qa"], **more})


def matches(match: dict[str, Any], document: dict[str, Any]) -> bool:
    return bool(Router([route(match=match)]).route(document).deliveries)


def targets(routes: list[Route], document: dict[str, Any]) -> list[str]:
    return [delivery.target for delivery in Router(routes).route(document).deliveries]


# ---------------------------------------------------------------------------------------------- match


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"kind": "test_run"}, True),
        ({"kind": "deployment"}, False),
        ({"kind": ["deployment", "test_run"]}, True),
        ({"kind": "test_run", "outcome": "passed"}, False),
        ({"kind": "test_run", "outcome": "failed"}, True),
        ({"transition": "broke"}, True),
        ({"transition": ["fixed", "first"]}, False),
        ({"history.transition": "broke"}, True),
        ({"source": "nightly", "vendor": "agnox"}, True),
        ({"source": "deploys"}, False),
        ({"source": "night*"}, True),
        ({"source": "!nightly"}, False),
        ({"type": "execution.*"}, True),
        ({"type": "execution"}, False),
        ({"type": "Execution.*"}, False),
        ({"app.platform": "[ai]*"}, True),
        ({"app.platform": "ios"}, False),
        ({"labels.team": "shop"}, True),
        ({"labels.team": ["search", "!shop"]}, False),
        ({"labels.absent": "shop"}, False),
        ({"verification.secret": "1"}, True),
        ({"verification.verified": "true"}, True),
        ({"attention": "true"}, True),
        ({"attention": "false"}, False),
    ],
)
def test_a_route_applies_when_all_its_fields_match(match, expected):
    assert matches(match, result()) is expected


@pytest.mark.parametrize(
    ("ref", "words", "expected"),
    [
        ("main", ["main", "release/*"], True),
        ("release/1.2/hotfix", ["main", "release/*"], True),
        ("release", ["main", "release/*"], False),
        ("wip", "!wip", False),
        ("wip", "!main", True),
        ("release/old", ["release/*", "!release/old"], False),
        ("release/new", ["release/*", "!release/old"], True),
        ("other", ["release/*", "!release/old"], False),
        ("[nightly]", "[nightly]", True),
        ("two\nlines", "two*", True),
        ("main\n", "main", False),
        (None, "main", False),
        (None, "*", False),
        (None, "!main", True),
        (None, "!*", True),
        (None, ["main", "!wip"], False),
        ("main", "!*", False),
    ],
)
def test_words_are_globs_and_negations_and_null_is_no_word(ref, words, expected):
    assert matches({"vcs.ref": words}, result(vcs=Vcs(ref=ref))) is expected


@pytest.mark.parametrize(
    ("payload", "match", "expected"),
    [
        ({"n": 3}, {"payload.n": "3"}, True),
        ({"n": 3.5}, {"payload.n": "3.5"}, True),
        ({"n": 0}, {"payload.n": "!0"}, False),
        ({"tags": ["slow", "ui"]}, {"payload.tags": "ui"}, True),
        ({"tags": ["slow", "ui"]}, {"payload.tags": "!ui"}, False),
        ({"tags": []}, {"payload.tags": "*"}, False),
        ({"tags": []}, {"payload.tags": "!ui"}, True),
        ({"jobs": [{"name": "lint"}]}, {"payload.jobs.0.name": "lint"}, True),
        ({"error": {"code": 1}}, {"payload.error": "*"}, True),
        ({"error": {"code": 1}}, {"payload.error": "!*"}, False),
        ("text", {"payload.error": "!*"}, True),
        (None, {"payload.error": "*"}, False),
    ],
)
def test_any_dotted_path_can_be_matched_on_whatever_stands_there(payload, match, expected):
    assert matches(match, result(payload=payload)) is expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner),
    max_leaves=10,
)


@given(json_values, st.sampled_from(["payload", "payload.a", "payload.a.0", "payload.b.a"]), st.text(min_size=1))
def test_a_word_and_its_negation_never_agree(payload, path, word):
    document = result() | {"payload": payload}
    plain = word.lstrip("!") or "x"

    assert matches({path: plain}, document) is not matches({path: f"!{plain}"}, document)


# ---------------------------------------------------------------------------------------------- several routes


def test_all_matching_routes_apply_in_the_order_of_the_file():
    routes = [route("a", to=["one"]), route("b", to=["two"], match={"kind": "code"}), route("c", to=["three"])]

    assert targets(routes, result()) == ["one", "three"]


def test_stop_ends_the_search_only_where_it_matches():
    routes = [
        route("a", to=["one"], match={"kind": "code"}, stop=True),
        route("b", to=["two"], stop=True),
        route("c", to=["three"]),
    ]

    assert targets(routes, result()) == ["two"]


def test_a_route_without_targets_silences_what_it_matches():
    routes = [route("drafts", to=[], match={"vcs.ref": "wip/*"}, stop=True), route("all")]

    assert targets(routes, result(vcs=Vcs(ref="wip/x"))) == []
    assert targets(routes, result()) == ["qa"]


def test_the_first_of_several_routes_to_one_target_decides_and_the_others_are_recorded():
    mention = {"who": {"qa": "<@1>"}}
    routes = [route("a", to=["qa", "ops", "qa"]), route("b", mention=mention), route("c")]

    first, second = Router(routes).route(result()).deliveries

    assert first == Delivery("r1", "nightly", "a", "qa", also=("b", "c"), order_key="nightly/checkout")
    assert second == Delivery("r1", "nightly", "a", "ops", order_key="nightly/checkout")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"subject_key": "checkout", "run_id": "7"}, "nightly/checkout"),
        ({"subject_key": None, "run_id": "7"}, "nightly/run/7"),
        ({"subject_key": None, "run_id": None}, None),
    ],
)
def test_deliveries_of_one_subject_or_else_of_one_run_keep_their_order(fields, expected):
    assert order_key(result(**fields)) == expected


# ---------------------------------------------------------------------------------------------- when


def test_a_thread_key_can_be_stored_whatever_a_sender_wrote():
    assert thread_key("r", {}, {"r": lambda _: "a\0b" + "c" * 1_000}) == "r/ab" + "c" * 496


def test_a_condition_sees_the_result_and_decides():
    router = Router(
        [route("bad", when="…", to=["one"]), route("good", when="…", to=["two"])],
        {"bad": lambda seen: seen["outcome"] == "failed", "good": lambda seen: seen["outcome"] == "passed"},
    )

    decision = router.route(result())

    assert [delivery.target for delivery in decision.deliveries] == ["one"]
    assert decision.trail == (Matched("bad"), NotMatched("good", "when: is not true"))


@pytest.mark.parametrize("error", [RenderError("routes[0]", "when", "no such field 'outcom'"), KeyError("x")])
def test_an_error_in_a_condition_counts_as_a_match_and_is_reported(error):
    def condition(_: dict[str, Any]) -> bool:
        raise error

    decision = Router([route(when="…")], {"r": condition}).route(result())

    assert len(decision.deliveries) == 1
    assert decision.trail == (Matched("r", error=f"when: {error}"),)


def test_a_condition_is_only_asked_where_the_fields_match():
    def condition(_: dict[str, Any]) -> bool:
        raise AssertionError("asked")

    (step,) = Router([route(match={"kind": "code"}, when="…")], {"r": condition}).route(result()).trail

    assert step == NotMatched("r", "kind: test_run does not match code")


# ---------------------------------------------------------------------------------------------- the trail


def test_the_trail_says_of_every_route_why_it_did_not_apply():
    routes = [
        route("elsewhere", match={"source": "deploys"}),
        route("branches", match={"vcs.ref": ["main", "release/*"]}),
        route("platform", match={"app.version": "!1*", "environment": "production"}),
        route("last", stop=True),
        route("never"),
    ]

    decision = Router(routes).route(result(vcs=Vcs(ref="wip")))

    assert decision.trail == (
        NotMatched("elsewhere", "source: nightly does not match deploys"),
        NotMatched("branches", "vcs.ref: wip does not match main, release/*"),
        NotMatched("platform", "environment: null does not match production"),
        Matched("last"),
        NotMatched("never", "not asked: route 'last' stopped the search"),
    )


def test_a_reason_shows_no_more_than_the_beginning_of_a_value():
    (step,) = Router([route(match={"title": "short"})]).route(result(title="x" * 1_000)).trail

    assert isinstance(step, NotMatched)
    assert len(step.reason) < 150


def test_results_of_several_sources_do_not_share_what_was_worked_out_for_one():
    router = Router([route("n", match={"source": "nightly"}), route("d", match={"source": "deploys"}, to=["ops"])])

    for source, target in [("nightly", "qa"), ("deploys", "ops"), ("nightly", "qa"), ("other", None)]:
        found = [delivery.target for delivery in router.route(result(source=source)).deliveries]
        assert found == ([target] if target else [])


# ---------------------------------------------------------------------------------------------- mentions


@pytest.mark.parametrize(
    ("mention", "transition", "expected"),
    [
        (None, Transition.BROKE, False),
        ({"who": {"qa": "<@1>"}}, Transition.STILL_FAILING, True),
        ({"who": {"qa": "<@1>"}, "transition": ["broke"]}, Transition.BROKE, True),
        ({"who": {"qa": "<@1>"}, "transition": ["broke"]}, Transition.STILL_FAILING, False),
        ({"who": {"ops": "<@1>"}}, Transition.BROKE, False),
    ],
)
def test_a_mention_needs_its_target_and_its_transition(mention, transition, expected):
    routes = [route(to=["qa", "ops"], mention=mention)]

    delivery = Router(routes).route(result(transition)).deliveries[0]

    assert (delivery.target, delivery.mention) == ("qa", expected)


@pytest.mark.parametrize("document", [result(is_test=True), result(is_replay=True)])
def test_tests_and_replays_mention_nobody(document):
    routes = [route(mention={"who": {"qa": "<@1>"}})]

    (delivery,) = Router(routes).route(document).deliveries

    assert not delivery.mention


def test_the_span_of_a_mention_is_read_as_a_duration():
    assert Mention.model_validate({"who": {"qa": "<@1>"}, "at_most": "1h"}).at_most == clock.HOUR


# ---------------------------------------------------------------------------------------------- tests and replays


def test_a_test_goes_wherever_results_of_its_source_could_go():
    routes = [
        route("elsewhere", to=["one"], match={"source": "deploys"}),
        route("vendor", to=["two"], match={"vendor": "agnox", "outcome": "passed"}),
        route("branch", to=["three"], match={"source": "nightly", "vcs.ref": "main"}, stop=True),
        route("condition", to=["four"], when="…"),
    ]

    decision = Router(routes, {"condition": lambda _: False}).route(result(is_test=True, vcs=Vcs()))

    assert [(delivery.target, delivery.why) for delivery in decision.deliveries] == [
        ("two", Why.TEST),
        ("three", Why.TEST),
        ("four", Why.TEST),
    ]


def test_a_test_stops_only_where_every_result_of_its_source_does():
    routes = [route("mine", match={"source": "nightly"}, stop=True), route("rest", to=["ops"])]

    assert targets(routes, result(is_test=True)) == ["qa"]


def test_a_replay_is_routed_like_any_result_and_says_so():
    (delivery,) = Router([route(match={"outcome": "failed"})]).route(result(is_replay=True)).deliveries

    assert delivery.why is Why.REPLAY


# ---------------------------------------------------------------------------------------------- the operator's slips


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"match": {"kind": []}}, "at least 1 item"),
        ({"match": {"kind": None}}, "valid"),
        ({"mention": {"who": {}}}, "at least 1 item"),
        ({"mention": {"who": {"qa": "<@1>"}, "at_most": "0s"}}, "greater than 0"),
        ({"mode": "edit"}, "'post'"),
        ({"name": ""}, "at least 1 character"),
        ({"targets": ["qa"]}, "Extra inputs"),
    ],
)
def test_a_slip_in_a_route_is_named(keys, problem):
    with pytest.raises(ValidationError) as caught:
        route(**keys)

    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("knid", "a result has no field 'knid'; did you mean 'kind'?"),
        ("vcs.branch", "a result has no field 'vcs.branch'"),
        ("transitions", "a result has no field 'transitions'; did you mean 'transition'?"),
        ("title.first", "a result has no field 'title.first'"),
        ("vcs", "'vcs' has several parts; name one of them, as in 'vcs.repository'"),
        ("kind", None),
        ("transition", None),
        ("counts.failed", None),
        ("labels.anything", None),
        ("extra.a.b", None),
        ("payload", None),
        ("items.0.name", None),
        ("history.newly_failing.0.name", None),
    ],
)
def test_a_field_that_no_result_has(field, problem):
    assert (unknown_field(field) or "").startswith(problem or "")
    assert (unknown_field(field) is None) is (problem is None)


@pytest.mark.parametrize(
    ("field", "word", "problem"),
    [
        ("outcome", "faled", "is never 'faled'; did you mean 'failed'?"),
        ("outcome", "FAILED", "is never 'FAILED'; did you mean 'failed'?"),
        ("transition", "!fixd", "is never 'fixd'; did you mean 'fixed'?"),
        ("history.previous", "pased", "is never 'pased'; did you mean 'passed'?"),
        ("severity", "p*", "is never 'p*'; it is critical, high, medium, low or info"),
        ("is_test", "yes", "is never 'yes'; it is true or false"),
        ("verification.verified", "1", "is never '1'; it is true or false"),
        (
            "counts.failed",
            ">0",
            "is a number and never '>0'; to compare numbers, use `when`, as in: when: ",
        ),
        ("outcome", "*ed", None),
        ("severity", "!*", None),
        ("is_test", "!true", None),
        ("counts.failed", "0", None),
        ("counts.failed", "1?", None),
        ("title", "anything", None),
        ("payload.a", "anything", None),
    ],
)
def test_a_word_that_a_field_never_is(field, word, problem):
    assert (impossible(field, word) or "").startswith(problem or "")
    assert (impossible(field, word) is None) is (problem is None)


@pytest.mark.parametrize("field", sorted(Draft.__dataclass_fields__))
def test_every_field_of_a_result_can_be_matched_on(field):
    words = {"kind": "code", "state": "running", "outcome": "failed", "severity": Severity.HIGH.value}

    assert matches({field: words.get(field, "no such word")}, result()) in (True, False)


def test_a_condition_that_was_not_compiled_is_found_at_start():
    with pytest.raises(KeyError):
        Router([route(when="…")])


# ---------------------------------------------------------------------------------------------- cost


def test_routes_of_other_sources_are_not_compared_again_for_each_result():
    class Counting(dict[str, Any]):
        looked_up = 0

        def __contains__(self, key: object) -> bool:
            type(self).looked_up += 1
            return super().__contains__(key)

    routes = [route(str(number), match={"source": f"s{number}", "kind": "test_run"}) for number in range(1_000)]
    router = Router(routes)
    router.route(result(source="s7"))

    assert len(router.route(Counting(result(source="s7"))).deliveries) == 1
    assert Counting.looked_up < 10
