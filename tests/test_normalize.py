"""Whatever was kept becomes at least one result, clean and within bounds."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import normalize
from bridge.model import Artifact, Draft, Item, Kind, Link, Outcome, Result, Severity, State
from bridge.normalize import Parsed, Unreadable, as_json, cap_items, parse
from bridge.vendors import EventType, Vendor
from tests.vendors.cases import EVENT_ID, kept, read

RECEIVED = datetime(2026, 5, 5, tzinfo=UTC)


def giving(*drafts: Draft) -> Vendor:
    """A vendor that understands every body as these drafts."""
    return Vendor(name="test", understand=lambda body, context: drafts)


def completed(**said: Any) -> Result:
    return read(giving(Draft(type="t", **said)), b"{}")


# ---------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b"\xef\xbb\xbf{}", {}),
        (b"null", None),
        (b'"text"', "text"),
        (b'{"a":NaN,"b":Infinity,"c":-Infinity}', {"a": None, "b": None, "c": None}),
        (b'{"a":1e400}', {"a": None}),
        (b'{"a":123456789012345678901234567890}', {"a": 1.2345678901234568e29}),
        (b'{"a":' + b"9" * 5000 + b"}", {"a": None}),
        (b'["\\ud800", "\\ud83d\\ude00"]', ["\ufffd", "\U0001f600"]),
        (b'{"\\udc00x":{"a":["\\ud800"]}}', {"\ufffdx": {"a": ["\ufffd"]}}),
        (b'{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_what_is_nearly_json_is_read(body, value):
    assert parse(body) == Parsed(value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"hello", "the body is not JSON"),
        (b"{'a':1}", "the body is not JSON"),
        (b"a=1&b=2", "the body is not JSON"),
        (b'{"a":"\xff"}', "the body is not UTF-8"),
        ('{"a":1}'.encode("utf-16"), "the body is not UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "the body is not JSON"),
        (b"[" * 300 + b"]" * 300, "the body is nested more than 200 deep"),
        (b'{"a":' * 201 + b"1" + b"}" * 201, "the body is nested more than 200 deep"),
    ],
)
def test_what_is_not_is_unreadable(body, reason):
    assert parse(body) == Unreadable(reason)


def test_what_is_read_can_be_written_again():
    deep = b"[" * 200 + b"]" * 200
    parsed = parse(deep)
    assert isinstance(parsed, Parsed)
    assert orjson.dumps(parsed.value) == deep
    wide = b"[" + b"{}," * 5_000 + b"{}]"
    assert isinstance(parse(wide), Parsed)


def test_an_unreadable_body_is_a_result_that_says_so():
    result = read(giving(), b"\x00\xff" * 700)
    assert (result.type, result.kind, result.state, result.outcome) == ("unreadable", "other", "finished", "unknown")
    assert (result.title, result.reason) == ("Unreadable event", "the body is not UTF-8 (1,400 bytes)")
    assert (result.payload, result.subject_key) == (None, None)


# ---------------------------------------------------------------------------------------------- understanding


def confused(body, context):
    yield Draft(type="fine", outcome=Outcome.PASSED)
    raise RuntimeError("secret detail")


def test_a_vendors_own_mistake_costs_no_event(caplog):
    vendor = Vendor(name="test", event="e", understand=confused)
    result = read(vendor, {"e": "build.done"})
    assert (result.type, result.title, result.outcome) == ("build.done", "Build done", "unknown")
    assert result.reason == "could not be understood: RuntimeError"
    assert EVENT_ID in caplog.text


def test_a_vendor_that_understands_nothing_still_gives_a_result():
    assert read(giving(), b"{}").outcome == "unknown"


def test_several_results_of_one_event_have_ids_of_their_own():
    vendor = giving(Draft(type="a"), Draft(type="b"), Draft(type="c"))
    results = normalize.normalize(kept("test", b"{}"), vendor)
    assert [result.id for result in results] == [EVENT_ID, f"{EVENT_ID}-2", f"{EVENT_ID}-3"]
    assert [result.type for result in results] == ["a", "b", "c"]


def test_an_event_type_that_is_not_documented_is_never_passed():
    vendor = Vendor(event="e", events={"known": EventType()}, result={"outcome": "status", "title": "name"})
    result = read(vendor, {"e": "new", "status": "passed", "name": "Suite"})
    assert (result.type, result.outcome, result.kind, result.title) == ("new", "unknown", "other", "Suite")
    assert result.raw_status == "passed"


# ---------------------------------------------------------------------------------------------- completing


def test_what_an_event_says_of_itself_is_taken_over():
    result = read(giving(Draft(type="t")), b'{"a":1}')
    assert (result.source, result.vendor, result.received_at) == ("room", "test", RECEIVED)
    assert (result.payload, result.verification.secret, result.is_test) == ({"a": 1}, 1, False)


def test_a_test_event_or_a_draft_of_one_is_a_test():
    (sent,) = normalize.normalize(kept("test", b"{}", is_test=True), giving(Draft(type="t")))
    assert sent.is_test
    assert completed(is_test=True).is_test


@pytest.mark.parametrize(
    ("state", "outcome", "ours"),
    [
        (State.FINISHED, Outcome.PASSED, "passed"),
        (State.FINISHED, None, "unknown"),
        (State.RUNNING, None, None),
        (State.RUNNING, Outcome.PASSED, None),
        (State.QUEUED, Outcome.FAILED, None),
    ],
)
def test_only_what_is_finished_has_an_outcome(state, outcome, ours):
    assert completed(state=state, outcome=outcome).outcome == ours


@pytest.mark.parametrize(
    ("outcome", "severity", "attention"),
    [
        (Outcome.FAILED, None, True),
        (Outcome.ERROR, None, True),
        (Outcome.TIMED_OUT, Severity.INFO, True),
        (Outcome.PASSED, None, False),
        (Outcome.UNKNOWN, None, False),
        (Outcome.CANCELLED, Severity.MEDIUM, False),
        (Outcome.NEUTRAL, Severity.HIGH, True),
        (Outcome.NEUTRAL, Severity.CRITICAL, True),
    ],
)
def test_a_bad_outcome_or_a_high_severity_asks_for_attention(outcome, severity, attention):
    assert completed(outcome=outcome, severity=severity).attention is attention


@pytest.mark.parametrize(
    ("said", "time"),
    [
        (None, RECEIVED),
        (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)),
        (datetime(2026, 5, 5, 0, 4, tzinfo=UTC), datetime(2026, 5, 5, 0, 4, tzinfo=UTC)),
        (datetime(2099, 1, 1, tzinfo=UTC), datetime(2026, 5, 5, 0, 5, tzinfo=UTC)),
    ],
)
def test_a_time_is_at_most_five_minutes_after_arrival(said, time):
    assert completed(time=said).time == time


def test_a_duration_is_what_lies_between_start_and_end():
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    assert completed(started_at=start, finished_at=end).duration_ms == 1500
    assert completed(started_at=start, finished_at=end, duration_ms=7).duration_ms == 7
    assert completed(started_at=end, finished_at=start).duration_ms is None
    assert completed(started_at=start).duration_ms is None


@pytest.mark.parametrize(
    ("type_", "title"),
    [("build.done", "Build done"), ("run_session.finish", "Run session finish"), ("PUSH", "PUSH"), ("...", "Event")],
)
def test_without_a_title_the_type_is_one(type_, title):
    assert read(giving(Draft(type=type_)), b"{}").title == title


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("  My\tApp\r\n2 ", "My App 2"),
        ("a\x00b\x1b[31mc\x7fd\x9be", "ab[31mcde"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066a\u2069\ufeff", "a"),
        ("half \ud800 emoji", "half  emoji"),
        ("família 👩‍👩‍👧 عربى", "família 👩‍👩‍👧 عربى"),
        ("{{ 7*7 }} <!channel> @everyone", "{{ 7*7 }} <!channel> @everyone"),
    ],
)
def test_a_line_is_clean(written, clean):
    assert completed(title=written).title == clean


def test_a_longer_text_keeps_its_lines():
    result = completed(summary="\n one\r\n\ttwo\x07\rthree\u202e\n\n")
    assert result.summary == "one\n\ttwo\nthree"


@pytest.mark.parametrize(
    ("field", "most"),
    [("title", 300), ("summary", 4_000), ("reason", 1_000), ("raw_status", 1_000)],
)
def test_texts_are_cut_and_show_it(field, most):
    assert getattr(completed(**{field: "a" * most}), field) == "a" * most
    assert getattr(completed(**{field: "a" * (most + 1)}), field) == "a" * (most - 1) + "…"


@pytest.mark.parametrize("field", ["subject_key", "run_id"])
def test_a_long_key_fits_into_an_index_and_is_told_from_others(field):
    assert getattr(completed(**{field: "a" * 500}), field) == "a" * 500
    one, same, other = (getattr(completed(**{field: "🦄" * 600 + end}), field) for end in "112")
    assert len(one.encode()) < 2_100
    assert one == same != other


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8080/a?b=c&d=e#f",
        "HTTPS://EXAMPLE.COM/x",
        "https://[::1]/x",
        "https://bücher.example/ü",
    ],
)
def test_a_link_to_http_is_kept(url):
    assert completed(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.com",
        "gs://bucket/x",
        "//example.com",
        "example.com",
        "https://",
        "https:///x",
        "https://?x",
        "https://a b",
        "https://example.com/\nx",
        "https://example.com/\u202egpj",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_any_other_link_is_dropped(url):
    result = completed(url=url, items=[Item("i", url=url)], links=[Link("l", url)], artifacts=[Artifact("log", url)])
    assert (result.url, result.items[0].url, result.links, result.artifacts) == (None, None, [], [])


def test_what_could_end_or_disguise_a_link_is_percent_encoded():
    assert completed(url="https://e.com/a|b>c<d\"e'f`g\\h").url == "https://e.com/a%7Cb%3Ec%3Cd%22e%27f%60g%5Ch"


def test_a_sensitive_artifact_may_be_anywhere():
    (artifact,) = completed(artifacts=[Artifact("report", "gs://bucket/x", True)]).artifacts
    assert artifact.url == "gs://bucket/x"


def test_counts_without_numbers_have_no_unit():
    result = completed()
    assert (result.counts.total, result.counts.unit) == (None, None)


def test_labels_and_extra_are_clean_and_few():
    result = completed(labels={"te\x00am": "a\nb", "empty": " "}, extra={f"k{n}": n for n in range(200)})
    assert result.labels == {"team": "a b"}
    assert len(result.extra) == 100


def test_an_item_without_a_name_has_one():
    assert completed(items=[Item(" \x00 ")]).items[0].name == "Unnamed"


# ---------------------------------------------------------------------------------------------- items


def many(count: int, bad: Collection[int]) -> list[Item]:
    return [Item(f"i{n}", outcome=Outcome.FAILED if n in bad else Outcome.PASSED) for n in range(count)]


def test_history_sees_every_item_and_the_cap_comes_after():
    assert len(completed(items=many(5_000, ())).items) == 5_000


def test_the_cap_keeps_bad_items_first_in_their_order():
    result = completed(items=many(1_500, {3, 1_200, 1_499}))
    result.items[1_499].is_new = True
    cap_items(result)
    assert [item.name for item in result.items[:5]] == ["i1499", "i3", "i1200", "i0", "i1"]
    assert (len(result.items), result.items_omitted) == (1_000, 500)


def test_up_to_a_thousand_items_stay_as_they_are():
    result = completed(items=many(1_000, {7}))
    cap_items(result)
    assert [item.name for item in result.items] == [f"i{n}" for n in range(1_000)]
    assert result.items_omitted is None


# ---------------------------------------------------------------------------------------------- as JSON


def test_a_result_is_stored_as_plain_json_without_the_payload():
    stored = as_json(completed(kind=Kind.TEST_RUN, outcome=Outcome.PASSED, time=datetime(2026, 1, 1, tzinfo=UTC)))
    assert "payload" not in stored
    assert json.loads(json.dumps(stored)) == stored
    assert (stored["kind"], stored["outcome"], stored["time"]) == ("test_run", "passed", "2026-01-01T00:00:00Z")
    assert stored["counts"] == {
        "total": None, "passed": None, "failed": None, "error": None, "skipped": None,
        "cancelled": None, "flaky": None, "unit": None, "origin": None,
    }  # fmt: skip
    assert stored["history"]["transition"] == "none"
    assert stored["schema_version"] == "1"
    assert stored["items_omitted"] is None


@given(text=st.text(st.characters(codec=None)), number=st.integers())
def test_any_text_and_number_can_be_stored(text, number):
    body = json.dumps({"title": text, "n": number, "extra": text, text: text}).encode()
    vendor = Vendor(result={"title": "title", "counts.total": "n", "extra.e": "extra", "extra.n": "n", "url": "title"})
    result = read(vendor, body)
    stored = as_json(result)
    assert "\x00" not in orjson.dumps(stored).decode()
    assert stored["title"]
