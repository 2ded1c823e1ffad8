"""The command `drawbridge`. The only room that ends the process; every command's module is loaded when it is called."""

import importlib
import sys

import click

from bridge import __version__
from bridge.errors import BridgeError

COMMANDS = {
    "serve": "serve",
    "demo": "demo",
    "check": "config",
    "schema": "config",
    "preview": "preview",
    "vendors": "vendors",
    "health": "health",
    "send": "operate",
    "events": "operate",
    "deliveries": "deliveries",
    "replay": "deliveries",
    "targets": "operate",
    "sources": "door",
    "refusals": "door",
    "doctor": "door",
}
"""Command -> the module here that has it, as `<command>_command`."""


class _Commands(click.Group):
    """Loads a command's module when it is asked for, so that `serve` carries nothing that only others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"bridge.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="drawbridge")
def commands() -> None:
    """Signed webhooks in, messages worth reading out."""


def main() -> None:
    """Run a command. An error that we raise on purpose is one message and exit status 1."""
    try:
        commands(prog_name="drawbridge")
    except BridgeError as error:
        click.echo(f"drawbridge: {error}", err=True)
        sys.exit(1)
