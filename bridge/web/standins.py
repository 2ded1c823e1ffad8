"""Stand-ins for Slack, Discord and an HTTP endpoint, on this machine: for a first look without any account.

They answer as the real ones do when all is well, and keep what arrives.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bridge.web.listener import bind, listening, url_of


@dataclass(slots=True)
class StandIns:
    """What arrived, by kind (`slack`, `discord`, `http`), oldest first; and the address for each kind's target."""

    arrived: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"slack": [], "discord": [], "http": []})
    address: str = ""

    def url(self, kind: str) -> str:
        """What a target's `url` would be."""
        paths = {"slack": "/services/T0/B0/demo", "discord": "/api/webhooks/1/demo", "http": "/in"}
        return self.address + paths[kind]

    async def slack(self, request: Request) -> Response:
        self.arrived["slack"].append(json.loads(await request.body()))
        return PlainTextResponse("ok")

    async def discord(self, request: Request) -> Response:
        self.arrived["discord"].append(json.loads(await request.body()))
        return JSONResponse({"id": str(1_000 + len(self.arrived["discord"]))})

    async def http(self, request: Request) -> Response:
        self.arrived["http"].append(json.loads(await request.body()))
        return Response(status_code=204)


@contextlib.asynccontextmanager
async def standing_in() -> AsyncIterator[StandIns]:
    """The stand-ins on a free local port, for as long as the block runs."""
    standins = StandIns()
    app = Starlette(
        routes=[
            Route("/services/{rest:path}", standins.slack, methods=["POST"]),
            Route("/api/webhooks/{rest:path}", standins.discord, methods=["POST"]),
            Route("/in", standins.http, methods=["POST"]),
        ]
    )
    with contextlib.closing(bind(("127.0.0.1", 0), "demo", Path("demo"))) as bound:
        standins.address = url_of(bound)
        listener = listening(app)
        serving = asyncio.create_task(listener.serve(sockets=[bound]))
        try:
            yield standins
        finally:
            listener.should_exit = True
            await serving
