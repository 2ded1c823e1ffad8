"""A digest: several results in one message, worst first, in which no failure vanishes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model import Why
from bridge.render import Renderer, View
from bridge.render.digest import digest, left_out
from tests.render.making import HOSTILE, item, problems, renderer, result, texts

RENDERER = Renderer()
TARGETS = ("slack", "discord", "http", "inbox")
MENTIONS = {"slack": "<!subteam^S0123>", "discord": "<@&42>", "http": None, "inbox": None}


def run(name, outcome="passed", minute=0, **fields):
    time = f"2026-03-14T12:{minute:02}:00Z"
    return result(title=name, subject_key=name, outcome=outcome, time=time, url=f"https://e.example/{name}", **fields)


def rendered(target_type, members, **fields):
    view = View(result=members[0], members=tuple(members), route="broken tests", **fields)
    message = RENDERER.render(target_type, "whatever the route says", view)
    assert message.falls == ()
    if target_type in ("slack", "discord"):
        assert problems(target_type, message) == []
    return "\n".join(map(str, texts(message.body)))


@pytest.mark.parametrize(
    ("outcomes", "title"),
    [
        (["failed", "passed", "failed"], "❌ 3 results while Slack was down: 2 failed"),
        (["passed", "timed_out", "error"], "💥 3 results while Slack was down: 1 ended in error, 1 timed out"),
        (["passed", "passed"], "✅ 2 results while Slack was down: all passed"),
        (["passed", "cancelled"], "🚫 2 results while Slack was down: 1 cancelled, 1 passed"),
        (["passed", "unheard of"], "❓ 2 results while Slack was down: 1 not understood, 1 passed"),
        (["passed"], "✅ 1 result while Slack was down: passed"),
    ],
)
def test_the_title_says_how_many_and_how_they_ended(outcomes, title):
    made = [run(str(n), outcome) for n, outcome in enumerate(outcomes)]
    assert digest(made, "while Slack was down")["title"] == title


def test_a_subject_that_passes_again_says_so():
    made = [run("a", "failed"), run("a", "failed"), run("a")]
    (line,) = digest(made)["lines"]
    assert digest(made)["title"] == "✅ 3 results: 2 failed, passing now"
    assert (line["said"], line["recovered"]) == ("failed 2 of 3 runs", True)


def test_what_fails_now_comes_first_then_what_failed_then_the_rest():
    made = [run("fine"), run("was", "failed"), run("was"), run("gone", "failed"), run("gone", "cancelled")]
    made += [run("asks", "neutral", attention=True), run("bad", "failed")]
    assert [line["result"]["title"] for line in digest(made)["lines"]] == ["bad", "gone", "asks", "was", "fine"]


def test_results_without_a_subject_stand_alone():
    made = [result(subject_key=None, outcome="failed") for _ in range(3)]
    assert [line["times"] for line in digest(made)["lines"]] == [1, 1, 1]


@pytest.mark.parametrize("target_type", ["slack", "discord", "inbox"])
def test_each_failure_is_named_and_linked_and_the_rest_counted(target_type):
    made = [run(f"suite {n}", "failed" if n < 25 else "passed", n % 60) for n in range(400)]
    text = rendered(target_type, made, cause="while Slack was down")
    assert "❌ 400 results while Slack was down: 25 failed" in text
    assert text.count("• ") == 20
    assert "+ 5 more results: 5 failed" in text
    assert "✅ 375 results passed: " in text
    assert ", + 365 others" in text
    assert target_type == "inbox" or "https://e.example/suite%200" in text


@pytest.mark.parametrize("target_type", ["slack", "discord", "inbox"])
def test_what_there_was_no_room_for_is_listed_by_a_command(target_type):
    made = [run(f"suite {n}", "failed", n) for n in range(25)]
    assert "drawbridge deliveries --message 0195-m1" in rendered(target_type, made, message="0195-m1")
    assert "--message" not in rendered(target_type, made[:3], message="0195-m1")


@pytest.mark.parametrize("target_type", TARGETS)
@pytest.mark.parametrize("number", [1, 3, 1500])
def test_a_digest_of_any_size_is_taken(target_type, number):
    rendered(target_type, [run(f"{n} " + "x" * 300, "failed") for n in range(number)], mention=MENTIONS[target_type])


@pytest.mark.parametrize("target_type", ["slack", "discord", "inbox"])
def test_a_digest_says_why_it_is_late_or_a_replay(target_type):
    assert "sent 12 m late" in rendered(target_type, [run("a")], late_by=720_000_000)
    assert "REPLAY · ✅ 1 result" in rendered(target_type, [run("a", is_replay=True)], why=Why.REPLAY)


def test_what_is_left_out_is_counted_by_how_it_ended():
    made = digest([run("a", "failed"), run("b", "failed"), run("b"), run("c", "failed"), run("d")])
    assert left_out(made, 1) == "3 more results: 2 failed, 1 passed"
    assert left_out(made, 3) == ""


@pytest.mark.parametrize("shown", [0, 1, 2, 20])
def test_all_numbers_are_of_results_and_add_up(shown):
    outcomes = ["failed", "passed", "passed", "neutral", "timed_out", "passed", "cancelled"]
    made = digest([run(f"suite {n % 11}", outcomes[n * n % 7]) for n in range(60)])
    told = sum(line["times"] for line in made["lines"][: min(shown, made["notable"])])
    rest = left_out(made, shown)
    assert told + int((rest or "0").split()[0]) + made["passed"] == made["number"] == 60


def test_a_line_says_how_many_results_it_stands_for_and_how_many_tests_failed_besides_the_one_it_names():
    items = [item("pay"), item("coupon"), item("search")]
    members = [*[run("a", "failed", items=items)] * 2, *[run("b", "neutral")] * 2]
    text = rendered("inbox", members)
    assert "pay, + 2 more" in text
    assert "(2 runs)" in text


def test_what_only_passed_is_no_line_of_its_own():
    made = digest([run("a"), run("b", "failed"), run("c", "neutral"), run("d", "failed"), run("d")])
    assert made["notable"] == 3
    assert [line["result"]["title"] for line in made["lines"][made["notable"] :]] == ["a"]


def test_only_the_mention_pings():
    text = rendered("slack", [run("<!channel> @here", "failed")], mention="<!subteam^S0123>")
    assert text.count("<!") - text.count("<!date") == 1


def test_a_digest_of_ones_own_takes_the_built_in_ones_place(tmp_path):
    own = renderer(tmp_path, slack__digest="text: 'mine {{ digest.number }} {{ digest.lines[0].result.title }}'")
    message = own.render("slack", None, View(result=run("a"), members=(run("a"), run("b", "failed"))))
    assert message.body["text"] == "mine 2 b"


@pytest.mark.parametrize("target_type", TARGETS)
def test_a_digest_template_that_fails_gives_way_to_the_built_in_one(target_type, tmp_path):
    broken = {
        "slack": "text: '{{ 1 / 0 }}'",
        "discord": "content: '{{ 1 / 0 }}'",
        "http": "body: {a: '{{ 1 / 0 }}'}",
        "inbox": "escape: none\nbody: '{{ 1 / 0 }}'",
    }
    own = renderer(tmp_path, **{f"{target_type}__digest": broken[target_type]})
    message = own.render(target_type, None, View(result=run("a"), members=(run("a"), run("b", "failed"))))
    assert f"template {target_type}/digest" in message.falls[0]
    assert "2 results: 1 failed" in "\n".join(texts(message.body))


@pytest.mark.parametrize("target_type", TARGETS)
def test_results_that_no_template_can_read_are_still_told(target_type):
    broken = {**result(), "counts": "many", "history": [], "time": {}}
    message = RENDERER.render(target_type, None, View(result=broken, members=(broken, broken)))
    assert "2 results" in "\n".join(texts(message.body))


hostile = st.sampled_from(HOSTILE)
members = st.lists(
    st.builds(
        lambda title, key, ref, outcome, name: result(
            title=title, subject_key=key, vcs={"ref": ref}, outcome=outcome, items=[item(name)], source=title
        ),
        *(hostile, st.none() | hostile, hostile, st.sampled_from(["passed", "failed", "x"]), hostile),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(members, hostile)
def test_no_digest_whatever_is_refused(made, cause):
    for target_type in ("slack", "discord"):
        rendered(target_type, made, cause=cause, mention=MENTIONS[target_type])
