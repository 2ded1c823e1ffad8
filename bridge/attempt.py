"""One attempt: a stored message is rendered by the configuration of the moment and sent, and comes to an answer.

In: a `Message` that is begun in the store; out: an `Answer`, whatever happens. What it means is for `retry` to say.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bridge import clock
from bridge.metrics import ATTEMPT_SECONDS, ATTEMPTS, RENDER_FALLS
from bridge.model import Answer, Member, Message, RefusedMessage, Unknown
from bridge.normalize import Parsed, parse
from bridge.setup import Setup
from bridge.store import Store, members
from bridge.targets import Context, Target

PAGE = 500
"""Members that are read at once."""

log = logging.getLogger("bridge.deliver")


async def load(store: Store, target: Target, heads: Sequence[Message]) -> list[Message]:
    """The messages with their members, where they hold one each. Larger ones are left for their turn (`attempt`)."""
    ids = [message.id for message in heads if message.size == 1]
    found, _ = await store.read(partial(members.of, message_ids=ids, bodies=target.reads_payload))
    return [replace(message, members=tuple(found.get(message.id, ()))) for message in heads]


async def _whole(store: Store, target: Target, message: Message) -> Message:
    """The message with all its members, read in pages: of a digest's thousands only what its lines are made of."""
    if message.size == 1:
        return message
    found: list[Member] = []
    after = -1
    while len(found) < message.size:
        page, after = await store.read(
            partial(
                members.of,
                message_ids=[message.id],
                after=after,
                limit=PAGE,
                bodies=target.whole and target.reads_payload,
                slim=not target.whole,
            )
        )
        if not page[message.id]:
            break
        found += page[message.id]
    return replace(message, members=tuple(found))


async def attempt(
    store: Store, target: Target, message: Message, setup: Setup, began: int
) -> tuple[Answer, Sequence[str]]:
    """Render and send. A message that cannot be made is refused, so that it never stands in the way of others.

    Gives the answer, and which templates could not be used. Raises StoreUnavailable where its members cannot be read:
    nothing went out then.
    """
    message = await _whole(store, target, message)
    if not all(member.result for member in message.members):
        return RefusedMessage("the event is no longer in the store"), ()
    try:
        outgoing = target.compose(_with_payloads(message, target), _context(message, setup), began)
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


def _with_payloads(message: Message, target: Target) -> Message:
    """The message with each result's payload read again from the event's bytes, where they may be looked into."""
    if not target.reads_payload or (message.size > 1 and not target.whole):
        return message
    found = []
    for member in message.members:
        parsed = parse(member.body)
        payload = parsed.value if isinstance(parsed, Parsed) else None
        found.append(replace(member, result=member.result | {"payload": payload}))
    return replace(message, members=tuple(found))
