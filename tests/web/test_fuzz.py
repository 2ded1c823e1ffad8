"""The public door against whatever can be sent: nothing but an answer comes out, and nothing unsigned gets in.

`DRAWBRIDGE_FUZZ=<examples>` makes it go on for longer; CONTRIBUTING.md says how long is usual.
"""

import asyncio
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.config import load
from bridge.setup import set_up
from bridge.store import open_store
from bridge.vendors import names, samples
from bridge.web.hooks import Hooks, hooks_app
from bridge.web.refused import Refusals
from tests.bridges import config, of_vendors

EXAMPLES = int(os.environ.get("DRAWBRIDGE_FUZZ", "300"))
ROUTES = "targets: {screen: {type: inbox}}\nroutes: [{name: all, to: [screen]}]\n"
ANSWERS = {200, 204, 401, 404, 405, 408, 413, 429, 503}


class Door:
    """The real application over a real store, called as an ASGI server would call it."""

    def __init__(self, folder):
        self.setup = set_up(load(config(folder, of_vendors(*names()) + ROUTES), {}))
        self.loop = asyncio.new_event_loop()
        self.store = self.loop.run_until_complete(open_store(f"sqlite:///{folder}/fuzz.db", exclusive=True))
        self.kept = 0
        hooks = Hooks(self.store, lambda: self.setup, self._kept, Refusals(lambda: self.setup.config))
        self.app = hooks_app(hooks)

    def _kept(self) -> None:
        self.kept += 1

    def names_of(self, source: str) -> list[str]:
        """The headers that this source's rules look at."""
        scheme = self.setup.sources[source].scheme
        return [*(scheme.headers if scheme else ()), *sorted(self.setup.sources[source].kept_headers)]

    def call(self, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        said: list[dict[str, Any]] = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            said.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query,
            "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http", "http_version": "1.1",
            "server": ("127.0.0.1", 80), "root_path": "", "asgi": {"version": "3.0"},
        }  # fmt: skip
        self.loop.run_until_complete(self.app(scope, receive, send))
        assert [message["type"] for message in said] == ["http.response.start", "http.response.body"]
        return int(said[0]["status"])

    def close(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.loop.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    one = Door(tmp_path_factory.mktemp("fuzz"))
    yield one
    one.close()


# A vendor that signs nothing has an open door, through which everything gets in.
SOURCES = [name.replace("_", "-") for name in names()]
BODIES = [body for name in names() for body in list(samples(name).values())[:2]]
NEARLY = [
    "t=",
    "v1=",
    "v0=",
    "v1,",
    "sha256=",
    "sha1=",
    "Bearer ",
    "Basic ",
    "=",
    ",",
    " ",
    ";",
    "0" * 64,
    "0" * 40,
    "A" * 43 + "=",
]
VALUES = st.lists(st.sampled_from(NEARLY) | st.text(st.characters(max_codepoint=255), max_size=20), max_size=6).map(
    "".join
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_but_an_answer_comes_out_and_nothing_unsigned_gets_in(door, data, caplog):
    source = data.draw(st.sampled_from(SOURCES))
    door.kept = 0
    known = st.sampled_from([*door.names_of(source), "content-type", "content-length", "x-forwarded-for", "host"])
    headers = [
        (name.encode(), value.encode("latin-1", "replace"))
        for name, value in data.draw(st.lists(st.tuples(known, VALUES), max_size=8))
    ]
    body = data.draw(st.sampled_from(BODIES) | st.binary(max_size=300))
    query = data.draw(st.sampled_from([b"", b"token=x", b"challenge=abc"]) | st.binary(max_size=60))
    method = data.draw(st.sampled_from(["POST"] * 8 + ["GET", "HEAD", "OPTIONS", "PUT"]))
    status = door.call(method, f"/hooks/{source}", query, headers, body)
    assert status in ANSWERS
    assert status != 503 or "an error that should not be" not in caplog.text
    if door.setup.sources[source].scheme is not None:
        assert door.kept == 0
        assert method != "POST" or status in {401, 413}
