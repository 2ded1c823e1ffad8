"""One attempt: a stored message is rendered by the configuration of the moment and sent, and comes to an answer.

In: a `Message` that is begun in the store; out: an `Answer`, whatever happens. What it means is for `retry` to say.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from bridge import clock
from bridge.editing import NEW, Post
from bridge.errors import StoreUnavailable
from bridge.metrics import ATTEMPT_SECONDS, ATTEMPTS, RENDER_FALLS
from bridge.model import Answer, Gone, Member, Message, RefusedMessage, RefusedTarget, Unknown
from bridge.normalize import Parsed, parse
from bridge.setup import Setup
from bridge.standing import Standing, look_up, stands
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


@dataclass(frozen=True, slots=True)
class Attempted:
    """What an attempt came to: the answer, which templates could not be used, what stands at the target now, and if
    it closes what stood there (`Standing.covers`).
    """

    answer: Answer
    falls: Sequence[str] = ()
    posts: Mapping[str, Post] = field(default_factory=dict)
    covers: bool = False


async def attempt(store: Store, target: Target, message: Message, setup: Setup, began: int) -> Attempted:
    """Render and send. A message that cannot be made is refused, so that it never stands in the way of others.

    Raises StoreUnavailable where its members, or what stands at the target, cannot be read: nothing went out then.
    """
    message = await _whole(store, target, message)
    if not all(member.result for member in message.members):
        return Attempted(RefusedMessage("the event is no longer in the store"))
    standing = await _standing(store, message, setup)
    whole, context = _with_payloads(message, target), _context(message, setup)
    answer, falls = await _send(target, whole, replace(context, place=standing.place), began)
    where = standing.place
    if isinstance(answer, Gone) or (where != NEW and isinstance(answer, RefusedTarget)):
        # What refuses the place of an earlier message need not refuse a new one: the channel may be another by now.
        log.warning("target %s: message %s is posted anew: %s", target.name, message.id, answer.reason)
        where = NEW
        answer, falls = await _send(target, whole, context, began)
    if isinstance(answer, Gone):
        answer = RefusedMessage(answer.reason)
    ATTEMPTS.labels(target.name, type(answer).__name__).inc()
    ATTEMPT_SECONDS.labels(target.name).observe((clock.now() - began) / clock.SECOND)
    return Attempted(answer, falls, stands(standing, where, message, answer), standing.covers)


async def _standing(store: Store, message: Message, setup: Setup) -> Standing:
    """Where the message goes; where that cannot be told it is a post of its own. Raises StoreUnavailable."""
    try:
        return await look_up(store, message, setup)
    except StoreUnavailable:
        raise
    except Exception:
        log.exception("target %s: what message %s belongs to cannot be looked up", message.target, message.id)
        return Standing(covers=True)


async def _send(target: Target, message: Message, context: Context, began: int) -> tuple[Answer | Gone, Sequence[str]]:
    try:
        outgoing = target.compose(message, context, began)
    except Exception as error:
        log.exception("target %s: message %s could not be made", target.name, message.id)
        return RefusedMessage(f"could not be rendered: {type(error).__name__}"), ()
    for fall in outgoing.falls:
        RENDER_FALLS.labels(target.name).inc()
        log.warning("target %s: message %s: %s", target.name, message.id, fall)
    try:
        return await target.send(outgoing), outgoing.falls
    except Exception as error:
        log.exception("target %s: message %s: sending failed in a way that it should not", target.name, message.id)
        return Unknown(f"sending failed: {type(error).__name__}"), outgoing.falls


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
