"""Files to read: what a test says differs from a small configuration that works."""

from pathlib import Path

from bridge.config import Config, load
from bridge.errors import ConfigError

HIDDEN = "hunter2-hunter2-hunter2"

ENV = {
    "SECRET": HIDDEN,
    "EMPTY": "",
    "SLACK": f"https://hooks.slack.com/services/{HIDDEN}",
    "PORT": "9000",
    "TRUE": "true",
}

GOOD = """\
sources:
  qa: {vendor: autosana, secret: "${SECRET}"}
targets:
  slack: {type: slack, url: "${SLACK}"}
  screen: {type: inbox}
routes:
  - {name: all, to: [slack, screen]}
"""

EXAMPLE = Path(__file__).resolve().parents[2] / "config.example.yaml"

EXAMPLE_ENV = {
    **dict.fromkeys(["AUTOSANA_SECRET", "AUTONOMA_SECRET", "AUTONOMA_OLD_SECRET", "AGNOX_SECRET"], HIDDEN),
    **dict.fromkeys(["AUTOUSERS_SECRET", "AUTOTAB_SECRET", "CI_SECRET", "SLACK_BOT_TOKEN", "LAKE_TOKEN"], HIDDEN),
    "SLACK_WEBHOOK": f"https://hooks.slack.com/services/T0/B0/{HIDDEN}",
    "DISCORD_WEBHOOK": f"https://discord.com/api/webhooks/1234567890/{HIDDEN}",
    "LAKE_SECRET": "whsec_aHVudGVyMi1odW50ZXIyLWh1bnRlcjItaHVudGVyMg==",
}


def read(folder: Path, text: str | bytes, env: dict[str, str] | None = None) -> Config:
    file = folder / "config.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    return load(file, ENV if env is None else env)


def problems(folder: Path, text: str | bytes, env: dict[str, str] | None = None) -> list[str]:
    """What is wrong with that file, without the folder's name in it."""
    try:
        read(folder, text, env)
    except ConfigError as error:
        return [str(problem).replace(f"{folder}/", "") for problem in error.problems]
    return []


def changed(section: str, text: str) -> str:
    """The good file with another `section`, which is its last one. `text` begins on line 8 at the latest."""
    kept, skipping = [], False
    for line in GOOD.splitlines():
        if not line.startswith(" "):
            skipping = line.startswith(f"{section}:")
        if not skipping:
            kept.append(line)
    return "\n".join([*kept, text, ""])


def pointed(text: str) -> tuple[str, list[str]]:
    """A file without its "▶"s, and the place (`line:column`) of what each points at."""
    places = []
    for number, line in enumerate(text.splitlines(), 1):
        for n, column in enumerate(index for index, letter in enumerate(line, 1) if letter == "▶"):
            places.append(f"{number}:{column - n}")
    return text.replace("▶", ""), places
