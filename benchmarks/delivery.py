"""Delivering, end to end: from a signed hook to an HTTP target, one by one and in batches, per second of one core.

    python -m benchmarks.delivery [--rounds 3] [--store postgresql://…]

All that the server does is counted: intake, dispatch, delivery. The baseline, in the same round, is a bare loop over
the same HTTP client to the same sink (`benchmarks.client`).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.processes import pinned, running, used

PORT, ADMIN_PORT, SINK_PORT, CONNECTIONS, SECONDS, BASELINE = 8393, 8394, 8395, 32, 1, 2_000
CONFIG = """
listen: 127.0.0.1:{port}
admin: {{listen: "127.0.0.1:{admin_port}", token: benchmark}}
store: {{url: "{store}"}}
sources: {{mobile: {{vendor: autosana, secret: benchmark}}}}
targets: {{sink: {{type: http, url: "http://127.0.0.1:{sink_port}/in", format: cloudevents, batch: {batch}}}}}
routes: [{{name: all, to: [sink]}}]
"""


def answer(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as found:
        return bytes(found.read())


def delivered() -> int:
    return int(answer(f"http://127.0.0.1:{SINK_PORT}/"))


def drawbridge(store: str | None, batch: int) -> float:
    """Results delivered per second of CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        url = store or f"sqlite:///{folder}/store.db"
        path.write_text(CONFIG.format(port=PORT, admin_port=ADMIN_PORT, sink_port=SINK_PORT, store=url, batch=batch))
        ready = f"http://127.0.0.1:{ADMIN_PORT}/readyz"
        with running(0, ready, "bridge", "serve", "-c", str(path), "--logs", "json") as process:
            before, began = delivered(), used(process)
            load = [*pinned(1), sys.executable, "-m", "benchmarks.load", str(PORT), str(SECONDS), str(CONNECTIONS)]
            subprocess.run(load, check=True, capture_output=True)
            last = -1
            while (count := delivered()) != last or json.loads(answer(ready))["waiting"]:
                last = count
                time.sleep(0.5)
            return (last - before) / (used(process) - began)


def baseline() -> float:
    """Requests per second of CPU."""
    command = [*pinned(0), sys.executable, "-m", "benchmarks.client", str(SINK_PORT), str(BASELINE)]
    return BASELINE / float(subprocess.run(command, check=True, capture_output=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", help="store.url; default: a new SQLite file each round")
    given = parser.parse_args()
    rows = []
    with running(1, f"http://127.0.0.1:{SINK_PORT}/", "benchmarks.sink", str(SINK_PORT)):
        for number in range(1, given.rounds + 1):
            bare = baseline()
            single, batched = drawbridge(given.store, 1), drawbridge(given.store, 100)
            row = {"bare": bare, "one_by_one": single, "batches": batched}
            row |= {"one_by_one_ratio": single / bare, "batches_ratio": batched / bare}
            rows.append(row)
            print(f"round {number}: " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
    print("median:  " + "  ".join(f"{key} {statistics.median(row[key] for row in rows):.4g}" for key in rows[0]))


main()
