"""A headless Chromium for tests and pictures: the one that this machine has, driven by Playwright."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--hide-scrollbars",
)
"""So that it asks nobody anything of its own accord."""

MISSING = (
    "no Chromium found. Install one (Debian, Ubuntu: `apt-get install chromium fonts-noto-color-emoji`; elsewhere: "
    "`python -m playwright install chromium`), so that one of these is there: " + ", ".join(NAMES)
)


@contextmanager
def chromium() -> "Iterator[Browser]":
    """A running browser. Raises RuntimeError, which says what to install, where the machine has none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program(playwright), args=QUIET, chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()


def _program(playwright: "Playwright") -> str:
    """The system's, or the one that Playwright fetched."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    own = playwright.chromium.executable_path
    if found is None and not Path(own).is_file():
        raise RuntimeError(MISSING)
    return found or own


def main() -> None:
    """Say which browser would be used; exit status 1 where there is none."""
    try:
        with chromium() as browser:
            print(f"Chromium {browser.version}")
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
