"""The public door: `POST /hooks/{source}`, what a vendor asks there before it posts, and `GET /healthz`; nothing else.

A hook is read whole, within a time and a size, and handed to `ingest`; what comes back is said in one line. The caller
learns little: a refusal is a bland 401, and its reason goes to the operator. Nothing a caller sends makes a 500.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge import clock
from bridge.callers import FORWARDED_FOR, caller, reached, within
from bridge.config import Source
from bridge.errors import Reason, Refused, StoreUnavailable
from bridge.ingest import ingest
from bridge.metrics import KEEP_SECONDS, hooks_answered
from bridge.model import Received
from bridge.pace import Pace, Rate
from bridge.setup import Setup
from bridge.store import Store
from bridge.verify.handshake import Said, greet
from bridge.web.answers import CLOSE, answer
from bridge.web.bodies import Bodies, Full, Gone, Held, TooLarge, discard
from bridge.web.refused import Refusals

PREFIX = "/hooks/"

BUSY = 50
"""Hooks within `BUSY_SECONDS` from which on what can wait should."""

BUSY_SECONDS = 0.1

RETRY_AFTER = (b"retry-after", b"5")

log = logging.getLogger("bridge.hooks")


class Hooks:
    """`POST /hooks/{source}`, as a bare ASGI application."""

    def __init__(
        self,
        store: Store,
        setup: Callable[[], Setup],
        kept: Callable[[], None],
        refusals: Refusals,
    ) -> None:
        self._store = store
        self._setup = setup
        self._kept = kept
        self._refusals = refusals
        self.bodies = Bodies()
        self._lately: deque[float] = deque([-BUSY_SECONDS] * BUSY, maxlen=BUSY)
        """When the last hooks came (monotonic seconds)."""
        self._paces: dict[str, Pace] = {}
        self.failed_at: int | None = None
        """When a hook could last not be kept (µs); null where the last one that came was kept."""

    @property
    def failing(self) -> bool:
        """Whether the last hook that came could not be kept."""
        return self.failed_at is not None

    @property
    def busy(self) -> bool:
        """Whether hooks come thick."""
        return time.monotonic() - self._lately[0] < BUSY_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = self._setup().sources.get(scope["path"][len(PREFIX) :])
        if source is None:
            hooks_answered("", "404").inc()
            await answer(send, 404, {"error": "no such source"}, CLOSE)
            return
        if scope["method"] != "POST":
            said = _greeted(scope, source)
            if said is not None and (not source.allow_from or self._may_call(scope, source)):
                hooks_answered(source.name, str(said.status)).inc()
                await answer(send, said.status, said.body, *said.headers, CLOSE)
                return
            self._refuse(scope, source, Refused(Reason.NOT_A_POST, f"was sent with {scope['method'][:20]}, not POST"))
            hooks_answered(source.name, "405").inc()
            await answer(send, 405, {"error": "send hooks with POST"}, (b"allow", b"POST"), CLOSE)
            return
        held = Held(self.bodies, _announced(scope))
        try:
            status, body, more = await self._take_in(scope, receive, source, held)
        except Gone:
            hooks_answered(source.name, "gone").inc()
            return
        finally:
            held.let_go()
        hooks_answered(source.name, str(status)).inc()
        await answer(send, status, body, *more)

    async def _take_in(
        self, scope: Scope, receive: Receive, source: Source, held: Held
    ) -> tuple[int, dict[str, Any] | str, tuple[tuple[bytes, bytes], ...]]:
        """Read, verify, keep; what to answer. Raises Gone where nobody is there to be answered."""
        if source.allow_from and not self._may_call(scope, source):
            await discard(receive)
            return 401, {"error": "unauthorized"}, (CLOSE,)
        if source.rate and (wait := self._too_soon(scope, source, source.rate)):
            await discard(receive)
            return 429, {"error": "too many, try again"}, ((b"retry-after", b"%d" % wait), CLOSE)
        try:
            body = await held.read(receive, source.max_body)
        except TimeoutError:
            detail = f"the body did not come in {self.bodies.seconds:g} s"
            self._refuse(scope, source, Refused(Reason.TOO_SLOW, detail), held.size)
            return 408, {"error": "the body took too long"}, (CLOSE,)
        except TooLarge:
            detail = f"the body is larger than max_body, {source.max_body} bytes"
            self._refuse(scope, source, Refused(Reason.TOO_LARGE, detail), max(held.size, held.announced))
            await discard(receive)
            return 413, {"error": "the body is too large"}, (CLOSE,)
        except Full:
            await discard(receive)
            return 503, {"error": "busy, try again"}, (RETRY_AFTER, CLOSE)
        now = clock.now()
        received = self._located(_received(scope, source, body, now), scope, source)
        self._lately.append(time.monotonic())
        try:
            receipt = await ingest(received, source, self._store, now, self._doubt)
        except Refused as refused:
            self._refusals.add(received, refused)
            return 401, {"error": "unauthorized"}, ()
        except StoreUnavailable as error:
            self.failed_at = now
            log.error("source %s: a hook could not be kept and was not acknowledged: %s", source.name, error)
            return 503, {"error": "cannot be kept now, try again"}, (RETRY_AFTER,)
        except Exception:
            log.exception("source %s: an error that should not be; the hook was not acknowledged", source.name)
            return 503, {"error": "cannot be kept now, try again"}, (RETRY_AFTER,)
        if isinstance(receipt, Said):
            return receipt
        self.failed_at = None
        self._kept()
        KEEP_SECONDS.observe((clock.now() - now) / clock.SECOND)
        if source.vendor.answer == 204:
            return 204, "", ()
        return 200, {"id": receipt.id, "status": receipt.status.value}, ()

    def _located(self, received: Received, scope: Scope, source: Source) -> Received:
        """With the whole URL that the sender posted to, where that is signed."""
        if source.scheme is None or not source.scheme.signs_url:
            return received
        config = self._setup().config
        base = config.public_url or reached(received.peer, received.header, config.trusted_proxies, scope["scheme"])
        return replace(received, url=f"{base or ''}{received.url}")

    def _may_call(self, scope: Scope, source: Source) -> bool:
        """Whether the caller's address is one of those that the source allows."""
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED_FOR.encode()]
        who = caller(_peer(scope), forwarded, self._setup().config.trusted_proxies)
        if who is not None and within(who, source.allow_from):
            return True
        detail = f"came from {who}, which allow_from does not name" if who else "came from an address nobody knows"
        self._refuse(scope, source, Refused(Reason.ADDRESS_NOT_ALLOWED, detail))
        return False

    def _too_soon(self, scope: Scope, source: Source, rate: Rate) -> int:
        """Seconds until the source may send again; 0 where this hook is one that it may send now."""
        pace = self._paces.get(source.name)
        if pace is None or pace.rates != (rate,):
            pace = self._paces[source.name] = Pace([rate])
        now = clock.now()
        wait = pace.wait(now)
        if not wait:
            pace.spend(now)
            return 0
        self._refuse(scope, source, Refused(Reason.TOO_MANY, "came faster than rate allows"))
        return -(-wait // clock.SECOND)

    def _refuse(self, scope: Scope, source: Source, refused: Refused, size: int = 0) -> None:
        """Note what is refused before its body was read."""
        self._refusals.add(_received(scope, source, b"", clock.now()), refused, size=size or _announced(scope))

    def _doubt(self, received: Received, refused: Refused) -> None:
        self._refusals.add(received, refused, let_in=True)


def _announced(scope: Scope) -> int:
    """The length that the caller announced; 0 where it did not. (The server refuses a broken one itself.)"""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:19])
    return 0


