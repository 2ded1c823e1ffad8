"""The house: which room may know which, and what only one room knows. Read from the source, nothing is imported."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bridge"

LAYERS = (
    ("clock", "errors", "logs", "metrics", "model", "paths"),
    ("callers", "capture", "editing", "options"),
    ("pace",),
    ("verify",),
    ("vendors",),
    ("gather", "history", "normalize", "routing"),
    ("render",),
    ("targets",),
    ("store",),
    ("config",),
    ("alarms", "doctor", "retry", "setup"),
    ("aftermath", "standing"),
    ("attempt", "record"),
    ("deliver", "dispatch", "heartbeat", "ingest", "silence"),
    ("web",),
    ("cli",),
)
"""The rooms from the ground up. A room imports rooms of lower layers only, and none of its own layer."""

ROOMS_OF = {
    "asyncpg": {"store"},
    "click": {"cli"},
    "cryptography": {"verify"},
    "hmac": {"verify"},
    "httptools": set(),
    "httpx2": {"targets"},
    "jinja2": {"render"},
    "markupsafe": {"render"},
    "prometheus_client": {"metrics"},
    "rich": {"cli"},
    "sqlite3": {"store"},
    "starlette": {"web"},
    "uvicorn": {"cli", "web"},
    "uvloop": {"cli", "web"},
    "yaml": {"config", "render"},
}
"""What is outside of the house, and who alone knows it."""

ANYWHERE = {"orjson", "pydantic", "pydantic_core"}
"""JSON, and the declaring of options."""

PURE = {
    "alarms",
    "callers",
    "history",
    "normalize",
    "options",
    "pace",
    "paths",
    "render",
    "retry",
    "routing",
    "vendors",
    "verify",
}
"""Rooms in which time is an argument."""

CLOCKS = {"clock.now", "datetime.now", "datetime.today", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}

MODULES = {
    ".".join(["bridge", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
"""Every module of ours by its dotted name."""


def room(module: str) -> str:
    """`bridge.store.sqlite` is in `store`. The package itself (only the version) is in none."""
    return module.split(".")[1] if "." in module else ""


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text("utf-8"))


def imports(module: str) -> Iterator[str]:
    """What a module imports anywhere in it, functions included: our modules, and outside libraries by their names."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            whole = node.module or ""
            inner = [f"{whole}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else whole for name in inner]
        else:
            continue
        for name in names:
            yield name if room(name) and name.startswith("bridge.") else name.split(".")[0]


def of_ours(module: str) -> set[str]:
    return {name for name in imports(module) if name.startswith("bridge.")}


def calls(module: str) -> Iterator[str]:
    """Dotted names that a module calls, as in `sys.exit`."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_every_room_has_its_place():
    placed = {name for layer in LAYERS for name in layer}

    unplaced = {room(module) for module in MODULES} - placed - {"", "__main__"}

    assert not unplaced, f"say in LAYERS what {', '.join(sorted(unplaced))} may import, and who may import it"


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards_only(module):
    heights = {name: height for height, layer in enumerate(LAYERS) for name in layer} | {"__main__": len(LAYERS)}
    here = room(module)

    upwards = [name for name in of_ours(module) if room(name) != here and heights[room(name)] >= heights.get(here, -1)]

    assert not upwards


def test_modules_import_each_other_in_no_circle():
    list(TopologicalSorter({module: of_ours(module) - {module} for module in MODULES}).static_order())


@pytest.mark.parametrize("module", MODULES)
def test_what_is_outside_is_known_by_its_room_alone(module):
    outside = {name for name in imports(module) if name.split(".")[0] != "bridge"}

    strangers = outside - sys.stdlib_module_names - ROOMS_OF.keys() - ANYWHERE
    misplaced = {name for name in outside & ROOMS_OF.keys() if room(module) not in ROOMS_OF[name]}

    assert not strangers, "say in ROOMS_OF which room knows it"
    assert not misplaced


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) not in ("cli", "__main__")])
def test_only_the_command_line_ends_the_process(module):
    assert not set(calls(module)) & {"sys.exit", "os._exit", "exit", "quit", "SystemExit"}


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in PURE])
def test_time_is_an_argument(module):
    assert not set(calls(module)) & CLOCKS


@pytest.mark.parametrize("module", MODULES)
def test_a_module_opens_by_saying_what_it_is(module):
    assert ast.get_docstring(tree(module))
