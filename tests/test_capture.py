"""A captured request: raw as it was on the wire, or as JSON."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.capture import read_capture

NOW = 1_773_489_600_000_000


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff\r\n\r\nmore"])
def test_raw_http_is_read_byte_for_byte(end, body):
    head = end.join(["POST /hooks/qa?x=1 HTTP/1.1", "Host: x", "X-Sig:  a ", "X-Sig: b", "", ""])
    hook = read_capture(head.encode() + body, NOW).received
    assert (hook.source, hook.method, hook.url, hook.body) == ("qa", "POST", "/hooks/qa?x=1", body)
    assert hook.header("X-Sig") == ["a", "b"]
    assert hook.received_at == NOW


@pytest.mark.parametrize(
    ("header", "body", "read", "note"),
    [
        ("Content-Length: 2", b"{}\n", b"{}", "first 2 bytes"),
        ("Content-Length: 9", b"{}", b"{}", "cut off: 2 bytes came of 9"),
        ("Transfer-Encoding: chunked", b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}", ""),
        ("Transfer-Encoding: chunked", b"{}", b"{}", "is not"),
    ],
)
def test_what_the_capture_itself_shows_is_noted(header, body, read, note):
    captured = read_capture(b"POST /hooks/qa HTTP/1.1\r\n" + header.encode() + b"\r\n\r\n" + body, NOW)
    assert captured.received.body == read
    assert note in " ".join(captured.notes)
    assert bool(captured.notes) is bool(note)


@pytest.mark.parametrize("headers", [{"X-Sig": "a"}, [["X-Sig", "a"]]])
def test_json_is_read_with_its_time(headers):
    document = {"headers": headers, "body": "ü", "path": "/hooks/qa", "at": "2026-03-14T12:00:00Z"}
    hook = read_capture(json.dumps(document).encode(), 0).received
    assert (hook.source, hook.headers, hook.body, hook.received_at) == ("qa", (("x-sig", "a"),), "ü".encode(), NOW)


def test_a_body_that_is_no_text_comes_as_base64():
    assert read_capture(b'{"headers": {}, "body_base64": "AP8="}', NOW).received.body == b"\x00\xff"


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"[]", b'{"body": ""}', b'{"headers": 1}', b'{"headers": {}, "body": {}}', b"POST / HTTP/1.1\r\n"],
)
def test_what_is_no_capture_is_refused_with_what_is_wanted(data):
    with pytest.raises(ValueError, match="must be"):
        read_capture(data, NOW)


CHUNKED = b"POST /hooks/qa HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@given(st.binary() | st.binary().map(lambda body: CHUNKED + body))
def test_whatever_the_file_holds_it_is_read_or_refused(data):
    with contextlib.suppress(ValueError):
        assert read_capture(data, NOW).received.method
