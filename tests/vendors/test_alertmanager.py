"""Alertmanager's quirks, by name. https://prometheus.io/docs/alerting/latest/configuration/#webhook_config"""

import base64

import pytest

from bridge import history, vendors
from bridge.verify import dedupe_key
from tests.vendors.cases import is_genuine, read, said, sample


def test_it_signs_nothing_and_shows_a_secret():
    assert is_genuine("alertmanager", b"{}", {"Authorization": "Bearer made-up"}, "made-up")
    assert not is_genuine("alertmanager", b"{}", {"Authorization": "Bearer other"}, "made-up")
    basic = {"Authorization": "Basic " + base64.b64encode(b"am:made-up").decode()}
    assert is_genuine("alertmanager", b"{}", basic, "am:made-up", variant="basic")


def test_a_group_that_fires_broke_and_resolved_it_is_fixed():
    subject, told = None, []
    for name in ("firing", "some-resolved", "resolved"):
        result = sample("alertmanager", name)
        subject = history.place(subject, result) or subject
        told.append((result.history.transition, [one.name for one in result.history.fixed]))
    first, second = "cluster=eu-1, instance=web-1:9100, job=checkout", "cluster=eu-1, instance=web-2:9100, job=checkout"
    assert told == [("broke", []), ("still_failing", [first]), ("fixed", [second])]


def test_an_alerts_name_does_not_change_with_its_neighbours():
    alone = said("alertmanager", "firing")
    alone["alerts"] = alone["alerts"][:1]
    alone["commonLabels"] = alone["alerts"][0]["labels"]
    assert read("alertmanager", alone).items[0].name == sample("alertmanager", "firing").items[0].name


def test_a_group_that_says_it_is_resolved_fires_while_one_of_its_alerts_does():
    body = said("alertmanager", "some-resolved") | {"status": "resolved"}
    assert read("alertmanager", body).outcome == "failed"


def test_a_resolved_group_is_not_known_to_be_so_where_alerts_were_left_out():
    """With `max_alerts`, the group's status is that of the alerts that were sent."""
    body = said("alertmanager", "resolved") | {"truncatedAlerts": 1}
    result = read("alertmanager", body)
    assert (result.outcome, result.reason) == ("unknown", "1 more alerts were left out by the sender")


def test_the_end_of_a_firing_alert_is_the_year_1_and_none():
    assert sample("alertmanager", "firing").finished_at is None
    assert sample("alertmanager", "resolved").duration_ms == 30 * 60 * 1000


@pytest.mark.parametrize(
    ("label", "severity"),
    [("critical", "critical"), ("page", "critical"), ("error", "high"), ("Warning", "medium"), ("P7", None)],
)
def test_the_label_severity_is_whatever_people_write(label, severity):
    body = said("alertmanager", "firing")
    for alert in body["alerts"]:
        alert["labels"]["severity"] = label
    assert read("alertmanager", body).severity == severity


def test_a_group_is_as_severe_as_the_worst_that_fires_and_not_at_all_when_resolved():
    assert sample("alertmanager", "truncated").severity == "critical"
    assert sample("alertmanager", "resolved").severity is None


def test_an_unchanged_group_that_comes_again_is_the_same_bytes_and_counts_again_after_ten_minutes():
    vendor, body = vendors.load("alertmanager"), vendors.samples("alertmanager")["firing"]
    assert vendor.dated == ()
    assert len({dedupe_key(body, "room", vendor.dedupe, vendor.dated, None) for _ in range(2)}) == 1
