"""The voice: what is said of a result, word for word."""

import pytest

from bridge.render import phrases, words
from tests.render.making import item, result


def history(transition, **fields):
    return {"transition": transition, **fields}


@pytest.mark.parametrize(
    ("fields", "headline"),
    [
        (
            {"counts": {"total": 3, "passed": 2, "failed": 1, "unit": "group"}},
            "❌ My App (android) — FAILED: 1 of 3 groups",
        ),
        ({"counts": {"failed": 2, "error": 1, "unit": "test"}}, "❌ My App (android) — FAILED: 3 tests"),
        ({"counts": {"total": 1, "failed": 1, "unit": "flow"}}, "❌ My App (android) — FAILED: 1 of 1 flow"),
        ({}, "❌ My App (android) — FAILED"),
        ({"counts": {"failed": 0}}, "❌ My App (android) — FAILED"),
        (
            {"outcome": "passed", "counts": {"total": 17, "passed": 17, "unit": "test"}},
            "✅ My App (android) — PASSED: 17 tests",
        ),
        (
            {
                "outcome": "passed",
                "counts": {"total": 1200, "passed": 1100, "skipped": 100, "flaky": 2, "unit": "test"},
            },
            "✅ My App (android) — PASSED: 1,100 of 1,200 tests, 2 flaky, 100 skipped",
        ),
        ({"outcome": "passed"}, "✅ My App (android) — PASSED"),
        (
            {
                "outcome": "passed",
                "history": history("fixed", previous_since="2026-03-14T09:00:00Z", previous_streak=2),
            },
            "✅ My App (android) — FIXED after 3 h (2 runs)",
        ),
        ({"outcome": "passed", "history": history("fixed")}, "✅ My App (android) — FIXED"),
        ({"history": history("still_failing", streak=4)}, "❌ My App (android) — STILL FAILING (4th run)"),
        (
            {"history": history("still_failing", streak=4, failing_since="2026-03-14T08:40:00Z")},
            "❌ My App (android) — STILL FAILING for 3 h (4th run)",
        ),
        (
            {"history": history("failures_changed", streak=2), "counts": {"total": 9, "failed": 3, "unit": "test"}},
            "❌ My App (android) — DIFFERENT TESTS FAILING (2nd run): 3 of 9 tests",
        ),
        (
            {"outcome": "timed_out", "kind": "deployment", "history": history("still_failing", streak=3)},
            "⏰ My App (android) — TIMED OUT, STILL FAILING (3rd time)",
        ),
        ({"outcome": "error"}, "💥 My App (android) — ERROR"),
        ({"outcome": "cancelled"}, "🚫 My App (android) — CANCELLED"),
        ({"outcome": "skipped"}, "⏭️ My App (android) — SKIPPED"),
        ({"outcome": None, "state": "running"}, "▶️ My App (android) — RUNNING"),
        ({"outcome": None, "state": "queued"}, "⏳ My App (android) — QUEUED"),
        ({"outcome": "unknown", "raw_status": "wobbly\n"}, "❓ My App (android) — UNKNOWN status “wobbly”"),
        ({"outcome": None}, "❓ My App (android) — UNKNOWN"),
        ({"outcome": "brand new word"}, "❓ My App (android) — UNKNOWN"),
        ({"outcome": "neutral", "severity": "high"}, "🟠 My App (android) — COMPLETED, HIGH severity"),
        ({"outcome": "neutral", "severity": "info"}, "\N{INFORMATION SOURCE}\ufe0f My App (android) — COMPLETED"),
        ({"outcome": "neutral", "title": "Batch completed"}, "\N{INFORMATION SOURCE}\ufe0f Batch completed"),
        (
            {"outcome": "neutral", "raw_status": "soft_fail"},
            "\N{INFORMATION SOURCE}\ufe0f My App (android) — SOFT FAIL",
        ),
        ({"outcome": "passed", "kind": "deployment"}, "✅ My App (android) — SUCCEEDED"),
        (
            {"outcome": "passed", "kind": "security", "history": history("fixed", previous_streak=1)},
            "✅ My App (android) — FIXED (failed 1 time)",
        ),
        ({"counts": {"total": 9, "failed": 3}}, "❌ My App (android) — FAILED: 3 of 9"),
        (
            {"outcome": "unknown", "counts": {"total": 0, "unit": "group"}},
            "❓ My App (android) — UNKNOWN: 0 groups ran",
        ),
        (
            {"source": "bridge", "kind": "system", "outcome": "neutral", "title": "Target qa is paused"},
            "\N{INFORMATION SOURCE}\ufe0f Drawbridge: Target qa is paused",
        ),
        ({"is_test": True}, "TEST · ❌ My App (android) — FAILED"),
        ({"is_replay": True}, "REPLAY · ❌ My App (android) — FAILED"),
        ({"title": "two\n lines"}, "❌ two lines — FAILED"),
        ({"title": ""}, "❌ batch.completed — FAILED"),
        ({"title": "", "type": ""}, "❌ (no title) — FAILED"),
        ({"title": "x" * 300}, f"❌ {'x' * 119}… — FAILED"),
    ],
)
def test_the_headline_says_the_verdict_and_its_numbers(fields, headline):
    assert words.headline(result(**fields)) == headline


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"history": history("broke", previous="passed", previous_streak=12)}, "Broke: passing for the 12 runs before"),
        ({"history": history("broke", previous="passed", previous_streak=1)}, "Broke: passing for the run before"),
        ({"history": history("broke")}, ""),
        (
            {"history": history("broke"), "subject_key": "k"},
            "First result seen, so there is nothing to compare it with",
        ),
        ({"history": history("broke"), "subject_key": "k", "kind": "system"}, ""),
        (
            {"history": history("broke", previous="passed", previous_streak=3), "kind": "deployment"},
            "Broke: it went well the 3 times before",
        ),
        ({"history": history("first"), "outcome": "passed"}, ""),
        ({"history": history("still_failing", failing_since="2026-03-12T12:00:00Z")}, ""),
        (
            {
                "history": history(
                    "failures_changed",
                    newly_failing=[{"name": "a", "path": []}, {"name": "b", "path": []}],
                    fixed=[{"name": "c", "path": []}],
                )
            },
            "2 new failures, 1 fixed",
        ),
        (
            {
                "outcome": "passed",
                "history": history("fixed", fixed=[{"name": str(n), "path": ["Cart"]} for n in range(5)]),
            },
            "Fixed: Cart > 0, Cart > 1, Cart > 2, + 2 more".replace(" > ", words._UNDER),
        ),
        (
            {"history": history("none", late=True)},
            "Arrived late: a newer result is already known, so this one changes nothing",
        ),
    ],
)
def test_the_change_says_what_is_different_from_last_time(fields, change):
    assert words.change(result(**fields)) == change


