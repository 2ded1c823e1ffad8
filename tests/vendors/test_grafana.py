"""Grafana's quirks, by name.
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

import hashlib
import hmac

from bridge import vendors
from bridge.verify import SchemeOverride
from tests.vendors.cases import is_genuine, sample

SENT = 1772442900
BODY = b'{"status":"firing"}'


def signature(message: bytes) -> str:
    return hmac.new(b"made-up", message, hashlib.sha256).hexdigest()


def test_it_signs_the_body_or_a_time_and_the_body():
    plain = {"X-Grafana-Alerting-Signature": signature(BODY)}
    assert is_genuine("grafana", BODY, plain, "made-up")
    timed = {
        "X-Grafana-Alerting-Signature": signature(f"{SENT}:".encode() + BODY),
        "X-Grafana-Alerting-Timestamp": str(SENT),
    }
    assert is_genuine("grafana", BODY, timed, "made-up", seconds=SENT, variant="timestamp")
    assert not is_genuine("grafana", BODY, timed, "made-up", seconds=SENT + 301, variant="timestamp")


def test_the_header_of_the_time_is_called_as_the_operator_likes():
    timed = vendors.load("grafana").signatures["timestamp"]
    assert "x-sent-at" in timed.with_(SchemeOverride(timestamp="header:X-Sent-At")).kept_headers


def test_a_rule_that_could_not_be_evaluated_is_named_and_says_so():
    result = sample("grafana", "no-data")
    assert (result.title, result.reason, result.outcome) == ("Queue length", "no data", "failed")


def test_the_button_at_the_contact_point_sends_a_test():
    assert sample("grafana", "test").is_test
    assert not sample("grafana", "firing").is_test


def test_it_leads_to_the_panel_and_its_alerts_do_too():
    result = sample("grafana", "firing")
    assert result.url == "https://acme.grafana.net/d/xyz?orgId=1&viewPanel=4"
    assert {item.url for item in result.items} == {result.url}
