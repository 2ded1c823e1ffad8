"""The operator's page in a browser: logged in, followed from a chat, read by keyboard, in the dark, on a telephone."""

import asyncio
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tests.bridges import TOKEN, bridge, config
from tests.fakes.asgi import App, Reply
from tests.fakes.server import serving
from tests.render.making import HOSTILE, item, result
from tests.web.operating import told_together

pytestmark = pytest.mark.browser

CHAT = """
targets:
  qa: {type: slack, url: "http://127.0.0.1:9/services/T0/B0/x"}
  screen: {type: inbox}
routes: [{name: broken tests, to: [screen]}]
"""
ATTACK = "<img src=https://evil.example/x onerror=alert(1)><script>document.title='taken'</script>"


@contextmanager
def operated(folder):
    """A bridge in a thread of its own with a few messages: its page's address, a digest's id, an event's, a link."""
    up, stop, told = threading.Event(), threading.Event(), SimpleNamespace()

    async def run():
        async with bridge(config(folder, CHAT)) as one:
            results = [
                result(
                    title=f"Suite {n} (ios)",
                    subject_key=f"suite-{n}",
                    outcome=("failed", "timed_out", "passed", "cancelled", "passed")[n % 5],
                    counts={"total": 9, "passed": 8, "failed": int(n % 5 == 0), "unit": "test"},
                    items=[item("coupon")] if n % 5 == 0 else [],
                    vcs={"ref": "main"},
                )
                for n in range(230)
            ]
            told.digest, _ = await told_together(one, results, target="qa")
            hostile = [result(title=text, source=text[:50], url=text) for text in (ATTACK, *HOSTILE[:5])]
            told.hostile, _ = await told_together(one, hostile, target="qa")
            told.event = (await one.sample("mobile", "failed")).json()["id"]
            await one.settled(237)
            await one.api("/targets/qa/pause", method="POST")
            told.url, told.link = one.server.admin_url, one.server.login_link()
            up.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert up.wait(120)
        yield told
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with operated(tmp_path_factory.mktemp("bridge")) as told:
        yield told


@pytest.fixture
def tab(browser):
    """`tab(scheme, width)`: a window of somebody new; what it complained of is in `complaints`."""
    contexts = []

    def open_tab(scheme="light", width=1200):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    yield open_tab
    for context in contexts:
        context.close()


def logged_in(page, door, path="/"):
    page.goto(door.url + path)
    page.wait_for_selector("#token")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_url(door.url + path)
    page.complaints.clear()  # that the first answer was 401
    return page


def test_who_logs_in_comes_to_the_page_that_was_asked_for_and_out_again(tab, door):
    path = f"/messages/{door.digest}?page=2"
    page = logged_in(tab(), door, path)
    assert page.locator("h2 small", has_text="201 to 230 of 230").count() == 1
    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("#token")
    page.goto(door.url + path)
    page.wait_for_selector("#token")
    page.fill("#token", "wrong")
    page.get_by_role("button", name="Log in").click()
    assert "not the admin token" in page.get_by_role("alert").inner_text()


def test_a_link_in_a_chat_leads_who_is_logged_in_straight_there(tab, door):
    page = logged_in(tab(), door)
    path = f"{door.url}/messages/{door.digest}"
    link = f'<a href="{path}">+ 17 more</a>'.encode()
    chat = App()
    chat.then(Reply(200, link, {"content-type": "text/html"}))
    with serving(chat) as url:
        page.goto(url.replace("127.0.0.1", "localhost"))  # another site: a Strict cookie does not come along from it
        with page.expect_request(lambda request: request.url == path) as first:
            page.get_by_text("17 more").click()
        page.wait_for_selector("#carried")
    assert "cookie" not in first.value.all_headers(), "the first request came without it"
    assert page.url == path


def test_the_printed_link_logs_in_once(tab, door):
    first, second = tab(), tab()
    first.goto(door.link)
    assert first.url == f"{door.url}/"
    assert first.locator("h1").inner_text() == "Newest messages"
    second.goto(door.link)
    assert "used before" in second.get_by_role("alert").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_complains_of_nothing_loads_nothing_else_and_is_dark_for_those_who_want_that(tab, door, scheme):
    page = logged_in(tab(scheme), door)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/", f"/messages/{door.digest}", f"/messages/{door.hostile}", f"/events/{door.event}"):
        page.goto(door.url + path)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, background[4:-1].split(","))) < 80) is (scheme == "dark")
        assert page.title().endswith("· Drawbridge")
    assert page.complaints == []
    assert len(asked) == 4
    assert page.locator("main img, main script").count() == 0


def test_failures_come_first_and_the_message_looks_as_in_slack(tab, door):
    page = logged_in(tab(), door, f"/messages/{door.digest}")
    words = page.locator("section[aria-labelledby=carried] .verdict").all_inner_texts()
    assert words[:46] == ["❌ FAILED: 1 of 9 tests"] * 46
    assert "230 results" in page.locator("article.message.slack").inner_text()


def test_all_of_it_can_be_reached_by_keyboard(tab, door):
    page = logged_in(tab(), door, f"/events/{door.event}")
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))
    assert reached[:3] == ["To the content", "Drawbridge", "Log out"]
    assert "My App (android)" in reached
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert '"event":"batch.completed"' in page.locator("pre.body").inner_text()


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_it_fits_the_window(tab, door, width):
    page = logged_in(tab(width=width), door)
    for path in ("/", f"/messages/{door.digest}", f"/messages/{door.hostile}", f"/events/{door.event}", "/nothing"):
        page.goto(door.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
