"""Durable intake against a bare Starlette route, in turn in the same run: the ratios are the result.

    python -m benchmarks.intake [--rounds 5] [--store postgresql://…]

The server runs on one core, the load on the other. First as much as 64 connections can (`per_second`, and `cpu_us`, the
server's CPU for each answer, which bears a busy machine better), then, when all of it was dispatched, half of that
(`half_p50`, `half_p99`, in ms). While hooks come so thick dispatch gives way to them, and is little of what is seen.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.processes import pinned, resident, running, used

PORT, ADMIN_PORT, CONNECTIONS, SECONDS = 8391, 8392, 64, 3
CATCHING_UP = 120
"""Seconds in which all that was kept must have been dispatched."""
READY = f"http://127.0.0.1:{PORT}/healthz"
BARE = ["uvicorn", "benchmarks.bare:app", "--port", str(PORT), "--loop", "uvloop", "--http", "httptools"]
CONFIG = """
listen: 127.0.0.1:{port}
admin: {{listen: "127.0.0.1:{admin_port}", token: benchmark}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, secret: benchmark}}}}
"""


def load(rate: float = 0) -> dict[str, float]:
    command = [*pinned(1), sys.executable, "-m", "benchmarks.load", str(PORT), str(SECONDS), str(CONNECTIONS)]
    output = subprocess.run([*command, *([str(rate)] if rate else [])], check=True, capture_output=True).stdout
    return json.loads(output)


def full(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """As much as the connections can."""
    before = used(process)
    told = load()
    return told | {"cpu_us": (used(process) - before) / told["answers"] * 1e6}


def caught_up(events: float) -> None:
    """Wait until so many events were dispatched: what is measured next begins with nothing left of what was before."""
    until = time.monotonic() + CATCHING_UP
    while time.monotonic() < until:
        with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN_PORT}/metrics", timeout=10) as answer:
            dispatched = re.findall(r"^drawbridge_events_total{.*} (.+)$", answer.read().decode(), re.MULTILINE)
        if sum(map(float, dispatched)) >= events:
            return
        time.sleep(0.5)
    raise SystemExit(f"{events:g} events were not dispatched within {CATCHING_UP} s")


def bare() -> dict[str, float]:
    with running(0, READY, *BARE, "--no-access-log", "--log-level", "warning") as process:
        most = full(process)
        return most | {"half_p99": load(most["per_second"] / 2)["p99"]}


def drawbridge(store: str | None) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        url = store or f"sqlite:///{folder}/store.db"
        path.write_text(CONFIG.format(port=PORT, admin_port=ADMIN_PORT, store=url))
        with running(0, READY, "bridge", "serve", "-c", str(path), "--logs", "json") as process:
            idle = resident(process)
            most = full(process)
            caught_up(most["answers"] - most["bad"])
            half = load(most["per_second"] / 2)
            caught_up(most["answers"] + half["answers"] - most["bad"] - half["bad"])
            return {
                "per_second": most["per_second"],
                "cpu_us": most["cpu_us"],
                "bad": most["bad"] + half["bad"],
                "half_p50": half["p50"],
                "half_p99": half["p99"],
                "idle_mib": idle,
                "loaded_mib": resident(process),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--store", help="store.url; default: a new SQLite file each round")
    given = parser.parse_args()
    rows = []
    for number in range(1, given.rounds + 1):
        baseline = bare()
        row = drawbridge(given.store)
        row |= {"bare": baseline["per_second"], "bare_cpu_us": baseline["cpu_us"]}
        row |= {"ratio": row["per_second"] / row["bare"], "cpu_ratio": row["bare_cpu_us"] / row["cpu_us"]}
        row |= {"bare_half_p99": baseline["half_p99"], "p99_ratio": row["half_p99"] / baseline["half_p99"]}
        rows.append(row)
        print(f"round {number}: " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
    print("median:  " + "  ".join(f"{key} {statistics.median(row[key] for row in rows):.4g}" for key in rows[0]))


main()
