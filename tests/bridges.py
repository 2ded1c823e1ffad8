"""A whole bridge for a test: the real server on free ports, with a configuration, and a client to post with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from bridge import clock
from bridge.alarms import SOURCE
from bridge.store import deliveries
from bridge.vendors import samples
from bridge.verify import sign
from bridge.web.server import Server, running

TOKEN = "the-admin-token"
SECRET = "topsecret"

SOURCES = """
sources:
  mobile: {vendor: autosana, secret: topsecret, max_body: 64KiB}
  deploys: {vendor: autonoma, secret: topsecret}
  nightly: {vendor: agnox, secret: topsecret}
  research: {vendor: autousers, secret: topsecret}
  rpa: {vendor: autotab, secret: topsecret}
  open: {vendor: autosana, verify: none}
"""


@dataclass
class Bridge:
    """A running bridge, seen from outside."""

    server: Server
    client: httpx2.AsyncClient

    async def post(self, source: str, body: bytes, headers: dict[str, str] | None = None) -> httpx2.Response:
        """Post a body; signed as the source's vendor would, unless headers are given."""
        signed = self.signed(source, body) if headers is None else headers
        url = f"{self.server.hooks_url}/hooks/{source}"
        return await self.client.post(url, content=body, headers={"content-type": "application/json", **signed})

    def signed(self, source: str, body: bytes) -> dict[str, str]:
        scheme = self.server.live.setup.sources[source].scheme
        assert scheme is not None
        return sign(scheme, SECRET, body, clock.now())

    async def sample(self, source: str, name: str) -> httpx2.Response:
        """Post a vendor's sample."""
        vendor = self.server.live.setup.sources[source].vendor.name
        return await self.post(source, samples(vendor)[name])

    async def api(self, path: str, *, method: str = "GET", **more: Any) -> Any:
        """Ask the operator's API; fails unless it answers well."""
        answer = await self.client.request(
            method, f"{self.server.admin_url}/api{path}", headers={"authorization": f"Bearer {TOKEN}"}, **more
        )
        assert answer.is_success, answer.text
        return answer.json()

    async def ready(self) -> Any:
        """What `/readyz` says."""
        return (await self.client.get(f"{self.server.admin_url}/readyz")).json()

    async def settled(self, count: int) -> list[dict[str, Any]]:
        """All deliveries of hooks, oldest first, once there are `count` of them and none waits; alarms do not count."""
        return await self._settled(count, lambda row: row["source"] != SOURCE)

    async def alarms_settled(self, count: int) -> list[dict[str, Any]]:
        """The same for deliveries of alarms."""
        return await self._settled(count, lambda row: row["source"] == SOURCE)

    async def _settled(self, count: int, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while True:
                listed = await self.server.store.read(partial(deliveries.listed, limit=10_000))
                rows = [row for row in listed if wanted(row)]
                if len(rows) >= count and all(row["state"] != "waiting" for row in rows):
                    return rows[::-1]
                await asyncio.sleep(0.01)


def config(folder: Path, body: str, store_url: str | None = None) -> Path:
    """Write a configuration with free ports. `body` has targets and routes, and sources unless they are the usual."""
    head = f"""
listen: 127.0.0.1:0
admin: {{listen: "127.0.0.1:0", token: {TOKEN}}}
store: {{url: "{store_url or f"sqlite:///{folder}/bridge.db"}"}}
"""
    path = folder / "config.yaml"
    path.write_text(head + ("" if "sources:" in body else SOURCES) + body)
    return path


@asynccontextmanager
async def bridge(path: Path) -> AsyncIterator[Bridge]:
    """A bridge that runs for as long as the block."""
    async with running(path, {}) as server, httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        yield Bridge(server, client)


def told(path: Path, story: Callable[[Bridge], Awaitable[Any]]) -> Any:
    """Run a story on a bridge from its start to its orderly end."""

    async def run() -> Any:
        async with bridge(path) as one:
            return await story(one)

    return asyncio.run(run())
