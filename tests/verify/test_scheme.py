"""What a scheme may say, and what it refuses to be."""

import pytest
from pydantic import ValidationError

from bridge.clock import MINUTE, SECOND
from bridge.verify import KeyValue, Scheme, SchemeOverride
from bridge.verify.keys import secret_key
from tests.verify.schemes import JS, OPTIONAL, PAIRS, PREFIXED, SCHEMES

SIGNED_TIME = ["timestamp", "literal:.", "body"]


def test_a_header_is_enough():
    scheme = Scheme(header="X-Acme")
    assert (scheme.name, scheme.headers, scheme.message) == ("hmac-sha256", ("x-acme",), ("body",))
    assert (scheme.prefix, scheme.format, scheme.key, scheme.body_form) == ("", "plain", "utf8", ("raw",))


def test_a_signed_timestamp_counts_five_minutes_unless_said_otherwise():
    assert PAIRS.tolerance == 5 * MINUTE
    assert Scheme.model_validate({"header": "a", "tolerance": "90s"}).tolerance == 90 * SECOND


@pytest.mark.parametrize(("header", "headers"), [
    ("X-Acme", ("x-acme",)),
    (["X-Acme", "X-Other"], ("x-acme", "x-other")),
    (["X-Acme", "x-acme"], ("x-acme",)),
])  # fmt: skip
def test_the_headers_it_reads_are_in_lower_case_each_once(header, headers):
    assert Scheme.model_validate({"header": header}).headers == headers


@pytest.mark.parametrize(("keys", "says"), [
    ({}, "header"),
    ({"header": ""}, "name of an HTTP header"),
    ({"header": "X Acme"}, "name of an HTTP header"),
    ({"header": "X-Acme:"}, "name of an HTTP header"),
    ({"header": "X-Acmé"}, "name of an HTTP header"),
    ({"header": "x\n"}, "name of an HTTP header"),
    ({"header": []}, "at least 1"),
    ({"header": ["a", ""]}, "name of an HTTP header"),
    ({"header": "a", "secret": "x"}, "secret"),
    ({"header": "a", "prefix": "sha 256="}, "printable ASCII"),
    ({"header": "a", "prefix": "é"}, "printable ASCII"),
    ({"header": "a", "prefix_mode": "maybe"}, "required"),
    ({"header": "a", "algorithm": "md5"}, "sha256"),
    ({"header": "a", "algorithm": "none"}, "sha256"),
    ({"header": "a", "encoding": "rot13"}, "hex"),
    ({"header": "a", "format": "jwt"}, "plain"),
    ({"header": "a", "key": "plain"}, "utf8"),
    ({"header": "a", "message": []}, "exactly once"),
    ({"header": "a", "message": ["literal:x"]}, "does not cover the body"),
    ({"header": "a", "message": ["body", "body"]}, "exactly once"),
    ({"header": "a", "message": ["body", "uri"]}, "'uri' is not a part"),
    ({"header": "a", "message": ["timestamp", "body"]}, "only format kv carries"),
    ({"header": "a", "format": "kv"}, "must have 'timestamp'"),
    ({"header": "a", "format": "kv", "message": ["timestamp"]}, "does not cover the body"),
    ({"header": "a", "tolerance": "0s"}, "at least 1s"),
    ({"header": "a", "tolerance": 300}, "with its unit"),
    ({"header": "a", "tolerance": -1}, "at least 1s"),
    ({"header": "a", "tolerance": "five minutes"}, "number with a unit"),
    ({"header": "a", "body_form": []}, "at least one form"),
    ({"header": "a", "body_form": ["raw", "raw"]}, "each once"),
    ({"header": "a", "body_form": ["xml"]}, "raw"),
    ({"header": "a", "kv": {"delimiter": ""}}, "one punctuation character"),
    ({"header": "a", "kv": {"delimiter": "="}}, "one punctuation character"),
    ({"header": "a", "kv": {"delimiter": "a"}}, "one punctuation character"),
    ({"header": "a", "kv": {"delimiter": ",,"}}, "one punctuation character"),
    ({"header": "a", "kv": {"signature": ""}}, "letters, digits"),
    ({"header": "a", "kv": {"timestamp": "t="}}, "letters, digits"),
    ({"header": "a", "kv": {"signature": "x", "timestamp": "x"}}, "different keys"),
])  # fmt: skip
def test_a_scheme_that_cannot_work_is_an_error(keys, says):
    with pytest.raises(ValidationError, match=says):
        Scheme.model_validate(keys)


@pytest.mark.parametrize("delimiter", list(",;.&| :/"))
def test_a_delimiter_is_one_character_that_stands_in_no_value(delimiter):
    assert KeyValue(delimiter=delimiter).delimiter == delimiter


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_an_empty_override_changes_nothing(scheme):
    assert scheme.with_(SchemeOverride()) == scheme


