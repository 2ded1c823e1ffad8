"""`drawbridge vendors`: which there are, one as YAML, and a new one drafted from a hook that was captured."""

import json
from functools import partial
from pathlib import Path

import click

from bridge import clock, vendors
from bridge.capture import read_capture
from bridge.cli.common import config_option, find_config, json_option, show, with_store
from bridge.config import Config
from bridge.config.describe import as_yaml, described
from bridge.config.draft import Captured, Drafted, draft
from bridge.config.samples import read
from bridge.errors import ConfigError
from bridge.store import Store
from bridge.store import events as stored


@click.group("vendors", invoke_without_command=True)
@json_option
@click.pass_context
def vendors_command(context: click.Context, as_json: bool) -> None:
    """List the built-in vendors, show one, or draft a new one."""
    if context.invoked_subcommand is not None:
        return
    rows = []
    for name in vendors.names():
        vendor = vendors.load(name)
        scheme = vendor.signature.name if vendor.signature else "as the source says"
        rows.append({"name": name, "title": vendor.title, "scheme": scheme, "docs": vendor.docs})
    show(rows, ["name", "title", "scheme"], as_json=as_json, empty="None.")


@vendors_command.command("show")
@json_option
@click.argument("name")
def show_command(as_json: bool, name: str) -> None:
    """Print the built-in vendor NAME as YAML, and its samples.

    The YAML is there to be copied into `vendors:` and changed.
    """
    try:
        vendor = vendors.load(name)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        about = {"name": name, **described(vendor), "samples": list(vendors.samples(name))}
        click.echo(json.dumps(about, indent=2))
        return
    click.echo(as_yaml(vendor, f"my-{name.replace('_', '-')}"), nl=False)
    click.echo(f"# Samples of {name!r}, as in `drawbridge send SOURCE SAMPLE`: {', '.join(vendors.samples(name))}")


@vendors_command.command("new")
@config_option
@click.option(
    "--from-event", "origin", required=True, metavar="ID|FILE", help="A kept event, or a body or a request in a file."
)
@click.option("--redact-names", is_flag=True, help="Take out people's names too.")
@click.argument("name")
def new_command(config_path: Path | None, origin: str, redact_names: bool, name: str) -> None:
    """Draft the private vendor NAME from a captured hook.

    YAML goes to stdout, a redacted sample beside the configuration.

    The hook is a kept event (catch one with a source of the vendor `generic`), or a file: its JSON, or the whole
    request with its headers, as `drawbridge doctor --request` takes it.
    """
    folder = _folder(config_path)
    hook = _from_file(Path(origin)) if Path(origin).is_file() else _from_store(config_path, origin)
    try:
        drafted = draft(name, hook, clock.now(), redact_names=redact_names)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    _write(folder, drafted)
    click.echo(drafted.text, nl=False)
    click.echo("\n".join(drafted.steps), err=True)


def _folder(config_path: Path | None) -> Path:
    try:
        return find_config(config_path).parent
    except ConfigError:
        return Path()


def _from_file(file: Path) -> Captured:
    try:
        sample = read(file)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from None
    try:
        request = read_capture(sample.body, clock.now()).received
    except ValueError:
        # No whole request: it is the body alone, and its headers may lie beside it.
        return Captured(sample.body, sample.headers, None)
    return Captured(request.body, dict(request.headers), None)


def _from_store(config_path: Path | None, event_id: str) -> Captured:
    async def story(store: Store, config: Config) -> Captured:
        row = await store.read(partial(stored.find, event_id=event_id))
        if row is None:
            raise click.ClickException(f"there is no file and no kept event {event_id!r}; see: drawbridge events")
        event = stored.to_event(row)
        source = config.sources.get(event.source)
        return Captured(event.body, event.headers, source.scheme if source else None)

    return with_store(config_path, story, whole_file=True)


def _write(folder: Path, drafted: Drafted) -> None:
    for path, content in drafted.files.items():
        file = folder / path
        if file.exists():
            raise click.ClickException(f"{file} is there already; move it away, or choose another name for the vendor")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
