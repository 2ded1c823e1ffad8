"""Azure DevOps' quirks, by name. https://learn.microsoft.com/en-us/azure/devops/service-hooks/events"""

import base64

import pytest

from tests.vendors.cases import is_genuine, read, said, sample


def test_basic_authentication_is_the_proof():
    credentials = base64.b64encode(b"drawbridge:topsecret").decode()
    assert is_genuine("azure_devops", b"{}", {"Authorization": f"Basic {credentials}"}, "drawbridge:topsecret")
    assert not is_genuine("azure_devops", b"{}", {"Authorization": f"Basic {credentials}"}, "drawbridge:other")
    assert not is_genuine("azure_devops", b"{}", {}, "drawbridge:topsecret")


def test_an_older_resource_has_its_verdict_and_its_branch_elsewhere():
    result = sample("azure_devops", "build-failed-older-shape")
    assert (result.outcome, result.vcs.ref) == ("failed", "main")
    assert result.vcs.commit == "4f1c09ab7d2e5b6388a0c1d4e97f2b3a5c6d7e8f"


def test_completed_alone_is_no_verdict():
    body = said("azure_devops", "build-succeeded")
    body["resource"]["result"] = None
    assert read("azure_devops", body).outcome == "neutral"


def test_partially_succeeded_is_neither_good_nor_bad():
    assert sample("azure_devops", "build-partially-succeeded").outcome == "neutral"


def test_a_rejected_deployment_failed():
    assert sample("azure_devops", "deployment-rejected").outcome == "failed"


def test_a_stage_is_judged_by_itself_and_not_by_its_run():
    result = sample("azure_devops", "stage-succeeded")
    assert (result.outcome, result.subject_key) == ("passed", "7/main/Deploy to production")


def test_a_build_and_its_run_are_one():
    assert sample("azure_devops", "build-failed").run_id == sample("azure_devops", "run-failed").run_id


def test_the_test_button_sends_the_zero_subscription():
    result = sample("azure_devops", "test-button")
    assert (result.is_test, result.outcome, result.subject_key) == (True, "neutral", None)


def test_a_merge_that_met_conflicts_is_no_merge():
    body = said("azure_devops", "pull-request-created")
    body["eventType"], body["resource"]["mergeStatus"] = "git.pullrequest.merged", "conflicts"
    assert read("azure_devops", body).title == "shop: pull request #57 merge attempted"
    body["resource"]["mergeStatus"] = "succeeded"
    assert read("azure_devops", body).title == "shop: pull request #57 merged"


def test_a_stage_has_its_own_times_and_its_own_page():
    result = sample("azure_devops", "stage-succeeded")
    assert result.finished_at is not None
    assert (result.finished_at.second, result.duration_ms) == (10, 129_750)
    assert result.url == "https://dev.azure.com/acme/shop/_build/results?buildId=412"
    body = said("azure_devops", "stage-succeeded")
    body["resource"]["stage"]["startTime"] = body["resource"]["stage"]["finishTime"] = None
    assert read("azure_devops", body).started_at is None


def test_a_job_is_judged_by_itself_and_has_a_history_of_its_own():
    result = sample("azure_devops", "job-failed")
    assert (result.outcome, result.subject_key) == ("failed", "7/main/__default/Unit tests")


def test_a_stage_that_nobody_named_stands_in_no_title():
    assert sample("azure_devops", "job-failed").title == "shop-ci #20260302.3: Unit tests"


@pytest.mark.parametrize(
    ("state", "job_result", "expected"),
    [
        ("waiting", None, ("queued", None)),
        ("running", None, ("running", None)),
        ("completed", "skipped", ("finished", "skipped")),
        ("completed", "rejected", ("finished", "failed")),
        ("completed", "splendid", ("finished", "unknown")),
    ],
)
def test_a_jobs_words_are_those_of_the_page(state, job_result, expected):
    body = said("azure_devops", "job-failed")
    body["resource"]["job"] |= {"state": state, "result": job_result}
    result = read("azure_devops", body)
    assert (result.state, result.outcome) == expected


def test_a_deployment_starts_and_ends_as_one_subject_though_its_end_does_not_name_the_definition():
    started, ended = sample("azure_devops", "deployment-started"), sample("azure_devops", "deployment-succeeded")
    assert (started.state, ended.outcome) == ("running", "passed")
    assert started.subject_key == ended.subject_key == "shop/stage/8"
    assert started.run_id == ended.run_id


@pytest.mark.parametrize(
    ("name", "status", "outcome", "severity"),
    [
        ("stage-waits-for-approval", "pending", "neutral", "medium"),
        ("stage-waits-for-approval", "approved", "neutral", "info"),
        ("deployment-approval-rejected", "rejected", "neutral", "high"),
        ("stage-waits-for-approval", "postponed", "unknown", "info"),
    ],
)
def test_an_approval_is_a_persons_doing_and_no_verdict(name, status, outcome, severity):
    body = said("azure_devops", name)
    body["resource"]["approval"]["status"] = status
    result = read("azure_devops", body)
    assert (result.outcome, result.severity, result.raw_status) == (outcome, severity, status)


def test_who_changed_a_pull_request_is_said_by_the_sentence_and_need_not_be_its_author():
    result = sample("azure_devops", "pull-request-completed")
    assert result.title == "shop: pull request #57 completed"
    assert result.summary == "Coupons apply once\nMira Lind marked the pull request as completed"
    assert "actor" not in result.labels
    assert sample("azure_devops", "pull-request-created").labels["actor"] == "Jonas"


def test_a_comment_has_its_pull_request_inside():
    result = sample("azure_devops", "pull-request-commented")
    assert (result.vcs.change, result.vcs.repository, result.labels["actor"]) == ("57", "shop", "Mira Lind")


def test_a_changed_work_item_has_its_fields_in_its_revision():
    body = said("azure_devops", "work-item-commented")
    item = body["resource"]
    body["eventType"] = "workitem.updated"
    body["resource"] = {"id": 2, "workItemId": 5, "fields": {"System.State": {"oldValue": "New"}}, "revision": item}
    result = read("azure_devops", body)
    assert (result.title, result.summary) == ("shop: Bug #5 updated", "Totals are a cent off")
    assert result.url == "https://dev.azure.com/acme/web/wi.aspx?id=5"
