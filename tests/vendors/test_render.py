"""Render's quirks, by name. https://render.com/docs/webhooks"""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.vendors.cases import is_genuine, read, said, sample

SECRET = "whsec_dGVzdC1rZXktMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="


def test_it_signs_as_the_standards_own_library_does():
    sent, body = datetime(2026, 3, 2, 9, 19, 12, tzinfo=UTC), '{"type":"deploy_ended"}'
    seconds = int(sent.timestamp())
    signature = Webhook(SECRET).sign("evt-1", sent, body)
    headers = {"webhook-id": "evt-1", "webhook-timestamp": str(seconds), "webhook-signature": signature}
    assert is_genuine("render", body.encode(), headers, SECRET, seconds=seconds)
    assert not is_genuine("render", body.encode() + b" ", headers, SECRET, seconds=seconds)


def test_an_end_that_does_not_say_how_is_no_verdict():
    result = sample("render", "deploy-ended-without-status")
    assert (result.outcome, result.raw_status) == ("neutral", "ended")


def test_a_server_that_is_back_mends_the_one_that_failed():
    failed, back = sample("render", "server-failed"), sample("render", "server-available")
    assert failed.subject_key == back.subject_key == "srv-shop0001/server"
    assert (failed.outcome, back.outcome) == ("failed", "passed")


def test_a_build_and_a_deploy_of_one_service_are_two_subjects():
    assert sample("render", "build-canceled").subject_key != sample("render", "deploy-failed").subject_key


def test_times_have_nanoseconds():
    assert sample("render", "deploy-failed").time == datetime(2026, 3, 2, 9, 19, 12, 622872, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "word", "outcome"),
    [
        ("build_ended", "canceled", "cancelled"),
        ("deploy_ended", "succeeded", "passed"),
        ("job_run_ended", "failed", "failed"),
        ("cron_job_run_ended", "successful", "passed"),
        ("cron_job_run_ended", "unsuccessful", "failed"),
        ("cron_job_run_ended", "splendid", "unknown"),
    ],
)
def test_an_end_is_judged_by_its_word_also_by_those_of_the_api(event, word, outcome):
    body = said("render", "deploy-failed")
    body["type"], body["data"]["status"] = event, word
    assert read("render", body).outcome == outcome


@pytest.mark.parametrize(
    ("gone", "back", "what"),
    [
        ("server_failed", "server_available", "server"),
        ("postgres_unavailable", "postgres_available", "postgres"),
        ("key_value_unhealthy", "key_value_available", "key_value"),
        ("postgres_backup_failed", "postgres_backup_completed", "postgres_backup"),
        ("postgres_pitr_checkpoint_failed", "postgres_pitr_checkpoint_completed", "postgres_pitr_checkpoint"),
        ("postgres_upgrade_failed", "postgres_upgrade_succeeded", "postgres_upgrade"),
    ],
)
def test_what_fails_by_name_is_mended_by_its_counterpart(gone, back, what):
    body = said("render", "postgres-unavailable")
    results = [read("render", {**body, "type": event}) for event in (gone, back)]
    assert [result.outcome for result in results] == ["failed", "passed"]
    assert {result.subject_key for result in results} == {f"dpg-orders0001-a/{what}"}


@pytest.mark.parametrize("event", ["image_pull_failed", "artifact_fetch_failed", "postgres_wal_archive_failed"])
def test_a_failure_that_nothing_mends_has_no_subject(event):
    result = read("render", {**said("render", "server-failed"), "type": event})
    assert (result.outcome, result.subject_key) == ("failed", None)


@pytest.mark.parametrize("event", ["job_run_started", "initial_deploy_hook_ended", "suspender_added"])
def test_what_is_no_event_of_webhooks_is_unknown(event):
    assert read("render", {**said("render", "server-available"), "type": event}).outcome == "unknown"


def test_the_next_one_off_job_is_another_and_mends_nothing():
    assert sample("render", "job-succeeded").subject_key is None
