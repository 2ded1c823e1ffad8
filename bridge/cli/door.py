"""Commands about the door: who was refused, and why."""

from functools import partial
from pathlib import Path

import click

from bridge.cli.common import config_option, json_option, show, with_store
from bridge.config import Config
from bridge.store import Store, refusals
from bridge.web.readable import readable_refusal


@click.command("refusals")
@config_option
@json_option
@click.argument("source", required=False)
def refusals_command(config_path: Path | None, as_json: bool, source: str | None) -> None:
    """List the last hooks that were refused, or only those of SOURCE. `drawbridge doctor` says what is wrong."""

    async def story(store: Store, config: Config) -> list[dict[str, object]]:
        found = await store.read(partial(refusals.recent, source=source))
        return [readable_refusal(one, config.sources.get(one.source)) for one in found]

    rows = with_store(config_path, story)
    columns = ["at", "source", "reason", "detail", "caller", "let_in", "size", "id"]
    show(rows, columns, as_json=as_json, empty="Nothing was refused.")
