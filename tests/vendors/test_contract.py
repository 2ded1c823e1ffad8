"""What every vendor keeps to, shown on every sample it ships. A new vendor is covered by being there.

| promise | shown by |
|---|---|
| a sample signs and verifies, in each way the vendor can be made to sign | `a_sample_signs_and_verifies` |
| one byte of body, time, signature or signed header changed is refused | `any_one_byte_changed_is_refused` |
| a sample signed for one source is refused at another | `a_sample_is_refused_at_every_other_source` |
| a repeat is known, two samples are two events, two sources have two | `a_repeat_is_known_and_nothing_else_is_one` |
| it gives the result that was reviewed | `a_sample_gives_the_reviewed_result` |
| a missing field, or one of another type, never raises | `a_missing_field_...`, `a_field_of_another_type_...` |
| junk never raises, and never passes | `junk_...`, `any_bytes_...` |
| a word or an event that nobody knows is unknown | `..._whose_words_nobody_knows_...`, `a_name_in_no_table_...` |
| it reaches every kind of target within its limits | `test_end_to_end.py`; `render/test_goldens.py` |
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import normalize, paths, vendors
from bridge.errors import Refused
from bridge.model import Outcome, Received
from bridge.verify import Scheme, Verifier, dedupe_key, sign_request, verify
from bridge.verify.scheme import PUBLIC_KEY, SHOWN
from bridge.verify.signature import FORMS
from tests.vendors.cases import RECEIVED_AT, SAMPLES, expected_file, read, reviewable, sample, scheme
from tests.verify.schemes import secrets_of

every_sample = pytest.mark.parametrize(("vendor", "name"), SAMPLES)
every_vendor = pytest.mark.parametrize("vendor", vendors.names())


URL = "https://hooks.example.com/hooks/room"


def sent(vendor: str, name: str, scheme: Scheme) -> tuple[Received, str]:
    """A sample as the vendor would send it, and the secret that the door is given."""
    signing, proving = secrets_of(scheme)
    headers = vendors.sample_headers(vendor, name)
    signed = sign_request(scheme, signing, vendors.samples(vendor)[name], RECEIVED_AT, url=URL, headers=headers)
    wire = tuple((name.lower(), value) for name, value in {**headers, **signed.headers}.items())
    return Received("room", "POST", signed.url, wire, signed.body, RECEIVED_AT), proving


def schemes(vendor: str) -> list[Scheme]:
    """Every way in which that vendor can be made to sign."""
    described = vendors.load(vendor)
    return [scheme(vendor), *described.signatures.values()]


NAMELESS = {
    "clickup",
    "cloudevents",
    "flux",
    "generic",
    "paddle",
    "standard_webhooks",
    "stripe",
    "svix",
    "trello",
    "zendesk",
}
"""Vendors whose events are whatever their sender calls them, or more than anybody lists."""

UNSIGNED = {"generic"}
"""Vendors of which each source says how they sign."""


@every_vendor
def test_a_vendor_says_how_it_signs_and_where_to_register_it(vendor):
    described = vendors.load(vendor)
    assert described.name == vendor
    assert (described.signature is None) is (vendor in UNSIGNED)
    assert described.docs.startswith("https://")
    assert described.title
    assert described.setup
    assert described.events or vendor in NAMELESS
    assert vendors.samples(vendor)


@every_sample
def test_a_sample_signs_and_verifies(vendor, name):
    for signs in schemes(vendor):
        received, secret = sent(vendor, name, signs)
        proof = verify(received, signs, [secret], RECEIVED_AT)
        assert proof.verification.verified
        assert proof.covered == received.body or not signs.covers_body or signs.body_form != ("raw",)


def lets_in(verifier: Verifier, received: Received) -> bool:
    try:
        verifier.prove(received, RECEIVED_AT)
    except Refused:
        return False
    return True


def other(text: str, place: int) -> str:
    """The text with another character there: one that every alphabet has, so that its form stays right."""
    return f"{text[:place]}{'1' if text[place] == '0' else '0'}{text[place + 1 :]}"


def each_changed(received: Received, signs: Scheme, step: int) -> Iterator[Received]:
    """The hook with each byte in turn changed that its signature, or its secret, has to answer for.

    Of the body every `step`th.
    """
    body = received.body
    for place in covered_places(body, signs, step):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        if not any(FORMS[form](changed) == FORMS[form](body) for form in signs.body_form if form in FORMS):
            yield replace(received, body=changed)
    proving = {*signs.headers, *signs.kept_headers}
    for number, (name, value) in enumerate(received.headers):
        for place in range(len(value)) if name in proving else ():
            changed_header = (name, other(value, place))
            headers = (*received.headers[:number], changed_header, *received.headers[number + 1 :])
            yield replace(received, headers=headers)
    if signs.query:
        start = received.url.index(f"{signs.query}=") + len(signs.query) + 1
        for place in range(start, len(received.url)):
            yield replace(received, url=other(received.url, place))
    if signs.signs_url:
        for place in range(len(received.url)):
            yield replace(received, url=other(received.url, place))


def covered_places(body: bytes, signs: Scheme, step: int) -> Iterator[int]:
    """The places in the body that are signed, or are the signature."""
    if signs.algorithm in SHOWN:
        return
    if signs.covers_body:
        yield from range(0, len(body), step)
        return
    said = json.loads(body)
    sources = [signs.timestamp or "", *signs.message]
    for path in {signs.json_field or "", *(part.removeprefix("json:") for part in sources if part.startswith("json:"))}:
        text = str(paths.find(said, path)).encode() if path else b""
        yield from range(body.index(text), body.index(text) + len(text))


@every_vendor
def test_any_one_byte_changed_is_refused(vendor):
    """Each byte of the vendor's smallest body, and of the others as many as take no longer."""
    shipped = vendors.samples(vendor)
    smallest = min(shipped, key=lambda name: len(shipped[name]))
    for signs in schemes(vendor):
        # To verify a public key's signature takes a hundred times as long.
        often = 7 if signs.algorithm in PUBLIC_KEY else 1
        for name in shipped:
            received, secret = sent(vendor, name, signs)
            verifier = Verifier(signs, [secret])
            assert lets_in(verifier, received)
            step = often if name == smallest else 23 * often
            assert not [changed for changed in each_changed(received, signs, step) if lets_in(verifier, changed)]


