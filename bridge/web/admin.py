"""The operator's door: readiness and metrics for machines; a JSON API and pages, of what is in the store, for who has
the token.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge import alarms, clock
from bridge.doctor import of_refusal
from bridge.errors import StoreUnavailable
from bridge.ingest import sample
from bridge.metrics import PAUSED, TEXT_TYPE, WAITING, as_text
from bridge.setup import Setup
from bridge.store import Store, erasure, events, refusals, targets
from bridge.store.migrations import try_writing
from bridge.web import secret_uses
from bridge.web.deliveries import Deliveries
from bridge.web.json_api import NO_STORE, integer, json_answer, limit
from bridge.web.login import CHALLENGE, LoggedIn, Login
from bridge.web.owed import Owed
from bridge.web.page import Page, failed
from bridge.web.readable import (
    event_story,
    iso,
    readable_body,
    readable_event,
    readable_refusal,
    target_rows,
)


class Token:
    """Lets in who shows the admin token as `Authorization: Bearer …`; everybody else gets 401, or 429 for guessing."""

    def __init__(self, app: ASGIApp, login: Login) -> None:
        self._app = app
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._login.bearer(Request(scope), clock.now()):
            raise HTTPException(401, "the admin token is needed: Authorization: Bearer <admin.token>", CHALLENGE)
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # in no id or name, and PostgreSQL takes none
            raise HTTPException(400, "a NUL byte names nothing here")
        await self._app(scope, receive, send)


class Admin:
    """The handlers, over one store. `nudge` makes the stages look for work at once."""

    def __init__(
        self,
        store: Store,
        setup: Callable[[], Setup],
        nudge: Callable[[], None],
        problems: Callable[[], list[str]],
        failing: Callable[[], bool],
    ) -> None:
        self._failing = failing
        self._store = store
        self._setup = setup
        self._nudge = nudge
        self._problems = problems
        self._owed = Owed(store)

    # -------------------------------------------------------------------------------- for machines, no token

    async def readyz(self, _: Request) -> Response:
        """200 where hooks can be kept; names and counts only. The problems themselves are in `/api/problems`.

        Whether the store can be written to is tried only after a hook could not be kept: nobody should be able to wear
        out a disk by asking.
        """
        problems = len(self._problems())
        try:
            if self._failing():
                await self._store.write(try_writing)
            owed = await self._owed.now()
            states = await self._store.read(targets.listed)
        except StoreUnavailable as error:
            return JSONResponse({"ready": False, "store": str(error), "problems": problems}, 503)
        paused = [state.name for state in states if state.paused_at is not None]
        return JSONResponse({"ready": True, "waiting": owed, "paused": paused, "problems": problems})

    async def metrics(self, _: Request) -> Response:
        """Prometheus text; what waits is counted now, by an index, and where it is very many a moment ago."""
        setup = self._setup()
        try:
            owed = await self._owed.now()
            states = await self._store.read(targets.listed)
        except StoreUnavailable:
            pass  # the counters are still worth having, and what waited last still waits
        else:
            WAITING.clear()
            PAUSED.clear()
            for name in setup.targets.keys() | owed.keys():
                WAITING.labels(name).set(owed.get(name, 0))
            for state in states:
                PAUSED.labels(state.name).set(state.paused_at is not None)
        return Response(as_text(), media_type=TEXT_TYPE)

    async def list_problems(self, _: Request) -> Response:
        """What is wrong with the file on disk, or with an event, in sentences; and the last day's alarms that no route
        took.
        """
        return json_answer(
            {"problems": self._problems() + await self._store.read(partial(alarms.unheard, now=clock.now()))}
        )

    # -------------------------------------------------------------------------------- events

    async def list_events(self, request: Request) -> Response:
        """`?source= &before= &limit=`: the newest events first, `before` being the `seq` to go on behind."""
        query = request.query_params
        before = integer(query.get("before"), "before")
        rows = await self._store.read(
            partial(events.recent, source=query.get("source"), before=before, limit=limit(request))
        )
        return json_answer({"events": [readable_event(row) for row in rows]})

    async def show_event(self, request: Request) -> Response:
        """One event with its body, its results, and its deliveries with every attempt."""
        event_id = request.path_params["id"]
        story = await event_story(self._store, event_id)
        if story is None:
            raise HTTPException(404, f"no event {event_id}")
        return json_answer(story)

    async def replay_event(self, request: Request) -> Response:
        """Have an event understood and routed once more, by the configuration of today."""
        event_id = request.path_params["id"]
        if not await self._store.write(partial(events.replay, event_id=event_id)):
            raise HTTPException(404, f"no event {event_id}")
        self._nudge()
        return json_answer({"replayed": event_id}, 202)

    async def erase_event(self, request: Request) -> Response:
        """Erase an event's body and every text made of it."""
        event_id = request.path_params["id"]
        erased = await erasure.erase(self._store, event_id, clock.now())
        if erased is None:
            raise HTTPException(404, f"no event {event_id}")
        if not erased:
            raise HTTPException(409, f"a message of event {event_id} is on its way now; try again")
        return json_answer({"erased": event_id})

    # -------------------------------------------------------------------------------- targets and sources

    async def list_targets(self, _: Request) -> Response:
        """Every target in the file or in the store, with its queue and condition."""
        listed = await target_rows(self._store, self._setup().config.targets)
        return json_answer({"targets": listed})

    async def pause_target(self, request: Request) -> Response:
        """Stop sending to a target; its queue is kept."""
        name, now = self._target(request), clock.now()
        await self._store.write(partial(targets.pause, name=name, reason=targets.BY_OPERATOR, now=now))
        return json_answer({"paused": name})

    async def resume_target(self, request: Request) -> Response:
        """Send to a target again, at once."""
        name = self._target(request)
        was_paused = await self._store.write(partial(targets.resume, name=name, now=clock.now()))
        self._nudge()
        return json_answer({"resumed": name, "was_paused": was_paused})

    def _target(self, request: Request) -> str:
        name = str(request.path_params["name"])
        if name not in self._setup().targets:
            raise HTTPException(404, f"no target named {name!r}")
        return name

    async def list_sources(self, _: Request) -> Response:
        """Every source, with its URL's path, when each of its secrets was last used, and what was refused."""
        counts = await self._store.read(refusals.all_counts)
        sources = sorted(self._setup().sources.items())
        uses = {name: await secret_uses.listed(self._store, source) for name, source in sources}
        listed = [
            {
                "name": name,
                "vendor": source.vendor.name,
                "url": f"{self._setup().config.public_url or ''}/hooks/{name}",
                "verify": source.verify,
                "verified": source.verify == "enforce",
                "last_heard_at": iso(await self._store.read(partial(events.last_heard, source=name))),
                "allow_from": [str(network) for network in source.allow_from],
                "secrets": uses[name],
                "refusals": [
                    {**count, "last_at": iso(count["last_at"])} for count in counts if count["source"] == name
                ],
            }
            for name, source in sources
        ]
        return json_answer({"sources": listed})

    async def list_refusals(self, request: Request) -> Response:
        """`?source=`: the last few of each source and reason, the newest first, without their bodies."""
        found = await self._store.read(partial(refusals.recent, source=request.query_params.get("source")))
        return json_answer(
            {"refusals": [readable_refusal(one, self._setup().sources.get(one.source)) for one in found]}
        )

    async def show_refusal(self, request: Request) -> Response:
        """One of them, with the beginning of its body, and what was wrong with it."""
        refusal_id = request.path_params["id"]
        found = await self._store.read(partial(refusals.find, refusal_id=refusal_id))
        if found is None:
            raise HTTPException(404, f"no refusal {refusal_id}")
        shown = readable_refusal(found, self._setup().sources.get(found.source))
        # In a thread: hooks do not wait for the trials.
        findings = await asyncio.to_thread(of_refusal, found, self._setup().config)
        return json_answer(shown | readable_body(found.body) | {"findings": [asdict(one) for one in findings]})

    async def send_sample(self, request: Request) -> Response:
        """Take in the request's body as a test event: marked TEST, it touches neither history nor dedupe."""
        source = self._setup().sources.get(request.path_params["name"])
        if source is None:
            raise HTTPException(404, f"no source named {request.path_params['name']!r}")
        body = await request.body()
        if len(body) > source.max_body:
            raise HTTPException(413, f"larger than the source's max_body ({source.max_body} bytes)")
        receipt = await self._store.keep(sample(source, body, clock.now()))
        self._nudge()
        return json_answer({"id": receipt.id, "status": receipt.status.value}, 202)


