"""Autosana's quirks, by name. https://docs.autosana.ai/webhooks"""

from typing import Any

import pytest

from bridge import clock, vendors
from bridge.normalize import as_json
from bridge.verify import dedupe_key
from tests.vendors.cases import read, said, sample


def batch(total: Any, passed: Any, failed: Any, *groups: tuple[str, ...], **more: Any) -> Any:
    """A batch with that summary and these groups, each (status, run statuses...)."""
    run_groups = [
        {
            "name": f"Group {n}",
            "status": status,
            "runs": [{"name": f"Run {m}", "status": s} for m, s in enumerate(runs)],
        }
        for n, (status, *runs) in enumerate(groups)
    ]
    summary = {"total_groups": total, "passed_groups": passed, "failed_groups": failed}
    app = {"id": "app", "platform": "web"}
    return {"event": "batch.completed", "app": app, "summary": summary, "run_groups": run_groups, **more}


@pytest.mark.parametrize(
    ("outcome", "body"),
    [
        ("passed", batch(1, 1, 0, ("passed", "passed"))),
        ("passed", batch(2, 2, 0, ("passed", "passed"))),  # not every group is listed
        ("passed", batch(2, 2, 0)),
        ("passed", batch(1, 1, 0, ("passed", "passed", "skipped"))),
        ("passed", batch(2, 1, 0, ("passed", "passed"), ("skipped", "skipped"))),
        ("passed", batch(1, 1, None, ("PASSED", "Passed"))),
        ("failed", batch(3, 2, 1, ("passed", "passed"))),  # the documented example: the summary knows more
        ("failed", batch(1, 1, 0, ("failed", "passed"))),  # the list knows more
        ("failed", batch(1, 1, 0, ("passed", "failed"))),
        ("failed", batch(1, 0, 0, ("error", "error"))),
        ("failed", batch(1, 0, 0, ("terminated", "terminated"))),
        ("failed", batch(1, 0, 1, ("error", "passed"))),  # the group's setup failed, no run in it
        ("failed", batch(None, None, None, ("failed", "failed"))),
        ("failed", batch(1, 2, 0, ("passed", "passed"))),
        ("failed", batch(1, 1, 0, ("passed",), ("passed",))),
        ("failed", batch(3, 2, 0, ("passed", "passed"))),
        ("failed", batch(2, 0, 0, ("passed", "passed"))),
        ("skipped", batch(1, 0, 0, ("skipped", "skipped", "skipped"))),
        ("skipped", batch(2, 0, 0, ("skipped", "skipped"), ("skipped",))),
        ("unknown", batch(0, 0, 0)),
        ("unknown", batch(None, None, None)),
        ("unknown", batch(None, None, None, ("passed", "passed"))),
        ("unknown", batch(2, 1, None, ("passed", "passed"))),
        ("unknown", batch(1, 1, 0, ("quarantined", "passed"))),
        ("unknown", batch(1, 1, 0, ("passed", "quarantined"))),
        ("unknown", batch(1, 1, 0, ("passed", "running"))),
        ("unknown", batch(1, 1, 0, ("passed", "passed"), is_complete=False)),
        ("unknown", batch("many", -1, {}, ("passed", "passed"))),
    ],
)
def test_neither_the_summary_nor_the_list_is_believed_alone(outcome, body):
    assert read("autosana", body).outcome == outcome


def test_a_group_without_a_status_is_judged_by_its_runs():
    body = batch(1, 1, 0, ("passed", "passed"))
    del body["run_groups"][0]["status"]
    assert read("autosana", body).outcome == "passed"


def test_contradicting_numbers_say_so():
    assert sample("autosana", "contradicting-counts").reason == "the batch's numbers contradict each other"


def test_git_is_absent_without_git_metadata():
    result = sample("autosana", "no-git")
    assert (result.vcs.ref, result.vcs.commit) == (None, None)
    assert str(result.subject_key).startswith("com.example.myapp/ios/-/")


