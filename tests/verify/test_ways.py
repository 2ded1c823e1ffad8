"""How others sign: their documented examples and their own libraries, and our engine that must take just those."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from functools import cache

import pytest
import standardwebhooks
import stripe
import svix
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from bridge.clock import MINUTE, SECOND
from bridge.errors import Reason, Refused
from bridge.model import Received
from bridge.verify import KeyValue, Scheme, Verifier, matcher, sign, sign_request, verify
from tests.verify.schemes import BODY, NOW, received, secrets_of

T = NOW // SECOND
URL = "https://hooks.example.com/hooks/qa"

GITHUB = Scheme(header="X-Hub-Signature-256", prefix="sha256=")
SLACK = Scheme(
    header="X-Slack-Signature",
    prefix="v0=",
    timestamp="header:X-Slack-Request-Timestamp",
    message=("literal:v0:", "timestamp", "literal::", "body"),
)
STANDARD = Scheme(
    header=("webhook-signature", "svix-signature"),
    format="space_list",
    prefix="v1,",
    encoding="base64",
    key="whsec",
    timestamp="header:webhook-timestamp|svix-timestamp",
    message=("header:webhook-id|svix-id", "literal:.", "timestamp", "literal:.", "body"),
)
STRIPE = Scheme(header="Stripe-Signature", format="kv", message=("timestamp", "literal:.", "body"))
MAILGUN = Scheme(
    json_field="signature.signature",
    timestamp="json:signature.timestamp",
    message=("timestamp", "json:signature.token"),
)
DISCORD = Scheme(
    header="X-Signature-Ed25519",
    algorithm="ed25519",
    key="hex",
    timestamp="header:X-Signature-Timestamp",
    message=("timestamp", "body"),
)
SENDGRID = Scheme(
    header="X-Twilio-Email-Event-Webhook-Signature",
    algorithm="ecdsa-p256",
    key="base64",
    encoding="base64",
    timestamp="header:X-Twilio-Email-Event-Webhook-Timestamp",
    message=("timestamp", "body"),
)
BOX = Scheme(
    header=("box-signature-primary", "box-signature-secondary"),
    encoding="base64",
    timestamp="header:box-delivery-timestamp",
    timestamp_format="iso",
    tolerance=10 * MINUTE,
    message=("body", "timestamp"),
)
TOKEN = Scheme(header="X-Gitlab-Token", algorithm="token")
BEARER = Scheme(header="Authorization", algorithm="token", prefix="Bearer ")
BASIC = Scheme(algorithm="basic")
IN_THE_URL = Scheme(query="token", algorithm="token")
WAYS = {
    "github": GITHUB,
    "slack": SLACK,
    "standard webhooks": STANDARD,
    "stripe": STRIPE,
    "mailgun": MAILGUN,
    "discord": DISCORD,
    "sendgrid": SENDGRID,
    "box": BOX,
    "gitlab": TOKEN,
    "bearer": BEARER,
    "basic": BASIC,
    "docker hub": IN_THE_URL,
    "vercel": Scheme(header="x-vercel-signature", algorithm="sha1"),
    "shopify": Scheme(header="X-Shopify-Hmac-Sha256", encoding="base64"),
    "sha-512, base64url": Scheme(header="X-Sig", algorithm="sha512", encoding="base64url", key="base64"),
    "a key in hex": Scheme(header="X-Sig", key="hex"),
    "linear": Scheme(
        header="Linear-Signature", timestamp="json:webhookTimestamp", timestamp_format="ms", tolerance=MINUTE
    ),
    "hubspot": Scheme(
        header="X-HubSpot-Signature-v3",
        encoding="base64",
        timestamp="header:X-HubSpot-Request-Timestamp",
        timestamp_format="ms",
        message=("method", "url", "body", "timestamp"),
    ),
    "paddle": Scheme(
        header="Paddle-Signature",
        format="kv",
        kv=KeyValue(delimiter=";", signature="h1", timestamp="ts"),
        message=("timestamp", "literal::", "body"),
    ),
    "pagerduty": Scheme(header="X-PagerDuty-Signature", format="comma_list", prefix="v1="),
    "trello": Scheme(header="x-trello-webhook", algorithm="sha1", encoding="base64", message=("body", "url")),
    "browser use": Scheme(
        header="X-Browser-Use-Signature",
        timestamp="header:X-Browser-Use-Timestamp",
        message=("timestamp", "literal:.", "body"),
        body_form=("json_sorted",),
    ),
}
every_way = pytest.mark.parametrize("scheme", WAYS.values(), ids=WAYS)


def arriving(body: bytes, headers: dict[str, str], url: str = URL) -> Received:
    wire = tuple((name.lower(), value) for name, value in headers.items())
    return Received("qa", "POST", url, wire, body, NOW)


@cache  # ECDSA never signs the same way twice
def genuine(scheme: Scheme, body: bytes = BODY, now: int = NOW) -> tuple[Received, str]:
    signing, proving = secrets_of(scheme)
    signed = sign_request(scheme, signing, body, now, url=URL)
    return arriving(signed.body, dict(signed.headers), signed.url), proving


def refusal(received: Received, scheme: Scheme, secret: str, now: int = NOW) -> Reason:
    with pytest.raises(Refused) as caught:
        verify(received, scheme, [secret], now)
    return caught.value.reason


# ------------------------------------------------------------------------------------ documented examples


def test_githubs_documented_example():
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    received = arriving(b"Hello, World!", {"X-Hub-Signature-256": signature})
    assert verify(received, GITHUB, ["It's a Secret to Everybody"], NOW).verification.verified


def test_slacks_documented_example():
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
        b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secret, now = "8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618 * SECOND
    assert verify(arriving(body, headers), SLACK, [secret], now).verification.verified
    assert refusal(arriving(body, headers), SLACK, secret, now + 301 * SECOND) == Reason.TOO_OLD


def test_standard_webhooks_documented_example():
    """https://github.com/standard-webhooks/standard-webhooks, and Svix's manual verification page"""
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret, now = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1_614_265_330 * SECOND
    proof = verify(arriving(b'{"test": 2432232314}', headers), STANDARD, [secret], now)
    assert proof.headers == {"svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek"}


