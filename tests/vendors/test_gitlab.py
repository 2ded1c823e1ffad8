"""GitLab's quirks, by name. https://docs.gitlab.com/user/project/integrations/webhook_events/"""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.vendors.cases import is_genuine, read, said, sample

SIGNING = "whsec_dGVzdC1rZXktMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="


def test_a_token_is_the_secret_itself():
    assert is_genuine("gitlab", b"{}", {"X-Gitlab-Token": "topsecret"}, "topsecret")
    assert not is_genuine("gitlab", b"{}", {"X-Gitlab-Token": "topsecre"}, "topsecret")
    assert not is_genuine("gitlab", b"{}", {}, "topsecret")


def test_a_signing_token_signs_as_the_standards_own_library_does():
    sent = datetime(2026, 3, 2, 9, 19, 12, tzinfo=UTC)
    seconds = int(sent.timestamp())
    signature = Webhook(SIGNING).sign("msg_1", sent, '{"object_kind":"push"}')
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(seconds), "webhook-signature": signature}
    body = b'{"object_kind":"push"}'
    assert is_genuine("gitlab", body, headers, SIGNING, seconds=seconds, variant="signing")
    assert not is_genuine("gitlab", body, headers, SIGNING, seconds=seconds + 301, variant="signing")
    other_id = headers | {"webhook-id": "msg_2"}
    assert not is_genuine("gitlab", body, other_id, SIGNING, seconds=seconds, variant="signing")


@pytest.mark.parametrize(
    ("status", "state", "outcome"),
    [
        ("created", "queued", None),
        ("waiting_for_resource", "queued", None),
        ("preparing", "queued", None),
        ("pending", "queued", None),
        ("scheduled", "queued", None),
        ("running", "running", None),
        ("manual", "running", None),
        ("canceling", "running", None),
        ("success", "finished", "passed"),
        ("failed", "finished", "failed"),
        ("canceled", "finished", "cancelled"),
        ("skipped", "finished", "skipped"),
        ("splendid", "finished", "unknown"),
    ],
)
def test_how_far_a_pipeline_is_stands_in_its_status(status, state, outcome):
    body = said("gitlab", "pipeline-passed")
    body["object_attributes"]["status"] = status
    result = read("gitlab", body)
    assert (result.state, result.outcome) == (state, outcome)
    assert bool(result.items) is (state == "finished")


def test_a_job_that_may_fail_is_no_failure():
    result = sample("gitlab", "pipeline-passed-with-warnings")
    assert (result.outcome, result.reason) == ("passed", "passed with warnings")
    lint = result.items[1]
    assert (lint.outcome, lint.message) == ("neutral", "allowed to fail: script_failure")
    assert (result.counts.passed, result.counts.failed) == (1, 0)
    assert sample("gitlab", "job-allowed-to-fail").outcome == "neutral"


def test_a_job_that_never_ran_was_skipped():
    outcomes = {item.name: item.outcome for item in sample("gitlab", "pipeline-failed").items}
    assert outcomes["production"] == outcomes["staging"] == "skipped"


def test_a_fork_merge_requests_main_is_not_our_main():
    result = sample("gitlab", "pipeline-of-a-forks-merge-request")
    assert (result.vcs.ref, result.vcs.change) == ("refs/merge-requests/57/head", "57")


def test_a_nightly_schedule_on_main_is_another_subject_than_main():
    nightly, pushed = sample("gitlab", "pipeline-scheduled-nightly"), sample("gitlab", "pipeline-passed")
    assert (nightly.vcs.ref, pushed.vcs.ref) == ("main", "main")
    assert nightly.subject_key != pushed.subject_key


def test_a_pipeline_started_by_hand_is_the_branchs_own():
    body = said("gitlab", "pipeline-passed")
    body["object_attributes"]["source"] = "web"
    assert read("gitlab", body).subject_key == sample("gitlab", "pipeline-passed").subject_key


def test_a_jobs_commit_id_is_its_pipelines_and_no_commit():
    result = sample("gitlab", "job-failed")
    assert result.vcs.commit == "4f1c09ab7d2e5b6388a0c1d4e97f2b3a5c6d7e8f"
    assert (result.extra["pipeline_id"], result.run_id) == (9931, "job/377")


def test_times_are_as_ruby_writes_them():
    assert sample("gitlab", "pipeline-passed").time == datetime(2026, 3, 2, 9, 19, 12, tzinfo=UTC)
    assert sample("gitlab", "deployment-succeeded").time == datetime(2026, 3, 2, 10, 2, 30, tzinfo=UTC)


def test_a_deployment_by_api_has_no_job_to_link_to():
    result = sample("gitlab", "deployment-failed-by-api")
    assert (result.url, [link.url for link in result.links]) == (None, ["https://shop.example.com"])


def test_a_deployments_whole_commit_stands_only_in_its_link():
    assert sample("gitlab", "deployment-succeeded").vcs.commit == "4f1c09ab7d2e5b6388a0c1d4e97f2b3a5c6d7e8f"
    body = said("gitlab", "deployment-succeeded")
    del body["commit_url"]
    assert read("gitlab", body).vcs.commit == "4f1c09ab"


def test_a_pipeline_and_a_deployment_of_the_same_number_are_two_runs():
    assert {sample("gitlab", name).run_id for name in ("pipeline-passed", "deployment-running", "job-failed")} == {
        "pipeline/9931",
        "deployment/15",
        "job/377",
    }


def test_at_most_twenty_commits_stand_in_a_push_and_all_are_counted():
    assert sample("gitlab", "push").title == "acme/shop: 24 commits pushed to main"


def test_other_events_are_news_and_no_verdict():
    result = sample("gitlab", "issue")
    assert (result.title, result.outcome, result.severity) == ("acme/shop: issue", "neutral", "info")
