"""CircleCI's quirks, by name. https://circleci.com/docs/reference/outbound-webhooks-reference/"""

import pytest

from tests.vendors.cases import is_genuine, sample

# The table of examples at https://circleci.com/docs/guides/integration/outbound-webhooks/#validate-webhooks
DOCUMENTED = [
    (b"hello world", "secret", "734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"),
    (b"lalala", "another-secret", "daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00"),
    (b"an-important-request-payload", "hunter123", "9be2242094a9a8c00c64306f382a7f9d691de910b4a266f67bd314ef18ac49fa"),
]


@pytest.mark.parametrize(("body", "secret", "mac"), DOCUMENTED)
def test_the_documented_examples_of_signatures_verify(body, secret, mac):
    assert is_genuine("circleci", body, {"circleci-signature": f"v1={mac}"}, secret)
    assert not is_genuine("circleci", body + b"!", {"circleci-signature": f"v1={mac}"}, secret)


def test_signatures_of_other_versions_may_stand_beside_it():
    body, secret, mac = DOCUMENTED[0]
    assert is_genuine("circleci", body, {"circleci-signature": f"v0=abc,v1={mac},v2=def"}, secret)
    assert not is_genuine("circleci", body, {"circleci-signature": f"v2={mac}"}, secret)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("workflow-passed", "passed"),
        ("workflow-failed", "failed"),
        ("workflow-error", "error"),
        ("workflow-unauthorized", "error"),
        ("workflow-canceled-on-a-tag", "cancelled"),
        ("job-failed", "failed"),
    ],
)
def test_a_workflow_ends_in_one_of_five_ways(name, outcome):
    assert sample("circleci", name).outcome == outcome


def test_a_jobs_event_is_judged_by_the_job_and_links_to_it():
    result = sample("circleci", "job-failed")
    assert result.raw_status == "failed"
    assert result.url is not None
    assert result.url.endswith("/workflows/a0000000-0000-4000-8000-000000000412/jobs/1360")


def test_a_job_is_another_run_and_another_subject_than_its_workflow():
    job, workflow = sample("circleci", "job-failed"), sample("circleci", "workflow-failed")
    assert job.run_id != workflow.run_id
    assert job.subject_key != workflow.subject_key


def test_code_from_gitlab_is_described_in_the_triggers_parameters():
    result = sample("circleci", "workflow-from-gitlab")
    assert (result.vcs.repository, result.vcs.ref) == ("acme/shop", "main")
    assert result.vcs.commit == "4f1c09ab7d2e5b6388a0c1d4e97f2b3a5c6d7e8f"


def test_a_tag_stands_where_a_branch_would():
    assert sample("circleci", "workflow-canceled-on-a-tag").vcs.ref == "v2.4.0"


def test_a_ping_is_a_test():
    assert sample("circleci", "ping").is_test
