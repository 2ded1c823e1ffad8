"""The operator's page: the newest messages; one message with all that it carried; one event with its story.

In: a request of somebody who has logged in (`bridge.web.login`); out: an HTML document. It only reads.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bridge import clock
from bridge.render.phrases import cut, duration
from bridge.render.preview import look
from bridge.setup import Setup
from bridge.store import Store, deliveries, events, members, overview
from bridge.web.again import message_of
from bridge.web.document import document, root
from bridge.web.json_api import integer
from bridge.web.lines import MOST_DRAWN, Carried, carried, line, when, when_said
from bridge.web.readable import readable_body, readable_event, target_rows

MESSAGES = 50
"""On one page, the newest first."""

LINES = 200
"""Of what a message carried, on one page."""

MOST_BODY = 20_000
"""Characters of an event's body."""

_RESULT_ID = re.compile(r"([0-9a-f-]{36})-\d{1,9}", re.ASCII)
"""Of an event that gave several results, all but the first."""


class Page:
    """The handlers, over one store."""

    def __init__(self, store: Store, setup: Callable[[], Setup], problems: Callable[[], list[str]]) -> None:
        self._store = store
        self._setup = setup
        self._problems = problems

    async def home(self, request: Request) -> Response:
        """`GET /`: what is wrong, the targets, the newest messages; `?before=` goes on behind a message."""
        now, before = clock.now(), integer(request.query_params.get("before"), "before")
        rows = await self._store.read(partial(overview.recent, before=before, limit=MESSAGES + 1))
        shown = rows[:MESSAGES]
        alone = [row["id"] for row in shown if row["size"] == 1]
        found, _ = await self._store.read(partial(members.of, message_ids=alone, bodies=False, slim=True))
        targets = await target_rows(self._store, self._setup().config.targets) if before is None else []
        return _document(
            request,
            "home",
            problems=self._problems() if before is None else [],
            targets=[target | {"sent": when_said(target["last_sent_at"], now)} for target in targets],
            messages=[
                _message(row, now)
                | {"line": next((line(one.result, one.event_id, now) for one in found.get(row["id"], ())), None)}
                for row in shown
            ],
            older=shown[-1]["seq"] if len(rows) > MESSAGES else None,
            newest=before is None,
        )

    async def message(self, request: Request) -> Response:
        """`GET /messages/{id}`: how it fared, and all that it carried, failures first; `?page=` of `LINES` each."""
        now, message_id = clock.now(), request.path_params["id"]
        row = await self._store.read(partial(overview.find, message_id=message_id))
        if row is None:
            raise HTTPException(404, f"no message {message_id}")
        content = await carried(self._store, row, now)
        pages = max(-(-len(content.lines) // LINES), 1)
        number = min(max(integer(request.query_params.get("page"), "page") or 1, 1), pages)
        attempts = await self._store.read(partial(deliveries.attempts, message_id=message_id))
        return _document(
            request,
            "message",
            message=_message(row, now),
            attempts=[_attempt(attempt, now) for attempt in attempts],
            halves=await self._store.read(partial(overview.halves, message_id=message_id)),
            lines=content.lines[(number - 1) * LINES : number * LINES],
            number_carried=len(content.lines),
            counts=content.counts,
            first=(number - 1) * LINES + 1,
            number=number,
            pages=pages,
            look=self._look(row, content),
            most_drawn=MOST_DRAWN,
        )

    async def event(self, request: Request) -> Response:
        """`GET /events/{id}`: what came, how it was proved, what was understood of it, and where that went. The id of a
        result will do.
        """
        now, event_id = clock.now(), request.path_params["id"]
        row = await self._store.read(partial(events.find, event_id=event_id))
        if row is None and (several := _RESULT_ID.fullmatch(event_id)):
            row = await self._store.read(partial(events.find, event_id=several[1]))
        if row is None:
            raise HTTPException(404, f"no event {event_id}")
        owed = await self._store.read(partial(deliveries.listed, event_id=row["id"], limit=LINES + 1))
        shown = readable_event({name: value for name, value in row.items() if name != "body"})
        body = readable_body(bytes(row["body"]))
        text = next(iter(body.values()))
        return _document(
            request,
            "event",
            event=shown,
            received=when(row["received_at"], now),
            lines=[line(result, result.get("id") or row["id"], now) for result in shown["results"] or ()],
            deliveries=[_delivery(one, now) for one in owed[:LINES]],
            more=len(owed) > LINES,
            body=text[:MOST_BODY],
            is_text="body" in body,
            size=len(row["body"]),
            is_cut=len(text) > MOST_BODY,
        )

    def _look(self, row: Mapping[str, Any], content: Carried) -> Any:
        """The message as its target shows it, by the configuration of today; null where that cannot be told."""
        setup = self._setup()
        options = setup.config.targets.get(row["target"])
        if options is None or not content.members or not all(one.result for one in content.members):
            return None
        body = message_of(setup, row["target"], content.members, cause=row["cause"], message=row["id"])
        return None if body is None else look(options.type, body, clock.to_datetime(row["created_at"]))


def failed(request: Request, error: HTTPException) -> Response:
    """What stands there instead of a page."""
    title = HTTPStatus(error.status_code).phrase
    return document(
        "failed",
        root(request.scope["path"]),
        error.status_code,
        error.headers,
        title=title,
        detail=error.detail,
        inside=False,
    )


def _document(request: Request, name: str, **values: Any) -> Response:
    return document(name, root(request.scope["path"]), inside=True, **values)


def _message(row: Mapping[str, Any], now: int) -> dict[str, Any]:
    waits = row["state"] == "waiting"
    return {
        **row,
        "created": when(row["created_at"], now),
        "began": when(row["first_attempt_at"], now),
        "next": when(row["next_at"], now) if waits and row["next_at"] > now else None,
    }


def _attempt(row: Mapping[str, Any], now: int) -> dict[str, Any]:
    return {**row, "began": when(row["began_at"], now), "took": duration((row["ended_at"] - row["began_at"]) // 1000)}


def _delivery(row: Mapping[str, Any], now: int) -> dict[str, Any]:
    return {**row, "created": when(row["created_at"], now), "reason": cut(row["reason"], 500)}
