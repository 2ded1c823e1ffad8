"""The API of deliveries: listed by a filter, one in full; one or many replayed or discarded."""

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bridge import clock
from bridge.setup import Setup
from bridge.store import Store, replays, selection
from bridge.store.selection import Wanted
from bridge.web.again import FILTERS, Dealt, delivery_story, discard_many, replay_many, wanted
from bridge.web.json_api import body_of, json_answer, limit
from bridge.web.readable import readable_delivery

MOST = 1_000
"""Deliveries that one call deals with; `next` in the answer, given back as `after`, goes on behind them."""

LONGEST_KEY = 255


class Deliveries:
    """The handlers, over one store. `nudge` makes the stages look for work at once."""

    def __init__(self, store: Store, setup: Callable[[], Setup], nudge: Callable[[], None]) -> None:
        self._store = store
        self._setup = setup
        self._nudge = nudge

    async def listed(self, request: Request) -> Response:
        """The newest first of those that the query means, by the names in `FILTERS`, and at most `limit`."""
        return json_answer({"deliveries": await self._listed(request, None)})

    async def dead_letters(self, request: Request) -> Response:
        """The same of those that will not be tried again by themselves, with the reason."""
        return json_answer({"dead_letters": await self._listed(request, "dead")})

    async def _listed(self, request: Request, state: str | None) -> list[dict[str, Any]]:
        which = _wanted({name: text for name, text in request.query_params.items() if name in FILTERS}, state)
        rows = await self._store.read(partial(selection.listed, wanted=which, limit=limit(request)))
        return [readable_delivery(row) for row in rows]

    async def show(self, request: Request) -> Response:
        """One delivery with its event, result, message and attempts."""
        delivery_id = request.path_params["id"]
        story = await delivery_story(self._store, self._setup(), delivery_id)
        if story is None:
            raise HTTPException(404, f"no delivery {delivery_id}")
        return json_answer(story)

    async def replay_one(self, request: Request) -> Response:
        """Owe a delivery once more; a JSON body `{"to": target}` sends it elsewhere. Under an `Idempotency-Key`
        that was used for it before, nothing is owed again, and the answer is the same.
        """
        to = self._target(await body_of(request))
        delivery_id, key = request.path_params["id"], _key(request)
        replayed = partial(replays.replay, delivery_id=delivery_id, to=to, now=clock.now(), key=key)
        new_id = await self._store.write(replayed)
        if new_id is None:
            raise HTTPException(404, f"no delivery {delivery_id}")
        self._nudge()
        return json_answer({"delivery": new_id}, 202)

    async def discard_one(self, request: Request) -> Response:
        """Stop owing a delivery that waits, or settle a dead letter."""
        delivery_id = request.path_params["id"]
        if not await self._store.write(partial(replays.discard, delivery_id=delivery_id, now=clock.now())):
            raise HTTPException(409, f"delivery {delivery_id} neither waits nor is a dead letter, or is on its way now")
        return json_answer({"discarded": delivery_id})

    async def replay(self, request: Request) -> Response:
        """Replay all that a filter means, dead letters unless it says otherwise: a JSON body of `FILTERS`, with `to`,
        `after` and `dry_run`. At most `MOST` in one call.
        """
        body = await body_of(request)
        to, which, after = self._target(body), _wanted(body), _after(body)
        if body.get("dry_run"):
            return await self._counted(which)
        dealt = await replay_many(self._store, which, to=to, key=_key(request), after=after, most=MOST)
        self._nudge()
        return _dealt("replayed", dealt)

    async def discard(self, request: Request) -> Response:
        """Discard all that a filter means, dead letters unless it says otherwise."""
        body = await body_of(request)
        which, after = _wanted(body), _after(body)
        if body.get("dry_run"):
            return await self._counted(which)
        return _dealt("discarded", await discard_many(self._store, which, after=after, most=MOST))

    async def _counted(self, which: Wanted) -> Response:
        return json_answer({"matched": await self._store.read(partial(selection.count, wanted=which))})

    def _target(self, body: dict[str, Any]) -> str | None:
        to = body.get("to")
        if to is not None and (not isinstance(to, str) or to not in self._setup().targets):
            raise HTTPException(400, f"no target named {to!r}")
        return to


def _wanted(body: dict[str, Any], state: str | None = "dead") -> Wanted:
    known = {*FILTERS, "to", "after", "dry_run"}
    if unknown := body.keys() - known:
        raise HTTPException(400, f"no key {sorted(unknown)[0]!r}; there are {', '.join(sorted(known))}")
    try:
        return wanted(body, clock.now(), state=state)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None


def _after(body: dict[str, Any]) -> int:
    after = body.get("after", 0)
    if type(after) is not int or not 0 <= after < 1 << 62:
        raise HTTPException(400, "after must be the number that the call before gave as next")
    return after


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise HTTPException(400, f"an Idempotency-Key has 1 to {LONGEST_KEY} characters")
    return key


def _dealt(what: str, dealt: Dealt) -> Response:
    return json_answer({what: dealt.done, "next": dealt.after}, 202)
