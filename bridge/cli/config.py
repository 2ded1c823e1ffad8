"""What can be said without a store: `check`, `schema`, `vendors`."""

import json
import os
import sys
from pathlib import Path

import click

from bridge.cli.common import config_option, find_config, json_option, show
from bridge.config import json_schema
from bridge.config.check import check
from bridge.vendors import load, names, samples


@click.command("check")
@config_option
@json_option
def check_command(config_path: Path | None, as_json: bool) -> None:
    """Find everything wrong with the configuration at once, without starting anything. Exit status 1 on any problem."""
    path = find_config(config_path)
    problems = check(path, os.environ)
    if as_json:
        rows = [
            {"file": one.file, "line": one.line, "column": one.column, "problem": one.text} for one in sorted(problems)
        ]
        click.echo(json.dumps(rows, indent=2))
    elif problems:
        for problem in sorted(problems):
            click.echo(str(problem))
    else:
        click.echo(f"{path} is good")
    if problems:
        sys.exit(1)


@click.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    click.echo(json.dumps(json_schema(), indent=2))


@click.command("vendors")
@json_option
@click.argument("words", nargs=-1, metavar="[[show] NAME]")
def vendors_command(as_json: bool, words: tuple[str, ...]) -> None:
    """List the built-in vendors, or show how to set up NAME: its header, events and samples."""
    named = words[1:] if words[:1] == ("show",) else words
    if len(named) > 1 or (words and not named):
        raise click.UsageError("name one vendor, as in: drawbridge vendors show autosana")
    name = named[0] if named else None
    if name is None:
        rows = []
        for each in names():
            vendor = load(each)
            rows.append({"name": each, "title": vendor.title, "events": len(vendor.events), "docs": vendor.docs})
        show(rows, ["name", "title", "events", "docs"], as_json=as_json, empty="None.")
        return
    if name not in names():
        raise click.ClickException(f"no vendor named {name!r}; there are: {', '.join(names())}")
    vendor = load(name)
    about = {
        "name": name,
        "title": vendor.title,
        "docs": vendor.docs,
        "setup": vendor.setup,
        "signature": f"{vendor.signature.name} in {', '.join(vendor.signature.headers)}"
        if vendor.signature
        else "none",
        "events": list(vendor.events),
        "samples": list(samples(name)),
    }
    if as_json:
        click.echo(json.dumps(about, indent=2))
        return
    for key, value in about.items():
        click.echo(f"{key + ':':<11} {', '.join(value) if isinstance(value, list) else value}")
