"""A whole bridge for a test: the real server on free ports, with a configuration, and a client to post with."""

import asyncio
import json
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
from bridge.vendors import load, sample_headers, samples
from bridge.verify import sign, sign_request
from bridge.web.server import Server, running
from tests.verify.schemes import secrets_of

TOKEN = "the-admin-token"
PUBLIC_URL = "https://hooks.example.com"
SECRET = "topsecret"

PATIENCE = 180
"""Seconds in which everything here must have happened. A test that holds is done long before, on a busy machine too."""

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
        """Post a vendor's sample, as that vendor would."""
        door = self.server.live.setup.sources[source]
        if door.scheme is None:
            return await self.post(source, samples(door.vendor.name)[name], {})
        headers = sample_headers(door.vendor.name, name)
        secret = SECRET if door.secrets[0] == SECRET else secrets_of(door.scheme)[0]
        body, url = samples(door.vendor.name)[name], f"{PUBLIC_URL}/hooks/{source}"
        signed = sign_request(door.scheme, secret, body, clock.now(), url=url, headers=headers)
        sent = {"content-type": "application/json", **headers, **signed.headers}
        here = signed.url.replace(PUBLIC_URL, self.server.hooks_url)
        return await self.client.post(here, content=signed.body, headers=sent)

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
        async with asyncio.timeout(PATIENCE):
            while True:
                listed = await self.server.store.read(partial(deliveries.listed, limit=10_000))
                rows = [row for row in listed if wanted(row)]
                if len(rows) >= count and all(row["state"] != "waiting" for row in rows):
                    return rows[::-1]
                await asyncio.sleep(0.01)


def of_vendors(*vendors: str) -> str:
    """Sources of these vendors, each by its vendor's name and with a secret of the form that it asks for."""
    said = {name: {"vendor": name, **_secret(name)} for name in vendors}
    return "sources: " + json.dumps({name.replace("_", "-"): source for name, source in said.items()}) + "\n"


def _secret(vendor: str) -> dict[str, str]:
    scheme = load(vendor).signature
    return {"verify": "none"} if scheme is None else {"secret": secrets_of(scheme)[1]}


def config(folder: Path, body: str, store_url: str | None = None) -> Path:
    """Write a configuration with free ports. `body` has targets and routes, and sources unless they are the usual."""
    head = f"""
listen: 127.0.0.1:0
admin: {{listen: "127.0.0.1:0", token: {TOKEN}}}
public_url: {PUBLIC_URL}
store: {{url: "{store_url or f"sqlite:///{folder}/bridge.db"}"}}
"""
    path = folder / "config.yaml"
    path.write_text(head + ("" if "sources:" in body else SOURCES) + body)
    return path


@asynccontextmanager
async def bridge(path: Path) -> AsyncIterator[Bridge]:
    """A bridge that runs for as long as the block."""
    # Without the TLS context, which takes longest to make: nothing here speaks TLS.
    client = httpx2.AsyncClient(timeout=PATIENCE, trust_env=False, verify=False)
    async with running(path, {}) as server, client:
        yield Bridge(server, client)


def told(path: Path, story: Callable[[Bridge], Awaitable[Any]]) -> Any:
    """Run a story on a bridge from its start to its orderly end."""

    async def run() -> Any:
        async with bridge(path) as one:
            return await story(one)

    return asyncio.run(run())
