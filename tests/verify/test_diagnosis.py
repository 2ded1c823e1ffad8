"""What is wrong with a hook that was refused: each mistake is recognized by a trial that verifies."""

import base64
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import clock
from bridge.model import Received
from bridge.verify import Door, Scheme, diagnose, doubts, sign
from bridge.verify.diagnosis import ALGORITHMS, KEYS
from tests.verify.schemes import BODY, NOW, SECRET, received

RAW = base64.b64encode(b"thirty-two bytes of a secret key").decode()
PLAIN = Scheme(header="x-acme-signature", prefix="sha256=")
PAIRS = Scheme(header="acme-signature", format="kv", message=("timestamp", "literal:.", "body"))
STANDARD = Scheme(
    header="webhook-signature",
    format="space_list",
    prefix="v1,",
    encoding="base64",
    key="whsec",
    timestamp="header:webhook-timestamp",
    message=("header:webhook-id", "literal:.", "timestamp", "literal:.", "body"),
)
TOKEN = Scheme(header="x-acme-token", algorithm="token")
SCHEMES = [PLAIN, PAIRS, STANDARD]


def sent(scheme, secret, body=BODY, now=NOW, arriving=None):
    """A hook signed over `body` that arrives with another one."""
    headers = sign(scheme, secret, body, now)
    return received(body if arriving is None else arriving, *headers.items())


def found(hook, scheme=PLAIN, secrets=(SECRET,), now=NOW, **known):
    """The first finding, which shows neither secret nor signature."""
    first = diagnose(hook, scheme, secrets, now, **known)[0]
    said = first.what + first.advice
    assert not any(secret in said for secret in secrets if len(secret) > 3)
    return first


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_genuine_hook_has_nothing_wrong(scheme):
    assert diagnose(sent(scheme, RAW), scheme, [RAW], NOW) == []


@pytest.mark.parametrize("scheme", [PLAIN, PAIRS])
@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("hunter2x\n", "hunter2x", "a blank or a newline too many"),
        ('"hunter2x"', "hunter2x", "in quotes"),
        ("hunter2x", "hunter2x\n", "ends in a newline"),
        ("hunter2x", "whsec_hunter2x", "begins with whsec_"),
        ("whsec_hunter2x", "hunter2x", "no whsec_ in front"),
        ("HUNTER2X", "hunter2x", "lower case"),
    ],
)
def test_a_secret_that_is_nearly_right_is_recognized(scheme, ours, theirs, said):
    first = found(sent(scheme, theirs), scheme, [ours])
    assert said in first.what
    assert first.certain


@pytest.mark.parametrize("key", [key for key in KEYS if key not in ("utf8", "hex")])
def test_a_secret_that_stands_for_another_key_is_recognized(key):
    secret = f"whsec_{RAW}" if key == "whsec" else RAW
    first = found(sent(PLAIN.model_copy(update={"key": key}), secret), PLAIN, [secret])
    assert f"key: {key}" in first.advice
    assert first.certain


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256=", "sha1=", "v1="])
def test_a_signature_of_another_form_is_recognized(algorithm, encoding, prefix):
    theirs = Scheme(header="x-acme-signature", prefix=prefix, algorithm=algorithm, encoding=encoding)
    findings = diagnose(sent(theirs, SECRET), PLAIN, [SECRET], NOW)
    ours = theirs == PLAIN
    assert [one.what for one in findings] == ([] if ours else ["The signature is written in another form."])


DOCUMENT = {"b": 1, "a": ["x/y", "ü"], "n": 1.5}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("signed", "arriving", "said"),
    [
        (json.dumps(DOCUMENT).encode(), json.dumps(DOCUMENT, indent=2).encode(), "a blank after each comma"),
        (json.dumps(DOCUMENT, separators=(",", ":")).encode(), json.dumps(DOCUMENT).encode(), "without blanks"),
        (json.dumps(DOCUMENT, sort_keys=True, indent=4).encode(), json.dumps(DOCUMENT).encode(), "its keys sorted"),
        (b'{"a":"x\\/y"}', b'{"a": "x/y"}', "as PHP does"),
        (b'{"a":1}', b'{"a":1.0}', "as JavaScript writes it"),
        (BODY, BODY + b"\n", "without the newline"),
        (BODY + b"\n", BODY, "with a newline"),
        (b"a\nb", b"a\r\nb", "LF where CRLF came"),
        (b"a\r\nb", b"a\nb", "CRLF where LF came"),
        (BODY, b"\xef\xbb\xbf" + BODY, "without the byte order mark"),
        ("ü".encode("latin-1"), "ü".encode(), "in Latin-1"),
        (BODY, gzip.compress(BODY, mtime=0), "before it was compressed"),
    ],
)
def test_a_body_that_was_written_anew_is_recognized(scheme, signed, arriving, said):
    first = found(sent(scheme, RAW, signed, arriving=arriving), scheme, [RAW])
    assert said in first.what
    assert first.certain