@pytest.mark.parametrize(
    ("fields", "brief"),
    [
        ({"outcome": "passed"}, True),
        ({"outcome": "passed", "history": history("still_passing")}, True),
        ({"outcome": "passed", "history": history("first"), "summary": "all well"}, True),
        ({"outcome": "passed", "history": history("fixed")}, False),
        ({"outcome": "failed"}, False),
        ({"outcome": "error"}, False),
        ({"outcome": "neutral"}, True),
        ({"outcome": "neutral", "summary": "3 files"}, False),
        ({"outcome": "neutral", "attention": True}, False),
        ({"outcome": None, "state": "running", "summary": "step 2"}, True),
        ({"outcome": "unknown"}, False),
        ({"outcome": "cancelled", "reason": "by hand"}, False),
        ({"outcome": "neutral", "kind": "other", "is_test": True}, True),
    ],
)
def test_one_line_is_enough_where_nothing_is_new(fields, brief):
    assert words.brief(result(**fields)) is brief


def test_newly_failing_items_come_first_and_the_rest_is_counted():
    items = [
        item("a"),
        item("b", outcome="passed"),
        item("c", is_new=True),
        item("d", outcome="timed_out", is_new=True),
    ]
    made = result(items=items)
    assert [each["name"] for each in words.failing(made)] == ["c", "d", "a"]
    assert words.more_failing(made, 2) == 1
    assert words.more_failing(made, 10) == 0
    assert words.more_failing(result(items=[item()] * 1000, items_omitted=4000), 10) == 4990
    assert words.more_failing(result(items=[item(), item(outcome="passed")], items_omitted=4000), 10) == 0


