"""A private vendor drafted from one captured hook: what is guessed, what is taken out, and that the draft works."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.check import check
from bridge.config.draft import Captured, draft
from bridge.config.guess import guess
from bridge.config.redact import redacted
from bridge.vendors import Vendor
from bridge.verify import Scheme

NOW = 1_800_000_000_000_000

BODY: dict[str, Any] = {
    "event": "build.done",
    "build": {
        "id": 7,
        "name": "nightly",
        "state": "purple",
        "url": "https://ci.example/1",
        "branch": "main",
        "commitSha": "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678",
        "finishedAt": "2026-05-04T10:00:00Z",
    },
    "suites": [
        {"name": "empty", "tests": []},
        {"name": "login", "tests": [{"title": "works", "status": "ok"}, {"title": "fails", "status": "odd"}]},
    ],
}

REST = "targets: {screen: {type: inbox}}\nroutes: [{name: all, to: [screen]}]\n"


def test_fields_are_guessed_by_their_names_and_by_what_stands_there():
    assert guess(BODY) == {
        "event": "event",
        "dedupe": ["build.id", "event", "build.state"],
        "result": {
            "title": "build.name",
            "outcome": "build.state",
            "url": "build.url",
            "run_id": "build.id",
            "time": "build.finishedAt",
            "finished_at": "build.finishedAt",
            "vcs.ref": "build.branch",
            "vcs.commit": "build.commitSha",
            "subject_key": "build.name",
        },
        "items": {"each": "suites.*.tests", "path": ["suites.*.name"], "name": "title", "outcome": "status"},
        "outcomes": {"purple": "unknown", "odd": "unknown"},
    }


@pytest.mark.parametrize("body", [None, "text", 5, [], {}, [{"name": "a", "status": "ok"}], {"a.b": {"status": "ok"}}])
def test_little_is_guessed_from_little(body):
    Vendor.model_validate(guess(body))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "status", "state", "event", "url", "tests", "id", "*", "a.b"]), part, max_size=5
        )
    ),
    max_leaves=25,
)


@given(body=ANY)
def test_whatever_is_guessed_is_a_vendor(body):
    Vendor.model_validate(guess(redacted(body)))


# ---------------------------------------------------------------------------------------------- redaction


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("joe.doe+x@corp.example.com", "user1@example.com"),
        ("by joe@a.example and ann@a.example", "by user1@example.com and user2@example.com"),
        ("https://u:p@ci.example/1?X-Amz-Signature=abc#top", "https://ci.example/1?redacted#top"),
        ("https://ci.example/runs/1", "https://ci.example/runs/1"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "redacted-1"),
        ("ghp_0123456789abcdef", "ghp_redacted1"),
        ("xoxb-123456789-abcdef", "xoxb-redacted1"),
        ("a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", f"{1:040x}"),
        ("dGhpcyBpcyBhIHNlY3JldCBvZiBteSBvd24gMTIz", "redacted" + f"{1:032d}"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("an ordinary sentence, 12 words", "an ordinary sentence, 12 words"),
    ],
)
def test_what_is_private_is_replaced_by_something_like_it(text, kept):
    assert redacted({"a": text}) == {"a": kept}


@pytest.mark.parametrize("key", ["token", "apiKey", "client_secret", "Authorization", "user_password", "x-signature"])
def test_what_stands_under_a_secrets_name_is_gone(key):
    assert redacted({key: "short"}) == {key: "redacted"}


def test_names_of_people_are_kept_unless_asked():
    body = {"author": {"login": "joe"}, "committer": "joe", "name": "nightly"}
    assert redacted(body) == body
    assert redacted(body, names=True) == {
        "author": {"login": "Person 1"},
        "committer": "Person 1",
        "name": "nightly",
    }


def test_equal_texts_stay_equal_and_others_different():
    one, other = "a" * 40, "b" * 40
    left, right, again = redacted([one, other, one])
    assert left == again != right


# ---------------------------------------------------------------------------------------------- the draft


@pytest.mark.parametrize(
    ("headers", "scheme", "signature"),
    [
        ({}, None, {"header": "X-Signature"}),
        ({}, Scheme(header="X-CI", prefix="sha256="), {"header": "X-CI", "prefix": "sha256="}),
        ({"x-ci-event": "build.done", "content-type": "application/json", "x-token": "t"}, None, None),
    ],
)
def test_a_draft_is_good_as_it_is(headers, scheme, signature, tmp_path):
    drafted = draft("my-ci", Captured(json.dumps(BODY).encode(), headers, scheme), NOW)
    for path, content in drafted.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (tmp_path / "config.yaml").write_text(drafted.text + REST)
    assert check(tmp_path / "config.yaml", {"MY_CI_SECRET": "s"}, NOW) == []
    written = yaml.safe_load(drafted.text)
    assert signature is None or written["vendors"]["my-ci"]["signature"] == signature
    assert written["vendors"]["my-ci"]["event"] == ("header:x-ci-event" if headers else "event")
    assert "x-token" not in str(drafted.files)


def test_a_draft_says_what_is_left_to_do():
    steps = "\n".join(draft("my-ci", Captured(json.dumps(BODY).encode(), {}, None), NOW).steps)
    for part in (
        "samples/my-ci/build-done-purple.json",
        "MY_CI_SECRET",
        "signature",
        "purple, odd",
        "drawbridge check",
    ):
        assert part in steps


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("autosana", b"{}", "a built-in vendor is named 'autosana'"),
        ("My CI", b"{}", "a name is made of lower-case letters"),
        ("my-ci", b"<xml/>", "the hook cannot be understood: the body is not JSON"),
    ],
)
def test_what_cannot_be_drafted(name, body, expected):
    with pytest.raises(ValueError, match=expected):
        draft(name, Captured(body, {}, None), NOW)


@given(body=ANY)
def test_a_draft_of_any_body_can_be_written(body):
    drafted = draft("my-ci", Captured(json.dumps(body).encode(), {}, None), NOW)
    assert yaml.safe_load(drafted.text).keys() == {"vendors", "sources", "tests"}


@pytest.mark.parametrize(
    ("headers", "event"),
    [
        ({"x-acme-event": "build.done"}, "header:x-acme-event"),
        ({"x-acme-event-uuid": "a-1", "x-acme-hook-type": "org", "x-acme-event": "push"}, "header:x-acme-event"),
        ({"x-event-key": "repo:push", "x-attempt-number": "1"}, "header:x-event-key"),
        ({"content-type": "application/json", "x-event-id": "evt-1", "x-acme-event": "x" * 80}, None),
    ],
)
def test_an_event_that_only_a_header_names_is_found_there(headers, event):
    drafted = draft("acme", Captured(b'{"build": {"id": 7, "status": "ok"}}', headers, None), NOW)
    said = yaml.safe_load(drafted.text)["vendors"]["acme"]
    assert said.get("event") == event
    kept = [content.decode() for path, content in drafted.files.items() if path.endswith(".headers")]
    name = (event or "").removeprefix("header:")
    assert kept == ([f"{name}: {headers[name]}\n"] if event else [])


@pytest.mark.parametrize(
    ("headers", "signature"),
    [
        ({"x-acme-signature": f"sha256={'0a' * 32}"}, {"header": "x-acme-signature", "prefix": "sha256="}),
        ({"x-acme-hmac-sha256": "A" * 43 + "="}, {"header": "x-acme-hmac-sha256"}),
        ({"x-design": "plain"}, {"header": "X-Signature"}),
    ],
)
def test_where_a_capture_was_signed_is_guessed_and_the_signature_is_nowhere(headers, signature):
    drafted = draft("acme", Captured(b'{"id": 7}', headers, None), NOW)
    assert yaml.safe_load(drafted.text)["vendors"]["acme"]["signature"] == signature
    assert not any(value in drafted.text for value in headers.values() if len(value) > 20)
