"""Where messages go. In: a stored message and the options of a target; out: what became of an attempt.

Each kind of target is a file: its options, its documented limits, how it composes a message, how it judges an answer.
`sender` alone touches the network.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import httpx2
from pydantic import Discriminator, Tag

from bridge.editing import Mode
from bridge.pace import Pace, Rate
from bridge.render import Renderer
from bridge.targets import discord, http, inbox, sender, slack
from bridge.targets.discord import DiscordOptions
from bridge.targets.http import HttpOptions
from bridge.targets.inbox import InboxOptions
from bridge.targets.sender import Sender
from bridge.targets.settings import Common
from bridge.targets.slack import SlackOptions
from bridge.targets.target import Context, Target
from bridge.targets.wire import Outgoing

__all__ = [
    "Context",
    "Outgoing",
    "Pace",
    "Rate",
    "Target",
    "TargetOptions",
    "build",
    "mention_problem",
    "mode_problem",
    "posts_beside",
]

AnyOptions: TypeAlias = SlackOptions | DiscordOptions | HttpOptions | InboxOptions


def _type(value: Any) -> Any:
    return value.get("type") if isinstance(value, dict) else getattr(value, "type", None)


TargetOptions = Annotated[
    Annotated[SlackOptions, Tag("slack")]
    | Annotated[DiscordOptions, Tag("discord")]
    | Annotated[HttpOptions, Tag("http")]
    | Annotated[InboxOptions, Tag("inbox")],
    Discriminator(_type),
]
"""`targets.<name>` in the configuration: the keys that there are follow from `type`."""


def mention_problem(kind: str, text: str) -> str | None:
    """Why `text`, as a route's mention at a target of that type, notifies nobody; null where it works."""
    if kind == "slack":
        return slack.mention_problem(text)
    if kind == "discord":
        return discord.mention_problem(text)
    return f"cannot be, since a target of type {kind} notifies nobody; mention at one of type slack or discord"


def mode_problem(options: AnyOptions, mode: Mode) -> str | None:
    """Why a target cannot do what a route's mode asks; null where it can."""
    if mode is Mode.POST:
        return None
    if isinstance(options, SlackOptions):
        return slack.mode_problem(options)
    if isinstance(options, DiscordOptions):
        return discord.mode_problem(mode)
    return f"a target of type {options.type} neither edits nor threads; use `mode: post`"


def posts_beside(options: AnyOptions, external_id: str) -> bool:
    """Whether a target still posts where that message of it stands; its place may have been changed since."""
    return not isinstance(options, SlackOptions) or slack.posts_beside(options, external_id)


def build(
    name: str,
    options: AnyOptions,
    renderer: Renderer,
    transport: httpx2.AsyncBaseTransport | None = None,
    show: Callable[[str], None] = inbox.to_stdout,
) -> Target:
    """A target that is ready to compose and send; it connects at its first message.

    `transport` takes the network's place, `show` is where an inbox's messages go.
    """
    if isinstance(options, InboxOptions):
        common = Common(digest=options.digest, quiet_hours=options.quiet_hours)
        return Target(name, options, renderer, common, inbox.compose, inbox.judge, inbox.Screen(show))
    connections = options.concurrency
    if isinstance(options, SlackOptions):
        wire = Sender(options.timeout, connections, limit=slack.ANSWER_LIMIT, transport=transport)
        return Target(name, options, renderer, options, slack.compose, slack.judge, wire)
    if isinstance(options, DiscordOptions):
        wire = Sender(options.timeout, connections, discord.AGENT, discord.ANSWER_LIMIT, transport=transport)
        return Target(name, options, renderer, options, discord.compose, discord.judge, wire)
    wire = Sender(options.timeout, connections, limit=sender.ANSWER_LIMIT, transport=transport)
    return Target(
        name,
        options,
        renderer,
        options,
        http.compose,
        http.judge,
        wire,
        batch=options.batch,
        idempotent=http.is_idempotent(options),
        whole=options.format != "template",
        reads_payload=http.reads_payload(options),
    )
