"""Which secret of which source was used when. The door only remembers; here it is written down, once a minute."""

import asyncio
from functools import partial
from typing import Any

from bridge.config import Source
from bridge.setup import Setup
from bridge.store import Store, secret_uses
from bridge.verify import fingerprint
from bridge.web.readable import iso


async def write_down(store: Store, setup: Setup) -> None:
    """Note what this process saw since the last time. Raises StoreUnavailable; what was seen is then noted later."""
    seen = [
        (source, position, at)
        for source in setup.sources.values()
        if source.verifier is not None
        for position, at in dict(source.verifier.used).items()
    ]
    if not seen:
        return
    uses = await asyncio.to_thread(_fingerprinted, seen)
    await store.write(partial(secret_uses.note, uses=uses))
    for source, position, at in seen:
        if source.verifier is not None and source.verifier.used.get(position) == at:
            del source.verifier.used[position]


async def listed(store: Store, source: Source) -> list[dict[str, Any]]:
    """The secrets of a source, the newest first: by what to tell them apart, and when each was last used."""
    uses = await store.read(secret_uses.all_uses)
    prints = await asyncio.to_thread(lambda: [fingerprint(source.name, secret) for secret in source.secrets])
    just_now = source.verifier.used if source.verifier is not None else {}
    rows = []
    for position, known_by in enumerate(prints, 1):
        last = max(uses.get((source.name, known_by), 0), just_now.get(position, 0))
        rows.append({"position": position, "fingerprint": known_by, "last_used_at": iso(last or None)})
    return rows


def _fingerprinted(seen: list[tuple[Source, int, int]]) -> list[tuple[str, str, int]]:
    latest: dict[tuple[str, str], int] = {}
    for source, position, at in seen:
        key = source.name, fingerprint(source.name, source.secrets[position - 1])
        latest[key] = max(latest.get(key, 0), at)
    return [(name, known_by, at) for (name, known_by), at in latest.items()]
