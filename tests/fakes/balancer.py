"""The least of a load balancer: it goes round, and gives a request that broke off or got 503 to the next one.

Between vendors and replicas, as `deploy/compose/Caddyfile` is.
"""

import itertools
from collections.abc import Sequence

import httpx2

from tests.fakes.asgi import App, Receive, Reply, Request, Scope, Send


class Balancer(App):
    """An ASGI app in front of `urls`; a whole round of refusals is a 503. `passed_over` counts them all."""

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__()
        self._urls = urls
        self._turns = itertools.count()
        self.passed_over = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await self.received(scope, receive)
        if request is not None:
            await self.answer(send, await self._forwarded(request))

    async def _forwarded(self, request: Request) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name.startswith(("x-", "content-type"))}
        first = next(self._turns)
        # A client for each request, without the TLS context that takes longest to make: nothing here speaks TLS.
        async with httpx2.AsyncClient(timeout=60, trust_env=False, verify=False) as client:
            for turn in range(first, first + len(self._urls)):
                url = self._urls[turn % len(self._urls)]
                try:
                    answer = await client.request(
                        request.method, url + request.path, content=request.body, headers=headers
                    )
                except httpx2.TransportError:
                    self.passed_over += 1
                    continue
                if answer.status_code != 503:
                    return Reply(answer.status_code, answer.content)
                self.passed_over += 1
        return Reply(503)
