"""The quirks of Jenkins' Notification plugin, by name. https://plugins.jenkins.io/notification/"""

import pytest

from bridge import vendors
from bridge.verify import dedupe_key
from tests.vendors.cases import read, said, sample


def identity(name, **changed):
    vendor = vendors.load("jenkins")
    assert vendor.dedupe == ("build.full_url", "build.status")
    body = said("jenkins", name)
    return tuple((body["build"] | changed).get(part) for part in ("full_url", "status"))


def test_completed_and_finalized_are_told_once():
    assert identity("completed") == identity("finalized")


def test_a_status_that_changed_after_completed_is_told():
    assert identity("completed") != identity("finalized", status="FAILURE")


def test_two_starts_of_builds_are_two_events():
    vendor, first = vendors.load("jenkins"), vendors.samples("jenkins")["started"]
    second = first.replace(b'"number": 412', b'"number": 413')
    keys = {dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)[0] for body in (first, second)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("SUCCESS", "passed"),
        ("FAILURE", "failed"),
        ("UNSTABLE", "failed"),
        ("ABORTED", "cancelled"),
        ("NOT_BUILT", "skipped"),
        ("SPLENDID", "unknown"),
    ],
)
def test_a_build_ends_in_one_of_five_ways(status, outcome):
    body = said("jenkins", "finalized")
    body["build"]["status"] = status
    assert read("jenkins", body).outcome == outcome


def test_unstable_says_which_tests_failed():
    result = sample("jenkins", "unstable")
    assert [item.name for item in result.items] == ["test_coupon_applies_once", "test_round_half_up"]
    assert (result.counts.failed, result.counts.total, result.counts.unit) == (2, 214, "test")


def test_the_branch_is_told_without_its_remote():
    assert sample("jenkins", "failed").vcs.ref == "main"


def test_a_job_without_code_has_a_subject_too():
    assert sample("jenkins", "started-without-scm").subject_key == "job/shop"


def test_a_build_that_runs_has_taken_no_time_yet():
    assert sample("jenkins", "started").duration_ms is None
