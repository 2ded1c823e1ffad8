"""Where a server can be killed: at every commit, by the name of the operation that is committed.

An operation is a coroutine function over a transaction in `bridge/store`; `bridge.store.messages.sent` is the point
`messages.sent`. `before`: its statements are done and nothing is committed. `after`: all is on disk and nobody has been
told. The process that is to die replaces the operation by one that counts; the code itself knows nothing of this.
"""

import ast
import importlib
import os
import signal
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Literal

STORE = Path(__file__).parents[2] / "bridge" / "store"
ENGINES = {"sqlite", "sqlite_file", "postgres", "tx"}
WRITES = ("INSERT ", "UPDATE ", "DELETE ", "CREATE ")

KEEP = "keep"
"""The one write that is no operation: each engine keeps hooks in its own way."""

_reached: ContextVar[list[bool]] = ContextVar("reached")


@dataclass
class Fuse:
    """Kills the process when a point is come to for the `number`-th time."""

    point: str
    when: Literal["before", "after"]
    number: int = 1
    _left: int = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.number

    def burn(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(fuse: Fuse) -> None:
    """Lay the fuse in this process."""
    from bridge.store.postgres import PostgresStore
    from bridge.store.sqlite import SqliteStore

    for engine in (SqliteStore, PostgresStore):
        if fuse.point == KEEP:
            engine.keep = _keeping(engine.keep, fuse)  # type: ignore[method-assign]
        engine.write = _writing(engine.write, fuse)  # type: ignore[method-assign]
    if fuse.point != KEEP:
        home, _, name = fuse.point.rpartition(".")
        operation = getattr(importlib.import_module(f"bridge.store.{home}"), name)
        counting = _counting(operation, fuse)
        for module in [module for called, module in sys.modules.items() if called.startswith("bridge.")]:
            for called in [called for called, value in vars(module).items() if value is operation]:
                setattr(module, called, counting)


def _counting(operation: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    @wraps(operation)
    async def counting(tx: Any, *args: Any, **named: Any) -> Any:
        value = await operation(tx, *args, **named)
        if fuse.when == "before":
            fuse.burn()
        else:
            _reached.get([]).append(True)
        return value

    return counting


def _writing(write: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    @wraps(write)
    async def writing(self: Any, operation: Callable[..., Any]) -> Any:
        reached: list[bool] = []

        async def run(tx: Any) -> Any:
            token = _reached.set(reached)
            try:
                return await operation(tx)
            finally:
                _reached.reset(token)

        value = await write(self, run)
        if reached:
            fuse.burn()
        return value

    return writing


def _keeping(keep: Callable[..., Any], fuse: Fuse) -> Callable[..., Any]:
    @wraps(keep)
    async def keeping(self: Any, hook: Any) -> Any:
        if fuse.when == "before":
            fuse.burn()
        receipt = await keep(self, hook)
        if fuse.when == "after":
            fuse.burn()
        return receipt

    return keeping


# ------------------------------------------------------------------------------------------------ read from the code


def operations() -> set[str]:
    """Every operation of the store that others may call and that writes, by itself or through another one."""
    functions = {
        f"{path.stem}.{node.name}": node
        for path in STORE.glob("*.py")
        if path.stem not in ENGINES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.AsyncFunctionDef) and node.args.args and node.args.args[0].arg == "tx"
    }
    writing = {name for name, node in functions.items() if any(map(_is_write, ast.walk(node)))}
    while more := {name for name in functions.keys() - writing if _calls(name, functions[name]) & writing}:
        writing |= more
    return {name for name in writing if not name.partition(".")[2].startswith("_")}


def _is_write(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lstrip().startswith(WRITES)


def _calls(name: str, function: ast.AsyncFunctionDef) -> set[str]:
    """What it calls, by the names that the points have."""
    home = name.partition(".")[0]
    called = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    return {one if "." in one else f"{home}.{one}" for one in called}
