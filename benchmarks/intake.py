"""Durable intake against a bare Starlette route, in turn in the same run: the ratio is the result.

    python -m benchmarks.intake [--rounds 5] [--store postgresql://…]

The server runs on one core, the load on the other. First as much as 64 connections can, then half of that.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORT, ADMIN_PORT, CONNECTIONS, SECONDS = 8391, 8392, 64, 3
CONFIG = """
listen: 127.0.0.1:{port}
admin: {{listen: "127.0.0.1:{admin_port}", token: benchmark}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, secret: benchmark}}}}
"""


def pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


@contextmanager
def server(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*pinned(0), sys.executable, *command], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=1).read()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def load(rate: float = 0) -> dict[str, float]:
    command = [*pinned(1), sys.executable, "-m", "benchmarks.load", str(PORT), str(SECONDS), str(CONNECTIONS)]
    output = subprocess.run([*command, *([str(rate)] if rate else [])], check=True, capture_output=True).stdout
    return json.loads(output)


def resident(process: subprocess.Popen[bytes]) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def bare() -> float:
    uvicorn = ["-m", "uvicorn", "benchmarks.bare:app", "--port", str(PORT), "--loop", "uvloop", "--http", "httptools"]
    with server([*uvicorn, "--no-access-log", "--log-level", "warning"]):
        return load()["per_second"]


def drawbridge(store: str | None) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        url = store or f"sqlite:///{folder}/store.db"
        path.write_text(CONFIG.format(port=PORT, admin_port=ADMIN_PORT, store=url))
        with server(["-m", "bridge", "serve", "-c", str(path), "--logs", "json"]) as process:
            idle = resident(process)
            full = load()
            time.sleep(3)  # what was kept is dispatched; half load is measured on a server that has caught up
            half = load(full["per_second"] / 2)
            return {
                "per_second": full["per_second"],
                "bad": full["bad"] + half["bad"],
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
        row |= {"bare": baseline, "ratio": row["per_second"] / baseline}
        rows.append(row)
        print(f"round {number}: " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
    print("median:  " + "  ".join(f"{key} {statistics.median(row[key] for row in rows):.4g}" for key in rows[0]))


main()
