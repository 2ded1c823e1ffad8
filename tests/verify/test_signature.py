"""What is let in, and what is refused and why."""

import hashlib
import hmac
import json
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import SECOND
from bridge.errors import Reason, Refused
from bridge.model import Received, Verification
from bridge.verify import KeyValue, Scheme, reserialize, sign, verify
from tests.verify.schemes import (
    BARE,
    BODY,
    JS,
    NOW,
    OPTIONAL,
    PAIRS,
    PREFIXED,
    SCHEMES,
    SECRET,
    received,
    signed,
)

GENUINE = "e7d48084a66912fe749791c191bade5c6a70a8d800169cc263aa50c03f41b7d8"
OTHER = "0" * 64
WHSEC = "whsec_dGVzdC1rZXktMzItYnl0ZXMtMDEyMzQ1Njc4OQ=="
PRETTY = b'{ "event": "ping",\n  "n": 1.0 }'
T = NOW // SECOND

every_scheme = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)


def refusal(request: Received, scheme: Scheme, secrets: Sequence[str] = (SECRET,), now: int = NOW) -> Refused:
    with pytest.raises(Refused) as caught:
        verify(request, scheme, secrets, now)
    return caught.value


def pairs_mac(secret: str = SECRET, body: bytes = BODY, t: str = str(T)) -> str:
    return hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()


# ---------------------------------------------------------------------------------------------- let in


@every_scheme
@pytest.mark.parametrize(
    "body", [BODY, b"", b"not json", b"\xff\x00\xfe", b"\n" + BODY, BODY * 5_000, b'{"a":"\\ud800"}']
)
def test_what_the_vendor_signs_is_let_in(scheme, body):
    proof = verify(signed(scheme, body=body), scheme, [SECRET], NOW)
    assert proof.verification == Verification("hmac-sha256", True, 1)
    assert proof.covered == body


@pytest.mark.parametrize(("scheme", "value"), [
    (PREFIXED, f"sha256={GENUINE}"),
    (PREFIXED, f"sha256={GENUINE.upper()}"),
    (PREFIXED, f"sha256={GENUINE[:30]}{GENUINE[30:].upper()}"),
    (PREFIXED, f" sha256={GENUINE}\t"),
    (OPTIONAL, f"sha256={GENUINE}"),
    (OPTIONAL, GENUINE),
    (OPTIONAL, GENUINE.upper()),
    (BARE, GENUINE),
    (JS, GENUINE),
    (JS, f"sha256={GENUINE}"),
    (Scheme(header="acme-signature", prefix="sha256=", prefix_mode="none"), GENUINE),
])  # fmt: skip
def test_a_known_signature_is_let_in(scheme, value):
    assert verify(received(BODY, (scheme.headers[0], value)), scheme, [SECRET], NOW).covered == BODY


@pytest.mark.parametrize(("key", "mac"), [
    ("utf8", "e8f8b28788ee06d7ba1dd637a313138d03c4444d3d7c81dac1025fb1d4efbe26"),
    ("sha256_hex", "6bd1ffa691b9bfefe4bf3be793cc5906ddeaa7dc47b07cbbf4ac549681a267de"),
    ("sha256_bytes", "d1733ba02c81392247f76a084a22b47fd6d19a168493cf9bbf64c436dc03d5bc"),
    ("whsec", "f8610c8fc93f79ce9c606d0d67f526418352a005e21bb6c9a73ebbfead786da4"),
])  # fmt: skip
def test_the_secret_becomes_the_key_in_the_way_the_scheme_says(key, mac):
    scheme = Scheme(header="Acme-Signature", format="kv", message=("timestamp", "literal:.", "body"), key=key)
    request = received(BODY, ("Acme-Signature", f"t={T},v1={mac}"))
    assert verify(request, scheme, [WHSEC], NOW).verification.verified
    assert sign(scheme, WHSEC, BODY, NOW) == {"Acme-Signature": f"t={T},v1={mac}"}
    for other in {"utf8", "sha256_hex", "sha256_bytes", "whsec"} - {key}:
        assert refusal(request, scheme.model_copy(update={"key": other}), [WHSEC]).reason == Reason.NO_KEY_MATCHED


