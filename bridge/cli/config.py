"""What can be said without a store: `check`, `schema`, `vendors`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import config_option, find_config, json_option, show
from bridge.config import json_schema
from bridge.config.check import check
from bridge.errors import Problem
from bridge.vendors import load, names, samples


@click.command("check")
@config_option
@json_option
def check_command(config_path: Path | None, as_json: bool) -> None:
    """Find everything wrong with the configuration at once, without starting anything. Exit status 1 on any problem.

    What is only doubtful is shown as a warning.
    """
    path = find_config(config_path)
    problems = check(path, os.environ)
    is_good = all(problem.warning for problem in problems)
    if as_json:
        click.echo(json.dumps([_row(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            click.echo(str(problem))
        if is_good:
            click.echo(f"{path} is good")
    if not is_good:
        sys.exit(1)


def _row(problem: Problem) -> dict[str, Any]:
    where = {"file": problem.file, "line": problem.line, "column": problem.column}
    return {**where, "problem": problem.text, "warning": problem.warning}


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
