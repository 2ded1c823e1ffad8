"""Credentials never reach a chat, wherever in a result they stand."""

import pytest

from bridge.render import Renderer
from bridge.render.private import is_private, redact
from tests.render.making import item, result, texts, view

RENDERER = Renderer()
PRESIGNED = "https://bucket.s3.example.com/r.html?X-Amz-Expires=60&X-Amz-Credential=AKIDx&X-Amz-Signature=fe5fe5"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            f"see {PRESIGNED}.",
            "see https://bucket.s3.example.com/r.html?X-Amz-Expires=60&X-Amz-Credential=…&X-Amz-Signature=…",
        ),
        ("https://a.example/?sv=1&sig=abc%3D&x=1", "https://a.example/?sv=1&sig=…&x=1"),
        ("https://a.example/share?shareToken=s3cr3t#top", "https://a.example/share?shareToken=…#top"),
        ("https://me:hunter2@a.example/x", "https://…@a.example/x"),
        ("got Authorization: Bearer abcdefghijklmnop.qrs", "got Authorization: Bearer …"),
        ("token xoxb-123456789012-abcdef leaked", "token … leaked"),
        ("AKIAIOSFODNN7EXAMPLE", "…"),
        ("ghp_" + "a" * 36, "…"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2", "…"),
        ("expected token=3 but sig was 4", "expected token=3 but sig was 4"),
        ("https://a.example/?page=2&tokens=4&run=x", "https://a.example/?page=2&tokens=4&run=x"),
        ("the bearer of news", "the bearer of news"),
    ],
)
def test_a_credential_in_a_text_is_hidden(text, shown):
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("url", "private"),
    [(PRESIGNED, True), ("https://a.example/?token=x", True), ("https://a.example/runs/1?tab=logs#L4", False)],
)
def test_an_address_that_lets_anybody_in_is_private(url, private):
    assert is_private(url) is private


@pytest.mark.parametrize("target_type", ["slack", "discord", "http", "inbox"])
@pytest.mark.parametrize("outcome", ["failed", "passed"])
def test_no_layout_shows_a_presigned_address(target_type, outcome):
    made = result(
        outcome=outcome,
        title=f"T {PRESIGNED}",
        url=PRESIGNED,
        summary=f"at {PRESIGNED}",
        reason=PRESIGNED,
        links=[{"label": PRESIGNED, "url": PRESIGNED}],
        items=[item(PRESIGNED, url=PRESIGNED, message=f"get {PRESIGNED}\nmore {PRESIGNED}")],
        vcs={"ref": PRESIGNED} if target_type != "http" else {},
        artifacts=[{"kind": "video", "url": PRESIGNED, "sensitive": False}],
    )
    for fields in ({}, {"buttons": True, "style": "blocks"}, {"members": (made, made)}):
        message = RENDERER.render(target_type, None, view(made, **fields))
        assert message.falls == ()
        shown = "\n".join(map(str, texts(message.body)))
        assert "fe5fe5" not in shown
        assert "AKIDx" not in shown
