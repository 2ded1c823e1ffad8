"""`drawbridge serve`: run the bridge until told to stop."""

import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path

import click
import uvloop

from bridge.cli.common import config_option, find_config
from bridge.config import load, serving_problems
from bridge.errors import ConfigError
from bridge.logs import start_logging
from bridge.web.server import running

SWITCH = 0.0002
"""Seconds after which a thread that is busy lets another one go on. The store writes on a thread of its own and asks
for its turn several times in each commit; Python's 5 ms would each time make every hook wait that long.
"""


@click.command("serve")
@config_option
@click.option("--logs", type=click.Choice(["console", "json"]), help="Default: console on a terminal, else json.")
def serve_command(config_path: Path | None, logs: str | None) -> None:
    """Receive hooks and deliver messages until SIGTERM or Ctrl-C."""
    path = find_config(config_path)
    on_terminal = sys.stdout.isatty()
    start_logging(logs or ("console" if sys.stderr.isatty() else "json"))
    config = load(path, os.environ)
    if problems := serving_problems(config, on_terminal):
        raise ConfigError(problems)
    token = ""
    if not config.admin_token:
        token = secrets.token_urlsafe(24)
        click.echo(f"No admin.token is set. For this run it is: {token}")
    sys.setswitchinterval(SWITCH)
    uvloop.run(_serve(path, token))


async def _serve(path: Path, token: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(path, os.environ, own_token=token) as server:
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = asyncio.create_task(server.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        if token:
            click.echo(f"To log in, once and within ten minutes: {server.login_link()}")
        await stop.wait()
