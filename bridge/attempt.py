"""One attempt: a stored message is rendered by the configuration of the moment and sent, and comes to an answer.

In: a `Message` that is begun in the store; out: an `Answer`, whatever happens. What it means is for `retry` to say.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from bridge import clock
from bridge.metrics import ATTEMPT_SECONDS, ATTEMPTS, RENDER_FALLS
from bridge.model import Answer, Message, RefusedMessage, Unknown
from bridge.normalize import Parsed, parse
from bridge.setup import Setup
from bridge.targets import Context, Target

log = logging.getLogger("bridge.deliver")


async def attempt(target: Target, message: Message, setup: Setup, began: int) -> tuple[Answer, Sequence[str]]:
    """Render and send. A message that cannot be made is refused, so that it never stands in the way of others.

    Gives the answer, and which templates could not be used.
    """
    if not all(member.result for member in message.members):
        return RefusedMessage("the event is no longer in the store"), ()
    try:
        outgoing = target.compose(_with_payloads(message), _context(message, setup), began)
    except Exception as error:
        log.exception("target %s: message %s could not be made", target.name, message.id)
        return RefusedMessage(f"could not be rendered: {type(error).__name__}"), ()
    for fall in outgoing.falls:
        RENDER_FALLS.labels(target.name).inc()
        log.warning("target %s: message %s: %s", target.name, message.id, fall)
    try:
        answer = await target.send(outgoing)
    except Exception as error:
        log.exception("target %s: message %s: sending failed in a way that it should not", target.name, message.id)
        answer = Unknown(f"sending failed: {type(error).__name__}")
    ATTEMPTS.labels(target.name, type(answer).__name__).inc()
    ATTEMPT_SECONDS.labels(target.name).observe((clock.now() - began) / clock.SECOND)
    return answer, outgoing.falls


def _context(message: Message, setup: Setup) -> Context:
    """What the configuration of the moment says about the members' routes."""
    routes = {member.route: setup.routes.get(member.route) for member in message.members}
    return Context(
        templates={name: route.template if route else None for name, route in routes.items()},
        mentions={
            name: route.mention.who.get(message.target) if route and route.mention else None
            for name, route in routes.items()
        },
    )


def _with_payloads(message: Message) -> Message:
    """The message with each result's payload read again from the event's bytes, for templates that look into it."""
    members = []
    for member in message.members:
        parsed = parse(member.body)
        payload = parsed.value if isinstance(parsed, Parsed) else None
        members.append(replace(member, result=member.result | {"payload": payload}))
    return replace(message, members=tuple(members))
