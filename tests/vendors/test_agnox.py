"""Agnox's quirks, by name. https://docs.agnox.dev/docs/integrations/webhooks"""

import json

import pytest

from bridge import vendors
from bridge.model import Received
from bridge.verify import dedupe_key, verify
from tests.vendors.cases import RECEIVED_AT, options, read, said, sample, scheme

BODY = b'{"event":"ping","n":1}'
MAC = "e7d48084a66912fe749791c191bade5c6a70a8d800169cc263aa50c03f41b7d8"


@pytest.mark.parametrize("value", [MAC, f"sha256={MAC}", MAC.upper(), f"sha256={MAC.upper()}"])
def test_the_digits_come_with_and_without_their_prefix(value):
    received = Received("room", "POST", "/", (("x-agnox-signature", value),), BODY, RECEIVED_AT)
    assert verify(received, scheme("agnox"), ["topsecret"], RECEIVED_AT).verification.verified


@pytest.mark.parametrize(
    ("status", "state", "outcome", "severity", "reason"),
    [
        ("PASSED", "finished", "passed", None, None),
        ("FAILED", "finished", "failed", None, None),
        ("ERROR", "finished", "error", None, None),
        ("UNSTABLE", "finished", "neutral", "high", "flaky"),
        ("unstable", "finished", "neutral", "high", "flaky"),
        ("ANALYZING", "running", None, None, None),
        ("RUNNING", "running", None, None, None),
        ("PENDING", "queued", None, None, None),
        ("SPLENDID", "finished", "unknown", None, None),
        (None, "finished", "unknown", None, None),
    ],
)
def test_a_status_means(status, state, outcome, severity, reason):
    result = read("agnox", {**said("agnox", "failed"), "status": status})
    assert (result.state, result.outcome, result.severity, result.reason) == (state, outcome, severity, reason)


def test_an_unstable_run_asks_for_attention():
    assert sample("agnox", "unstable-null-end").attention


def test_a_run_without_a_group_has_no_subject():
    assert sample("agnox", "error-no-group").subject_key is None
    assert sample("agnox", "unstable-null-end").subject_key is None


def test_a_run_without_an_end_has_no_duration():
    assert sample("agnox", "unstable-null-end").duration_ms is None


def test_a_link_needs_the_dashboards_address():
    assert sample("agnox", "failed").url is None
    linked = sample("agnox", "failed", dashboard_url="https://agnox.dev/")
    assert linked.url == "https://agnox.dev/dashboard?drawerId=task_abc123"


def test_a_task_id_cannot_break_out_of_its_link():
    body = {**said("agnox", "failed"), "taskId": "a&b=c#d/../e"}
    result = read("agnox", body, options("agnox", dashboard_url="https://agnox.dev"))
    assert result.url == "https://agnox.dev/dashboard?drawerId=a%26b%3Dc%23d%2F..%2Fe"


def test_numbers_in_the_summary_are_text_unless_asked_for():
    assert sample("agnox", "failed").counts.failed is None
    counts = sample("agnox", "failed", parse_summary=True).counts
    assert (counts.failed, counts.passed, counts.unit, counts.origin) == (3, None, "test", "parsed")


def test_tests_that_passed_on_retry_are_flaky():
    counts = sample("agnox", "unstable-null-end", parse_summary=True).counts
    assert (counts.flaky, counts.passed) == (2, None)


def test_the_older_shape_is_read_too():
    result = sample("agnox", "older-shape", parse_summary=True, dashboard_url="https://agnox.dev")
    counts = result.counts
    assert (counts.total, counts.passed, counts.failed, counts.skipped, counts.origin) == (14, 10, 3, 1, "reported")
    assert result.url == "https://app.agnox.dev/executions/exec_4"
    assert (result.outcome, result.duration_ms, result.run_id) == ("failed", 240_000, "exec_4")
    assert (result.vcs.repository, result.vcs.commit, result.vcs.change) == ("org/repo", "abc123", "42")


def test_the_older_shapes_total_is_null_where_a_part_is():
    body = said("agnox", "older-shape")
    del body["data"]["testsSkipped"]
    assert read("agnox", body).counts.total is None


def test_a_ping_is_a_test():
    result = sample("agnox", "ping")
    assert (result.is_test, result.kind, result.outcome) == (True, "other", "neutral")


def test_a_repeat_is_known_by_execution_and_status():
    vendor = vendors.load("agnox")
    failed, other_text = said("agnox", "failed"), {**said("agnox", "failed"), "summary": "again"}
    quarantined = {**failed, "status": "PASSED"}

    first, again, passed = (
        dedupe_key(json.dumps(body).encode(), "room", vendor.dedupe, vendor.dated, None)[0]
        for body in (failed, other_text, quarantined)
    )
    assert first == again != passed
