"""`drawbridge preview`: how messages will look, as one page to open in a browser, or as the JSON that would be sent."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

import click

from bridge import clock
from bridge.cli.common import config_option, find_config, json_option, with_store
from bridge.cli.told import History, Told, of_event, of_file, of_nothing, of_sample
from bridge.config import Config
from bridge.config.load import load
from bridge.config.schema import Verdict
from bridge.errors import ConfigError
from bridge.model import Transition, Why
from bridge.render import Renderer, View, on_occasion
from bridge.render.preview import Case, Shown, page
from bridge.render.renderer import TargetType
from bridge.routing import Router

TYPES = get_args(TargetType)
PAGE = Path("preview.html")
CHANGES = [str(change) for change in Transition if change is not Transition.NONE]


@dataclass(frozen=True, slots=True)
class _Place:
    """One message to draw: for which target, with which template and in which shape."""

    label: str
    type: TargetType
    route: str = "preview"
    template: str | None = None
    mention: str | None = None
    shape: dict[str, Any] = field(default_factory=dict)
    is_result: bool = False
    """Whether the target gets the result itself, and no template has a say."""


@click.command("preview")
@config_option
@json_option
@click.option(
    "--sample", metavar="SOURCE[/SAMPLE]", help="A sample of a source, or of a vendor; without /SAMPLE the main ones."
)
@click.option("--event", "event_id", metavar="ID", help="A kept event, as it was understood.")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="A body in a file.")
@click.option("--source", metavar="NAME", help="Of which source or vendor --file is. Default: the first source.")
@click.option("--template", metavar="NAME", help="This template, in place of what the routes say.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="A target, or slack, discord, http, inbox. May be repeated.",
)
@click.option("--transition", type=click.Choice(CHANGES), help="What has changed since the last verdict.")
@click.option("--after", metavar="passed,failed", help="The verdicts that came before, oldest first.")
@click.option("--digest", type=click.IntRange(2, 1_000), metavar="N", help="One message of N results.")
@click.option("--out", type=click.Path(path_type=Path), help=f"Where the page goes; - for stdout. Default: {PAGE}.")
def preview_command(
    config_path: Path | None,
    as_json: bool,
    sample: str | None,
    event_id: str | None,
    file: Path | None,
    source: str | None,
    template: str | None,
    targets: tuple[str, ...],
    transition: str | None,
    after: str | None,
    digest: int | None,
    out: Path | None,
) -> None:
    """Draw messages as Slack and Discord will show them.

    One page to open in a browser. Nothing is sent.

    Without options: the main cases of the first source, for the targets that they would go to. It needs no
    configuration: without one, the messages of built-in vendors are shown.
    """
    config = _config(config_path, is_needed=event_id is not None)
    history = _history(transition, after)
    told = _told(config, config_path, sample, event_id, file, source, history)
    renderer = Renderer(config.templates, config.admin.url) if config else Renderer()
    if template is not None:
        _known(renderer, template)
    cases = list(_cases(config, renderer, told, template, targets, digest))
    if as_json:
        click.echo(json.dumps([_row(case) for case in cases], indent=2, ensure_ascii=False))
    if out is not None or not as_json:
        _write(page("Preview of messages", cases), out or PAGE, quiet=as_json)


def _config(path: Path | None, *, is_needed: bool) -> Config | None:
    """The configuration, or null where there is none and nobody asked for one."""
    try:
        found = find_config(path)
    except ConfigError:
        if path is not None or is_needed or os.environ.get("DRAWBRIDGE_CONFIG"):
            raise
        return None
    return load(found, os.environ)


def _history(transition: str | None, after: str | None) -> History:
    if transition is not None and after is not None:
        raise click.UsageError("--transition and --after both say what went before; give one of them")
    verdicts = tuple(word.strip() for word in after.split(",") if word.strip()) if after else ()
    unknown = [word for word in verdicts if word not in get_args(Verdict)]
    if unknown:
        raise click.UsageError(f"--after: {unknown[0]!r} is no verdict; there are: {', '.join(get_args(Verdict))}")
    return History(Transition(transition) if transition else None, verdicts)


def _told(
    config: Config | None,
    config_path: Path | None,
    sample: str | None,
    event_id: str | None,
    file: Path | None,
    source: str | None,
    history: History,
) -> list[Told]:
    if sum(each is not None for each in (sample, event_id, file)) > 1:
        raise click.UsageError("--sample, --event and --file each say what to show; give one of them")
    if source is not None and file is None:
        raise click.UsageError("--source says of whom --file is; for a sample: --sample SOURCE/SAMPLE")
    now = clock.now()
    if event_id is not None:
        if history != History():
            raise click.UsageError("a kept event has its own history; --transition and --after are for samples")
        return with_store(config_path, of_event(event_id), whole_file=True)
    if file is not None:
        return of_file(config, file, source, history, now)
    return of_sample(config, sample, history, now) if sample else of_nothing(config, history, now)


def _known(renderer: Renderer, template: str) -> None:
    there = sorted({name for kind in TYPES for name in renderer.names(kind)})
    if template not in there:
        raise click.ClickException(
            f"no template named {template!r}; there are: {', '.join(there)}. Yours are looked for in the folder that "
            "`templates:` of the configuration names"
        )


# ---------------------------------------------------------------------------------------------- which messages


def _cases(
    config: Config | None,
    renderer: Renderer,
    told: list[Told],
    template: str | None,
    targets: tuple[str, ...],
    digest: int | None,
) -> Iterator[Case]:
    router = Router(config.routes, config.conditions) if config else None
    for one in told[:1] if digest else told:
        owed = list(_owed(config, router, one.result)) if config and router else []
        places = [_chosen(config, owed, name) for name in targets] or owed or [_Place(kind, kind) for kind in TYPES]
        members = tuple(told[number % len(told)].result for number in range(digest)) if digest else ()
        about = "" if digest else one.about
        if config and not owed and not targets:
            about += "; no route of the configuration sends it anywhere"
        yield Case(
            title=f"digest of {digest} results" if digest else one.title,
            about=about.removeprefix("; "),
            messages=[_shown(renderer, place, one.result, template, members) for place in places],
            sent=datetime.fromisoformat(one.result["received_at"]),
        )


def _owed(config: Config, router: Router, result: dict[str, Any]) -> Iterator[_Place]:
    """What the routes send for this result."""
    routes = {route.name: route for route in config.routes}
    for delivery in router.route(result).deliveries:
        route = routes[delivery.route]
        mention = route.mention.who.get(delivery.target) if route.mention and delivery.mention else None
        yield _of_target(config, delivery.target, delivery.route, route.template, mention)


def _of_target(config: Config, name: str, route: str, template: str | None, mention: str | None) -> _Place:
    options = config.targets[name]
    return _Place(
        label=f"{name} ({options.type}), route {route}",
        type=options.type,
        route=route,
        template=template,
        mention=mention,
        shape={key: getattr(options, key) for key in ("style", "buttons", "username") if hasattr(options, key)},
        is_result=options.type == "http" and options.format != "template",
    )


def _chosen(config: Config | None, owed: list[_Place], name: str) -> _Place:
    """The target that was asked for: as the routes have it if they do, else by itself; or a bare type."""
    if config and name in config.targets:
        routed = [place for place in owed if place.label.startswith(f"{name} (")]
        return routed[0] if routed else _of_target(config, name, "preview", None, None)
    if name in TYPES:
        return _Place(name, cast(TargetType, name))
    known = [*(config.targets if config else ()), *TYPES]
    raise click.ClickException(f"no target named {name!r}; there are: {', '.join(known)}")


def _shown(
    renderer: Renderer,
    place: _Place,
    result: dict[str, Any],
    template: str | None,
    members: tuple[dict[str, Any], ...],
) -> Shown:
    if place.is_result:
        return Shown(place.label, place.type, {key: value for key, value in result.items() if key != "payload"})
    why = Why.TEST if result["is_test"] else Why.REPLAY if result["is_replay"] else Why.NEW
    view = View(result=result, route=place.route, mention=place.mention, why=why, members=members, **place.shape)
    rendered = renderer.render(place.type, template or place.template, on_occasion(view, template))
    return Shown(place.label, place.type, rendered.body, rendered.falls)


# ---------------------------------------------------------------------------------------------- what comes out


def _row(case: Case) -> dict[str, Any]:
    messages = [
        {"target": shown.target, "type": shown.type, "body": shown.body, "falls": list(shown.falls)}
        for shown in case.messages
    ]
    return {"case": case.title, "about": case.about, "messages": messages}


def _write(html: str, out: Path, *, quiet: bool) -> None:
    if str(out) == "-":
        click.echo(html)
        return
    try:
        out.write_text(html, "utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{out} cannot be written ({error.strerror}); name another place with --out"
        ) from None
    if not quiet:
        click.echo(f"{out} shows the messages; open it in a browser: {out.resolve().as_uri()}")