@pytest.mark.parametrize("secret", ["topsecret", " spaces around ", "päss", "秘密", "x" * 1_000, "\n", "0", "a\x00b"])
def test_a_secret_is_used_exactly_as_given(secret):
    mac = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    request = received(BODY, ("acme-signature", mac))
    assert verify(request, BARE, [secret], NOW).verification.secret == 1
    assert refusal(request, BARE, [secret + " "]).reason == Reason.NO_KEY_MATCHED


@every_scheme
@pytest.mark.parametrize("position", [1, 2, 3])
def test_any_of_several_secrets_may_match_and_which_one_is_said(scheme, position):
    secrets = ["new", "old", "older"]
    request = signed(scheme, secrets[position - 1])
    assert verify(request, scheme, secrets, NOW).verification.secret == position


@pytest.mark.parametrize("name", ["X-ACME-SIGNATURE-256", "x-acme-signature-256", "X-Acme-Signature-256"])
def test_the_name_of_a_header_has_no_case(name):
    scheme = Scheme(header=name, prefix="sha256=")
    assert verify(received(BODY, ("X-acme-Signature-256", f"sha256={GENUINE}")), scheme, [SECRET], NOW)


TWO_NAMES = Scheme(header=("Acme-Primary", "Acme-Secondary"))


@pytest.mark.parametrize("headers", [
    [("acme-primary", GENUINE)],
    [("acme-secondary", GENUINE)],
    [("acme-primary", GENUINE), ("acme-secondary", OTHER)],
    [("acme-primary", OTHER), ("acme-secondary", GENUINE)],
])  # fmt: skip
def test_any_of_several_headers_may_carry_the_signature(headers):
    assert verify(received(BODY, *headers), TWO_NAMES, [SECRET], NOW)
    assert list(sign(TWO_NAMES, SECRET, BODY, NOW)) == ["Acme-Primary"]


@pytest.mark.parametrize("digest", ["-hex", "-binary"])
@every_scheme
def test_what_openssl_signs_is_let_in(scheme, digest):
    message = f"{T}.".encode() + BODY if scheme is PAIRS else BODY
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{SECRET.encode().hex()}", digest]
    out = subprocess.run(command, input=message, capture_output=True, check=True).stdout
    mac = out.hex() if digest == "-binary" else out.decode().rsplit("= ")[-1].strip()
    value = f"t={T},v1={mac}" if scheme is PAIRS else f"{'' if scheme is BARE else 'sha256='}{mac}"
    assert verify(received(BODY, (scheme.headers[0], value)), scheme, [SECRET], NOW)


# ---------------------------------------------------------------------------------------------- refused


@every_scheme
def test_a_hook_without_a_signature_is_refused(scheme):
    refused = refusal(received(BODY, ("x-other", GENUINE)), scheme)
    assert refused.reason == Reason.MISSING_HEADER
    assert scheme.headers[0] in refused.detail


@every_scheme
@pytest.mark.parametrize(
    "secrets", [[], [""], ["", ""], ["other"], ["topsecret "], ["Topsecret"], ["other", "another"], ["\ud800"]]
)
def test_a_signature_that_no_secret_made_is_refused(scheme, secrets):
    assert refusal(signed(scheme), scheme, secrets).reason == Reason.NO_KEY_MATCHED


@every_scheme
def test_an_empty_secret_opens_no_door(scheme):
    message = f"{T}.".encode() + BODY if scheme is PAIRS else BODY
    mac = hmac.new(b"", message, hashlib.sha256).hexdigest()
    value = f"t={T},v1={mac}" if scheme is PAIRS else f"{'' if scheme is BARE else 'sha256='}{mac}"
    assert refusal(received(BODY, (scheme.headers[0], value)), scheme, [""]).reason == Reason.NO_KEY_MATCHED