def test_a_commit_need_not_be_hex():
    assert sample("autosana", "documented").vcs.commit == "a1b2c3d4e5f6g7h8i9j0"


def test_the_build_is_never_shown_as_a_link():
    result = sample("autosana", "documented")
    (build,) = result.artifacts
    assert (build.kind, build.sensitive) == ("build", True)
    shown = {**as_json(result), "artifacts": None}
    assert build.url not in str(shown)


def test_the_link_is_the_first_failing_groups():
    assert str(sample("autosana", "failed").url).endswith("000000000002")
    assert str(sample("autosana", "passed").url).endswith("000000000001")


def test_an_empty_batch_is_not_green():
    assert sample("autosana", "empty-batch").outcome == "unknown"


def test_a_terminated_run_counts_against_the_batch_and_is_listed_as_an_error():
    result = sample("autosana", "terminated-run")
    assert result.outcome == "failed"
    assert [(item.outcome, item.raw_status) for item in result.items] == [("error", "terminated")] * 2


def test_a_group_that_fails_on_its_own_is_an_item_of_its_own():
    items = sample("autosana", "setup-failed").items
    assert [(item.name, item.path, item.outcome) for item in items] == [
        ("Login", ["Smoke Tests"], "passed"),
        ("Checkout", ["Smoke Tests"], "passed"),
        ("Smoke Tests", [], "error"),
    ]


def test_a_group_without_runs_is_an_item():
    (item,) = sample("autosana", "no-git").items
    assert (item.name, item.path, item.outcome) == ("Smoke", [], "passed")


def test_the_fuller_shape_of_the_status_api_is_used():
    result = sample("autosana", "fuller-shape")
    assert result.run_id == "batch_77"
    assert result.items[1].message == "Button not found"
    assert result.items[0].message is None
    assert result.extra["terminated_flows"] == 1
    assert result.counts.unit == "group"


def test_the_same_suite_is_the_same_subject():
    names = ("passed", "failed", "failures-changed", "recovered")
    results = [sample("autosana", name) for name in names]
    assert len({result.subject_key for result in results}) == 1
    times = [as_json(result)["time"] for result in results]
    assert times == sorted(set(times))
    assert [result.outcome for result in results] == ["passed", "failed", "failed", "passed"]


@pytest.mark.parametrize(
    "change",
    [
        {"run_groups": "completed"},
        {"run_groups": {"0": {"status": "failed"}}},
        {"run_groups": [{"name": "Smoke", "status": "passed", "runs": "1 failed"}]},
        {"summary": {"total_groups": 3, "passed_groups": 3, "failed_groups": "one"}},
        {"summary": {"total_groups": 3, "passed_groups": 3, "failed_groups": -1}},
        {"summary": {"total_groups": 3, "passed_groups": 3, "failed_groups": [1]}},
    ],
)
def test_what_is_there_and_cannot_be_read_is_no_pass(change):
    assert read("autosana", {**said("autosana", "passed"), **change}).outcome == "unknown"


@pytest.mark.parametrize(
    "change",
    [{"app": {"id": "other"}}, {"git": {"branch": "release/1"}}, {"run_groups": []}],
    ids=["app", "branch", "groups"],
)
def test_another_app_branch_or_set_of_groups_is_another_subject(change):
    body = said("autosana", "passed")
    assert read("autosana", {**body, **change}).subject_key != read("autosana", body).subject_key


def test_the_order_of_groups_does_not_make_another_subject():
    body = said("autosana", "passed")
    turned = {**body, "run_groups": body["run_groups"][::-1]}
    assert read("autosana", turned).subject_key == read("autosana", body).subject_key


def test_without_an_id_the_whole_body_is_what_a_repeat_is_known_by():
    vendor, bodies = vendors.load("autosana"), vendors.samples("autosana")
    keys = {dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)[0] for body in bodies.values()}
    assert len(keys) == len(bodies)


def test_a_body_with_its_time_is_remembered_for_30_days():
    vendor, body = vendors.load("autosana"), vendors.samples("autosana")["passed"]
    assert dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)[1] == 30 * clock.DAY