@pytest.mark.parametrize(
    ("fields", "standing"),
    [({"is_new": True, "streak": 1}, "NEW"), ({"streak": 2}, "still"), ({"streak": 1}, ""), ({}, "")],
)
def test_an_item_says_whether_it_is_new(fields, standing):
    assert (
        words.standing(item(**fields), result(items=[item(**fields), item(is_new=not fields.get("is_new"))]))
        == standing
    )


def test_zeros_and_nulls_are_not_counted_out():
    counts = {"passed": 2, "failed": 0, "error": 3, "skipped": None, "flaky": 1, "unit": "group"}
    assert words.tally(result(counts=counts)) == [
        {"name": "passed", "number": 2, "unit": "2 groups", "icon": "✅"},
        {"name": "errors", "number": 3, "unit": "3 groups", "icon": "💥"},
        {"name": "flaky", "number": 1, "unit": "1 group", "icon": "⚠️"},
    ]


def test_links_lead_on_but_never_to_what_is_sensitive():
    made = result(
        links=[
            {"label": "logs", "url": "https://e.example/l"},
            {"label": "again", "url": "https://example.com/runs/1"},
        ],
        artifacts=[
            {"kind": "build", "url": "https://e.example/app.apk", "sensitive": True},
            {"kind": "video", "url": "https://e.example/v", "sensitive": True},
            {"kind": "report", "url": "https://e.example/r", "sensitive": False},
            {"kind": "log", "url": "https://e.example/x", "sensitive": False},
        ],
    )
    assert words.links(made) == [
        {"label": "open run", "url": "https://example.com/runs/1"},
        {"label": "logs", "url": "https://e.example/l"},
        {"label": "report", "url": "https://e.example/r"},
    ]
    assert words.links(result(url="javascript:alert(1)")) == []


def test_where_it_ran():
    vcs = {"repository": "acme/shop", "ref": "main", "commit": "a1b2c3d4e5f6", "change": "12"}
    made = result(vcs=vcs, environment="staging", app={"version": "2.4", "name": "Shop", "platform": "ios"})
    assert words.where(made) == ["acme/shop", "main", "a1b2c3d", "#12", "Shop", "ios", "version 2.4", "staging"]
    assert words.where(result()) == []


def test_where_it_ran_does_not_repeat_the_title():
    app = {"name": "My App", "platform": "android"}
    made = result(title="My App (Android), prod", app=app, environment="prod", vcs={"ref": "prod"})
    assert words.where(made) == ["prod"]
    assert words.where({**made, "title": "production androids"}) == ["prod", "My App", "android", "prod"]


def test_a_push_to_a_branch_that_the_title_names_does_not_name_it_again():
    vcs = {"ref": "main", "commit": "a1b2c3d4", "change": "57"}
    made = result(kind="code", title="shop: 1 commit pushed to main, #57", vcs=vcs)
    assert words.where(made) == ["a1b2c3d"]
    assert words.where({**made, "kind": "test_run"}) == ["main", "a1b2c3d", "#57"]


@pytest.mark.parametrize(
    ("summary", "lines"),
    [
        (None, []),
        ("my app", []),
        ("it  broke", ["it broke"]),
        ("a\n\n b", ["a", "b"]),
        ("\n".join("abcdefg"), ["a", "b", "c", "d", "e…"]),
        ("x" * 400, ["x" * 299 + "…"]),
        ("x" * 290 + "\n" + "y" * 290, ["x" * 290, "y" * 9 + "…"]),
    ],
)
def test_a_summary_is_a_few_lines_and_says_what_the_title_does_not(summary, lines):
    assert words.summary_lines(result(summary=summary)) == lines


