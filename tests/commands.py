"""The command `drawbridge` in a process of its own, as somebody types it: what it prints, and its exit status."""

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.cli import main
from tests.nursery import NURSERY

PATIENCE = 600
"""Seconds after which a command is taken to hang."""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int | None
    stdout: str
    stderr: str


def _typed(folder: Path, words: tuple[str, ...], environment: Mapping[str, str], said: str, complained: str) -> None:
    """What such a process does."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in ((1, said), (2, complained)):
        with Path(path).open("wb") as out:
            os.dup2(out.fileno(), number)
    sys.argv = ["drawbridge", *words]
    main()


def drawbridge(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> Done:
    """Run a command in `folder`; stdout, stderr and the exit status."""
    clean = {key: value for key, value in os.environ.items() if key != "DRAWBRIDGE_CONFIG"}
    environment = {**clean, "COLUMNS": "200", **(env or {})}
    with tempfile.NamedTemporaryFile() as said, tempfile.NamedTemporaryFile() as complained:
        process = NURSERY.Process(target=_typed, args=(folder, words, environment, said.name, complained.name))
        process.start()
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            raise AssertionError(f"drawbridge {' '.join(words)} did not end")
        return Done(process.exitcode, Path(said.name).read_text(), Path(complained.name).read_text())
