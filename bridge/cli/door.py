"""Commands about the door: where it is, which secrets open it, who was refused, and what is wrong."""

import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from bridge import clock
from bridge.capture import read_capture
from bridge.cli.common import config_option, find_config, json_option, show, with_store
from bridge.cli.health import ANYWHERE
from bridge.config import Config, Source, load
from bridge.doctor import Check, look, of_refusal, of_request
from bridge.errors import StoreRefused, StoreUnavailable
from bridge.store import Store, refusals
from bridge.verify import Finding
from bridge.web import secret_uses
from bridge.web.readable import readable_refusal

MOST_CAPTURED = 64 << 20


@click.command("sources")
@config_option
@json_option
def sources_command(config_path: Path | None, as_json: bool) -> None:
    """List the sources, their URLs, and when each secret was used.

    A use shows up within a minute. A secret that is no longer used can be taken out of the configuration.
    """

    async def story(store: Store, config: Config) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for name, source in sorted(config.sources.items()):
            about = {"source": name, "vendor": source.vendor.name, "verify": source.verify}
            about["url"] = f"{config.public_url or ''}/hooks/{name}"
            rows += [about | secret for secret in await secret_uses.listed(store, source) or [{}]]
        return rows

    rows = with_store(config_path, story, whole_file=True)
    columns = ["source", "vendor", "verify", "url", "position", "fingerprint", "last_used_at"]
    show(rows, columns, as_json=as_json, empty="There are no sources.")


@click.command("refusals")
@config_option
@json_option
@click.argument("source", required=False)
def refusals_command(config_path: Path | None, as_json: bool, source: str | None) -> None:
    """List the last hooks that were refused.

    All of them, or those of SOURCE. `drawbridge doctor` says what is wrong.
    """

    async def story(store: Store, config: Config) -> list[dict[str, object]]:
        found = await store.read(partial(refusals.recent, source=source))
        return [readable_refusal(one, config.sources.get(one.source)) for one in found]

    rows = with_store(config_path, story)
    columns = ["at", "source", "reason", "detail", "id"]
    show(rows, columns, as_json=as_json, empty="Nothing was refused.")


@click.command("doctor")
@config_option
@json_option
@click.option(
    "--request",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A captured request: raw HTTP, or JSON with headers and body.",
)
@click.option("--refusal", help="One of `drawbridge refusals`, by its id.")
@click.argument("source", required=False)
def doctor_command(
    config_path: Path | None, as_json: bool, request: Path | None, refusal: str | None, source: str | None
) -> None:
    """Say what is wrong with the door, and what to change.

    With all of it, with SOURCE, or with one hook.

    Exit status 1 where something is wrong. Neither a secret nor a right signature is ever shown.
    """
    if request is not None:
        notes, findings = _of_file(load(find_config(config_path), os.environ), request, source)
        _tell(findings, notes, as_json)
    elif refusal is not None:
        _tell(with_store(config_path, partial(_of_kept, refusal_id=refusal), whole_file=True), (), as_json)
    else:
        _tell_all(_look(config_path, source), as_json)


def _of_file(config: Config, file: Path, name: str | None) -> tuple[Sequence[str], list[Finding]]:
    with file.open("rb") as opened:
        data = opened.read(MOST_CAPTURED)
    try:
        # It is judged by the time at which it was captured: now every signed time is too old.
        captured = read_capture(data, round(file.stat().st_mtime * clock.SECOND))
    except ValueError as error:
        raise click.ClickException(f"{file}: {error}") from None
    source = _source(config, name or captured.received.source)
    return captured.notes, of_request(captured.received, source, config, captured.received.received_at)


def _source(config: Config, name: str) -> Source:
    if name in config.sources:
        return config.sources[name]
    text = f"no source named {name!r}" if name else "name the source that it is for, as in: drawbridge doctor SOURCE"
    raise click.ClickException(f"{text}; there are: {', '.join(config.sources)}")


async def _of_kept(store: Store, config: Config, refusal_id: str) -> list[Finding]:
    found = await store.read(partial(refusals.find, refusal_id=refusal_id))
    if found is None:
        raise click.ClickException(f"no refusal {refusal_id}; `drawbridge refusals` lists them")
    return of_refusal(found, config)


def _tell(findings: Sequence[Finding], notes: Sequence[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"notes": list(notes), "findings": [asdict(one) for one in findings]}, indent=2))
    else:
        for note in notes:
            click.echo(note)
        for one in findings:
            click.echo(f"{'Found' if one.certain else 'Not certain'}: {one.what}\n  {one.advice}".rstrip())
        if not findings:
            click.echo("Nothing is wrong with it: it would be let in.")
    if any(one.advice for one in findings):
        sys.exit(1)


def _look(config_path: Path | None, name: str | None) -> list[Check]:
    """What there is to say of the whole. Raises ConfigError where the file cannot be used: all else hangs on it."""
    config = load(find_config(config_path), os.environ)
    if name is not None:
        _source(config, name)
    try:
        checks = with_store(config_path, lambda store, config: look(store, config, name, clock.now()), whole_file=True)
    except (StoreRefused, StoreUnavailable) as error:
        return [Check("store", "wrong", str(error), "See store.url; without the store no hook can be kept.")]
    return [Check("store", "ok", "answers"), _port(config), *checks]


def _port(config: Config) -> Check:
    """Whether anything listens where hooks are to come in."""
    host = ANYWHERE.get(config.listen.host, config.listen.host)
    try:
        socket.create_connection((host, config.listen.port), timeout=2).close()
    except OSError as error:
        advice = "Is drawbridge serve running on this machine? If it runs elsewhere, all is well."
        return Check("listen", "doubt", f"nobody answers at {config.listen}: {error.strerror or error}", advice)
    return Check("listen", "ok", f"somebody answers at {config.listen}")


def _tell_all(checks: Sequence[Check], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            click.echo(f"{check.state:5}  {check.about}: {check.text}")
            if check.advice and check.state != "ok":
                click.echo(f"       {check.advice}")
    if any(check.state == "wrong" for check in checks):
        sys.exit(1)
