"""Notices that the file changed, by its content. Paths come in; a call goes out once a change has settled.

Content is compared and not the time of change, so that a Kubernetes ConfigMap (a chain of symlinks that is swapped as a
whole), an editor that writes a new file, and a `touch` that changes nothing are all read for what they are.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

INTERVAL = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last acted upon, and what the last look found."""

    acted: str
    last: str


def fingerprint(paths: Iterable[Path]) -> str:
    """A digest of all content under `paths`: files, and the files of folders. What is missing or unreadable counts too.

    Never raises: a file that vanishes while it is looked at is simply missing.
    """
    total = hashlib.sha256()
    for path in sorted(file for given in paths for file in _files(given)):
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except (OSError, ValueError):
            content = "missing"
        total.update(f"{path}\0{content}\0".encode(errors="surrogateescape"))
    return total.hexdigest()


def _files(path: Path) -> list[Path]:
    try:
        return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    except (OSError, ValueError):
        return [path]


def step(seen: Seen, found: str) -> tuple[Seen, bool]:
    """One look: the new state, and whether to act now.

    A change is acted upon when two looks in a row found the same, so that a file is not read while it is being written.
    """
    if found == seen.acted or found != seen.last:
        return replace(seen, last=found), False
    return Seen(acted=found, last=found), True


async def watch(
    paths: Callable[[], Iterable[Path]],
    loaded: str,
    changed: Callable[[], Awaitable[None]],
    tick: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Look once every `tick` (default: `INTERVAL` seconds), for ever, and await `changed()` for each settled change.

    `paths` is asked each time, since a reload may bring other files. `loaded` is the fingerprint of what is in use now.
    What `changed` raises ends the watch.
    """
    seen = Seen(acted=loaded, last=loaded)
    while True:
        await (tick() if tick else asyncio.sleep(INTERVAL))
        watched = list(paths())
        seen, settled = step(seen, await asyncio.to_thread(fingerprint, watched))
        if settled:
            await changed()
            if list(paths()) != watched:  # other files from now on; what they hold was read just now
                current = await asyncio.to_thread(fingerprint, list(paths()))
                seen = Seen(acted=current, last=current)
