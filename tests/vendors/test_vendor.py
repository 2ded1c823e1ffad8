"""A vendor described by data alone, as a private one in YAML is."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bridge import vendors
from bridge.model import Outcome, Severity
from bridge.vendors import Vendor, VendorOptions
from bridge.vendors.words import MEANINGS, fold
from tests.vendors.cases import read

MY_CI = {
    "signature": {"header": "X-CI-Signature", "prefix": "sha256="},
    "dedupe": ["build.id", "build.state"],
    "result": {
        "kind": "test_run",
        "title": ["build.title", "build.name"],
        "outcome": "build.state",
        "url": "build.url",
        "summary": "{{ payload.tests|length }} tests",
        "counts.unit": "test",
        "counts.total": "build.tests",
        "vcs.ref": "build.branch",
        "labels.team": "build.team",
        "extra.queue": "build.queue",
        "links.build_log": "build.log",
        "artifacts.image": "build.screenshot",
        "sensitive_artifacts.log": "build.raw_log",
        "started_at": "build.started",
        "finished_at": "build.ended",
    },
    "outcomes": {"green": "passed", "red": "failed", "amber": "running"},
}


def ci(**build: Any) -> dict[str, Any]:
    return {"build": build}


def test_the_keys_of_a_private_vendor_are_enough():
    vendor = Vendor.model_validate({**MY_CI, "name": "my-ci"})
    body = ci(
        name="nightly", state="GREEN", url="https://ci.example.com/1", tests=12, branch="main", team="core", queue=0.5,
        log="https://ci.example.com/1/log", screenshot="https://ci.example.com/1.png", raw_log="s3://logs/1",
        started=1_714_867_200, ended=1_714_867_260,
    )  # fmt: skip
    result = read(vendor, body)
    assert (result.type, result.kind, result.title, result.outcome) == ("event", "test_run", "nightly", "passed")
    assert (result.raw_status, result.url, result.vcs.ref) == ("GREEN", "https://ci.example.com/1", "main")
    assert (result.counts.total, result.counts.unit, result.counts.origin) == (12, "test", "reported")
    assert (result.labels, result.extra) == ({"team": "core"}, {"queue": 0.5})
    assert [(link.label, link.url, link.kind) for link in result.links] == [
        ("Build log", "https://ci.example.com/1/log", "build_log")
    ]
    assert [(one.kind, one.url, one.sensitive) for one in result.artifacts] == [
        ("image", "https://ci.example.com/1.png", False),
        ("log", "s3://logs/1", True),
    ]
    assert result.duration_ms == 60_000


@pytest.mark.parametrize(
    ("word", "state", "outcome"),
    [
        ("green", "finished", "passed"),
        ("Red", "finished", "failed"),
        ("amber", "running", None),
        ("queued", "queued", None),
        ("aborted", "finished", "cancelled"),
        ("Timed Out", "finished", "timed_out"),
        ("finished", "finished", "neutral"),
        ("purple", "finished", "unknown"),
        (True, "finished", "unknown"),
        (None, "finished", "unknown"),
    ],
)
def test_a_word_is_looked_up_in_the_vendors_table_then_in_the_common_one(word, state, outcome):
    result = read(Vendor.model_validate(MY_CI), ci(state=word))
    assert (result.state, result.outcome) == (state, outcome)


def test_the_operators_table_comes_before_the_vendors():
    vendor = Vendor.model_validate(MY_CI)
    options = VendorOptions.model_validate({"outcomes": {"GREEN": "neutral"}})
    assert read(vendor, ci(state="green"), options).outcome == "neutral"


def test_an_expression_is_evaluated_over_the_payload():
    vendor = Vendor.model_validate(MY_CI)
    seen = []

    def evaluate(text, values):
        seen.append((text, values))
        return "7 tests"

    body = ci(state="green")
    assert read(vendor, body, evaluate=evaluate).summary == "7 tests"
    assert seen == [("{{ payload.tests|length }} tests", {"payload": body})]


def broken(text, values):
    raise ZeroDivisionError


@pytest.mark.parametrize("evaluate", [None, broken, lambda text, values: [], lambda text, values: None])
def test_an_expression_that_gives_nothing_leaves_the_field_empty(evaluate):
    assert read(Vendor.model_validate(MY_CI), ci(state="green"), evaluate=evaluate).summary is None


def test_events_may_be_named_or_described():
    named = Vendor.model_validate({"event": "type", "events": ["build.done"]})
    described = Vendor.model_validate(
        {"event": "type", "events": {"build.done": {"kind": "test_run", "severity": "low"}}}
    )
    assert read(named, {"type": "build.done"}).kind == "other"
    assert read(described, {"type": "Build.Done"}).kind == "test_run"
    assert read(described, {"type": "build.done"}).severity is Severity.LOW
    assert read(named, {"type": "build.lost"}).reason == "an event type that this vendor does not document"


def test_without_a_list_of_events_every_name_is_known():
    vendor = Vendor.model_validate({"event": "type", "result": {"outcome": "status"}})
    assert read(vendor, {"type": "anything", "status": "ok"}).outcome is Outcome.PASSED


def test_an_event_without_its_name_is_unknown():
    vendor = Vendor.model_validate({"event": "type", "events": ["build.done"]})
    assert read(vendor, {}).type == "unknown"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"result": {"ttile": "a"}}, "no field 'ttile'; did you mean 'title'?"),
        ({"result": {"qqq": "a"}}, "no field 'qqq'"),
        ({"result": {"labels": "a"}}, "'labels' needs a name of yours after it"),
        ({"outcomes": {"green": "great"}}, "outcomes"),
        ({"events": {"a": {"knd": "x"}}}, "knd"),
        ({"understand": "a.b"}, "understand"),
        ({"resutl": {}}, "resutl"),
    ],
)
def test_a_mistake_in_the_description_is_named(keys, said):
    with pytest.raises(ValidationError) as caught:
        Vendor.model_validate(keys)
    assert said in str(caught.value)


def test_a_schema_for_editors_leaves_out_what_only_python_can_say():
    properties = Vendor.model_json_schema()["properties"]
    assert {"signature", "dedupe", "event", "events", "result", "outcomes"} <= properties.keys()
    assert not {"understand", "options"} & properties.keys()


def test_no_word_for_progress_or_doubt_is_passed():
    assert {word for word, meaning in MEANINGS.items() if meaning is Outcome.PASSED} == {
        "pass",
        "passed",
        "ok",
        "success",
        "successful",
        "succeeded",
    }


@pytest.mark.parametrize("word", ["Timed Out", "timed-out", " TIMED_OUT "])
def test_words_are_compared_without_case_blanks_and_hyphens(word):
    assert fold(word) == "timed_out"


def test_vendors_are_found_by_their_files():
    assert {"agnox", "autonoma", "autosana", "autotab", "autousers"} <= set(vendors.names())
    assert vendors.names() == sorted(vendors.names())


@pytest.mark.parametrize(
    ("name", "said"), [("autosanna", "did you mean 'autosana'?"), ("zzz", "there are agnox, "), ("vendor", "no vendor")]
)
def test_a_vendor_that_is_not_there_is_said_so(name, said):
    with pytest.raises(LookupError, match="no vendor named") as caught:
        vendors.load(name)
    assert said in str(caught.value)


def test_samples_are_the_exact_bytes_in_the_order_of_their_names():
    samples = vendors.samples("autosana")
    assert list(samples) == sorted(samples)
    assert all(body == body.strip() and json.loads(body) for body in samples.values())
    assert vendors.samples("nobody") == {}
