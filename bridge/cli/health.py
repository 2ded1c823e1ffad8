"""`drawbridge health`: is the server that this configuration describes ready? For containers and people."""

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import click

from bridge.cli.common import config_option, find_config
from bridge.config import load
from bridge.errors import ConfigError

DEFAULT = "127.0.0.1:8081"
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what it listens on, not what we listen on


def _address(config_path: Path | None) -> str:
    """Where the operator's port is. A file that is broken by now does not make a healthy server unhealthy."""
    try:
        host, port = load(find_config(config_path), os.environ).admin.listen
    except ConfigError as error:
        click.echo(f"the configuration cannot be used, asking at its default address: {error}", err=True)
        host, _, number = os.environ.get("ADMIN_LISTEN", DEFAULT).rpartition(":")
        port = int(number) if number.isdigit() else 8081
    host = ANYWHERE.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@click.command("health")
@config_option
@click.option("--timeout", default=5.0, show_default=True, help="Seconds to wait for the answer.")
def health_command(config_path: Path | None, timeout: float) -> None:
    """Ask the running server whether it is ready. Exit status 0 where it is, 1 where not."""
    url = f"{_address(config_path)}/readyz"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as response:
            state = json.load(response)
    except urllib.error.HTTPError as error:
        click.echo(f"not ready: {error.read(2_000).decode(errors='replace')}", err=True)
        sys.exit(1)
    except (OSError, ValueError) as error:
        click.echo(f"no answer at {url}: {error}", err=True)
        sys.exit(1)
    waiting = sum(state["waiting"].values())
    paused = f", paused: {', '.join(state['paused'])}" if state["paused"] else ""
    click.echo(f"ready, {waiting} waiting{paused}")