def _greeted(scope: Scope, source: Source) -> Said | None:
    """What a vendor is answered who asks before it posts."""
    if source.vendor.handshake is None:
        return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return greet(source.vendor.handshake, scope["method"], scope["query_string"].decode("latin-1"), headers)


def _received(scope: Scope, source: Source, body: bytes, now: int) -> Received:
    path, query = scope["path"], scope["query_string"]
    return Received(
        source=source.name,
        method=scope["method"],
        url=f"{path}?{query.decode('latin-1')}" if query else path,
        headers=tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]),
        body=body,
        received_at=now,
        peer=_peer(scope),
    )


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


async def _healthz(_: Request) -> JSONResponse:
    """The process is up and answers. Whether it can keep hooks is asked of `/readyz` on the operator's port."""
    return JSONResponse({"status": "ok"})


async def _not_found(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send, 404, {"error": "not found"}, CLOSE)


def hooks_app(hooks: Hooks) -> ASGIApp:
    """The public application. Hooks are told apart by their prefix alone: a router costs a tenth of the hot path."""
    others = Router([Route("/healthz", _healthz, methods=["GET", "HEAD"])], default=_not_found, redirect_slashes=False)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (hooks if scope["path"].startswith(PREFIX) else others)(scope, receive, send)

    return app
