"""What a backlog costs: the same steps on a store in which ever more waits, and as much was delivered before.

    python -m benchmarks.backlog [--store postgresql://…] [--most 1000000] [--rounds 40]

Each row fills the store up to that many waiting deliveries and as many that were sent, each with its event, and takes
the median of each step; printed is its ratio to the first row, by the clock and by the CPU that this process used.
The clock counts the disk's flush at the end of every transaction, and whatever else the machine does; with PostgreSQL
the CPU leaves out the database's. `/readyz` and `/metrics` are asked without a network.

What is in PostgreSQL under the given address is thrown away: name an empty database.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import orjson
from starlette.applications import Starlette
from starlette.routing import Route

from bridge import clock
from bridge.config import load
from bridge.dispatch import Dispatcher
from bridge.model import Verification, Verified
from bridge.setup import Setup, set_up
from bridge.store import Store, Tx, leases, messages, open_store
from bridge.vendors import samples
from bridge.web.admin import Admin

SIZES = (1_000, 10_000, 100_000, 1_000_000)
STEP = 5_000
"""Deliveries that are written in one transaction while a store is filled."""

SUBJECTS = 500
CONFIG = """
listen: 127.0.0.1:0
admin: {{listen: "127.0.0.1:0", token: benchmark}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, verify: none}}}}
targets:
  chat: {{type: slack, url: "http://127.0.0.1:9/services/T0/B0/benchmark"}}
routes: [{{name: all, to: [chat]}}]
"""
RESULT = {"state": "finished", "title": "Login Suite", "attention": True, "history": {"transition": "still_failing"}}


async def fill(store: Store, begin: int, end: int) -> None:
    """Owe deliveries number `begin` to `end`, and let as many have been sent."""
    for first in range(begin, end, STEP):
        await store.write(partial(_add, numbers=range(first, min(first + STEP, end))))


async def _add(tx: Tx, numbers: range) -> None:
    now, body = clock.now(), b"{}"
    rows = [(f"{state}-{number:07}", state, number) for state in ("waiting", "sent") for number in numbers]
    await tx.run_many(
        """INSERT INTO events (id, source, vendor, received_at, headers, body, verification, is_test, is_replay, type,
                               results, dispatched_at)
           VALUES ($1, 'mobile', 'autosana', $2, '{}', $3, '{}', $4, $4, 'batch.completed', $5, $2)""",
        [(name, now, body, False, orjson.dumps([RESULT | {"id": name}]).decode()) for name, _, _ in rows],
    )
    await tx.run_many(
        """INSERT INTO messages (id, target, state, next_at, attempts, unknowns, created_at, token)
           VALUES ($1, 'chat', 'sent', 0, 1, 0, $2, 1)""",
        [(name, now) for name, state, _ in rows if state == "sent"],
    )
    await tx.run_many(
        """INSERT INTO attempts (message_id, number, began_at, ended_at, answer) VALUES ($1, 1, $2, $2, 'sent')""",
        [(name, now) for name, state, _ in rows if state == "sent"],
    )
    await tx.run_many(
        """INSERT INTO deliveries (id, event_id, result_id, source, route, target, also, order_key, mention, why, state,
                                   message_id, created_at)
           VALUES ($1, $1, $1, 'mobile', 'all', 'chat', '[]', $2, $3, 'new', $4, $5, $6)""",
        [
            (name, f"mobile/{number % SUBJECTS}", False, state, name if state == "sent" else None, now)
            for name, state, number in rows
        ],
    )


class Steps:
    """The steps of a hook's life, each as often as it is timed."""

    def __init__(self, store: Store, setup: Setup, operator: httpx2.AsyncClient) -> None:
        self._store, self._operator = store, operator
        self._dispatcher = Dispatcher(store, lambda: setup, "benchmark", lambda _: None)
        self._begun: Any = None

    async def keep(self) -> None:
        now = clock.now()
        key = clock.uuid7(now).encode()[:32].ljust(32)
        body = samples("autosana")["failed"]
        await self._store.keep(Verified("mobile", "autosana", now, {}, body, Verification("none", False), key, now + 1))

    async def dispatch(self) -> None:
        assert await self._dispatcher.turn(clock.now())

    async def lease_and_claim(self) -> None:
        async def plan(tx: Tx) -> Any:
            token = await leases.take(tx, "target:chat", "benchmark")
            assert token is not None
            return await messages.plan(tx, "chat", token, 1, clock.now())

        self._begun = await self._store.write(plan)
        assert self._begun.messages

    async def record(self) -> None:
        (message,) = self._begun.messages
        now = clock.now()
        await self._store.write(partial(messages.sent, message=message, external_id=None, began=now, now=now))

    async def readyz(self) -> None:
        assert (await self._operator.get("/readyz")).status_code == 200

    async def metrics(self) -> None:
        assert (await self._operator.get("/metrics")).status_code == 200


@dataclass(frozen=True)
class Cost:
    """Milliseconds by the clock, and of CPU."""

    clock: float
    cpu: float

    def told(self, first: "Cost") -> str:
        by_clock, by_cpu = self.clock / first.clock, self.cpu / first.cpu
        return f"{self.clock:.2f} ms ({by_clock:.2f}x), CPU {self.cpu:.2f} ms ({by_cpu:.2f}x)"


async def timed(step: Callable[[], Awaitable[None]]) -> Cost:
    began, used = time.perf_counter(), time.process_time()
    await step()
    return Cost((time.perf_counter() - began) * 1_000, (time.process_time() - used) * 1_000)


async def measured(steps: Steps, rounds: int) -> dict[str, Cost]:
    """The median of each step. One step after the other, so that all meet the same disk."""
    found: dict[str, list[Cost]] = {}
    for turn in range(rounds + 3):  # the first three warm up
        for step in (steps.keep, steps.dispatch, steps.lease_and_claim, steps.record, steps.readyz, steps.metrics):
            took = await timed(step)
            if turn >= 3:
                found.setdefault(step.__name__, []).append(took)
    return {
        name: Cost(statistics.median(one.clock for one in costs), statistics.median(one.cpu for one in costs))
        for name, costs in found.items()
    }


async def run(url: str, folder: Path, most: int, rounds: int) -> None:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(store=url))
    setup = set_up(load(path, {}))
    store = await open_store(url, exclusive=True)
    admin = Admin(store, lambda: setup, lambda: None, list, lambda: False)
    app = Starlette(routes=[Route("/readyz", admin.readyz), Route("/metrics", admin.metrics)])
    first: dict[str, Cost] | None = None
    before = 0
    try:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://operator") as operator:
            steps = Steps(store, setup, operator)
            for size in [size for size in SIZES if size <= most]:
                await fill(store, before, size)
                before = size
                found = await measured(steps, rounds)
                first = first or found
                print(f"{size:,} waiting, as many sent:", flush=True)
                for name, cost in found.items():
                    print(f"  {name:16} {cost.told(first[name])}", flush=True)
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="an empty PostgreSQL database; a SQLite file in a temporary folder if left out")
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.store or f"sqlite:///{folder}/store.db"
        asyncio.run(run(url, Path(folder), given.most, given.rounds))


if __name__ == "__main__":
    main()
