"""The inbox: a target without an account. Its messages are shown on the operator's page and printed.

It renders and records like every other target, so that a first try and a demo need nothing else.
"""

import re
import sys
from collections.abc import Callable
from typing import Literal

from bridge.model import Answer, Message, Sent
from bridge.render import Renderer
from bridge.targets.settings import Backlog
from bridge.targets.target import Context, view
from bridge.targets.wire import HttpAnswer, Outgoing


class InboxOptions(Backlog):
    """Nothing to say about where it is."""

    type: Literal["inbox"]


def compose(_options: InboxOptions, message: Message, context: Context, renderer: Renderer, now: int) -> Outgoing:
    """The message as plain text."""
    rendered = renderer.render("inbox", context.template(message), view(message, context, now))
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    body = str(rendered.body).encode()
    return Outgoing(url="", headers=headers, body=body, at=now, attempts=message.attempts, falls=rendered.falls)


def judge(_answer: HttpAnswer) -> Answer:
    """What was shown was sent."""
    return Sent()


def to_stdout(text: str) -> None:
    """Write a message where whoever started us can read it."""
    sys.stdout.write(text)
    sys.stdout.flush()


class Screen:
    """What carries an inbox's messages away: `show` gets each as text that ends a line."""

    def __init__(self, show: Callable[[str], None] = to_stdout) -> None:
        self._show = show

    async def send(self, outgoing: Outgoing) -> HttpAnswer:
        """Show it. What would steer a terminal is taken out: a template may have brought it in from a payload."""
        text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", outgoing.body.decode())
        self._show(text.rstrip("\n") + "\n")
        return HttpAnswer(200, {}, b"", outgoing.at)

    async def close(self) -> None:
        """Nothing to close."""
