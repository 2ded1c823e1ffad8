"""Reading the body of a hook: within a size, a time, and a limit on all bodies that are held at a time.

In: what the ASGI server hands over piece by piece. Out: the bytes, or one of the errors below; nothing is known of
their meaning.
"""

import asyncio
import contextlib
from typing import Any

from starlette.types import Receive

from bridge.metrics import BYTES_IN_FLIGHT

SECONDS = 10.0
"""A body must be complete in this time; the five vendors give up after ten seconds themselves."""

MOST_IN_FLIGHT = 64 << 20
"""Bytes of bodies that are held at a time, over all callers."""

DISCARD_SECONDS = 1.0


class TooLarge(Exception):
    """The body is larger than its source allows."""


class Full(Exception):
    """Too many bytes are in flight."""


class Gone(Exception):
    """The caller hung up before its hook was complete."""


class Bodies:
    """All bodies that are being read, or kept until they are answered."""

    def __init__(self) -> None:
        self.seconds = SECONDS
        self.most_in_flight = MOST_IN_FLIGHT
        self.in_flight = 0
        self._due: dict[Held, float] = {}
        """When each body that is being read must be complete (the loop's time), the earliest first."""
        self._timer: asyncio.TimerHandle | None = None
        BYTES_IN_FLIGHT.set_function(lambda: self.in_flight)

    def begin(self, held: "Held") -> None:
        """The time of a body begins. They share one timer: one for each hook would be a tenth of its cost."""
        loop = asyncio.get_running_loop()
        self._due[held] = due = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_at(due, self._give_up)

    def end(self, held: "Held") -> None:
        """A body is complete, or is read no further."""
        self._due.pop(held, None)

    def _give_up(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due:
            held, due = next(iter(self._due.items()))
            if due > loop.time():
                self._timer = loop.call_at(due, self._give_up)
                return
            del self._due[held]
            held.give_up()
        self._timer = None


class Held:
    """One body, from its first byte until it is let go of, and how many bytes of it count as in flight."""

    __slots__ = ("_bodies", "_late", "_reader", "announced", "size")

    def __init__(self, bodies: Bodies, announced: int) -> None:
        self._bodies = bodies
        self.announced = announced
        """The length that the caller said it has; 0 where it did not."""
        self.size = 0
        self._late = False
        self._reader: asyncio.Task[Any] | None = None

    async def read(self, receive: Receive, most: int) -> bytes:
        """The whole body. Raises TooLarge, Full, Gone, and TimeoutError where it is not complete in time."""
        if self.announced > most:
            raise TooLarge
        self._reader = asyncio.current_task()
        self._bodies.begin(self)
        try:
            return await self._read(receive, most)
        except asyncio.CancelledError:
            if self._late and self._reader is not None and self._reader.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            self._bodies.end(self)

    def give_up(self) -> None:
        """Its time is over."""
        self._late = self._reader is not None and self._reader.cancel()

    async def _read(self, receive: Receive, most: int) -> bytes:
        bodies = self._bodies
        chunks: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            chunk = message.get("body", b"")
            if self.size + len(chunk) > most:
                raise TooLarge
            if bodies.in_flight + len(chunk) > bodies.most_in_flight:
                raise Full
            bodies.in_flight += len(chunk)
            self.size += len(chunk)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def let_go(self) -> None:
        """Its bytes are no longer in flight."""
        self._bodies.in_flight -= self.size


async def discard(receive: Receive) -> None:
    """Read on for a moment and keep nothing: a connection closed on a caller who still sends loses the answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass
