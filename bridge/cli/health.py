"""`drawbridge health`: is the server that this configuration describes ready? For containers and people."""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import click

from bridge.cli.common import config_option, find_config
from bridge.config import admin_address

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what it listens on, not what we listen on


def _address(path: Path) -> str:
    """Where the operator's port is. A file that is broken by now does not make a healthy server unhealthy."""
    address = admin_address(path, os.environ)
    if address is None:
        raise click.ClickException(f"{path} does not say where the server is: see drawbridge check")
    host = ANYWHERE.get(address.host, address.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{address.port}"


@click.command("health")
@config_option
@click.option("--timeout", default=5.0, show_default=True, help="Seconds to wait for the answer.")
def health_command(config_path: Path | None, timeout: float) -> None:
    """Ask the running server whether it is ready.

    Exit status 0 where it is, 1 where not.
    """
    url = f"{_address(find_config(config_path))}/readyz"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as response:
            state = json.load(response)
    except urllib.error.HTTPError as error:
        click.echo(f"not ready: {error.read(2_000).decode(errors='replace')}", err=True)
        sys.exit(1)
    except (OSError, ValueError) as error:
        click.echo(f"no answer at {url}: {getattr(error, 'reason', error)}", err=True)
        sys.exit(1)
    waiting = sum(state["waiting"].values())
    paused = f", paused: {', '.join(state['paused'])}" if state["paused"] else ""
    click.echo(f"ready, {waiting} waiting{paused}")