@pytest.mark.parametrize(("scheme", "override", "changed"), [
    (PREFIXED, {"header": "X-Mine"}, {"header": "X-Mine"}),
    (PREFIXED, {"header": ["X-Mine", "X-Yours"]}, {"header": ("X-Mine", "X-Yours")}),
    (PREFIXED, {"prefix": "v1="}, {"prefix": "v1="}),
    (OPTIONAL, {"prefix_mode": "required"}, {"prefix_mode": "required"}),
    (PAIRS, {"key": "sha256_hex"}, {"key": "sha256_hex"}),
    (PAIRS, {"tolerance": "10m"}, {"tolerance": 10 * MINUTE}),
    (PAIRS, {"kv": {"signature": "v2"}}, {"kv": KeyValue(signature="v2")}),
    (JS, {"body_form": ["raw"]}, {"body_form": ("raw",)}),
    (JS, {"body_form": ["json_js"]}, {"body_form": ("json_js",)}),
    (PREFIXED, {"format": "kv", "message": SIGNED_TIME}, {"format": "kv", "message": tuple(SIGNED_TIME)}),
    (PREFIXED, {"prefix": None}, {}),
])  # fmt: skip
def test_an_override_changes_what_it_sets_and_nothing_else(scheme, override, changed):
    made = scheme.with_(SchemeOverride.model_validate(override))
    assert made == Scheme.model_validate({**scheme.model_dump(), **changed})
    assert {key for key in Scheme.model_fields if getattr(made, key) != getattr(scheme, key)} == set(changed)


def test_an_override_of_one_pair_leaves_the_others():
    base = Scheme(header="a", format="kv", kv=KeyValue(delimiter=";"), message=tuple(SIGNED_TIME))
    made = base.with_(SchemeOverride.model_validate({"kv": {"signature": "h1"}}))
    assert made.kv == KeyValue(delimiter=";", signature="h1")


def test_the_headers_of_an_overridden_scheme_are_the_new_ones():
    assert PREFIXED.headers == ("x-acme-signature-256",)
    assert PREFIXED.with_(SchemeOverride(header="X-Mine")).headers == ("x-mine",)


@pytest.mark.parametrize(("scheme", "override", "says"), [
    (PREFIXED, {"format": "kv"}, "must have 'timestamp'"),
    (PAIRS, {"format": "plain"}, "only format kv carries"),
    (PAIRS, {"message": ("body",)}, "must have 'timestamp'"),
    (PAIRS, {"kv": {"signature": "t"}}, "different keys"),
])  # fmt: skip
def test_an_override_that_does_not_go_with_its_scheme_is_an_error(scheme, override, says):
    with pytest.raises(ValidationError, match=says):
        scheme.with_(SchemeOverride.model_validate(override))


def test_an_override_takes_the_keys_of_a_scheme_and_no_others():
    assert SchemeOverride.model_fields.keys() == Scheme.model_fields.keys() | {"variant"}
    with pytest.raises(ValidationError, match="heder"):
        SchemeOverride.model_validate({"heder": "x"})
    with pytest.raises(ValidationError, match="name of an HTTP header"):
        SchemeOverride.model_validate({"header": "x y"})
    with pytest.raises(ValidationError, match="not a part of a message"):
        SchemeOverride.model_validate({"message": ["uri"]})


@pytest.mark.parametrize(("key", "secret", "bytes_"), [
    ("utf8", "pä", b"p\xc3\xa4"),
    ("utf8", "whsec_YWJj", b"whsec_YWJj"),
    ("whsec", "whsec_YWJj", b"abc"),
    ("whsec", "YWJj", b"abc"),
    ("sha256_hex", "abc", b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("sha256_bytes", "abc", bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
])  # fmt: skip
def test_a_secret_stands_for_a_key(key, secret, bytes_):
    assert secret_key(Scheme(header="a", key=key), secret) == bytes_


@pytest.mark.parametrize(("key", "secret", "says"), [
    ("utf8", "", "the secret is empty"),
    ("sha256_hex", "", "the secret is empty"),
    ("sha256_bytes", "", "the secret is empty"),
    ("whsec", "", "the secret is empty"),
    ("whsec", "whsec_", "not one of the form 'whsec'"),
    ("whsec", "hunter2!", "not one of the form 'whsec'"),
    ("whsec", "whsec_é", "not one of the form 'whsec'"),
    ("utf8", "\ud800", "not one of the form 'utf8'"),
])  # fmt: skip
def test_a_secret_that_stands_for_no_key_says_so_and_does_not_show_itself(key, secret, says):
    with pytest.raises(ValueError, match=says) as caught:
        secret_key(Scheme(header="a", key=key), secret)
    assert not secret or secret not in str(caught.value)