async def _error(request: Request, error: Exception) -> Response:
    if isinstance(error, StoreUnavailable):
        error = HTTPException(503, str(error))
    assert isinstance(error, HTTPException)  # noqa: S101 - the only other kind that is registered below
    if request.scope["path"].startswith("/api/"):
        return JSONResponse({"error": error.detail}, error.status_code, headers={**NO_STORE, **(error.headers or {})})
    return failed(request, error)


def admin_app(admin: Admin, owed: Deliveries, page: Page, login: Login) -> Starlette:
    """The operator's application: for machines, the API for who shows the token, the page for who has logged in."""
    api = [
        Route("/problems", admin.list_problems),
        Route("/events", admin.list_events),
        Route("/events/{id}", admin.show_event),
        Route("/events/{id}/replay", admin.replay_event, methods=["POST"]),
        Route("/events/{id}/forget", admin.erase_event, methods=["POST"]),
        Route("/deliveries", owed.listed),
        Route("/deliveries/{id}", owed.show),
        Route("/deliveries/{id}/replay", owed.replay_one, methods=["POST"]),
        Route("/deliveries/{id}/discard", owed.discard_one, methods=["POST"]),
        Route("/dead-letters", owed.dead_letters),
        Route("/replay", owed.replay, methods=["POST"]),
        Route("/discard", owed.discard, methods=["POST"]),
        Route("/targets", admin.list_targets),
        Route("/targets/{name}/pause", admin.pause_target, methods=["POST"]),
        Route("/targets/{name}/resume", admin.resume_target, methods=["POST"]),
        Route("/refusals", admin.list_refusals),
        Route("/refusals/{id}", admin.show_refusal),
        Route("/sources", admin.list_sources),
        Route("/sources/{name}/send", admin.send_sample, methods=["POST"]),
    ]
    pages = [
        Route("/", page.home),
        Route("/messages/{id}", page.message),
        Route("/events/{id}", page.event),
    ]
    return Starlette(
        routes=[
            Route("/readyz", admin.readyz),
            Route("/metrics", admin.metrics),
            Mount("/api", routes=api, middleware=[Middleware(Token, login=login)]),
            Route("/login", login.form),
            Route("/login", login.enter, methods=["POST"]),
            Route("/logout", login.leave, methods=["POST"]),
            Mount("", routes=pages, middleware=[Middleware(LoggedIn, login=login)]),
        ],
        exception_handlers={HTTPException: _error, StoreUnavailable: _error},
    )
