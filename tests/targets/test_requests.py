"""The requests in `requests.yaml` are still made so, and the libraries of both standards take them."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
import yaml
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook

from bridge import clock
from tests.render.test_goldens import AGAIN
from tests.targets import requests
from tests.targets.making import MESSAGE_ID, NOW

MADE = {name: (keys, out) for name, keys, out in requests.requests()}
STRUCTURED = "application/cloudevents+json; charset=utf-8"


def test_the_requests_are_those_that_were_reviewed():
    reviewed = yaml.load(requests.FILE.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    made = requests.shown()
    assert list(made) == list(reviewed), AGAIN
    for name, request in made.items():
        assert request == reviewed[name], f"{name}: {AGAIN}"


def events(name):
    """The events of a request, as the CloudEvents library reads them."""
    out = MADE[name][1]
    if "batch" in out.headers["Content-Type"]:
        for one in json.loads(out.body):
            yield from_http_event(HTTPMessage({"content-type": STRUCTURED}, json.dumps(one).encode()))
    else:
        yield from_http_event(HTTPMessage(dict(out.headers), out.body))


@pytest.mark.parametrize("name", [name for name in MADE if name.startswith("cloudevents")])
def test_the_cloudevents_library_reads_every_event(name):
    read = list(events(name))
    expected = requests.results()[: len(read)]
    assert [event.get_id() for event in read] == [result["id"] for result in expected]
    assert [event.get_subject() for event in read] == [result["subject_key"] for result in expected]
    assert [event.get_data()["title"] for event in read] == [result["title"] for result in expected]
    assert len(read) == requests.REQUESTS[name][1]


@pytest.mark.parametrize("name", [name for name, (keys, _) in MADE.items() if "signing_secret" in keys])
def test_the_standard_webhooks_library_makes_the_same_signatures(name):
    keys, out = MADE[name]
    secrets = keys["signing_secret"] if isinstance(keys["signing_secret"], list) else [keys["signing_secret"]]
    at = datetime.fromtimestamp(NOW // clock.SECOND, UTC)
    theirs = [Webhook(secret).sign(MESSAGE_ID, at, out.body.decode()) for secret in secrets]
    assert out.headers["webhook-signature"].split() == theirs
    assert out.headers["webhook-id"] == MESSAGE_ID
    assert out.headers["webhook-timestamp"] == str(NOW // clock.SECOND)


def test_what_is_private_is_there_only_where_it_was_asked_for():
    for name, (keys, out) in MADE.items():
        assert ('"payload"' in out.body.decode()) is ("include" in keys), name


def test_a_form_says_every_value_whole():
    out = MADE["template, form-encoded and signed"][1]
    (result, _) = requests.results()
    said = parse_qs(out.body.decode(), strict_parsing=True)
    assert said["title"] == [result["title"]]
    assert said["url"] == [result["url"]]
    assert said["text"][0].startswith("❌ ")


def test_no_request_fell_back():
    assert [name for name, (_, out) in MADE.items() if out.falls] == []