def test_two_mistakes_at_once_are_recognized():
    first = found(sent(PLAIN, "secret", BODY, arriving=BODY + b"\n"), PLAIN, ["secret\n"])
    assert "newline too many" in first.what
    assert "without the newline" in first.what


@pytest.mark.parametrize("scheme", [PAIRS, STANDARD])
@pytest.mark.parametrize(("off", "said"), [(7200, "7200 s before"), (-400, "400 s after")])
def test_a_clock_that_is_wrong_is_said_in_seconds(scheme, off, said):
    first = found(sent(scheme, RAW, now=NOW - off * clock.SECOND), scheme, [RAW])
    assert said in first.what
    assert first.certain


def test_a_time_in_milliseconds_is_recognized():
    theirs = STANDARD.model_copy(update={"timestamp_format": "ms"})
    assert "milliseconds" in found(sent(theirs, RAW), STANDARD, [RAW]).what


def test_a_hook_of_another_source_is_recognized():
    others = [Door("nightly", PAIRS, ["other"]), Door("builds", PLAIN, ["another", "the-right-one"])]
    assert "'builds'" in found(sent(PLAIN, "the-right-one"), sources=others).what


def test_a_hook_with_another_sources_secret_is_recognized_whatever_that_sources_vendor():
    first = found(sent(PLAIN, "theirs"), sources=[Door("nightly", PAIRS, ["theirs"]), Door("std", STANDARD, ["odd"])])
    assert "with the secret of the source 'nightly'" in first.what
    assert first.certain


def test_a_hook_of_another_vendor_with_another_sources_secret_is_recognized():
    known = {"vendors": [Door("acme", PAIRS)], "sources": [Door("nightly", TOKEN, ["theirs"])]}
    first = found(sent(PAIRS, "theirs"), **known)
    assert "as acme signs, with the secret of the source 'nightly'" in first.what


T_BODY = ("timestamp", "literal:.", "body")
CLOCKED = Scheme(header="x-acme-signature", timestamp="header:x-acme-timestamp", message=T_BODY)
CHAINED = ("header:webhook-id", "literal:.", *T_BODY)


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        (PAIRS, Scheme(header="acme-signature"), 'format: "kv", message: ["timestamp", "literal:.", "body"]'),
        (PAIRS.model_copy(update={"message": ("timestamp", "body")}), PAIRS, 'message: ["timestamp", "body"]'),
        (
            PAIRS.model_copy(update={"message": ("body",)}),
            PAIRS,
            'format: "comma_list", prefix: "v1=", message: ["body"]',
        ),
        (CLOCKED, Scheme(header="x-acme-signature"), 'timestamp: "header:x-acme-timestamp"'),
        (CLOCKED.model_copy(update={"message": ("body",)}), CLOCKED, 'timestamp: null, message: ["body"]'),
        (
            CLOCKED.model_copy(update={"message": ("literal:v0:", "timestamp", "literal::", "body")}),
            CLOCKED,
            'message: ["literal:v0:", "timestamp", "literal::", "body"]',
        ),
        (CLOCKED.model_copy(update={"message": ("body", "timestamp")}), CLOCKED, 'message: ["body", "timestamp"]'),
        (STANDARD, STANDARD.model_copy(update={"message": T_BODY}), f"message: {json.dumps(CHAINED)}"),
        (STANDARD, STANDARD.model_copy(update={"message": ("timestamp", "body")}), f"message: {json.dumps(CHAINED)}"),
        (
            Scheme(header="x-sig", message=("body", "url")),
            Scheme(header="x-sig"),
            'message: ["body", "url"]',
        ),
    ],
)
def test_parts_that_are_put_together_otherwise_are_recognized(theirs, ours, said):
    url = "https://hooks.example.com/hooks/qa"
    headers = sign(theirs, f"whsec_{RAW}", BODY, NOW, url=url, headers={"webhook-id": "msg_1"})
    first = found(received(BODY, *({"webhook-id": "msg_1"} | headers).items()), ours, [f"whsec_{RAW}"])
    assert said in first.advice
    assert first.certain


