"""Servers under measurement: started on a core of their own, asked what they used, stopped again."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def pinned(core: int) -> list[str]:
    """What a command begins with to run on that core alone, where there are several."""
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


@contextmanager
def running(core: int, ready: str, *module: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m <module>` on that core, once the URL `ready` is answered, whatever the answer."""
    command = [*pinned(core), sys.executable, "-m", *module]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not _answers(ready):
            if time.monotonic() > deadline:
                raise SystemExit(f"{' '.join(module)} did not start")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).read()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def used(process: subprocess.Popen[bytes]) -> float:
    """Seconds of CPU that a process has used, all its threads together."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: subprocess.Popen[bytes]) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
