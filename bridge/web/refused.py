"""What the door refuses, gathered while callers are answered and written down in the background.

Counting one costs a hook nothing that it would wait for: masking, the log and the store come at the next flush.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from bridge import clock
from bridge.callers import FORWARDED_FOR, caller
from bridge.config import Config
from bridge.errors import Refused
from bridge.metrics import REFUSALS, UNVERIFIED
from bridge.model import Received, Refusal
from bridge.store import Store, refusals
from bridge.verify import masked

MOST_BODY = 16 << 10
"""Bytes of a refused body that are kept: the whole of nearly every hook, so that `drawbridge doctor` can try it."""

Key = tuple[str, str]

log = logging.getLogger("bridge.hooks")


@dataclass(frozen=True, slots=True)
class _Last:
    """One refusal as it came: `size` are the bytes of the body, held here or not."""

    received: Received
    refused: Refused
    size: int
    let_in: bool


@dataclass(slots=True)
class Refusals:
    """Refusals since the last flush: how many of each (source, reason), and the last few of them."""

    config: Callable[[], Config]
    _counts: Counter[Key] = field(default_factory=Counter)
    _details: dict[Key, str] = field(default_factory=dict)
    _last: dict[Key, deque[_Last]] = field(default_factory=dict)

    def add(self, received: Received, refused: Refused, *, size: int | None = None, let_in: bool = False) -> None:
        """Note one. `size` says how long the body is where `received` does not hold it."""
        key = (received.source, refused.reason.value)
        (UNVERIFIED if let_in else REFUSALS).labels(*key).inc()
        self._counts[key] += 1
        self._details[key] = refused.detail
        if size is None:
            size = len(received.body)
        if len(received.body) > MOST_BODY:  # what waits here is not counted among the bytes in flight
            received = replace(received, body=received.body[:MOST_BODY])
        last = self._last.setdefault(key, deque(maxlen=refusals.MOST))
        last.append(_Last(received, refused, size, let_in))

    async def flush(self, store: Store, now: int) -> None:
        """Log and write down what was gathered. What cannot be written is gathered still; raises StoreUnavailable."""
        counts = {key: (count, self._details[key]) for key, count in self._counts.items()}
        last = self._last
        if not counts:
            return
        self._counts, self._details, self._last = Counter(), {}, {}
        for (source, reason), (count, detail) in counts.items():
            what = "let in unverified" if last[source, reason][-1].let_in else "refused"
            log.warning("source %s: %d %s: %s: %s", source, count, what, reason, detail)
        shown = [self._shown(one) for several in last.values() for one in several]
        try:
            await store.write(partial(refusals.add, counts=counts, last=shown, now=now))
        except BaseException:
            self._put_back(counts, last)
            raise

    def _put_back(self, counts: dict[Key, tuple[int, str]], last: dict[Key, deque[_Last]]) -> None:
        for key, (count, detail) in counts.items():
            self._counts[key] += count
            self._details.setdefault(key, detail)
            self._last[key] = deque([*last.get(key, ()), *self._last.get(key, ())], refusals.MOST)

    def _shown(self, one: _Last) -> Refusal:
        received, config = one.received, self.config()
        source = config.sources.get(received.source)
        who = caller(received.peer, received.header(FORWARDED_FOR), config.trusted_proxies)
        return Refusal(
            id=clock.uuid7(received.received_at),
            source=received.source,
            at=received.received_at,
            reason=one.refused.reason.value,
            detail=one.refused.detail,
            method=received.method,
            caller=str(who) if who else None,
            headers=masked(
                received.headers,
                source.kept_headers if source else (),
                source.scheme.headers if source and source.scheme else (),
            ),
            body=received.body,
            size=one.size,
            let_in=one.let_in,
        )
