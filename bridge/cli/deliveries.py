"""What was delivered, what died, and once more: `deliveries`, `deliveries show`, `deliveries discard`, `replay`.

These work on the store itself; a running server sends what they owe within a second. Many are dealt with in small
steps, so that hooks never wait behind a command.
"""

import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge import clock
from bridge.cli.common import config_option, json_option, known_target, show, with_store
from bridge.config import Config
from bridge.setup import set_up
from bridge.store import Store, replays, selection
from bridge.store import events as stored
from bridge.store.selection import STATES, Wanted
from bridge.web.again import FILTERS, Dealt, delivery_story, discard_many, replay_many, wanted
from bridge.web.readable import readable_delivery

Command = TypeVar("Command", bound=Callable[..., Any])


def filters(command: Command) -> Command:
    """The options that say which deliveries are meant."""
    for option in (
        click.option("--reason", help="Only those whose reason holds this text."),
        click.option("--until", help="Only those owed before that time."),
        click.option("--since", help="Only those owed since: 2h, 7d, or 2026-03-14T12:00:00Z."),
        click.option("--message", help="Only those that this message carries."),
        click.option("--source", help="Only of this source."),
        click.option("--route", help="Only by this route."),
        click.option("--target", help="Only to this target."),
        click.option("--state", type=click.Choice([*STATES, "any"]), help="Only in this state."),
    ):
        command = option(command)
    return command


dry_run_option = click.option("--dry-run", is_flag=True, help="Only say how many that would be.")


def _meant(given: dict[str, Any], state: str | None) -> Wanted:
    try:
        return wanted({name: given.get(name) for name in FILTERS}, clock.now(), state=state)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@click.group("deliveries", invoke_without_command=True)
@config_option
@json_option
@filters
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.pass_context
def deliveries_command(
    context: click.Context, /, config_path: Path | None, as_json: bool, limit: int, **given: str | None
) -> None:
    """List the newest deliveries, tell one in full, or discard some.

    `--state dead` lists the dead letters. `deliveries show ID` tells one in full, `deliveries discard` settles dead
    letters and stops what waits.
    """
    context.obj = config_path
    if context.invoked_subcommand is not None:
        return
    which = _meant(given, None)
    rows = with_store(config_path, lambda store, _: store.read(partial(selection.listed, wanted=which, limit=limit)))
    columns = ["created_at", "route", "target", "state", "attempts", "why", "reason", "id"]
    show([readable_delivery(row) for row in rows], columns, as_json=as_json, empty="No such deliveries.")


@deliveries_command.command("show")
@config_option
@click.argument("delivery_id", metavar="ID")
@click.pass_obj
def show_command(before: Path | None, config_path: Path | None, delivery_id: str) -> None:
    """Tell one delivery in full, as JSON.

    That is event, result, message, and every attempt with its answer.
    """
    story = with_store(config_path or before, lambda store, config: delivery_story(store, set_up(config), delivery_id))
    if story is None:
        raise click.ClickException(f"no delivery {delivery_id}; `drawbridge deliveries` lists the ids")
    click.echo(json.dumps(story, indent=2, default=str))


@deliveries_command.command("discard")
@config_option
@filters
@dry_run_option
@click.argument("ids", nargs=-1, metavar="[ID...]")
@click.pass_obj
def discard_command(
    before: Path | None, /, config_path: Path | None, dry_run: bool, ids: tuple[str, ...], **given: str | None
) -> None:
    """Settle dead letters (the default) or stop what waits.

    By ID, or all that the options mean.
    """
    _either(ids, given)

    async def story(store: Store, _: Config) -> bool:
        if not ids:
            return await _many(store, _meant(given, "dead"), dry_run, "discarded", discard_many)
        return all([await _discard(store, one, dry_run) for one in ids])

    if not with_store(config_path or before, story):
        sys.exit(1)


async def _discard(store: Store, one: str, dry_run: bool) -> bool:
    if dry_run:
        click.echo(f"{one}: would be discarded")
        return True
    done = await store.write(partial(replays.discard, delivery_id=one, now=clock.now()))
    click.echo(f"{one}: discarded" if done else f"{one}: neither waits nor is a dead letter", err=not done)
    return done


@click.command("replay")
@config_option
@filters
@click.option("--to", help="Send it to this target instead.")
@dry_run_option
@click.argument("ids", nargs=-1, metavar="[ID...]")
def replay_command(
    config_path: Path | None, to: str | None, dry_run: bool, ids: tuple[str, ...], **given: str | None
) -> None:
    """Send again, by ID or by filter.

    A delivery by its ID, an event (understood and routed anew) by its ID, or all deliveries that the options mean: dead
    letters, unless --state says otherwise.
    """
    _either(ids, given)

    async def story(store: Store, config: Config) -> bool:
        if to is not None:
            await known_target(store, config, to)
        if not ids:
            return await _many(store, _meant(given, "dead"), dry_run, "owed again", partial(replay_many, to=to))
        return all([await _replay(store, one, to, dry_run) for one in ids])

    if not with_store(config_path, story):
        sys.exit(1)


def _either(ids: tuple[str, ...], given: dict[str, str | None]) -> None:
    if bool(ids) == any(given.values()):
        raise click.UsageError("name the ids, or say which are meant, as in: --state dead --since 2h")


async def _many(store: Store, which: Wanted, dry_run: bool, what: str, act: Callable[..., Awaitable[Dealt]]) -> bool:
    """Deal with all of them, and show how far it is."""
    from rich.console import Console
    from rich.progress import Progress

    count = await store.read(partial(selection.count, wanted=which))
    if dry_run:
        click.echo(f"{count} would be {what}")
        return True
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=count)
        dealt = await act(store, which, told=partial(progress.advance, task))
    left = count - dealt.done
    click.echo(f"{dealt.done} {what}" + (f"; {left} could not be, or changed meanwhile" if left > 0 else ""))
    return True


async def _replay(store: Store, one: str, to: str | None, dry_run: bool) -> bool:
    if dry_run:
        click.echo(f"{one}: would be owed again")
        return True
    new_id = await store.write(partial(replays.replay, delivery_id=one, to=to, now=clock.now()))
    if new_id is not None:
        click.echo(f"{one}: delivered again as {new_id}")
        return True
    if to is None and await store.write(partial(stored.replay, event_id=one)):
        click.echo(f"{one}: the event is understood and routed again")
        return True
    what = "delivery" if to is not None else "delivery or event"
    click.echo(f"{one}: no such {what}; `drawbridge deliveries` and `drawbridge events` list the ids", err=True)
    return False