@pytest.mark.parametrize(("unit", "said"), [("job", "JOBS"), ("group", "TESTS"), (None, "TESTS"), ("test", "TESTS")])
def test_what_fails_instead_is_called_by_its_unit(unit, said):
    made = result(history=history("failures_changed", streak=2), counts={"unit": unit})
    assert words.verdict(made) == f"DIFFERENT {said} FAILING (2nd run)"


def test_what_is_flaky_passed_in_the_end():
    made = result(items=[item("a", flaky=True, outcome="passed"), item("b", flaky=True), item("c", outcome="passed")])
    assert [each["name"] for each in words.flaky(made)] == ["a"]


@pytest.mark.parametrize(("text", "line"), [("\n  \n a: b \n at x", "a: b"), ("", ""), (None, ""), ("a", "a")])
def test_the_first_line_is_what_went_wrong(text, line):
    assert phrases.first_line(text) == line


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (None, ""),
        (True, ""),
        ("12", ""),
        (0, "0 ms"),
        (850, "850 ms"),
        (999.9, "1000 ms"),
        (12_000, "12 s"),
        (252_000, "4 m 12 s"),
        (240_000, "4 m"),
        (7_500_000, "2 h 5 m"),
        (273_600_000, "3 d 4 h"),
        (-5, "0 ms"),
    ],
)
def test_durations(milliseconds, said):
    assert phrases.duration(milliseconds) == said


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("2026-03-14T11:59:30Z", "30 s"),
        ("2026-03-14T11:00:30Z", "59 m"),
        ("2026-03-14T09:00:00+00:00", "3 h"),
        ("2026-03-01T12:00:00Z", "13 d"),
        ("2026-03-15T12:00:00Z", "0 s"),
        (None, ""),
        ("soon", ""),
    ],
)
def test_how_long_ago(then, said):
    assert phrases.ago(then, "2026-03-14T12:00:00.000Z") == said


def test_small_words():
    assert [phrases.ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 101, 111)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "101st", "111th")
    ]
    assert [phrases.plural(n, "group") for n in (0, 1, 2, 1200)] == ["0 groups", "1 group", "2 groups", "1,200 groups"]
    assert phrases.plural(2, "person", "people") == "2 people"
    words = ("entry", "day", "process", "check", "branch", "box")
    assert [phrases.plural(2, one) for one in words] == [
        *("2 entries", "2 days", "2 processes", "2 checks", "2 branches", "2 boxes")
    ]
    assert phrases.short_sha("a1b2c3d4") == "a1b2c3d"
    assert phrases.short_sha(None) == ""
    assert phrases.cut("a  b\nc", 5) == "a b c"
    assert phrases.cut("abcdef", 5) == "abcd…"
    assert phrases.cut("abcdef", 0) == ""
    assert phrases.cut(None, 5) == ""


@pytest.mark.parametrize(
    "name", sorted(words.FILTERS.keys() & {"headline", "change", "brief", "failing", "links", "where"})
)
def test_words_are_found_for_a_result_with_nothing_in_it(name):
    words.FILTERS[name]({})


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Mend it, then: drawbridge targets resume qa", [("Mend it, then: ", "drawbridge targets resume qa")]),
        (
            "Once more: drawbridge replay 12; all: drawbridge deliveries --state dead --target qa",
            [("Once more: ", "drawbridge replay 12"), ("; all: ", "drawbridge deliveries --state dead --target qa")],
        ),
        ("nothing to type", [("nothing to type", "")]),
        (None, [("", "")]),
    ],
)
def test_what_is_to_be_typed_is_told_apart(text, pieces):
    found = [(part["said"], part["command"]) for part in phrases.commands(text)]
    assert [each for each in found if each != ("", "")] == [each for each in pieces if each != ("", "")]