def test_another_layout_and_another_form_at_once_are_recognized():
    theirs = CLOCKED.model_copy(update={"prefix": "v0=", "encoding": "base64"})
    first = found(sent(theirs, SECRET), Scheme(header="x-acme-signature"))
    assert 'timestamp: "header:x-acme-timestamp"' in first.advice
    assert 'prefix: "v0=", encoding: "base64"' in first.advice


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        ("http://hooks.example.com/hooks/qa", "another scheme"),
        ("https://hooks.example.com/hooks/qa/", "a slash at its end"),
        ("https://hooks.example.com:443/hooks/qa", "the port 443"),
    ],
)
def test_an_address_that_the_sender_spells_otherwise_is_recognized(signed, said):
    scheme = Scheme(header="x-sig", message=("body", "url"))
    assert said in found(received(BODY, *sign(scheme, SECRET, BODY, NOW, url=signed).items()), scheme).what


def test_where_the_url_is_signed_the_best_guess_names_it():
    scheme = Scheme(header="x-sig", message=("body", "url"))
    assert "public_url" in found(sent(scheme, "another"), scheme).advice


@pytest.mark.parametrize(
    ("secret", "said"), [(SECRET, "vendor: acme"), ("another", "Is the source's vendor the right")]
)
def test_another_vendors_header_is_recognized(secret, said):
    assert said in found(sent(PAIRS, secret), vendors=[Door("acme", PAIRS)]).advice


def test_a_signature_in_another_header_is_recognized():
    other = Scheme(header="x-relay-signature", prefix="sha256=")
    assert "header: x-relay-signature" in found(sent(other, SECRET)).advice


def test_a_hook_without_any_signature_is_told_as_such():
    first = found(received(BODY))
    assert "has no header x-acme-signature" in first.what
    assert "Does the sender know the secret?" in first.advice
    assert not first.certain


@pytest.mark.parametrize("scheme", [*SCHEMES, TOKEN])
def test_a_secret_that_is_nothing_alike_is_the_best_guess(scheme):
    first = found(sent(scheme, base64.b64encode(b"something else entirely").decode()), scheme, [RAW])
    assert "secret" in first.what + first.advice
    assert not first.certain or scheme is TOKEN


def test_a_token_that_is_nearly_right_is_recognized():
    assert "newline too many" in found(sent(TOKEN, "token"), TOKEN, ["token\n"]).what
    bearer = Scheme(header="x-acme-token", algorithm="token", prefix="Bearer ")
    assert 'prefix: "Bearer "' in found(sent(bearer, "token"), TOKEN, ["token"]).advice


def test_a_token_that_was_masked_is_told_by_its_length():
    hook = received(BODY, ("x-acme-token", "<21 base64>"))
    assert "has 21 characters, the secret has 9" in found(hook, TOKEN, ["topsecret"]).what


@pytest.mark.parametrize(
    ("scheme", "secret", "said"),
    [
        (PLAIN, "secret ", "a blank or a newline"),
        (PLAIN, "'secret'", "in quotes"),
        (PLAIN, "$SECRET", "name of a variable"),
        (STANDARD, RAW, "whsec_"),
    ],
)
def test_a_doubtful_secret_is_doubted_before_anything_comes(scheme, secret, said):
    assert any(said in doubt for doubt in doubts(scheme, secret))
    assert doubts(PLAIN, SECRET) == []


NAMES = st.sampled_from(["x-acme-signature", "acme-signature", "webhook-signature", "x-hub-signature", "authorization"])
VALUES = st.text(alphabet=[chr(n) for n in range(1, 256)], max_size=90) | st.sampled_from(
    ["sha256=" + "0" * 64, "t=1,v1=" + "0" * 64, "v1," + "A" * 43 + "=", "Basic Og=="]
)


@settings(deadline=None)
@given(st.sampled_from([*SCHEMES, TOKEN]), st.lists(st.tuples(NAMES, VALUES), max_size=3), st.binary(max_size=50))
def test_whatever_came_is_diagnosed_and_never_raises(scheme, headers, body):
    hook = Received("qa", "POST", "/hooks/qa", tuple(headers), body, NOW)
    findings = diagnose(hook, scheme, [RAW, ""], NOW, sources=[Door("a", PAIRS, ["b"])], vendors=[Door("c", TOKEN)])
    assert all(one.what and one.advice for one in findings)