DOORS = {name: Verifier(scheme(name), [secrets_of(scheme(name), number=2)[1]]) for name in vendors.names()}
"""A source of each vendor, with a secret of its own."""


@every_vendor
def test_a_sample_is_refused_at_every_other_source(vendor):
    received, secret = sent(vendor, min(vendors.samples(vendor)), scheme(vendor))
    assert lets_in(Verifier(scheme(vendor), [secret]), received)
    assert not [name for name, door in DOORS.items() if lets_in(door, received)]


ONCE = {"jenkins": 1}
"""Vendors with samples that are one event, and how many: Jenkins tells of one end in two phases."""


@every_vendor
def test_a_repeat_is_known_and_nothing_else_is_one(vendor):
    described, signs = vendors.load(vendor), scheme(vendor)
    keys = []
    for name in vendors.samples(vendor):
        received, secret = sent(vendor, name, signs)
        proof = verify(received, signs, [secret], RECEIVED_AT)
        how = (described.dedupe, described.dated, None, proof.headers)
        key = dedupe_key(proof.covered, "room", *how)
        assert dedupe_key(verify(received, signs, [secret], RECEIVED_AT + 1).covered, "room", *how) == key
        assert dedupe_key(proof.covered, "hall", *how)[0] != key[0]
        keys.append(key[0])
    assert len(set(keys)) == len(keys) - ONCE.get(vendor, 0)


@every_sample
def test_a_sample_gives_the_reviewed_result(vendor, name):
    expected = json.loads(expected_file(vendor, name).read_text(encoding="utf-8"))
    assert reviewable(normalize.as_json(sample(vendor, name))) == expected


@every_sample
def test_a_sample_is_of_an_event_that_the_vendor_documents(vendor, name):
    assert vendors.load(vendor).knows(sample(vendor, name).type)


def without_each(value: Any) -> Iterator[Any]:
    """The value with every part of it taken out in turn."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        rest = copy.copy(value)
        del rest[key]
        yield rest
        for part in without_each(value[key]):
            changed = copy.copy(value)
            changed[key] = part
            yield changed


def with_each(value: Any, stranger: Any) -> Iterator[Any]:
    """The value with every part of it replaced by `stranger` in turn."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for part in (stranger, *with_each(value[key], stranger)):
            changed = copy.copy(value)
            changed[key] = part
            yield changed


@every_sample
def test_a_missing_field_never_raises(vendor, name):
    described = vendors.load(vendor)
    headers = vendors.sample_headers(vendor, name)
    for body in without_each(json.loads(vendors.samples(vendor)[name])):
        assert normalize.as_json(read(described, body, headers=headers))["id"]


STRANGERS: tuple[Any, ...] = (None, True, -1, 2**60, 1.5, "", "\x00\u202e", [], [[]], {}, {"": {}})


