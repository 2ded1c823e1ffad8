"""GitHub's quirks, by name. https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

import pytest

from bridge import vendors
from bridge.verify import dedupe_key
from tests.vendors.cases import is_genuine, read, said, sample


def told(name, **headers):
    return vendors.sample_headers("github", name) | headers


def test_the_documented_example_of_a_signature_verifies():
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    mac = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    signed = {"X-Hub-Signature-256": f"sha256={mac}"}
    assert is_genuine("github", b"Hello, World!", signed, "It's a Secret to Everybody")
    assert not is_genuine("github", b"Hello, World?", signed, "It's a Secret to Everybody")


@pytest.mark.parametrize(
    ("status", "conclusion", "state", "outcome"),
    [
        ("queued", None, "queued", None),
        ("waiting", None, "queued", None),
        ("pending", None, "queued", None),
        ("requested", None, "queued", None),
        ("in_progress", None, "running", None),
        ("completed", "success", "finished", "passed"),
        ("completed", "failure", "finished", "failed"),
        ("completed", "startup_failure", "finished", "error"),
        ("completed", "timed_out", "finished", "timed_out"),
        ("completed", "cancelled", "finished", "cancelled"),
        ("completed", "skipped", "finished", "skipped"),
        ("completed", "neutral", "finished", "neutral"),
        ("completed", "action_required", "finished", "neutral"),
        ("completed", "stale", "finished", "neutral"),
        ("completed", "splendid", "finished", "unknown"),
        ("completed", None, "finished", "neutral"),
    ],
)
def test_a_run_is_judged_by_its_conclusion_which_is_null_until_the_end(status, conclusion, state, outcome):
    body = said("github", "workflow-run-passed")
    body["workflow_run"] |= {"status": status, "conclusion": conclusion}
    result = read("github", body, headers=told("workflow-run-passed"))
    assert (result.state, result.outcome) == (state, outcome)


@pytest.mark.parametrize(
    ("state", "ours"),
    [("pending", "queued"), ("queued", "queued"), ("waiting", "queued"), ("in_progress", "running")],
)
def test_a_deployment_goes_on_until_it_says_how_it_ended(state, ours):
    body = said("github", "deployment-in-progress")
    body["deployment_status"]["state"] = state
    result = read("github", body, headers=told("deployment-in-progress"))
    assert (result.state, result.outcome, result.finished_at) == (ours, None, None)


def test_a_forks_main_is_not_our_main():
    ours, theirs = sample("github", "workflow-run-passed"), sample("github", "workflow-run-of-a-fork")
    assert (ours.vcs.ref, theirs.vcs.ref) == ("main", "stranger:main")
    assert ours.subject_key != theirs.subject_key


def test_a_pull_request_whose_fork_is_gone_is_not_our_main():
    body = said("github", "workflow-run-of-a-fork")
    body["workflow_run"]["head_repository"] = None
    assert read("github", body, headers=told("workflow-run-of-a-fork")).vcs.ref == "?:main"


def test_another_attempt_is_another_run_of_the_same_subject():
    first, second = sample("github", "workflow-run-passed"), sample("github", "workflow-run-rerun-passed")
    assert first.subject_key == second.subject_key
    assert (first.run_id, second.run_id) == ("9100200301", "9100200301/2")


def test_requested_in_progress_and_completed_are_one_run():
    names = ("workflow-run-requested", "workflow-run-in-progress", "workflow-run-passed")
    assert len({sample("github", name).run_id for name in names}) == 1


def test_the_run_inside_a_deployments_status_gives_no_verdict():
    body = said("github", "deployment-in-progress")
    body["workflow_run"] |= {"status": "completed", "conclusion": "success"}
    result = read("github", body, headers=told("deployment-in-progress"))
    assert (result.state, result.outcome, result.run_id) == ("running", None, "deployment/30011")


def test_a_deployment_that_another_has_replaced_is_no_verdict():
    assert sample("github", "deployment-inactive").outcome == "neutral"


def test_an_event_that_is_called_otherwise_than_its_body_is_unknown():
    body = said("github", "workflow-run-passed")
    for event in ("check_suite", "deployment_status", "push", "release"):
        assert read("github", body, headers={"X-GitHub-Event": event}).outcome == "unknown"


@pytest.mark.parametrize("event", ["star", "issues", "workflow_job"])
def test_an_event_of_another_kind_is_kept_as_unknown(event):
    result = read("github", {"action": "created"}, headers={"X-GitHub-Event": event})
    assert (result.type, result.outcome) == (event, "unknown")


def test_without_its_header_an_event_has_no_name():
    assert read("github", said("github", "push")).type == "unknown"


def test_a_tags_deletion_leaves_no_commit():
    result = sample("github", "push-that-deletes-a-branch")
    assert (result.vcs.commit, result.vcs.ref) == (None, "fix/coupon")


def test_a_check_suite_links_to_the_checks_of_its_commit():
    result = sample("github", "check-suite-failed")
    assert result.url == "https://github.com/acme/shop/commit/4f1c09ab7d2e5b6388a0c1d4e97f2b3a5c6d7e8f/checks"


def test_a_check_suite_of_a_fork_has_no_branch_and_so_no_subject():
    body = said("github", "check-suite-failed")
    body["check_suite"]["head_branch"] = None
    result = read("github", body, headers=told("check-suite-failed"))
    assert (result.outcome, result.subject_key) == ("failed", None)


def test_the_delivery_id_is_shown_and_is_no_key_because_nothing_signs_it():
    vendor, body = vendors.load("github"), vendors.samples("github")["workflow-run-passed"]
    assert sample("github", "workflow-run-passed").vendor_id == "5e0c4f30-0000-11f0-8000-000000000003"
    assert vendor.dedupe == ()
    same = dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)
    assert same == dedupe_key(body, "room", vendor.dedupe, vendor.dated, None)
