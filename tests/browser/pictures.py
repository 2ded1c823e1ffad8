"""The pictures of the built-in messages in `docs/pictures/`, drawn by `bridge.render.preview` in a headless Chromium.

`python -m tests.browser.pictures` makes them anew: each once in light and once in dark. Look at them before you commit.

The platforms' own fonts are not free; Debian's `fonts-lato` and `fonts-liberation` come near.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image

from bridge.render.preview import Case, Shown, page
from tests.browser.chromium import chromium
from tests.render import goldens

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MESSAGES = {
    "failed": ("autosana", "failed, broke"),
    "different-failures": ("autosana", "failures-changed, different failures"),
    "fixed": ("autosana", "recovered, fixed"),
    "passed": ("autosana", "recovered, passed"),
    "mention-and-buttons": ("occasions", "a mention, blocks and buttons"),
    "late": ("occasions", "late"),
    "digest": ("occasions", "a digest"),
    "alarm": ("occasions", "alarm target.paused"),
}
"""Picture -> the folder and the name of what it shows, as in `tests/render/goldens/`."""

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTH = 1_040
COLORS = 128
"""Enough for text and icons, and a third of the bytes."""


def html(folder: str, name: str) -> str:
    """The page with that one message, for Slack and for Discord."""
    views = goldens.occasion_views() if folder == goldens.OCCASIONS else goldens.vendor_views(folder)
    view = dict(views)[name]
    to_slack = replace(view, mention=view.mention and "<!subteam^S0123|qa-team>")
    shown = [
        Shown("Slack", "slack", goldens.RENDERER.render("slack", None, to_slack).body),
        Shown("Discord", "discord", goldens.RENDERER.render("discord", None, view).body),
    ]
    return page(name, [Case(name, folder, shown)])


def draw() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for scheme in SCHEMES:
            context = browser.new_context(color_scheme=scheme, viewport={"width": WIDTH, "height": 900})
            tab = context.new_page()
            for picture, (folder, name) in MESSAGES.items():
                tab.set_content(html(folder, name))
                drawn = Image.open(BytesIO(tab.locator(".places").screenshot()))
                few = drawn.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
                few.save(FOLDER / f"{picture}-{scheme}.png", optimize=True)
            context.close()


if __name__ == "__main__":
    draw()
