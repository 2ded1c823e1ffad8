"""The operator's way in: the admin token, shown by a program or typed into a form; or a link that works once.

Who has logged in carries a sealed cookie (`bridge.verify.sealing`): it says nothing of the token, counts for twelve
hours, in every replica and after a restart, and no longer once the token is another. It is SameSite=Strict, so browsers
do not send it along when somebody follows a link from a chat. Whoever comes without it is therefore sent to `/login` by
a page of ours, from where it is sent; who turns out to be logged in goes on at once, the others see the form.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge import clock
from bridge.callers import Network
from bridge.verify.sealing import seal, sealed
from bridge.web.document import document, root
from bridge.web.guesses import Guesses, who

COOKIE = "drawbridge"
PURPOSE = "session"
LASTS = 12 * clock.HOUR
LINK_LASTS = 10 * clock.MINUTE

MOST_FORM = 8 << 10
FORM_SECONDS = 10.0

CHALLENGE = {"www-authenticate": "Bearer"}

WRONG = "That is not the admin token."
STALE = "This link was used before, or is older than ten minutes. Log in with the token that serve printed."

_LOCAL = re.compile(r"/(?!/)[A-Za-z0-9._~/?&=%+-]*", re.ASCII)
"""Where a page of ours may be: a path, and nothing that a browser could take for another host."""

log = logging.getLogger("bridge.login")


class Login:
    """Who may come in. `token` is what opens the door; while it is empty nobody is let in."""

    def __init__(self, token: Callable[[], str], trusted: Callable[[], tuple[Network, ...]]) -> None:
        self._token = token
        self._trusted = trusted
        self._guesses = Guesses()
        self._links: dict[str, int] = {}
        """What stands in links that were not used yet, and until when they count."""

    # -------------------------------------------------------------------------------- proofs

    def bearer(self, request: Request, now: int) -> bool:
        """Whether the token is shown as `Authorization: Bearer …`. Raises HTTPException (429) for who guesses."""
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        # Header values are read as latin-1; the token is written in UTF-8.
        return kind.lower() == "bearer" and self._is_token(request, shown.strip().encode("latin-1"), now)

    def session(self, request: Request, now: int) -> bool:
        """Whether the cookie of somebody who logged in came along."""
        token = self._token()
        return bool(token) and sealed(request.cookies.get(COOKIE, ""), token, PURPOSE, now)

    def link(self, now: int) -> str:
        """A new query of `/login` that lets in whoever opens it first, within ten minutes."""
        once = secrets.token_urlsafe(24)
        self._links[once] = now + LINK_LASTS
        return f"once={once}"

    def _is_token(self, request: Request, shown: bytes, now: int) -> bool:
        token, caller = self._token(), who(request, self._trusted())
        if wait := self._guesses.wait(caller, now):
            seconds = -(-wait // clock.SECOND)
            text = f"too many wrong tokens came from your address; try again in {seconds} seconds"
            raise HTTPException(429, text, {"retry-after": str(seconds)})
        if token and secrets.compare_digest(shown, token.encode()):
            return True
        self._guesses.wrong(caller, now)
        if self._guesses.wait(caller, now):
            log.warning("wrong admin tokens keep coming from %s; none from there is looked at for a while", caller)
        return False

    def _is_link(self, once: str, now: int) -> bool:
        found = [known for known in self._links if secrets.compare_digest(known.encode(), once.encode())]
        return any(now < self._links.pop(known) for known in found)

    # -------------------------------------------------------------------------------- pages

    async def form(self, request: Request) -> Response:
        """`GET /login`: on to where one wanted to go, for who is logged in or has a link; else the form."""
        now, wanted = clock.now(), local(request.query_params.get("next", ""))
        if self.session(request, now):
            return _on(wanted)
        once = request.query_params.get("once")
        if once is None:
            return _form(wanted)
        if request.method == "GET" and self._is_link(once, now):
            return self._let_in(request, wanted, now)
        return _form(wanted, STALE)

    async def enter(self, request: Request) -> Response:
        """`POST /login`: the form, filled in."""
        now, given = clock.now(), await _given(request)
        wanted = local(given.get("next", ""))
        try:
            if self._is_token(request, given.get("token", "").strip().encode("utf-8", "replace"), now):
                return self._let_in(request, wanted, now)
        except HTTPException as error:
            return _form(wanted, f"{error.detail[:1].upper()}{error.detail[1:]}.", error.status_code, error.headers)
        return _form(wanted, WRONG, 401, CHALLENGE)

    async def leave(self, request: Request) -> Response:
        """`POST /logout`: the cookie is taken back. It does so only for whom it came along: no other site can ask."""
        answer = RedirectResponse("login", 303)
        if self.session(request, clock.now()):
            answer.set_cookie(COOKIE, "", **_kept(request, 0))
        return answer

    def _let_in(self, request: Request, wanted: str, now: int) -> Response:
        answer = _on(wanted)
        answer.set_cookie(COOKIE, seal(self._token(), PURPOSE, now + LASTS), **_kept(request, LASTS))
        return answer


class LoggedIn:
    """Lets in who has logged in, or shows the token; sends everybody else to `/login`."""

    def __init__(self, app: ASGIApp, login: Login) -> None:
        self._app = app
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, now = Request(scope), clock.now()
        if not (self._login.session(request, now) or self._login.bearer(request, now)):
            path = scope["path"] + ("?" + request.url.query if request.url.query else "")
            to = f"{root(scope['path'])}login?next={quote(local(path), safe='')}"
            await document("entrance", root(scope["path"]), 401, CHALLENGE, to=to, inside=False)(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # in no id, and PostgreSQL takes none
            raise HTTPException(400, "a NUL byte names nothing here")
        await self._app(scope, receive, send)


def local(wanted: str) -> str:
    """The page of ours that was asked for, as a path; the first one where it is none of ours."""
    known = _LOCAL.fullmatch(wanted) and ".." not in wanted and not wanted.startswith(("/login", "/logout"))
    return wanted if known else "/"


def _on(wanted: str) -> Response:
    """To a page of ours, from `/login`."""
    return RedirectResponse(f".{wanted}", 303, {"cache-control": "no-store"})


def _form(wanted: str, problem: str = "", status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return document("login", "", status, headers, wanted=wanted, problem=problem, inside=False)


async def _given(request: Request) -> dict[str, str]:
    """What was filled in. Raises HTTPException for more than a form of ours can hold."""
    body = b""
    try:
        async with asyncio.timeout(FORM_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MOST_FORM:
                    raise HTTPException(413, "this is longer than any admin token")
    except TimeoutError:
        raise HTTPException(408, "the form did not arrive in time") from None
    except ClientDisconnect:
        return {}
    try:
        fields = parse_qs(body.decode("latin-1"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _kept(request: Request, lasts: int) -> dict[str, Any]:
    """How a browser is to keep the cookie. Its path is that of the page, whatever a proxy puts in front of it."""
    kept = {"max_age": lasts // clock.SECOND, "path": None, "httponly": True, "samesite": "strict"}
    return kept | {"secure": _over_https(request)}


def _over_https(request: Request) -> bool:
    """Whether the browser came by https: it says so itself, or the proxy does that speaks it."""
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return forwarded == "https" or request.headers.get("origin", "").startswith("https://")
