"""What an operator asks of the store, with or without a server beside it: events, targets, send.

These read and write the store itself, so they need no token and no network; a running server sees what they did within
a second.
"""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from bridge import alarms, clock
from bridge.cli.common import config_option, json_option, known_target, show, with_store
from bridge.config import Config
from bridge.config.samples import Sample
from bridge.config.samples import read as read_sample
from bridge.ingest import sample as as_sample
from bridge.store import Store, deliveries, erasure
from bridge.store import events as stored
from bridge.store import targets as target_states
from bridge.web.readable import event_story, readable_event, target_rows


@click.command("events")
@config_option
@json_option
@click.option("--source", help="Only of this source.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.argument("words", nargs=-1, metavar="[[forget] ID]")
def events_command(
    config_path: Path | None, as_json: bool, source: str | None, limit: int, words: tuple[str, ...]
) -> None:
    """List the newest events, or tell the one with that ID.

    It is told with its results, deliveries and attempts. With `forget`, its body and every text made of it are erased.
    """
    forget = words[:1] == ("forget",)
    if len(words) > 1 + forget or (forget and len(words) == 1):
        raise click.UsageError("name one event, as in: drawbridge events forget ID")
    event_id = words[-1] if words else None
    if forget and event_id is not None:
        _erase(config_path, event_id)
        return
    if event_id is not None:
        story = with_store(config_path, lambda store, _: event_story(store, event_id))
        if story is None:
            raise click.ClickException(f"no event {event_id}")
        click.echo(json.dumps(story, indent=2, default=str))
        return

    async def find(store: Store, config: Config) -> list[dict[str, Any]]:
        found = await store.read(partial(stored.recent, source=source, before=None, limit=limit))
        there = {*config.sources, alarms.SOURCE}
        if source and not found and source not in there and not config.broken:  # one that left the file has its events
            raise click.ClickException(f"no source named {source!r}; there are: {', '.join(sorted(config.sources))}")
        return found

    rows = with_store(config_path, find)
    lines = []
    for row in map(readable_event, rows):
        first = (row["results"] or [{}])[0]
        lines.append(row | {"outcome": first.get("outcome") or first.get("state"), "title": first.get("title")})
    columns = ["received_at", "source", "type", "outcome", "title", "id"]
    show(lines, columns, as_json=as_json, empty="No events yet. Try: drawbridge send SOURCE")


def _erase(config_path: Path | None, event_id: str) -> None:
    erased = with_store(config_path, lambda store, _: erasure.erase(store, event_id, clock.now()))
    if not erased:
        raise click.ClickException(
            f"no event {event_id}" if erased is None else "a message of it is on its way now; try again"
        )
    click.echo(f"{event_id}: its body and every text made of it are erased")


@click.group("targets", invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def targets_command(context: click.Context, config_path: Path | None, as_json: bool) -> None:
    """List targets with queue and condition; pause or resume one."""
    context.obj = config_path
    if context.invoked_subcommand is not None:
        return

    rows = with_store(config_path, lambda store, config: target_rows(store, config.targets))
    columns = ["name", "type", "waiting", "paused_at", "last_sent_at", "last_error"]
    show(rows, columns, as_json=as_json, empty="No targets in the configuration.")


@targets_command.command()
@config_option
@click.argument("name")
@click.pass_obj
def resume(before: Path | None, config_path: Path | None, name: str) -> None:
    """Send to a paused target again, at once."""

    async def story(store: Store, config: Config) -> bool:
        await known_target(store, config, name)
        return await store.write(partial(target_states.resume, name=name, now=clock.now()))

    paused = with_store(config_path or before, story)
    click.echo(f"{name} is sent to again" if paused else f"{name} was not paused")


@targets_command.command()
@config_option
@click.argument("name")
@click.pass_obj
def pause(before: Path | None, config_path: Path | None, name: str) -> None:
    """Stop sending to a target; its queue is kept."""

    async def story(store: Store, config: Config) -> None:
        await known_target(store, config, name)
        await store.write(partial(target_states.pause, name=name, reason=target_states.BY_OPERATOR, now=clock.now()))

    with_store(config_path or before, story)
    click.echo(f"{name} is paused; its queue is kept")


WAIT = 15.0
"""Seconds that `send` waits for a running server to deliver the sample."""


@click.command("send")
@config_option
@click.option("--no-wait", is_flag=True, help="Do not wait for the deliveries.")
@click.argument("source")
@click.argument("sample", required=False)
def send_command(config_path: Path | None, no_wait: bool, source: str, sample: str | None) -> None:
    """Send a sample through SOURCE, marked TEST.

    It touches neither history nor dedupe, and goes wherever a route can send what comes from SOURCE.

    SAMPLE is one of the vendor's samples (default: `failed`, else its first), or a JSON file.
    """

    async def story(store: Store, config: Config) -> bool:
        if source not in config.sources:
            raise click.ClickException(f"no source named {source!r}; there are: {', '.join(config.sources)}")
        door = config.sources[source]
        chosen = _sample(config, door.vendor.name, sample)
        receipt = await store.keep(as_sample(door, chosen.body, clock.now(), chosen.headers))
        click.echo(f"kept as event {receipt.id}")
        return no_wait or await _delivered(store, config, receipt.id)

    if not with_store(config_path, story, whole_file=True):
        sys.exit(1)


def _sample(config: Config, vendor: str, name: str | None) -> Sample:
    known = config.samples(vendor)
    name = next((each for each in ("failed", *known) if each in known), None) if name is None else name
    if name is not None and name in known:
        return known[name]
    if name is not None and Path(name).is_file():
        return read_sample(Path(name))
    raise click.ClickException(f"no sample {name!r}; {vendor} has: {', '.join(known) or 'none'}; or name a JSON file")


async def _delivered(store: Store, config: Config, event_id: str) -> bool:
    """Wait until the sample was dispatched and nothing of it waits for a target that is not paused; say what became of
    each delivery.
    """
    deadline = clock.now() + round(WAIT * clock.SECOND)
    while True:
        row = await store.read(partial(stored.find, event_id=event_id))
        owed = await store.read(partial(deliveries.listed, event_id=event_id))
        paused = {one["name"] for one in await target_rows(store, config.targets) if one["paused_at"]}
        late = clock.now() >= deadline
        dispatched = bool(row and row["dispatched_at"])
        if late or (dispatched and not any(one["state"] == "waiting" and one["target"] not in paused for one in owed)):
            break
        await asyncio.sleep(0.1)
    for one in owed:
        why = f"{one['target']} is paused" if one["state"] == "waiting" and one["target"] in paused else one["reason"]
        click.echo(f"{one['route']} -> {one['target']}: {one['state']}{f' ({why})' if why else ''}")
    if not dispatched:
        click.echo("not delivered yet: is a server running on this store? It is delivered when one is.", err=True)
    elif not owed:
        click.echo("no route of this source matched it")
    return dispatched and all(one["state"] == "sent" for one in owed)
