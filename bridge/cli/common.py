"""What the commands share: where the configuration is, how a store is borrowed, how rows are shown."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge.config import Config, load, load_for_store
from bridge.errors import ConfigError, Problem
from bridge.store import Store, open_store
from bridge.web.readable import target_rows

T = TypeVar("T")

DEFAULT = "config.yaml"
VARIABLE = "DRAWBRIDGE_CONFIG"

PROSE = {"title", "detail", "reason", "last_error"}
PROSE_WIDTH = 60
WIDEST = 1_000
"""Columns of a table: those of its folded columns, and of all of it."""

config_option = click.option(
    "-c",
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The configuration. Default: {DEFAULT} in this folder, then ${VARIABLE}.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="For programs: JSON instead of a table.")


def find_config(given: Path | None) -> Path:
    """The configuration's path. Raises ConfigError where there is none."""
    if given is not None:
        path = given
    elif Path(DEFAULT).exists() or not os.environ.get(VARIABLE):
        path = Path(DEFAULT)
    else:
        path = Path(os.environ[VARIABLE])
    if not path.is_file():
        text = f"no such file. Copy config.example.yaml to {DEFAULT}, name yours with -c, or set {VARIABLE}"
        raise ConfigError([Problem(str(path), 0, 0, text)])
    return path


def with_store(given: Path | None, story: Callable[[Store, Config], Awaitable[T]], *, whole_file: bool = False) -> T:
    """Borrow the configured store, beside a running server if there is one, for a short story.

    A server goes on with the file it started with; who must act on its store should not have to mend another one
    first. Unless the story needs the `whole_file`, what can be read of a broken one is enough, and is said.
    """
    path = find_config(given)
    config = load(path, os.environ) if whole_file else load_for_store(path, os.environ)
    if config.broken:
        problems = "a problem" if config.broken == 1 else f"{config.broken} problems"
        click.echo(
            f"warning: {path} has {problems} (drawbridge check tells them). This needs only store.url and goes on; "
            "what the file says otherwise may be missing here.",
            err=True,
        )

    async def run() -> T:
        store = await open_store(config.store.url.get_secret_value(), exclusive=False)
        try:
            return await story(store, config)
        finally:
            await store.close()

    return asyncio.run(run())


async def known_target(store: Store, config: Config, name: str) -> None:
    """Refuse a name that no target has, in the file or in the store."""
    names = [row["name"] for row in await target_rows(store, config.targets) if row["configured"] or config.broken]
    if name not in names:
        raise click.ClickException(f"no target named {name!r}; there are: {', '.join(names)}")


def show(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, as_json: bool, empty: str) -> None:
    """Print rows as a table of some columns, or as JSON with all of them.

    The table is as wide as what is in it, whatever the terminal: ids and URLs are there to be copied and searched for.
    Only prose is folded.
    """
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], indent=2, default=str))
        return
    if not rows:
        click.echo(empty)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(columns)
    for name in names:
        prose = name in PROSE
        table.add_column(name.replace("_", " "), no_wrap=not prose, max_width=PROSE_WIDTH if prose else None)
    for row in rows:
        table.add_row(*(Text(_shown(row.get(name))) for name in names))
    Console(width=WIDEST).print(table)


def _shown(value: Any) -> str:
    """A cell. What came from outside must not steer the terminal."""
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
