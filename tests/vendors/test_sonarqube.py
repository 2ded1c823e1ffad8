"""SonarQube's quirks, by name. https://docs.sonarsource.com/sonarqube-server/project-administration/webhooks/"""

import hashlib
import hmac
from datetime import UTC, datetime

from tests.vendors.cases import is_genuine, read, said, sample


def test_the_digits_stand_bare_in_the_header():
    body = b'{"taskId":"AZx1"}'
    signed = {"X-Sonar-Webhook-HMAC-SHA256": hmac.new(b"secret", body, hashlib.sha256).hexdigest()}
    assert is_genuine("sonarqube", body, signed, "secret")
    assert not is_genuine("sonarqube", body + b" ", signed, "secret")


def test_success_is_the_analysis_and_not_the_gate():
    result = sample("sonarqube", "gate-failed")
    assert (result.outcome, result.extra["analysis"]) == ("failed", "SUCCESS")


def test_an_analysis_that_failed_has_no_gate_and_is_an_error():
    assert sample("sonarqube", "analysis-failed").outcome == "error"


def test_a_gate_without_a_status_is_unknown():
    body = said("sonarqube", "gate-passed")
    del body["qualityGate"]["status"]
    assert read("sonarqube", body).outcome == "unknown"


def test_a_condition_without_a_value_was_not_measured():
    result = sample("sonarqube", "gate-passed")
    assert [item.outcome for item in result.items] == ["passed", "skipped"]
    assert (result.counts.passed, result.counts.skipped) == (1, 1)


def test_a_failed_condition_says_on_which_side_of_its_bound():
    messages = {item.name: item.message for item in sample("sonarqube", "gate-failed").items}
    assert messages["new coverage"] == "61.4 is below 80"
    assert messages["new duplicated lines density"] == "5.2 is above 3"


def test_a_pull_requests_number_stands_where_a_branch_would():
    result = sample("sonarqube", "gate-failed-pull-request")
    assert (result.vcs.change, result.vcs.ref, result.subject_key) == ("57", None, "acme_shop/pull/57")


def test_a_gate_that_a_review_turned_is_later_news_of_the_same_analysis():
    before, after = sample("sonarqube", "gate-passed"), sample("sonarqube", "gate-changed-by-review")
    assert before.run_id == after.run_id
    assert before.time == datetime(2026, 3, 2, 9, 19, 12, tzinfo=UTC)
    assert after.time == datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