@every_sample
def test_a_field_of_another_type_never_raises(vendor, name):
    described = vendors.load(vendor)
    headers = vendors.sample_headers(vendor, name)
    said = json.loads(vendors.samples(vendor)[name])
    for stranger in STRANGERS:
        for body in with_each(said, stranger):
            assert normalize.as_json(read(described, body, headers=headers))["id"], stranger


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=20,
)


def names_in(value: Any) -> Iterator[str]:
    """Every key and path end of a sample, so that junk can stand where the vendor's fields do."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from names_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from names_in(part)


FIELD_NAMES = sorted({name for v, s in SAMPLES for name in names_in(json.loads(vendors.samples(v)[s]))})
NEARLY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(FIELD_NAMES), part, max_size=6),
    max_leaves=30,
)


READERS = [
    (vendors.load(vendor), dict(headers))
    for vendor, headers in sorted({(v, tuple(vendors.sample_headers(v, name).items())) for v, name in SAMPLES})
]
"""Every vendor with each of the headers that its samples come with."""


# To draw junk takes longer than to read it, so all vendors read the same.
@given(body=JUNK | NEARLY)
def test_junk_never_raises_and_never_passes(body):
    raw = json.dumps(body).encode()
    for vendor, headers in READERS:
        result = read(vendor, raw, headers=headers)
        assert result.outcome is not Outcome.PASSED, vendor.name
        assert normalize.as_json(result)["id"] == result.id


@given(body=st.binary(max_size=200))
def test_any_bytes_give_a_result(body):
    for vendor, headers in READERS:
        assert read(vendor, body, headers=headers).outcome is not Outcome.PASSED, vendor.name


STATUS_KEYS = {"status", "state", "conclusion", "result", "build_status", "run_status"}
BY_NAME = {
    "autonoma",
    "autousers",
    "autotab",
    "mailgun",
    "paddle",
    "pagerduty",
    "render",
    "sentry",
    "standard_webhooks",
    "stripe",
    "svix",
    "vercel",
}
"""Vendors of which some verdicts stand in the name of the event or action alone."""


def with_statuses(value: Any, word: str) -> Any:
    if isinstance(value, dict):
        return {
            key: word if key in STATUS_KEYS and isinstance(part, str) else with_statuses(part, word)
            for key, part in value.items()
        }
    return [with_statuses(part, word) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("vendor", "name"), [case for case in SAMPLES if case[0] not in BY_NAME])
def test_a_sample_whose_words_nobody_knows_is_never_passed(vendor, name):
    said = json.loads(vendors.samples(vendor)[name])
    changed = with_statuses(said, "splendid")
    if changed != said:
        assert read(vendor, changed, headers=vendors.sample_headers(vendor, name)).outcome is not Outcome.PASSED


# The verdicts of the two others stand in the event's name; their status words have tests of their own.
@pytest.mark.parametrize(("vendor", "name"), [case for case in SAMPLES if case[0] in {"autosana", "agnox", "autotab"}])
@given(word=st.text(min_size=1, max_size=12))
def test_an_unknown_word_is_never_passed(vendor, name, word):
    described = vendors.load(vendor)
    said = json.loads(vendors.samples(vendor)[name])
    changed = with_statuses(said, f"zz{word}")
    if changed != said:
        assert read(described, changed).outcome is not Outcome.PASSED


def placed(value: Any, steps: list[str], what: str) -> Any:
    """The value with `what` at that path, which is made where it is not there."""
    if not steps:
        return what
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        return [placed(part, rest, what) if str(place) == step else part for place, part in enumerate(value)]
    inside = value if isinstance(value, dict) else {}
    return {**inside, step: placed(inside.get(step), rest, what)}


@every_sample
def test_a_name_in_no_table_is_accepted_as_unknown(vendor, name):
    described = vendors.load(vendor)
    if not described.event or not described.events:
        return
    body, headers = json.loads(vendors.samples(vendor)[name]), dict(vendors.sample_headers(vendor, name))
    for where in (described.event,) if isinstance(described.event, str) else described.event:
        if where.startswith("header:"):
            headers |= {one: "brand.new" for one in headers if one.lower() in where.lower()}
        else:
            body = placed(body, where.split("."), "brand.new")
    result = read(described, body, headers=headers)
    assert result.type == f"{described.event_prefix}brand.new"
    assert (result.kind, result.state, result.outcome) == ("other", "finished", "unknown")
    assert result.reason


@every_sample
def test_no_link_is_anything_but_http(vendor, name):
    result = sample(vendor, name)
    shown = [result.url, *(link.url for link in result.links), *(item.url for item in result.items)]
    shown += [artifact.url for artifact in result.artifacts if not artifact.sensitive]
    assert all(url is None or url.startswith(("https://", "http://")) for url in shown)
