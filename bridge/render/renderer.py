"""The ladder that always delivers. In: a target type, a template's name, a `View`; out: a `Rendered`, whatever happens.

    1  the chosen template
    2  the built-in layout, with a line that names the template that failed and why
    3  one line of text with the event's id

Templates are compiled once, when the renderer is made: those of the users' folder and, behind them, the built-in ones.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson

from bridge.errors import RenderError
from bridge.model import Why
from bridge.render import discord, engine, http, slack
from bridge.render.digest import digest, title
from bridge.render.fields import Fields, strict
from bridge.render.files import File, Partials, builtin_folder, read_partials
from bridge.render.phrases import cut
from bridge.render.slots import Safe
from bridge.render.templates import GONE, Template
from bridge.render.view import FITS, Body, Rendered, View
from bridge.render.words import is_alarm

__all__ = ["Rendered", "Renderer", "TargetType", "View"]

TargetType: TypeAlias = Literal["slack", "discord", "http", "inbox"]
DEFAULT, DIGEST, ALARM, TEST, REPLAY, LATE = "default", "digest", "alarm", "test", "replay", "late"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Room:
    """What one target type knows about messages."""

    compile: Callable[[str, File, Partials], Template]
    finish: Callable[[Any, View], tuple[Body, bool]]
    one_line: Callable[[str, View], Body]
    line_type: str = "application/json"


_ROOMS: dict[str, _Room] = {
    "slack": _Room(slack.compile, slack.finish, slack.one_line),
    "discord": _Room(discord.compile, discord.finish, discord.one_line),
    "http": _Room(http.compile, http.finish, http.one_line),
    "inbox": _Room(http.compile_text, http.finish, http.text_line, "text/plain; charset=utf-8"),
}


class Renderer:
    """All templates, compiled. `problems` lists those of the users' folder that cannot be used, each with its place.

    `folder` is the users' (`<folder>/slack/<name>.yaml` …), or null. `admin_url` is where the operator's page is, so
    that messages can lead to it, or null. Raises RenderError only where a built-in template is broken.
    """

    def __init__(self, folder: Path | None = None, admin_url: str | None = None) -> None:
        self._admin_url = admin_url
        self.problems: tuple[RenderError, ...] = ()
        problems: list[RenderError] = []
        self._own: dict[str, dict[str, Template]] = {kind: {} for kind in _ROOMS}
        if folder:
            for kind in _ROOMS:
                self._own[kind] = dict(_read(kind, folder, builtin_folder(), problems.append))
        self.problems = tuple(problems)

    def names(self, target_type: str) -> list[str]:
        """The templates there are for a target type, sorted."""
        return sorted({*self._own[target_type], *_builtin(target_type)})

    def render(self, target_type: TargetType, template: str | None, view: View) -> Rendered:
        """The message for one result. Never raises and never comes out empty or too long for its target."""
        room = _ROOMS[target_type]
        falls: list[str] = []
        natural = _natural(view)
        builtin = _builtin(target_type)[natural]
        name, chosen = self._chosen(target_type, template, natural)
        if chosen is None:
            falls.append(self._missing(target_type, name))
        for rung in (chosen, builtin) if chosen is not builtin else (builtin,):
            if rung is None:
                continue
            try:
                body = _fitted(rung, room, view, falls[0] if falls else view.note, self._admin_url)
                return Rendered(body, rung.content_type or "application/json", tuple(falls))
            except Exception as error:
                falls.append(f"template {target_type}/{name if rung is chosen else natural}: {_reason(error)}")
                log.warning("rendering fell back: %s", falls[-1])
        return Rendered(room.one_line(_last_words(view), view), room.line_type, tuple(falls))

    def _chosen(self, target_type: str, template: str | None, natural: str) -> tuple[str, Template | None]:
        """The template's name, and the template; null where it is not there or cannot be used.

        Unless a route names one, it is that for the occasion: one's own, else one's own default, else the built-in one.
        """
        own, builtin = self._own[target_type], _builtin(target_type)
        broken = {problem.template for problem in self.problems}
        if natural == DIGEST or template in (None, DEFAULT):
            names = [natural] if natural in (DIGEST, ALARM) else [natural, DEFAULT]
        else:
            natural = str(template)
            names = [natural]
        for name in names:
            if name in own or f"{target_type}/{name}" in broken:
                return name, own.get(name)
        return natural, builtin.get(natural)

    def _missing(self, target_type: str, name: str) -> str:
        for problem in self.problems:
            if problem.template == f"{target_type}/{name}":
                return f"template {target_type}/{name}: {problem.where}: {problem.detail}"
        return f"template {target_type}/{name}: there is no such template"


@cache
def _builtin(kind: str) -> dict[str, Template]:
    """The templates of a target type that come with Drawbridge: compiled once, when first there is use for them."""
    return dict(_read(kind, builtin_folder(), None, _raise))


def _read(
    kind: str, folder: Path, behind: Path | None, on_problem: Callable[[RenderError], Any]
) -> Iterator[tuple[str, Template]]:
    """The templates of a folder, compiled; what they take in may also lie in the folder `behind` it."""
    own = read_partials(folder, kind, on_problem)
    partials = own.before(read_partials(behind, kind, on_problem)) if behind else own
    for name, (file,) in own.templates.items():
        try:
            yield name, _ROOMS[kind].compile(f"{kind}/{name}", file, partials)
        except RenderError as error:
            on_problem(error)


def _raise(error: RenderError) -> None:
    raise error


def _natural(view: View) -> str:
    """The built-in layout that is made for the occasion."""
    if view.members:
        return DIGEST
    if is_alarm(view.result):
        return ALARM
    if view.why is Why.TEST or view.result.get("is_test"):
        return TEST
    if view.why is Why.REPLAY or view.result.get("is_replay"):
        return REPLAY
    return LATE if view.late_by else DEFAULT


def _fitted(template: Template, room: _Room, view: View, note: str | None, admin_url: str | None) -> Body:
    """The template's message with as much in it as fits."""
    together = None
    if view.members or template.name.endswith(f"/{DIGEST}"):
        together = digest(view.members or (view.result,), view.cause)
        for line in together["lines"]:
            line["result"] = _marked(view, line["result"])
    result = together["lines"][0]["result"] if together else _marked(view, view.result)
    seen = replace(view, result=result)
    names = {
        "result": result,
        "payload": result.get("payload"),
        "digest": together,
        "route": view.route,
        "mention": Safe(view.mention) if view.mention else None,
        "why": str(view.why),
        "late": view.late_by // 1000 if view.late_by else None,
        "style": view.style,
        "buttons": view.buttons,
        "note": note,
        "message": view.message,
        "admin_url": admin_url,
    }
    for fit in FITS:
        made = template.fill({**names, "fit": fit})
        body, was_cut = room.finish({} if made is GONE else made, seen)
        if not was_cut or not template.adapts:
            break
    if not isinstance(body, str):
        orjson.dumps(body)  # whatever cannot be sent must show here, where another rung follows
    return body


def _marked(view: View, stored: dict[str, Any]) -> Fields:
    """The result with its known fields marked, and with why it is sent."""
    result = strict(stored)
    if view.why is Why.TEST:
        result["is_test"] = True
    if view.why is Why.REPLAY:
        result["is_replay"] = True
    return result


def _reason(error: Exception) -> str:
    return f"{error.where}: {error.detail}" if isinstance(error, RenderError) else engine.describe(error)


def _last_words(view: View) -> str:
    """What is said where no template works: enough to find the event."""
    identity = f"event {cut(view.result.get('id'), 100)} from {cut(view.result.get('source'), 100)}"
    try:
        said = cut(title(replace(view, result=_marked(view, view.result))), 300)
    except Exception:  # the result itself is what no template could read
        number = len(view.members)
        said = f"⚠️ {f'{number} results' if number > 1 else 'A result'} arrived that could not be put into words"
    return f"{said} · {identity}"
