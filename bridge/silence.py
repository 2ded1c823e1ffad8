"""Sources that should be heard of and are not: nothing comes, or everything that comes is refused.

In: the configuration, what was kept and what was refused; out: alarms, each at most hourly over all replicas. Since
when something is expected stands in the store, so a restart begins nothing anew and forgets nothing.
"""

import asyncio
from functools import partial

from bridge import alarms, clock
from bridge.alarms import Alarm
from bridge.config import Config
from bridge.doctor import of_refusal
from bridge.errors import Reason
from bridge.store import Store, events, expected, refusals

LEAST_REFUSED = 3
"""Refusals in an hour, from which on a source that lets nothing in is no accident."""


class Silence:
    """Looks now and then. What it told it does not try to tell again for an hour, to spare the store."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], int] = {}

    async def look(self, store: Store, config: Config, now: int) -> int:
        """Raise the alarms that are due; returns how many. Raises StoreUnavailable."""
        raised = 0
        for alarm in [*await _silent(store, config, now), *await _refused(store, config, now)]:
            key = (alarm.kind.value, alarm.subject)
            if now - self._told.get(key, 0) >= alarms.PAUSE:
                raised += await store.write(partial(alarms.raise_alarm, alarm=alarm, now=now))
                self._told[key] = now
        return raised


async def _silent(store: Store, config: Config, now: int) -> list[Alarm]:
    """Sources from which nothing came for longer than they say."""
    spans = {name: source.expect_every for name, source in config.sources.items() if source.expect_every}
    begun = await store.read(expected.begun)
    begin = spans.keys() - begun.keys()
    end = begun.keys() & (config.sources.keys() - spans.keys())  # other replicas may have other sources
    if begin or end:
        await store.write(partial(expected.change, begin=list(begin), end=list(end), now=now))
    found = []
    for name, span in spans.items():
        heard = await store.read(partial(events.last_heard, source=name)) or 0
        since = max(heard, begun.get(name, now))
        if now - since > span:
            found.append(alarms.source_silent(name, since, span))
    return found


async def _refused(store: Store, config: Config, now: int) -> list[Alarm]:
    """Sources of which everything was refused in the last hour."""
    found = []
    an_hour_ago = now - clock.HOUR
    for name, count in (await store.read(partial(refusals.since, moment=an_hour_ago, least=LEAST_REFUSED))).items():
        heard = await store.read(partial(events.last_heard, source=name)) or 0
        if name not in config.sources or heard > an_hour_ago:
            continue
        several = await store.read(partial(refusals.recent, source=name))
        last = next(one for one in several if one.reason != Reason.NOT_A_POST and not one.let_in)
        # In a thread: hooks do not wait for the trials.
        (finding, *_) = await asyncio.to_thread(of_refusal, last, config)
        found.append(alarms.source_refused(name, count, finding.what))
    return found
