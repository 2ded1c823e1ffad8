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
