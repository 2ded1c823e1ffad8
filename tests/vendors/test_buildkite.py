"""Buildkite's quirks, by name. https://buildkite.com/docs/apis/webhooks/pipelines"""

import hashlib
import hmac

import pytest

from tests.vendors.cases import is_genuine, read, said, sample

BODY = b'{"event":"ping"}'


def test_the_time_and_the_body_are_signed_as_the_page_says():
    # https://buildkite.com/docs/apis/webhooks/pipelines#webhook-signature: HMAC-SHA256 of "#{timestamp}.#{body}".
    mac = hmac.new(b"token", b"1772442900." + BODY, hashlib.sha256).hexdigest()
    headers = {"X-Buildkite-Signature": f"timestamp=1772442900,signature={mac}"}
    assert is_genuine("buildkite", BODY, headers, "token", seconds=1772442900)
    assert not is_genuine("buildkite", BODY, headers, "token", seconds=1772442900 + 301)
    moved = {"X-Buildkite-Signature": f"timestamp=1772442901,signature={mac}"}
    assert not is_genuine("buildkite", BODY, moved, "token", seconds=1772442900)


def test_a_webhook_may_be_set_to_send_its_token():
    assert is_genuine("buildkite", BODY, {"X-Buildkite-Token": "token"}, "token", variant="token")
    assert not is_genuine("buildkite", BODY, {"X-Buildkite-Token": "token"}, "token")


def test_a_build_that_waits_at_a_block_step_has_not_ended():
    result = sample("buildkite", "build-blocked")
    assert (result.type, result.state, result.outcome, result.reason) == ("build.finished", "running", None, "blocked")


@pytest.mark.parametrize(("state", "ours"), [("passed", "running"), ("blocked", "running"), ("failed", "finished")])
def test_blocked_may_stand_beside_another_state(state, ours):
    body = said("buildkite", "build-blocked")
    body["build"]["state"] = state
    assert read("buildkite", body).state == ours


def test_a_build_that_is_failing_still_runs():
    result = sample("buildkite", "build-failing")
    assert (result.state, result.outcome, result.reason) == ("running", None, "failing")


def test_a_broken_job_is_one_that_was_not_to_run():
    assert sample("buildkite", "job-broken").outcome == "skipped"


def test_a_job_that_may_fail_is_no_failure():
    result = sample("buildkite", "job-soft-failed")
    assert (result.outcome, result.reason) == ("neutral", "soft failed")


def test_a_jobs_event_is_not_judged_by_its_build():
    result = sample("buildkite", "job-failed")
    assert (result.outcome, result.reason, result.title) == ("failed", "exit status 1", "Shop #412: Unit tests")


def test_the_order_of_a_builds_events_is_that_of_their_times():
    names = ("build-scheduled", "build-running", "build-passed")
    times = [str(sample("buildkite", name).time) for name in names]
    assert times == sorted(times)
    assert len({sample("buildkite", name).run_id for name in names}) == 1


def test_the_remote_is_shown_without_its_host():
    assert sample("buildkite", "build-passed").vcs.repository == "acme/shop"


def test_a_lost_agent_is_no_verdict():
    result = sample("buildkite", "agent-lost")
    assert (result.title, result.kind, result.outcome) == ("Agent lost: linux-3", "system", "neutral")
