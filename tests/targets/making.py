"""What the tests of this room are made of: a result, a message, an answer, and a renderer that says what it is told."""

import json
from typing import Any, cast

from bridge.model import Member, Message, Why
from bridge.options import Options
from bridge.render import Rendered, Renderer, View
from bridge.targets import TargetOptions
from bridge.targets.wire import HttpAnswer, Outgoing

NOW = 1_773_489_600_000_000
"""2026-03-14T12:00:00Z"""

MESSAGE_ID = "0195945f-c000-7000-8000-000000000001"

RESULT: dict[str, Any] = {
    "id": "0195945f-c000-7000-8000-0000000000aa",
    "source": "mobile-tests",
    "state": "finished",
    "time": "2026-03-14T11:59:00Z",
    "subject_key": "com.example.myapp/android/main",
    "title": "Login Suite",
    "outcome": "failed",
    "artifacts": [
        {"kind": "build", "url": "https://example.com/app.apk", "sensitive": True},
        {"kind": "report", "url": "https://example.com/report", "sensitive": False},
    ],
    "extra": {"flows": 3},
    "payload": {"raw": "body"},
}


class File(Options):
    """As much of a configuration file as this room is about."""

    targets: dict[str, TargetOptions]


def options(**keys: Any) -> Any:
    """The options of a target, from what stands in the configuration."""
    return File.model_validate({"targets": {"qa": keys}}).targets["qa"]


def message(
    result: dict[str, Any] = RESULT, attempts: int = 0, mention: bool = False, created_at: int = NOW, why: Why = Why.NEW
) -> Message:
    member = Member(
        delivery_id="d1",
        event_id=result["id"],
        route="broken tests",
        result=result,
        body=b"{}",
        mention=mention,
        why=why,
        created_at=created_at,
    )
    return Message(
        id=MESSAGE_ID,
        target="qa",
        order_keys=frozenset(),
        members=(member,),
        attempts=attempts,
        unknowns=0,
        created_at=created_at,
        first_attempt_at=None,
        token=1,
    )


def answering(status: int, body: Any = b"", **headers: str) -> HttpAnswer:
    """An answer; a body that is not bytes or text becomes JSON, `retry_after` becomes the header `retry-after`."""
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status, named, text if isinstance(text, bytes) else text.encode(), NOW)


def outgoing(url: str = "http://127.0.0.1:9/in", **keys: Any) -> Outgoing:
    return Outgoing(**{"url": url, "headers": {}, "body": b'{"text": "hello"}', "at": NOW, **keys})


class Saying:
    """Takes the renderer's place: renders every message as `body` and remembers what it was shown."""

    def __init__(self, body: Any, content_type: str = "application/json", falls: tuple[str, ...] = ()) -> None:
        self._rendered = Rendered(body, content_type, falls)
        self.seen: list[tuple[str, str | None, View]] = []

    def render(self, type: str, template: str | None, view: View) -> Rendered:  # noqa: A002 - the renderer's own word
        self.seen.append((type, template, view))
        return self._rendered

    @property
    def renderer(self) -> Renderer:
        return cast(Renderer, self)
