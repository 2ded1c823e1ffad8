"""Who guesses the admin token: a few wrong ones from one address, then none is looked at until a minute has passed.

In: a caller and the time; out: how long it has to wait. Each process counts for itself.
"""

from ipaddress import IPv6Address, ip_network

from starlette.requests import Request

from bridge import clock
from bridge.callers import FORWARDED_FOR, Address, Network, caller

MOST_WRONG = 10
PERIOD = clock.MINUTE

MOST_CALLERS = 10_000
"""Of whom is remembered that they were wrong; beyond that the oldest are forgotten."""


class Guesses:
    """Wrong tokens, by caller."""

    def __init__(self) -> None:
        self._wrong: dict[str, tuple[int, int]] = {}
        """Caller -> how many, and until when they count; the oldest first."""

    def wait(self, who: str, now: int) -> int:
        """Microseconds until a token from there is looked at; 0 where it is now."""
        number, until = self._wrong.get(who, (0, 0))
        return min(max(until - now, 0), PERIOD) if number >= MOST_WRONG else 0

    def wrong(self, who: str, now: int) -> None:
        """Count one."""
        number, until = self._wrong.pop(who, (0, 0))
        fresh = until <= now or until > now + PERIOD  # over, or the clock was set back
        self._wrong[who] = (1, now + PERIOD) if fresh else (number + 1, until)
        while len(self._wrong) > MOST_CALLERS:
            del self._wrong[next(iter(self._wrong))]


def who(request: Request, trusted: tuple[Network, ...]) -> str:
    """Whose guesses are counted together: an address, or in IPv6 the network that one household has."""
    peer = request.client.host if request.client else None
    address: Address | None = caller(peer, request.headers.getlist(FORWARDED_FOR), trusted)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
