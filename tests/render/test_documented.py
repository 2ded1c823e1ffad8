"""What `docs/templates.md` says is so: its templates work, its filters give what stands beside them."""

import re
from pathlib import Path

import pytest

from bridge.render import Renderer
from bridge.render.engine import compile_leaf
from bridge.render.slots import MARKDOWN, MRKDWN, TEXT
from bridge.render.words import FILTERS
from tests.render.making import item, problems, result, view

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")
MADE = result(
    title="My App",
    summary="Payments do not work.\nSee the log.",
    counts={"total": 3, "passed": 2, "failed": 1, "unit": "group"},
    items=[item("pay", url="https://example.com/t/1", message="no button", is_new=True)],
    history={
        "previous": "passed",
        "previous_streak": 12,
        "previous_since": "2026-03-14T09:00:00Z",
        "transition": "broke",
    },
    vcs={"ref": "main", "commit": "a1b2c3d4e5f6"},
    environment="staging",
    duration_ms=252_000,
)
ROWS = [
    [cell.strip().replace("\0", "|") for cell in line.strip("|").replace("\\|", "\0").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| `{{")
]
FILES = re.findall(r"```yaml\n# (\w+)/(\w+)\.yaml\n(.*?)```", PAGE, re.DOTALL)


def code(cell):
    """What stands in a cell as code."""
    return cell.strip("`").strip() if cell.startswith("``") else cell.strip("`")


def filled(text, slot):
    value = compile_leaf(code(text), slot, {"result": MADE})[0]({"result": MADE})
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(("written", "given"), [row for row in ROWS if len(row) == 2])
def test_a_filter_gives_what_stands_beside_it(written, given):
    assert filled(written, TEXT) == given


@pytest.mark.parametrize(("written", "slack", "discord", "text"), [row for row in ROWS if len(row) == 4])
def test_what_depends_on_the_target(written, slack, discord, text):
    assert filled(written, MRKDWN) == code(slack)
    assert filled(written, MARKDOWN) == code(discord)
    assert filled(written, TEXT) == code(text)


@pytest.mark.parametrize(("target_type", "name", "text"), FILES)
def test_a_template_of_the_page_works(target_type, name, text, tmp_path):
    (tmp_path / target_type).mkdir()
    (tmp_path / target_type / f"{name}.yaml").write_text(text, encoding="utf-8")
    message = Renderer(tmp_path).render(target_type, name, view(MADE))
    assert message.falls == ()
    assert target_type == "http" or problems(target_type, message) == []


def test_every_filter_is_named():
    for name in (*FILTERS, "link", "code", "bold", "moment", "clock", "json", "left_out"):
        assert re.search(rf"\b{name}\b", PAGE), name
    assert len(FILES) == 4
    assert len(ROWS) > 15