@pytest.mark.parametrize("secret", ["whsec_", "", "whsec_***", "whsec_YQ", "whsec_é", "not base64!"])
def test_a_secret_that_is_no_key_of_its_form_matches_nothing(secret):
    scheme = Scheme(header="acme-signature", key="whsec")
    for key in (b"", secret.encode(), b"a"):
        mac = hmac.new(key, BODY, hashlib.sha256).hexdigest()
        assert refusal(received(BODY, ("acme-signature", mac)), scheme, [secret]).reason == Reason.NO_KEY_MATCHED
    good = "whsec_" + "YWJj"
    request = received(BODY, *sign(scheme, good, BODY, NOW).items())
    assert verify(request, scheme, [secret, good], NOW).verification.secret == 2


@every_scheme
@pytest.mark.parametrize("change", [
    lambda body: body[:-1],
    lambda body: body[1:],
    lambda body: body.replace(b"1", b"2"),
    lambda body: body.replace(b"ping", b"pong"),
    lambda body: b"",
    lambda body: body * 2,
    lambda body: body.upper(),
    lambda body: b"\xef\xbb\xbf" + body,
    lambda body: body + b"\x00",
])  # fmt: skip
def test_a_changed_body_is_refused(scheme, change):
    genuine = signed(scheme)
    changed = change(BODY)
    signature = [(name, value) for name, value in genuine.headers if name in scheme.headers]
    assert refusal(received(changed, *signature), scheme).reason == Reason.NO_KEY_MATCHED


@pytest.mark.parametrize("scheme", [PREFIXED, OPTIONAL, BARE, PAIRS], ids=["prefixed", "optional", "bare", "pairs"])
@pytest.mark.parametrize("body", [BODY + b" ", BODY + b"\n", b" " + BODY, PRETTY, BODY.replace(b":", b": ")])
def test_where_raw_bytes_are_signed_even_a_space_counts(scheme, body):
    signature = [(name, value) for name, value in signed(scheme).headers if name in scheme.headers]
    assert refusal(received(body, *signature), scheme).reason == Reason.NO_KEY_MATCHED


