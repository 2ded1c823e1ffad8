"""`drawbridge demo`: the real server, real signed hooks of all five vendors, and local stand-ins to deliver to."""

import asyncio
import json
import os
import secrets
import shlex
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import uvloop

from bridge import clock
from bridge.config import Source
from bridge.logs import start_logging
from bridge.store import deliveries
from bridge.vendors import samples
from bridge.verify import sign
from bridge.web.server import Server, running
from bridge.web.standins import StandIns, standing_in

CONFIG = """\
listen: 127.0.0.1:0
admin: {{listen: "127.0.0.1:0", token: {token}}}
store: {{url: "sqlite:///{folder}/demo.db"}}
sources:
  mobile-tests: {{vendor: autosana, secret: {token}-1}}
  deploys: {{vendor: autonoma, secret: {token}-2}}
  nightly: {{vendor: agnox, secret: {token}-3}}
  research: {{vendor: autousers, secret: {token}-4}}
  rpa: {{vendor: autotab, secret: {token}-5}}
targets:
  qa: {{type: slack, url: "{slack}", pace: 50/s}}
  team: {{type: discord, url: "{discord}", pace: 50/s}}
  lake: {{type: http, url: "{http}", concurrency: 1}}
routes:
  - {{name: verdicts that changed, match: {{source: mobile-tests, transition: [first, broke, fixed]}}, to: [qa, team]}}
  - {{name: everything else, match: {{source: "!mobile-tests"}}, to: [qa]}}
  - {{name: archive, to: [lake]}}
"""

POSTED = (
    ("mobile-tests", "passed"),
    ("mobile-tests", "failed"),
    ("mobile-tests", "recovered"),
    ("deploys", "deployment-failed"),
    ("nightly", "failed"),
    ("research", "evaluation-completed"),
    ("rpa", "finish"),
)
"""(source, sample), in order: a suite that passes, breaks and recovers, then one hook of each other vendor."""

PATIENCE = 30.0
"""Seconds within which all must have arrived."""


@click.command("demo")
@click.option("--once", is_flag=True, help="Stop when all has arrived: exit status 0, or 1 when something is missing.")
def demo_command(once: bool) -> None:
    """Show the whole path here: signed hooks in, messages out.

    Needs no account and no configuration.
    """
    start_logging("console", "ERROR")
    with tempfile.TemporaryDirectory(prefix="drawbridge-demo-") as folder:
        complete = uvloop.run(_demo(Path(folder), once=once))
    if not complete:
        sys.exit(1)


async def _demo(folder: Path, *, once: bool) -> bool:
    async with standing_in() as standins:
        config = folder / "config.yaml"
        urls = {kind: standins.url(kind) for kind in standins.arrived}
        config.write_text(CONFIG.format(token=secrets.token_hex(8), folder=folder, **urls))
        async with running(config, os.environ) as server:
            click.echo(f"Drawbridge takes hooks at {server.hooks_url}/hooks/<source>; the store is embedded SQLite.\n")
            show = _Show(server, standins)
            expected = 0
            for source, sample in POSTED:
                status = await asyncio.to_thread(_post, server, source, sample)
                click.echo(click.style(f"→ {source} posted “{sample}”, signed: answered {status}", dim=True))
                expected += await show.until_settled(f"{source}/{sample}", PATIENCE)
            complete = show.complete and expected > 0
            click.echo(
                f"{len(POSTED)} hooks in, {show.shown} messages out, every one kept on disk before it was acknowledged."
                if complete
                else "Something is missing; see above."
            )
            if not once:
                await _stay(server, show)
            return complete


async def _stay(server: Server, show: "_Show") -> None:
    """Go on until Ctrl-C, showing what else arrives."""
    click.echo("\nPost one more (the second time it is a duplicate, and says so); Ctrl-C ends the demo:\n")
    click.echo(f"  {_curl(server, 'mobile-tests', 'failed')}\n")
    while True:
        await show.new()
        await asyncio.sleep(0.2)


