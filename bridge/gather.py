"""Backlogs: which of the deliveries that wait go out together, and which wait a little longer. Pure rules.

In: what a target is owed, oldest first, and how many messages may go out; out: the members of each message, in the
order of going out. Nothing goes out while an earlier one of its subject stays behind, and a message holds only what
belongs together: one delivery, a batch for a machine, or a digest of one route for people.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bridge import clock

FILL = clock.SECOND
"""For how long a batch that is not full waits for more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waits, as far as these rules look at it."""

    id: str
    route: str
    order_key: str | None
    created_at: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The members of one message. `cause` says in a digest's title why they are together."""

    members: Sequence[Waiting]
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What becomes a message, and in how long (µs) what was held back may go; null where nothing was."""

    groups: Sequence[Group] = ()
    wait: int | None = None


Gather: TypeAlias = Callable[[Sequence[Waiting], int], Gathered]
"""From what waits, oldest first, to at most so many messages."""


def one_by_one(waiting: Sequence[Waiting], limit: int) -> Gathered:
    """Each delivery is a message."""
    return Gathered([Group([one]) for one in waiting[:limit]])


def batches(waiting: Sequence[Waiting], limit: int, *, size: int, now: int) -> Gathered:
    """As many as fit into each message, as they come. One that is not full waits for `FILL` at most."""
    groups = [Group(waiting[start : start + size]) for start in range(0, len(waiting), size)][:limit]
    if not groups or len(groups[-1].members) == size:
        return Gathered(groups)
    waited = now - groups[-1].members[0].created_at
    if 0 <= waited < FILL:
        return Gathered(groups[:-1], FILL - waited)
    return Gathered(groups)


def digests(
    waiting: Sequence[Waiting],
    limit: int,
    *,
    after: int,
    window: int,
    last: Mapping[str, int],
    now: int,
    most: int,
    held_before: int = 0,
    down_until: int = 0,
    target: str = "",
) -> Gathered:
    """One by one; but when not all may go now, a route with more than `after` of them gets one digest in each `window`
    (µs), and what waited since before `held_before` (the end of quiet hours) goes out together too.

    `last` says when each route's last digest was made. Where there is `most` of it, there is more than was looked at:
    then digests follow each other without waiting for their window. Until `down_until` the `target` took nothing.
    """
    full = len(waiting) >= most
    together = _collapsing(waiting, limit, after, held_before)
    due_in = {route: 0 if full else _due_in(last.get(route), window, now) for route in together}
    messages: list[list[Waiting]] = []
    digest: dict[str, int] = {}  # route -> the place of its digest among the messages
    place: dict[str, int] = {}  # subject -> the place of the last message that has something of it
    behind: set[str] = set()  # subjects of which something stays behind
    for one in waiting:
        key = one.order_key
        at = digest.get(one.route)
        if key in behind or due_in.get(one.route, 0) > 0:
            at = None
        elif at is not None:
            at = at if key is None or place.get(key, at) <= at else None
        elif len(messages) < limit:
            at = len(messages)
            messages.append([])
            if one.route in together:
                digest[one.route] = at
        if at is not None:
            messages[at].append(one)
        if key is not None:
            if at is None:
                behind.add(key)
            else:
                place[key] = at
    causes = ((held_before, "in quiet hours"), (down_until, f"while {target} took no messages"))
    groups = [
        Group(members, next((words for until, words in causes if members[0].created_at < until), None))
        for members in messages
    ]
    return Gathered(groups, min((wait for wait in due_in.values() if wait > 0), default=None))


def _collapsing(waiting: Sequence[Waiting], limit: int, after: int, held_before: int) -> set[str]:
    """The routes whose deliveries go out together."""
    held = Counter(one.route for one in waiting if one.created_at < held_before)
    together = {route for route, count in held.items() if count > 1}
    if len(waiting) > limit:
        together |= {route for route, count in Counter(one.route for one in waiting).items() if count > after}
    return together


def _due_in(last: int | None, window: int, now: int) -> int:
    """In how long a route may have its next digest. A clock that was set back holds nothing up."""
    return max(0, last + window - now) if last is not None and last <= now else 0