@given(st.data(), st.sampled_from(sorted(SCHEMES)), st.binary(min_size=1, max_size=300))
def test_a_body_with_one_byte_changed_is_refused(data, name, body):
    scheme = SCHEMES[name]
    at = data.draw(st.integers(0, len(body) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = body[:at] + bytes([body[at] ^ flip]) + body[at + 1 :]
    signature = [(key, value) for key, value in signed(scheme, body=body).headers if key in scheme.headers]
    if scheme is not JS or reserialize(changed) != body:
        assert refusal(received(changed, *signature), scheme).reason == Reason.NO_KEY_MATCHED


@pytest.mark.parametrize("name", SCHEMES)
def test_a_header_with_one_character_changed_is_refused(name):
    scheme = SCHEMES[name]
    ((header, value),) = sign(scheme, SECRET, BODY, NOW).items()
    for at in range(len(value)):
        for character in "0aZ=, ;\x00ÿ":
            changed = value[:at] + character + value[at + 1 :]
            if changed.strip(" \t").lower() != value.lower():
                refusal(received(BODY, (header, changed)), scheme)


@pytest.mark.parametrize("scheme", [PREFIXED, OPTIONAL, BARE, JS], ids=["prefixed", "optional", "bare", "js"])
@pytest.mark.parametrize("value", [
    "", " ", "sha256=", "sha256", "=", ",", "sha256==", "null", "undefined", "[object Object]",
    GENUINE[:-1], GENUINE[:-2], GENUINE + "0", GENUINE + "00", GENUINE * 2, GENUINE[:63] + "g", "g" + GENUINE[1:],
    f"sha256={GENUINE[:-1]}", f"sha256={GENUINE[:-2]}", f"sha256={GENUINE}0", f"sha256={GENUINE}00",
    f"sha256=sha256={GENUINE}", f"sha256={GENUINE},sha256={GENUINE}", f"{GENUINE},{GENUINE}", f"{GENUINE} {GENUINE}",
    f"SHA256={GENUINE}", f"Sha256={GENUINE}", f"sha1={GENUINE}", f"sha512={GENUINE}", f"v1={GENUINE}", f"v1,{GENUINE}",
    f"sha256:{GENUINE}", f"sha256 = {GENUINE}", f"sha256= {GENUINE}", f"t=1,v1={GENUINE}", f'"{GENUINE}"',
    f"0x{GENUINE}",
    " ".join(GENUINE[at : at + 2] for at in range(0, 64, 2)), ":".join(GENUINE[at : at + 2] for at in range(0, 64, 2)),
    GENUINE[:32] + " " + GENUINE[33:], GENUINE[:32] + "\x00" + GENUINE[33:], GENUINE[:32] + "_" + GENUINE[33:],
    GENUINE[:63] + "é", GENUINE[:63] + "²", "ÿ" * 64, "-" + GENUINE[1:], "+" + GENUINE[1:],
    "59SAhKZpEv50l5HBkbreXGpwqNgAFpzCY6pQwD9Bt9g=", "A" * 100_000, "\n", GENUINE[:62] + "\r\n",
])  # fmt: skip
def test_a_header_that_is_not_of_the_schemes_form_is_malformed(scheme, value):
    assert refusal(received(BODY, (scheme.headers[0], value)), scheme).reason == Reason.MALFORMED


def test_a_prefix_that_must_be_there_must_be_there():
    assert refusal(received(BODY, ("x-acme-signature-256", GENUINE)), PREFIXED).reason == Reason.MALFORMED


@pytest.mark.parametrize("scheme", [BARE, Scheme(header="acme-signature", prefix="sha256=", prefix_mode="none")])
def test_a_prefix_that_no_scheme_knows_is_malformed(scheme):
    assert refusal(received(BODY, ("acme-signature", f"sha256={GENUINE}")), scheme).reason == Reason.MALFORMED


@pytest.mark.parametrize("scheme", [PREFIXED, OPTIONAL, BARE, JS], ids=["prefixed", "optional", "bare", "js"])
@pytest.mark.parametrize(
    "values", [[GENUINE, GENUINE], [GENUINE, OTHER], [OTHER, GENUINE], [GENUINE] * 50, [GENUINE, ""]]
)
def test_a_signature_header_that_stands_there_twice_is_malformed(scheme, values):
    prefix = "" if scheme is BARE else "sha256="
    request = received(BODY, *((scheme.headers[0], prefix + value) for value in values))
    assert refusal(request, scheme).reason == Reason.MALFORMED


@pytest.mark.parametrize("headers", [
    [("acme-primary", GENUINE), ("acme-primary", OTHER)],
    [("acme-primary", GENUINE), ("acme-secondary", "junk")],
    [("acme-primary", ""), ("acme-secondary", GENUINE)],
    [("acme-secondary", GENUINE), ("acme-secondary", GENUINE), ("acme-primary", GENUINE)],
])  # fmt: skip
def test_with_several_headers_each_must_be_well_formed_and_stand_there_once(headers):
    assert refusal(received(BODY, *headers), TWO_NAMES).reason == Reason.MALFORMED


@every_scheme
@given(value=st.text(st.characters(max_codepoint=255), max_size=200))
def test_whatever_stands_in_the_header_the_answer_is_a_refusal(scheme, value):
    assert refusal(received(BODY, (scheme.headers[0], value)), scheme).reason in set(Reason)


@every_scheme
@given(
    text=st.text(st.sampled_from("tv1=,; 0123456789abcdefsha-.\x00é"), max_size=200),
    lead=st.sampled_from(["", f"t={T},", f"t={T},v1=", "sha256=", "v1=", "t="]),
    repeat=st.integers(1, 3),
)
def test_almost_a_signature_is_a_refusal(scheme, text, lead, repeat):
    headers = [(scheme.headers[0], lead + text)] * repeat
    assert isinstance(refusal(received(BODY, *headers), scheme), Refused)


@every_scheme
@given(value=st.text(st.characters(max_codepoint=255), min_size=5, max_size=100))
def test_a_refusal_repeats_neither_secret_nor_signature_nor_the_senders_words(scheme, value):
    request = received(BODY, (scheme.headers[0], f"»{value}«"))
    for refused in (refusal(request, scheme), refusal(signed(scheme, "other"), scheme)):
        expected = sign(scheme, SECRET, BODY, NOW).values()
        for secret in (SECRET, "»", "«", *expected, GENUINE, pairs_mac(), pairs_mac("other")):
            assert secret not in str(refused)


@pytest.mark.parametrize(
    ("secrets", "said"),
    [(["other"], "does not match the secret"), (["other", "another"], "matches none of 2 secrets")],
)
def test_a_refusal_says_how_many_secrets_were_tried(secrets, said):
    assert refusal(signed(BARE), BARE, secrets).detail == f"acme-signature {said}"


# ---------------------------------------------------------------------------------------------- pairs


V1 = pairs_mac()


@pytest.mark.parametrize("values", [
    [f"t={T},v1={V1}"],
    [f"v1={V1},t={T}"],
    [f"t={T}, v1={V1}"],
    [f" t={T} ,\tv1={V1} "],
    [f"t={T},v1={V1.upper()}"],
    [f"t={T},v1={OTHER},v1={V1}"],
    [f"t={T},v1={V1},v1={OTHER}"],
    [f"t={T},v1={OTHER},v1={OTHER},v1={V1}"],
    [f"t={T},v1={V1},v1={V1}"],
    [f"v1={OTHER},t={T},v1={V1}"],
    [f"t={T},v0=junk,v1={V1}"],
    [f"t={T},v1={V1},v2=,x=y=z"],
    [f"t={T},V1={OTHER},v1={V1},T=9"],
    [f"t={T}", f"v1={V1}"],
    [f"t={T},v1={OTHER}", f"v1={V1}"],
    [f"t={T},v1={V1},v1=junk"],
    [f"t={T},v1=,v1={V1}"],
    [f"t={T}," + f"v1={OTHER}," * 200 + f"v1={V1}"],
])  # fmt: skip
def test_pairs_may_come_in_any_order_with_several_signatures_and_unknown_keys(values):
    assert verify(received(BODY, *(("acme-signature", value) for value in values)), PAIRS, [SECRET], NOW)


@pytest.mark.parametrize("values", [
    [""], [","], ["="], ["t"], ["v1"], ["t="], ["v1="], [f"t={T}"], [f"v1={V1}"], [V1], [f"sha256={V1}"],
    [f"t={T},v1"], [f"t={T},v1="], [f"t=,v1={V1}"], [f"t,v1={V1}"], [f"t={T}v1={V1}"], [f"t={T};v1={V1}"],
    [f"t={T},,v1={V1}"], [f"t={T},v1={V1},"], [f",t={T},v1={V1}"], [f"t={T},junk,v1={V1}"],
    [f"t={T},t={T},v1={V1}"], [f"t=1,t={T},v1={V1}"], [f"t={T},v1={V1},t={T}"], [f"t={T},v1={V1}", f"t={T},v1={V1}"],
    [f"T={T},v1={V1}"], [f"t={T},V1={V1}"], [f"t={T},v2={V1}"], [f"t ={T},v1={V1}"], [f"t={T},v1 ={V1}"],
    [f"t={T},v1= {V1}"], [f"t={T},v1={V1[:-1]}"], [f"t={T},v1={V1}0"], [f"t={T},v1={V1[:-2]}"], [f"t={T},v1={V1}00"],
    [f"t={T},v1={V1[:-1]}g"], [f"t={T},v1=sha256={V1}"],
    [f"t={T},v1={V1[:63]}é"], [f'"t={T},v1={V1}"'], [f'{{"t":{T},"v1":"{V1}"}}'], ["t=1,v1=x," * 5_000],
])  # fmt: skip
def test_pairs_without_just_one_timestamp_and_well_formed_signatures_are_malformed(values):
    request = received(BODY, *(("acme-signature", value) for value in values))
    assert refusal(request, PAIRS).reason == Reason.MALFORMED


@pytest.mark.parametrize("text", [
    "-1", "-1714867200", "+1714867200", " 1714867200", "1714867200.0", "1714867200.5", "1.7e9",
    "1_714_867_200", "0x6636d500", "²", "\uff11\uff17".encode().decode("latin-1"), "NaN", "inf",
    "1714867200\x00", "1714867200\n", "2024-05-05T00:00:00Z", "9" * 21, "9" * 5_000, "0" * 5_000, "null", "t",
])  # fmt: skip
def test_a_timestamp_that_is_not_seconds_is_malformed(text):
    mac = hmac.new(SECRET.encode(), text.encode("latin-1") + b"." + BODY, hashlib.sha256).hexdigest()
    request = received(BODY, ("acme-signature", f"t={text},v1={mac}"))
    assert refusal(request, PAIRS).reason == Reason.MALFORMED


@pytest.mark.parametrize("text", ["9" * 20, "9" * 12, f"{T}000", f"{T}000000", "18446744073709551616", "253402300800"])
def test_a_huge_timestamp_is_in_the_future(text):
    request = received(BODY, ("acme-signature", f"t={text},v1={pairs_mac(t=text)}"))
    assert refusal(request, PAIRS).reason == Reason.IN_THE_FUTURE


@pytest.mark.parametrize("text", ["0", "00", "1", "86400", f"{T // 1000}"])
def test_a_tiny_timestamp_is_too_old(text):
    request = received(BODY, ("acme-signature", f"t={text},v1={pairs_mac(t=text)}"))
    assert refusal(request, PAIRS).reason == Reason.TOO_OLD


def test_the_text_of_the_timestamp_as_received_is_what_is_signed():
    text = f"000{T}"
    assert verify(received(BODY, ("acme-signature", f"t={text},v1={pairs_mac(t=text)}")), PAIRS, [SECRET], NOW)
    assert refusal(received(BODY, ("acme-signature", f"t={text},v1={V1}")), PAIRS).reason == Reason.NO_KEY_MATCHED


@pytest.mark.parametrize("tolerance", [300 * SECOND, SECOND, 90 * SECOND])
@pytest.mark.parametrize(("over", "reason"), [(0, None), (-1, None), (1, "refused")])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_timestamp_counts_within_the_tolerance_in_both_directions(tolerance, over, reason, direction):
    scheme = PAIRS.model_copy(update={"tolerance": tolerance})
    now = NOW + direction * (tolerance + over)
    if reason is None:
        assert verify(signed(scheme), scheme, [SECRET], now)
    else:
        late = Reason.TOO_OLD if direction == 1 else Reason.IN_THE_FUTURE
        assert refusal(signed(scheme), scheme, now=now).reason == late


@given(st.integers(-(10**6), 10**6))
def test_a_genuine_hook_is_let_in_just_when_it_is_fresh(seconds):
    now = NOW + seconds * SECOND
    if abs(seconds) <= 300:
        assert verify(signed(PAIRS), PAIRS, [SECRET], now)
    else:
        assert refusal(signed(PAIRS), PAIRS, now=now).reason == (
            Reason.TOO_OLD if seconds > 0 else Reason.IN_THE_FUTURE
        )


def test_too_old_is_only_said_of_a_genuine_hook():
    stale = NOW + 3_600 * SECOND
    assert refusal(signed(PAIRS, "other"), PAIRS, now=stale).reason == Reason.NO_KEY_MATCHED
    detail = refusal(signed(PAIRS), PAIRS, now=stale).detail
    assert detail == "genuine, but signed 3600 s before our clock's time; at most 300 s is let in"


def test_a_timestamp_cannot_be_moved():
    fresh = T + 3_600
    request = received(BODY, ("acme-signature", f"t={fresh},v1={V1}"))
    assert refusal(request, PAIRS, now=fresh * SECOND).reason == Reason.NO_KEY_MATCHED


def test_pairs_may_have_other_keys_and_another_delimiter():
    kv = KeyValue(delimiter=";", signature="h1", timestamp="ts")
    scheme = Scheme(header="acme-signature", format="kv", kv=kv, message=("timestamp", "literal::", "body"))
    ((_, value),) = sign(scheme, SECRET, BODY, NOW).items()
    mac = hmac.new(SECRET.encode(), f"{T}:".encode() + BODY, hashlib.sha256).hexdigest()
    assert value == f"ts={T};h1={mac}"
    assert verify(received(BODY, ("acme-signature", value)), scheme, [SECRET], NOW)
    assert refusal(received(BODY, ("acme-signature", f"t={T},v1={V1}")), scheme).reason == Reason.MALFORMED


@pytest.mark.parametrize(("message", "bytes_signed"), [
    (("timestamp", "literal:.", "body"), b"1714867200." + BODY),
    (("literal:v0:", "timestamp", "literal::", "body"), b"v0:1714867200:" + BODY),
    (("body", "timestamp"), BODY + b"1714867200"),
    (("timestamp", "body", "literal:é"), b"1714867200" + BODY + "é".encode()),
])  # fmt: skip
def test_the_message_is_made_of_its_parts_in_order(message, bytes_signed):
    scheme = Scheme(header="acme-signature", format="kv", message=message)
    mac = hmac.new(SECRET.encode(), bytes_signed, hashlib.sha256).hexdigest()
    assert sign(scheme, SECRET, BODY, NOW) == {"acme-signature": f"t={T},v1={mac}"}
    assert verify(signed(scheme), scheme, [SECRET], NOW)


# ---------------------------------------------------------------------------------------------- re-serialized


ONLY_JS = Scheme(header="x-acme-signature", prefix="sha256=", prefix_mode="optional", body_form=("json_js",))


@pytest.mark.parametrize("scheme", [JS, ONLY_JS], ids=["raw first", "only re-serialized"])
@pytest.mark.parametrize("prefix", ["", "sha256="])
@pytest.mark.parametrize(
    "body", [PRETTY, BODY, BODY + b"\n", b'{"event":"\\u0070ing","n":1e0}', b'{"event":"x","event":"ping","n":1}']
)
def test_a_signature_over_what_javascript_makes_of_the_body_is_let_in(scheme, prefix, body):
    proof = verify(received(body, ("x-acme-signature", prefix + GENUINE)), scheme, [SECRET], NOW)
    assert proof.covered == BODY


def test_the_raw_bytes_are_tried_first_and_are_then_what_is_covered():
    mac = hmac.new(SECRET.encode(), PRETTY, hashlib.sha256).hexdigest()
    assert mac.startswith("87894ef1")
    assert mac.endswith("4272")
    assert verify(received(PRETTY, ("x-acme-signature", mac)), JS, [SECRET], NOW).covered == PRETTY


@pytest.mark.parametrize("scheme", [OPTIONAL, PREFIXED, BARE], ids=["optional", "prefixed", "bare"])
def test_a_scheme_over_raw_bytes_never_looks_at_another_form(scheme):
    prefix = "" if scheme is BARE else "sha256="
    request = received(PRETTY, (scheme.headers[0], prefix + GENUINE))
    assert refusal(request, scheme).reason == Reason.NO_KEY_MATCHED


def test_with_the_raw_form_off_a_signature_over_the_raw_bytes_is_refused():
    mac = hmac.new(SECRET.encode(), PRETTY, hashlib.sha256).hexdigest()
    assert refusal(received(PRETTY, ("x-acme-signature", mac)), ONLY_JS).reason == Reason.NO_KEY_MATCHED


@pytest.mark.parametrize("value", ["", "junk", "sha256=", f"SHA256={GENUINE}", GENUINE[:-1]])
def test_a_malformed_header_is_refused_whatever_the_body_would_become(value):
    assert refusal(received(PRETTY, ("x-acme-signature", value)), JS).reason == Reason.MALFORMED


@pytest.mark.parametrize("body", [
    b"not json", b"", b"\xff", b"[" * 100_000, b"[" * 65 + b"]" * 65, b'{"a":NaN}', b'["' + b"x" * 300_000 + b'"]',
    b'{"a":' * 50_000, b"1" * 200_000, b'"\\ud800"', b" " * 200_000, b'{"a":1}' * 2,
])  # fmt: skip
@pytest.mark.parametrize("scheme", [JS, ONLY_JS], ids=["raw first", "only re-serialized"])
def test_whatever_the_body_a_wrong_signature_is_refused(scheme, body):
    assert refusal(received(body, ("x-acme-signature", GENUINE)), scheme).reason == Reason.NO_KEY_MATCHED


def test_a_large_body_is_still_proved_by_its_raw_bytes():
    body = json.dumps(["x" * 300_000]).encode()
    assert verify(signed(JS, body=body), JS, [SECRET], NOW).covered == body


def test_any_secret_may_match_the_re_serialized_form():
    request = received(PRETTY, ("x-acme-signature", GENUINE))
    assert verify(request, JS, ["new", SECRET], NOW).verification.secret == 2


@given(
    st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text() | st.none()), st.sampled_from([None, 2, "\t"])
)
def test_a_hook_signed_over_json_is_let_in_however_it_is_spaced(document, indent):
    body = json.dumps(document, indent=indent).encode()
    assert verify(signed(ONLY_JS, body=body), ONLY_JS, [SECRET], NOW).covered == reserialize(body)
    assert verify(received(body, *sign(JS, SECRET, reserialize(body) or b"", NOW).items()), JS, [SECRET], NOW)


# ---------------------------------------------------------------------------------------------- signing


@pytest.mark.parametrize(("scheme", "headers"), [
    (PREFIXED, {"X-Acme-Signature-256": f"sha256={GENUINE}"}),
    (OPTIONAL, {"x-acme-signature": f"sha256={GENUINE}"}),
    (BARE, {"Acme-Signature": GENUINE}),
    (JS, {"x-acme-signature": f"sha256={GENUINE}"}),
    (PAIRS, {"Acme-Signature": f"t={T},v1={V1}"}),
])  # fmt: skip
def test_signing_gives_the_headers_that_the_vendor_would_send(scheme, headers):
    assert sign(scheme, SECRET, BODY, NOW) == headers


@pytest.mark.parametrize(("scheme", "secret", "body"), [
    (BARE, "", BODY), (BARE, "\ud800", BODY), (Scheme(header="a", key="whsec"), "whsec_***", BODY),
    (Scheme(header="a", key="whsec"), "whsec_", BODY), (ONLY_JS, SECRET, b"not json"),
])  # fmt: skip
def test_what_cannot_be_signed_says_why_without_the_secret(scheme, secret, body):
    with pytest.raises(ValueError, match=r"secret is|not JSON") as caught:
        sign(scheme, secret, body, NOW)
    assert caught.value.__cause__ is None
    assert not secret or secret not in str(caught.value)
