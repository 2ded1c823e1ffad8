"""Azure DevOps' quirks, by name. https://learn.microsoft.com/en-us/azure/devops/service-hooks/events"""

import base64

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
