"""One browser for all tests here, and what a page did in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@dataclass
class Opened:
    """A page that was opened. `complaints` are errors and console lines, `requests` every address that it asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    with chromium() as running:
        yield running


@pytest.fixture
def opened(browser, tmp_path):
    """`opened(html, scheme="light")`: that document in a tab of its own."""
    contexts = []

    def open_page(html: str, scheme: str = "light", width: int = 1300) -> Opened:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        file = tmp_path / "page.html"
        file.write_text(html, "utf-8")
        found.page.goto(file.as_uri(), wait_until="load")
        return found

    yield open_page
    for context in contexts:
        context.close()
