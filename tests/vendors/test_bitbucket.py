"""Bitbucket's quirks, by name. https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/"""

import pytest

from bridge import vendors
from tests.vendors.cases import is_genuine, read, said, sample


def told(name):
    return vendors.sample_headers("bitbucket", name)


def test_the_documented_example_of_a_signature_verifies():
    # https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
    mac = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    signed = {"X-Hub-Signature": f"sha256={mac}"}
    assert is_genuine("bitbucket", b"Hello World!", signed, "It's a Secret to Everybody")
    assert not is_genuine("bitbucket", b"Hello World?", signed, "It's a Secret to Everybody")


@pytest.mark.parametrize(
    ("word", "state", "outcome"),
    [
        ("INPROGRESS", "running", None),
        ("SUCCESSFUL", "finished", "passed"),
        ("FAILED", "finished", "failed"),
        ("STOPPED", "finished", "cancelled"),
        ("SPLENDID", "finished", "unknown"),
    ],
)
def test_a_build_status_has_one_of_four_words(word, state, outcome):
    body = said("bitbucket", "status-successful")
    body["commit_status"]["state"] = word
    result = read("bitbucket", body, headers=told("status-successful"))
    assert (result.state, result.outcome) == (state, outcome)


def test_the_number_in_a_builds_name_makes_no_other_subject():
    body = said("bitbucket", "status-successful")
    body["commit_status"] |= {"name": "Tests #413", "key": "another-key"}
    next_one = read("bitbucket", body, headers=told("status-successful"))
    assert next_one.subject_key == sample("bitbucket", "status-successful").subject_key == "acme/shop/Tests/main"


def test_a_status_without_a_branch_has_no_history():
    result = sample("bitbucket", "status-stopped-without-name-or-ref")
    assert (result.subject_key, result.title) == (None, "acme/shop: acme-shop-tests")


def test_begun_and_ended_are_one_run():
    assert sample("bitbucket", "status-in-progress").run_id == sample("bitbucket", "status-failed").run_id


def test_a_push_of_several_branches_and_tags_is_one_message():
    result = sample("bitbucket", "push-of-a-branch-and-a-tag")
    assert result.title == "acme/shop: 3 branches and tags pushed"
    assert result.summary == "• 1 commit pushed to main\n• tag v2.4.0 created\n• branch fix/coupon deleted"
    assert result.vcs.ref is None