# ------------------------------------------------------------------------------------ their libraries

WHSEC = "whsec_dGVzdC1rZXktMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="


@given(body=st.text(max_size=100))
def test_what_standardwebhooks_signs_is_let_in(body):
    when = datetime.fromtimestamp(T, UTC)
    signature = standardwebhooks.Webhook(WHSEC).sign("msg_1", when, body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(T), "webhook-signature": f"v1a,zzz {signature}"}
    assert verify(arriving(body.encode(), headers), STANDARD, [WHSEC], NOW).covered == body.encode()


def test_what_svix_signs_is_let_in():
    signature = svix.Webhook(WHSEC).sign("msg_1", datetime.fromtimestamp(T, UTC), BODY.decode())
    headers = {"svix-id": "msg_1", "svix-timestamp": str(T), "svix-signature": signature}
    assert verify(arriving(BODY, headers), STANDARD, [WHSEC], NOW).headers == {"svix-id": "msg_1"}


def test_what_we_sign_stripes_library_takes_and_the_other_way_round():
    header = sign(STRIPE, "whsec_x", BODY, NOW)["Stripe-Signature"]
    assert stripe.WebhookSignature.verify_header(BODY.decode(), header, "whsec_x")
    mac = stripe.WebhookSignature._compute_signature(f"{T}.{BODY.decode()}", "whsec_x")
    received = arriving(BODY, {"Stripe-Signature": f"t={T},v0=junk,v1={'0' * 64},v1={mac}"})
    assert verify(received, STRIPE, ["whsec_x"], NOW).verification.verified


def test_what_slacks_library_signs_is_let_in():
    signature = SignatureVerifier("topsecret").generate_signature(timestamp=str(T), body=BODY) or ""
    headers = {"X-Slack-Signature": signature, "X-Slack-Request-Timestamp": str(T)}
    assert verify(arriving(BODY, headers), SLACK, ["topsecret"], NOW).verification.verified


def test_what_discord_signs_is_let_in():
    private = Ed25519PrivateKey.generate()
    headers = {"X-Signature-Ed25519": private.sign(b"1714867200" + BODY).hex(), "X-Signature-Timestamp": "1714867200"}
    public = private.public_key().public_bytes_raw().hex()
    assert verify(arriving(BODY, headers), DISCORD, [public], NOW).verification.scheme == "ed25519"


def test_what_browser_use_documents_is_let_in_however_the_body_is_written():
    """https://docs.browser-use.com/cloud/guides/webhooks"""
    payload = {"type": "agent.task.status_update", "timestamp": "2025-01-15T10:30:00Z", "payload": {"b": 1, "a": "é"}}
    message = f"{T}.{json.dumps(payload, separators=(',', ':'), sort_keys=True)}"
    mac = hmac.new(b"topsecret", message.encode(), hashlib.sha256).hexdigest()
    headers = {"X-Browser-Use-Signature": mac, "X-Browser-Use-Timestamp": str(T)}
    for body in (json.dumps(payload, indent=2), json.dumps(payload, ensure_ascii=False)):
        assert verify(arriving(body.encode(), headers), WAYS["browser use"], ["topsecret"], NOW).verification.verified


