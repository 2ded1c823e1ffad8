"""What stands at a target, and what that means for the next message: looked up before an attempt, written after it.

In: a stored message and the configuration of the moment; out: where it goes, and under which keys it then stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from bridge.editing import NEW, Edit, Mode, Place, Post, Reply, closes, place
from bridge.model import Answer, Message, Sent, Why
from bridge.setup import Setup
from bridge.store import Store, posts
from bridge.targets import mode_problem, posts_beside


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message goes, and the keys (a run's, a subject's) under which later ones find it; none where they never
    look.
    """

    place: Place = NEW
    keys: tuple[str, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)
    """The first message of the thread under a key."""
    covers: bool = False
    """What stands there of the members' subjects is edited no more: this says something of them below it."""


def thread_of(message: Message, setup: Setup) -> str | None:
    """What a message belongs with at its target, where its route edits or threads; null where it stands alone."""
    if len(message.members) != 1:
        return None
    member = message.members[0]
    route = setup.routes.get(member.route)
    if route is None or route.mode is Mode.POST or member.why is not Why.NEW or not member.result:
        return None
    return setup.thread_key(member.route, member.result)


async def look_up(store: Store, message: Message, setup: Setup) -> Standing:
    """Where a message goes, by its route's mode. What is not simply new (a replay, a test), and what holds several, is
    always a post of its own, and nothing takes its place.

    Raises StoreUnavailable.
    """
    member = message.members[0]
    route = setup.routes.get(member.route)
    alone = Standing(covers=bool(setup.updates.get(message.target)))
    if route is None or message.size > 1 or member.why is not Why.NEW:
        return alone
    options = setup.config.targets.get(message.target)
    if route.mode is Mode.POST or options is None or mode_problem(options, route.mode):
        return alone
    run = setup.thread_key(member.route, member.result)
    subject = member.result["subject_key"]
    keys = ([f"run:{run}"] if run else []) + ([f"subject:{member.result['source']}/{subject}"] if subject else [])
    known = await store.read(partial(posts.find, target=message.target, keys=keys))
    found = {key: post for key, post in known.items() if posts_beside(options, post.external_id)}
    where = place(
        route.mode,
        member.result,
        mentions=member.mention,
        run=found.get(f"run:{run}"),
        subject=found.get(f"subject:{member.result['source']}/{subject}"),
    )
    return Standing(where, tuple(keys), {key: post.root_id for key, post in found.items()})


def stands(standing: Standing, where: Place, message: Message, answer: Answer) -> Mapping[str, Post]:
    """What stands at the target after an attempt that went to `where`, by key."""
    if not isinstance(answer, Sent) or answer.external_id is None:
        return {}
    member = message.members[0]
    result = member.result
    shown = result["state"], result["history"]["transition"], closes(result, mentions=member.mention)
    return {
        key: Post(
            answer.external_id,
            standing.roots.get(key, answer.external_id) if isinstance(where, Reply | Edit) else answer.external_id,
            *shown,
        )
        for key in standing.keys
    }