class _Show:
    """Prints each message as it arrives, with the route that sent it."""

    def __init__(self, server: Server, standins: StandIns) -> None:
        self._server = server
        self._standins = standins
        self._printed: set[str] = set()
        self.shown = 0
        self.complete = True

    async def until_settled(self, what: str, patience: float) -> int:
        """Print what arrives until nothing waits any more. Returns how many messages that were."""
        deadline = clock.now() + round(patience * clock.SECOND)
        before = self.shown
        while clock.now() < deadline:
            waiting = await self.new()
            if self.shown > before and not waiting:
                return self.shown - before
            await asyncio.sleep(0.02)
        click.echo(f"missing: nothing more arrived of {what} within {patience:.0f} s", err=True)
        self.complete = False
        return self.shown - before

    async def new(self) -> bool:
        """Print the messages that are new. Returns whether deliveries still wait."""
        rows = await self._server.store.read(partial(deliveries.listed, limit=1_000))
        targets = self._server.live.setup.targets
        for row in reversed(rows):
            if row["state"] == "dead" and row["id"] not in self._printed:
                self._printed.add(row["id"])
                self.complete = False
                click.echo(f"{row['route']} → {row['target']}: dead letter: {row['reason']}", err=True)
            if row["state"] != "sent" or row["id"] in self._printed:
                continue
            self._printed.add(row["id"])
            kind = targets[row["target"]].type
            payload = self._standins.arrived[kind].pop(0)  # a target gets its messages in the order of its deliveries
            self.shown += 1
            head = f"{kind} · target {row['target']} · route “{row['route']}”"
            click.echo(click.style(f"  {head}", bold=True))
            for line in _readable(kind, payload):
                click.echo(f"  │ {line}")
            click.echo()
        return any(row["state"] == "waiting" for row in rows)


def _post(server: Server, source: str, sample: str) -> int:
    """Post a signed sample, as the vendor would. Returns the answer's status."""
    door = server.live.setup.sources[source]
    body = samples(door.vendor.name)[sample]
    headers = {"Content-Type": "application/json", **_signed(door, body)}
    request = urllib.request.Request(f"{server.hooks_url}/hooks/{source}", body, headers)  # noqa: S310 - our own server
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def _signed(door: Source, body: bytes) -> dict[str, str]:
    return sign(door.scheme, door.secrets[0], body, clock.now()) if door.scheme else {}


def _curl(server: Server, source: str, sample: str) -> str:
    """A `curl` line that posts one more signed hook, of a run that has not been posted yet."""
    door = server.live.setup.sources[source]
    payload = json.loads(samples(door.vendor.name)[sample]) | {"timestamp": clock.to_iso(clock.now())}
    body = json.dumps(payload, separators=(",", ":")).encode()
    headers = [f"{name}: {value}" for name, value in _signed(door, body).items()]
    words = ["curl", "-sS", f"{server.hooks_url}/hooks/{source}", "-H", "Content-Type: application/json"]
    for header in headers:
        words += ["-H", header]
    return shlex.join([*words, "--data-binary", body.decode()])


# ------------------------------------------------------------------------------------------------ reading messages


def _readable(kind: str, payload: dict[str, Any]) -> Iterator[str]:
    """The lines of a message as a person would see them."""
    texts = {"slack": _slack, "discord": _discord, "http": _http}[kind](payload)
    for text in texts:
        for line in text.splitlines():
            yield "".join(character if character.isprintable() else "\ufffd" for character in line)


def _slack(payload: dict[str, Any]) -> Iterator[str]:
    yield payload.get("text", "")
    blocks = [*payload.get("blocks", [])]
    for attachment in payload.get("attachments", []):
        blocks += attachment.get("blocks", [])
    for block in blocks:
        parts = [block["text"]] if "text" in block else []
        parts += [part for part in (*block.get("fields", ()), *block.get("elements", ())) if "text" in part]
        yield " · ".join(part["text"] if isinstance(part["text"], str) else part["text"]["text"] for part in parts)


def _discord(payload: dict[str, Any]) -> Iterator[str]:
    yield payload.get("content", "")
    for embed in payload.get("embeds", []):
        yield embed.get("title", "")
        yield embed.get("description", "")
        yield " | ".join(f"{part['name']} {part['value']}" for part in embed.get("fields", []))
        yield embed.get("footer", {}).get("text", "")


def _http(payload: dict[str, Any]) -> Iterator[str]:
    keys = ("source", "type", "kind", "outcome", "title", "id")
    yield "JSON result: " + ", ".join(f"{key}={payload.get(key)}" for key in keys)
    yield f"transition: {payload.get('history', {}).get('transition')}"
