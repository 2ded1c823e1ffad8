"""What is answered to who asks before it posts, and that no answer is more than an echo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.vendors import load
from bridge.verify.handshake import Handshake, Ping, greet, pong

ALL = Handshake(head=True, echo_query="challenge", webhook_origin=True)


@pytest.mark.parametrize(("vendor", "method", "query", "headers", "said"), [
    ("trello", "HEAD", "", {}, (200, "", ())),
    ("dropbox", "GET", "challenge=abc-DEF_123", {}, (200, "abc-DEF_123", ())),
    ("cloudevents", "OPTIONS", "", {"webhook-request-origin": "eventemitter.example.com"},
     (200, "", ((b"allow", b"POST"), (b"webhook-allowed-origin", b"eventemitter.example.com")))),
    ("cloudevents", "OPTIONS", "", {"webhook-request-origin": "a.example", "webhook-request-rate": "120"},
     (200, "", ((b"allow", b"POST"), (b"webhook-allowed-origin", b"a.example"), (b"webhook-allowed-rate", b"*")))),
    ("trello", "GET", "challenge=abc", {}, None),
    ("dropbox", "HEAD", "", {}, None),
    ("dropbox", "GET", "", {}, None),
    ("cloudevents", "OPTIONS", "", {}, None),
    ("cloudevents", "GET", "challenge=abc", {}, None),
])  # fmt: skip
def test_each_vendor_gets_the_answer_that_it_documents_and_no_other(vendor, method, query, headers, said):
    handshake = load(vendor).handshake
    assert handshake is not None
    assert greet(handshake, method, query, headers) == said


@pytest.mark.parametrize("challenge", [
    "<script>", "a b", "%3Cscript%3E", "a%0D%0ASet-Cookie:x", "v0:123:{}", "é", "", "a" * 257, "abc&challenge=def",
])  # fmt: skip
def test_a_challenge_that_is_no_plain_word_is_not_echoed(challenge):
    assert greet(ALL, "GET", f"challenge={challenge}", {}) is None


@given(query=st.text(), origin=st.text(), method=st.sampled_from(["GET", "HEAD", "OPTIONS", "PUT"]))
def test_no_answer_could_be_markup_or_end_a_header(query, origin, method):
    said = greet(ALL, method, f"challenge={query}", {"webhook-request-origin": origin})
    if said is not None:
        assert isinstance(said.body, str)
        assert not set(said.body) & set("<>&\"' \r\n:;{}")
        assert all(b"\n" not in value and b"\r" not in value for _, value in said.headers)


@pytest.mark.parametrize(("vendor", "body", "said"), [
    ("slack", b'{"token":"x","challenge":"3eZbrw1aBm2rZ","type":"url_verification"}', (200, "3eZbrw1aBm2rZ")),
    ("slack", b'{"type":"event_callback","event":{"type":"message","bot_id":"B1","text":"by a bot"}}', (200, "")),
    ("slack", b'{"type":"event_callback","event":{"type":"message","text":"by a person"}}', None),
    ("slack", b'{"challenge":"<b>","type":"url_verification"}', None),
    ("slack", b'{"challenge":["x"],"type":"url_verification"}', None),
    ("slack", b"not json", None),
    ("slack", b"[]", None),
    ("discord", b'{"version":1,"application_id":"1","type":0}', (204, "")),
    ("discord", b'{"id":"1","application_id":"1","token":"t","type":1,"version":1}', (200, {"type": 1})),
    ("discord", b'{"version":1,"application_id":"1","type":1,"event":{"type":"ENTITLEMENT_CREATE"}}', None),
    ("discord", b'{"type":true}', None),
])  # fmt: skip
def test_a_ping_is_answered_and_an_event_is_not(vendor, body, said):
    handshake = load(vendor).handshake
    assert handshake is not None
    answer = pong(handshake, body, {})
    assert (answer and (answer.status, answer.body)) == said


def test_a_ping_may_be_known_by_a_header():
    twitch = Handshake(pings=(Ping(when={"header:X-Type": "verification"}, echo="challenge"),))
    assert pong(twitch, b'{"challenge":"abc"}', {"x-type": "verification"}) == (200, "abc", ())
    assert pong(twitch, b'{"challenge":"abc"}', {"x-type": "notification"}) is None


@given(body=st.binary(max_size=200))
def test_whatever_the_body_nothing_is_raised(body):
    for vendor in ("slack", "discord"):
        handshake = load(vendor).handshake
        assert handshake is not None
        pong(handshake, body, {})


def test_a_large_body_is_an_event_and_not_looked_into():
    body = b'{"type":0,"x":"' + b"x" * (256 << 10) + b'"}'
    assert pong(load("discord").handshake or Handshake(), body, {}) is None