# ------------------------------------------------------------------------------------ every way


@every_way
def test_what_is_signed_is_let_in_and_another_secret_is_refused(scheme):
    received, secret = genuine(scheme)
    assert verify(received, scheme, [secret], NOW).verification.scheme == scheme.name
    other = secrets_of(scheme, number=2)[1]
    assert refusal(received, scheme, other) == Reason.NO_KEY_MATCHED
    assert verify(received, scheme, [other, secret], NOW).verification.secret == 2


@every_way
def test_without_its_signature_a_hook_is_refused(scheme):
    received, secret = genuine(scheme)
    bare = arriving(BODY, {})
    assert refusal(bare, scheme, secret) == Reason.MISSING_HEADER
    for name, value in received.headers:
        twice = Received("qa", "POST", received.url, (*received.headers, (name, value)), received.body, NOW)
        if scheme.format == "plain" or name not in scheme.headers:
            assert refusal(twice, scheme, secret) == Reason.MALFORMED


@every_way
@given(data=st.data())
def test_one_byte_changed_in_what_is_signed_is_refused(scheme, data):
    received, secret = genuine(scheme)
    if scheme.covers_body and scheme.algorithm not in ("token", "basic"):
        at = data.draw(st.integers(0, len(received.body) - 1))
        body = (
            received.body[:at] + bytes([received.body[at] ^ data.draw(st.integers(1, 255))]) + received.body[at + 1 :]
        )
        with pytest.raises(Refused):
            verify(arriving(body, dict(received.headers), received.url), scheme, [secret], NOW)
    for name, value in received.headers:
        at = data.draw(st.integers(0, len(value) - 1))
        changed = value[:at] + data.draw(st.sampled_from("0aZ=,; é")) + value[at + 1 :]
        if not same(scheme, name, value, changed):
            with pytest.raises(Refused):
                verify(
                    arriving(received.body, dict(received.headers) | {name: changed}, received.url),
                    scheme,
                    [secret],
                    NOW,
                )


def same(scheme: Scheme, name: str, value: str, changed: str) -> bool:
    """Whether the change is none: case of hex digits and of the words Bearer and Basic, blanks around, unused bits."""
    if changed.strip(" \t").lower() == value.lower():
        return scheme.encoding == "hex" or scheme.algorithm in ("token", "basic") or changed.strip(" \t") == value
    if scheme.encoding != "hex" or scheme.algorithm == "basic":
        prefix = "Basic " if scheme.algorithm == "basic" else scheme.prefix
        ours, theirs = (text.removeprefix(prefix).strip(" \t") for text in (value, changed))
        try:
            return base64.urlsafe_b64decode(ours) == base64.b64decode(theirs, altchars="-_", validate=True)
        except ValueError:
            return False
    return False


@every_way
@given(value=st.text(st.characters(max_codepoint=255), max_size=200), body=st.binary(max_size=100), query=st.text())
def test_whatever_stands_there_the_answer_is_a_refusal(scheme, value, body, query):
    names = [*scheme.headers, *scheme.kept_headers]
    secret = secrets_of(scheme)[1]
    with pytest.raises(Refused):
        verify(arriving(body, dict.fromkeys(names, value), f"{URL}?token={query}"), scheme, [secret], NOW)


@pytest.mark.parametrize(
    "name", ["slack", "stripe", "mailgun", "box", "linear", "hubspot", "discord", "sendgrid", "browser use"]
)
@pytest.mark.parametrize("direction", [-1, 1])
def test_a_signed_time_counts_within_the_tolerance_in_both_directions(name, direction):
    scheme = WAYS[name]
    received, secret = genuine(scheme)
    now = NOW + direction * scheme.tolerance
    assert verify(received, scheme, [secret], now).verification.verified
    late = Reason.TOO_OLD if direction == 1 else Reason.IN_THE_FUTURE
    assert refusal(received, scheme, secret, now + direction) == late


