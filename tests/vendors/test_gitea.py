"""Gitea's and Forgejo's quirks, by name. https://docs.gitea.com/usage/webhooks"""

import hashlib
import hmac

import pytest

from tests.vendors.cases import is_genuine, read, said, sample

BODY = b'{"ref":"refs/heads/main"}'
MAC = hmac.new(b"secret", BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("header", ["X-Gitea-Signature", "X-Forgejo-Signature"])
def test_the_digits_stand_bare_in_the_header_of_either(header):
    # https://docs.gitea.com/usage/webhooks: hash_hmac('sha256', $payload, $secret_key, false)
    assert is_genuine("gitea", BODY, {header: MAC}, "secret")
    assert not is_genuine("gitea", BODY + b" ", {header: MAC}, "secret")


def test_forgejo_sends_both_headers():
    assert is_genuine("gitea", BODY, {"X-Gitea-Signature": MAC, "X-Forgejo-Signature": MAC}, "secret")


def test_forgejo_tells_only_how_a_run_ended_and_names_it_otherwise():
    failed, recovered = sample("gitea", "forgejo-run-failed"), sample("gitea", "forgejo-run-recovered")
    assert (failed.type, failed.outcome) == ("action_run_failure", "failed")
    assert (recovered.type, recovered.outcome) == ("action_run_recover", "passed")
    assert failed.subject_key == recovered.subject_key == "acme/shop/tests.yml/main"


def test_a_time_that_has_not_come_is_in_the_year_1():
    result = sample("gitea", "workflow-run-in-progress")
    assert (result.state, result.finished_at, result.time) == ("running", None, result.received_at)
    body = said("gitea", "workflow-run-failed")
    body["workflow_run"]["completed_at"] = "0001-01-01T00:00:00Z"
    assert read("gitea", body, headers={"X-Gitea-Event": "workflow_run"}).finished_at is None


def test_a_forks_main_is_not_our_main():
    body = said("gitea", "workflow-run-failed")
    body["workflow_run"]["head_repository"]["full_name"] = "stranger/shop"
    result = read("gitea", body, headers={"X-Gitea-Event": "workflow_run"})
    assert result.vcs.ref == "stranger:main"
    body = said("gitea", "forgejo-run-failed")
    body["run"]["is_fork_pull_request"] = True
    assert read("gitea", body, headers={"X-Forgejo-Event": "action_run_failure"}).vcs.ref == "fork:main"


def test_commits_stand_newest_first_and_are_told_in_order():
    assert sample("gitea", "push").summary == "• Test totals with odd cents\n• Round totals half up"


@pytest.mark.parametrize(
    ("status", "outcome", "state"),
    [
        ("queued", None, "queued"),
        ("waiting", None, "queued"),
        ("pending", None, "queued"),
        ("requested", None, "queued"),
        ("blocked", None, "queued"),
        ("in_progress", None, "running"),
        ("splendid", "unknown", "finished"),
    ],
)
def test_a_run_that_has_not_ended_says_so_in_gitea_s_words(status, outcome, state):
    body = said("gitea", "workflow-run-in-progress")
    body["workflow_run"]["status"] = status
    result = read("gitea", body, headers={"X-Gitea-Event": "workflow_run"})
    assert (result.outcome, result.state) == (outcome, state)


@pytest.mark.parametrize("status", ["cancelled", "skipped", "failure"])
def test_forgejo_calls_every_end_a_failure_that_is_no_success_and_its_status_says_which(status):
    body = said("gitea", "forgejo-run-failed")
    body["run"]["status"] = status
    expected = "failed" if status == "failure" else status
    assert read("gitea", body, headers={"X-Forgejo-Event": "action_run_failure"}).outcome == expected


def test_a_run_of_a_pull_request_has_no_branch_and_its_ref_in_its_path():
    result = sample("gitea", "workflow-run-of-a-pull-request")
    assert (result.vcs.ref, result.vcs.change) == ("refs/pull/57/head", "57")
    assert result.subject_key == "acme/shop/tests.yml/refs/pull/57/head"
    assert result.run_id == "run/305/2"


def test_a_run_has_not_the_time_of_its_pull_request():
    body = said("gitea", "workflow-run-in-progress")
    body["pull_request"] = said("gitea", "pull-request-merged")["pull_request"]
    result = read("gitea", body, headers={"X-Gitea-Event": "workflow_run"})
    assert result.time == result.received_at


def test_a_job_is_judged_by_itself_and_has_a_history_of_its_own():
    result = sample("gitea", "workflow-job-failed")
    assert (result.outcome, result.subject_key, result.run_id) == ("failed", "acme/shop/job/unit/main", "job/901")


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("success", "passed"), ("failure", "failed"), ("error", "error"), ("warning", "neutral"), ("splendid", "unknown")],
)
def test_a_commit_status_is_a_verdict_without_a_history(state, outcome):
    body = said("gitea", "status-failed")
    body["state"] = state
    result = read("gitea", body, headers={"X-Gitea-Event": "status"})
    assert (result.outcome, result.subject_key) == (outcome, None)


def test_a_pull_requests_label_is_its_branch_alone_whosever_it_is():
    assert sample("gitea", "review-rejected").vcs.ref == "stranger:main"
    assert sample("gitea", "pull-request-merged").vcs.ref == "fix/coupon"


@pytest.mark.parametrize(
    ("event", "did"),
    [
        ("pull_request_approved", "approved"),
        ("pull_request_rejected", "changes requested"),
        ("pull_request_comment", "reviewed"),
    ],
)
def test_a_review_is_an_event_of_its_own(event, did):
    result = read("gitea", said("gitea", "review-rejected"), headers={"X-Gitea-Event": event})
    assert (result.title, result.outcome) == (f"acme/shop: pull request #57 {did}", "neutral")


def test_forgejo_names_a_created_branch_in_full():
    assert sample("gitea", "forgejo-branch-created").title == "acme/shop: branch fix/coupon created"


def test_a_comment_leads_to_itself():
    result = sample("gitea", "issue-commented")
    assert (result.title, result.summary) == ("acme/shop: issue #31 commented on", "It is the rounding.")
    assert result.url == "https://git.example.com/acme/shop/issues/31#issuecomment-2201"


def test_a_package_may_belong_to_no_repository():
    assert sample("gitea", "package-created").title == "acme/shop: package container shop 2.4.0 created"
    body = said("gitea", "package-created")
    body["package"]["repository"] = None
    result = read("gitea", body, headers={"X-Gitea-Event": "package"})
    assert result.title == "acme: package container shop 2.4.0 created"
