"""What can be said without a store: `check`, `schema`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from bridge.cli.common import config_option, find_config, json_option
from bridge.config import json_schema
from bridge.config.check import check
from bridge.errors import Problem


@click.command("check")
@config_option
@json_option
def check_command(config_path: Path | None, as_json: bool) -> None:
    """Find everything that is wrong with the configuration.

    Nothing is started. Exit status 1 on any problem; what is only doubtful is shown as a warning.
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