@pytest.mark.parametrize(("name", "time"), [
    ("slack", "1714867200.0"), ("slack", ""), ("slack", "²"), ("slack", "9" * 21),
    ("box", "2024-05-05"), ("box", "2024-05-05T00:00:00"), ("box", "2024-13-05T00:00:00Z"), ("box", "1714867200"),
    ("box", "0001-01-01T00:00:00+23:59"),
])  # fmt: skip
def test_a_time_that_is_none_is_malformed(name, time):
    scheme = WAYS[name]
    received, secret = genuine(scheme)
    header = next(iter(scheme.kept_headers - set(scheme.headers)))
    assert refusal(arriving(received.body, dict(received.headers) | {header: time}), scheme, secret) in (
        Reason.MALFORMED,
        Reason.NO_KEY_MATCHED,
    )


@pytest.mark.parametrize(
    "text", ["2024-05-05T00:00:00Z", "2024-05-05T02:00:00+02:00", "2024-05-05T00:00:00.123456789Z"]
)
def test_an_iso_time_may_have_a_zone_and_nanoseconds(text):
    mac = base64.b64encode(hmac.digest(b"topsecret", BODY + text.encode(), "sha256")).decode()
    headers = {"box-delivery-timestamp": text, "box-signature-secondary": mac}
    assert verify(arriving(BODY, headers), BOX, ["topsecret"], NOW).verification.verified


# ------------------------------------------------------------------------------------ what is not signed


def test_of_a_body_that_is_not_signed_only_the_signed_fields_are_believed():
    body = b'{"signature":{"timestamp":"1714867200","token":"t1","signature":"","x":1},"event-data":{"id":"e1"}}'
    received, secret = genuine(MAILGUN, body)
    proof = verify(received, MAILGUN, [secret], NOW)
    assert json.loads(proof.covered) == {"signature": {"timestamp": "1714867200", "token": "t1"}}
    assert proof.verification.scheme == "hmac-sha256-without-body"


def test_a_shown_secret_is_compared_whole_and_kept_by_nobody():
    for scheme, header in ((TOKEN, "x-gitlab-token"), (BEARER, "authorization"), (BASIC, "authorization")):
        assert header not in scheme.kept_headers
        received, secret = genuine(scheme)
        for value in (received.headers[0][1][:-1], received.headers[0][1] + "x", ""):
            assert refusal(arriving(BODY, {header: value}), scheme, secret) in (Reason.NO_KEY_MATCHED, Reason.MALFORMED)


@pytest.mark.parametrize("value", ["bearer s3cret", "BEARER s3cret"])
def test_the_word_before_a_token_has_no_case(value):
    assert verify(arriving(BODY, {"Authorization": value}), BEARER, ["s3cret"], NOW).verification.scheme == "token"


def test_a_body_too_large_to_parse_before_anything_is_proved_is_malformed():
    body = b'{"signature":{},"x":"' + b"x" * (256 << 10) + b'"}'
    assert refusal(arriving(body, {}), MAILGUN, "topsecret") == Reason.MALFORMED


@pytest.mark.parametrize(("scheme", "secret", "says"), [
    (DISCORD, "00" * 31, "no public key of Ed25519"),
    (DISCORD, "topsecret", "not one of the form 'hex'"),
    (SENDGRID, "AAAA", "no public key of ECDSA"),
    (SENDGRID, secrets_of(DISCORD)[1], "no public key of ECDSA"),
    (BASIC, "no-colon", "user:password"),
    (WAYS["a key in hex"], "xyz", "not one of the form 'hex'"),
])  # fmt: skip
def test_a_secret_that_is_no_key_says_what_it_should_be(scheme, secret, says):
    with pytest.raises(ValueError, match=says) as caught:
        matcher(scheme, secret)
    assert secret not in str(caught.value)
    assert refusal(genuine(scheme)[0], scheme, secret) == Reason.NO_KEY_MATCHED


def test_a_verifier_is_made_once_and_asked_often():
    received, secret = genuine(STRIPE)
    verifier = Verifier(STRIPE, [secret])
    assert [verifier.prove(received, NOW).verification.secret for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("encoding", ["base64", "base64url"])
def test_a_signature_has_one_spelling_so_bits_to_spare_in_its_last_character_are_zero(encoding):
    scheme = Scheme(header="X-Sig", encoding=encoding)
    value = sign(scheme, "topsecret", BODY, NOW)["X-Sig"]
    spelt_otherwise = value[:-2] + chr(ord(value[-2]) + 1) + "="
    assert base64.urlsafe_b64decode(value) == base64.urlsafe_b64decode(spelt_otherwise)
    verify(received(BODY, ("X-Sig", value)), scheme, ["topsecret"], NOW)
    with pytest.raises(Refused):
        verify(received(BODY, ("X-Sig", spelt_otherwise)), scheme, ["topsecret"], NOW)
