"""What is promised around the code: the lock files, the image and the changelog agree with the package."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import bridge

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = ("requirements.lock", "requirements-build.lock")
LINUX = {"sys_platform": "linux", "python_version": "3.13", "extra": ""}


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def pins(lock: str) -> dict[str, Version]:
    found = re.findall(r"^([\w.-]+)==([^ \\]+)", text(lock), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def instructions(last_stage: bool = False) -> list[str]:
    """The Dockerfile's instructions, each on one line, comments left out."""
    lines = [line for line in text("Dockerfile").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [" ".join(line.split()) for line in joined.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(found) if line.startswith("FROM ")]
    return found[starts[-1] :] if last_stage else found


# ---------------------------------------------------------------------------------------------- lock files


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_no_address(lock):
    assert "://" not in text(lock)
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", text(lock), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_pins_everything_to_a_version_and_hashes(lock):
    entries = [entry for entry in re.split(r"^(?=\w)", text(lock), flags=re.MULTILINE) if not entry.startswith("#")]

    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+ .*\\\n", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements.lock", PROJECT["project"]["optional-dependencies"]["postgres"]),
        ("requirements-build.lock", PROJECT["build-system"]["requires"]),
    ],
)
def test_what_is_locked_is_what_the_project_asks_for(lock, requirements):
    locked = pins(lock)
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate(LINUX):
            assert locked[canonicalize_name(requirement.name)] in requirement.specifier


# ---------------------------------------------------------------------------------------------- the image


def test_everything_in_the_image_is_installed_by_hash_or_from_this_source():
    installs = [part for line in instructions() for part in line.split("&&") if "pip install" in part]

    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install


def test_nothing_that_builds_is_in_the_last_stage():
    assert [line.split()[0] for line in instructions()].count("FROM") == 2
    assert not any("pip" in shlex.split(line) for line in instructions(last_stage=True))


@pytest.mark.parametrize(
    "instruction",
    [
        'ENTRYPOINT ["drawbridge"]',
        'CMD ["serve"]',
        "STOPSIGNAL SIGTERM",
        "VOLUME /data",
        "WORKDIR /data",
        "EXPOSE 8080 8081",
    ],
)
def test_the_image_runs_the_server_itself_so_that_signals_reach_it(instruction):
    assert instruction in instructions(last_stage=True)


def test_the_image_runs_as_a_numbered_user_who_is_not_root():
    (user,) = [line for line in instructions(last_stage=True) if line.startswith("USER ")]

    assert re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", user)


def test_the_image_asks_the_server_whether_it_is_well():
    (check,) = [line for line in instructions(last_stage=True) if line.startswith("HEALTHCHECK ")]

    assert check.endswith('CMD ["drawbridge", "health"]')


def test_only_what_the_image_is_made_of_is_sent_to_its_builder():
    rules = [line for line in text(".dockerignore").splitlines() if line and not line.startswith("#")]
    copied = {
        source
        for line in instructions()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)


# ---------------------------------------------------------------------------------------------- the rest


def test_the_wheel_carries_the_built_in_templates():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert wheel["packages"] == ["bridge"]
    assert wheel["force-include"] == {"templates": "bridge/templates"}


def test_the_changelog_knows_this_version():
    assert bridge.__version__ in text("CHANGELOG.md")


def test_the_readme_says_the_command_that_ci_runs():
    (command,) = re.findall(r"^test_command='(.+)'$", text(".ci/run"), re.MULTILINE)

    assert command in text("README.md")


def test_ci_is_a_script_that_bash_can_read():
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    subprocess.run(["bash", "-n", ROOT / ".ci/run"], check=True)
