"""Tidying: all that is old is let go of, one small step after another, with a pause in which others write."""

import asyncio
from functools import partial

from bridge import clock
from bridge.store import refusals, retention, secret_uses
from bridge.store.tx import Operation, Store

SUBJECTS_KEPT = 180 * clock.DAY
"""How long what is remembered of a subject outlives its last verdict."""

SECRETS_KEPT = 365 * clock.DAY
"""For how long it is known when a secret was last used."""

PAUSE = 0.05
"""Seconds between two steps."""


async def tidy(store: Store, keep: int, now: int) -> None:
    """Let go of what is older than `keep` (µs), of what counts no more, and of what nobody asked for in long."""
    before = now - keep
    for step in (
        partial(refusals.forget, before=before),
        partial(secret_uses.forget, before=now - SECRETS_KEPT),
        partial(retention.forget_seen, now=now),
        partial(retention.forget_subjects, before=now - SUBJECTS_KEPT),
        partial(retention.forget_posts, before=before),
    ):
        await _to_its_end(store, step)
    after: int | None = -1
    while after is not None:
        old = await store.read(partial(retention.old_events, before=before, now=now, after=after))
        if old.ids:
            await _to_its_end(store, partial(retention.forget_events, event_ids=old.ids, before=before))
        after = old.after


async def _to_its_end(store: Store, step: Operation[int]) -> None:
    """Repeat a step, each in its own transaction, until less than a whole one was left."""
    more = True
    while more:
        more = await store.write(step) >= retention.STEP
        await asyncio.sleep(PAUSE)
