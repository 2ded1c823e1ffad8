"""The page of `drawbridge preview`, opened: it looks after itself, whatever stands in it."""

import pytest

from bridge.render import View
from bridge.render.preview import Case, Shown, page
from tests.render import goldens
from tests.render.making import HOSTILE, item, result

pytestmark = pytest.mark.browser

ATTACKS = (
    "<img src=https://evil.example/x onerror=alert(1)>",
    "<script>document.title='taken'</script>",
    "</style></pre></script><h1>big</h1>",
    '" onmouseover="alert(1)" style="position:fixed',
    "<b>*bold*</b> [x](javascript:alert(1)) <javascript:alert(1)|x>",
)


def made(view, **more):
    shown = [Shown(kind, kind, goldens.RENDERER.render(kind, None, view).body) for kind in goldens.TARGETS]
    return Case("a case", "broke", shown, **more)


@pytest.fixture(scope="module")
def all_occasions():
    return page("Preview", [made(view) for _, view in goldens.occasion_views()])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_and_complains_of_nothing(opened, all_occasions, scheme):
    found = opened(all_occasions, scheme)
    assert found.complaints == []
    assert [url for url in found.requests if not url.endswith("/page.html")] == []
    assert found.page.locator("article.message").count() == 2 * len(list(goldens.occasion_views()))


def test_the_policy_lets_its_own_style_through_and_no_other(opened, all_occasions):
    found = opened(all_occasions.replace("<main>", '<main style="color: red"><style>main {display: none}</style>'))
    assert style(found, "article.message", "display") == "flex"
    assert style(found, "main", "display") == "block"
    assert len(found.complaints) == 2


def test_it_is_dark_for_those_who_want_that(opened, all_occasions):
    light, dark = (opened(all_occasions, scheme) for scheme in ("light", "dark"))
    for place in ("body", ".message.slack", ".message.discord"):
        assert brightness(light, place, "backgroundColor") > 200 > 80 > brightness(dark, place, "backgroundColor")
        assert brightness(light, place, "color") < 100 < 180 < brightness(dark, place, "color")


@pytest.mark.parametrize("attack", [*ATTACKS, *HOSTILE[:5]])
def test_hostile_names_stay_text(opened, attack):
    hostile = result(title=attack, summary=attack, items=[item(attack, message=attack)], environment=attack)
    found = opened(page(attack, [made(View(result=hostile, route=attack))]))
    assert found.complaints == []
    assert len(found.requests) == 1
    assert found.page.locator("img, script, iframe, form, object, article h1").count() == 0
    assert found.page.locator("a:not([href^='http']):not([href^='#'])").count() == 0


def test_what_is_said_can_be_read(opened, all_occasions):
    text = opened(all_occasions).page.locator("main").inner_text()
    for words in ("My App (android) — FAILED: 1 of 3 groups", "NEW", "no button", "a1b2c3d", "37 results"):
        assert words in text


def test_all_of_it_can_be_reached_by_keyboard(opened):
    found = opened(page("Preview", [made(View(result=result(items=[item(url="https://example.com/t")])))]))
    reached = []
    for _ in range(12):
        found.page.keyboard.press("Tab")
        reached.append(found.page.evaluate("document.activeElement.textContent"))
    assert {"open run", "HTTP", "Inbox"} <= set(reached)
    found.page.locator("summary", has_text="Inbox").focus()
    found.page.keyboard.press("Enter")
    assert found.page.locator("details[open] pre").inner_text().startswith("❌ My App")


@pytest.mark.parametrize("width", [360, 800, 1300])
def test_it_fits_the_window(opened, all_occasions, width):
    found = opened(all_occasions, width=width)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width


def style(found, place, name):
    return found.page.evaluate("([p, n]) => getComputedStyle(document.querySelector(p))[n]", [place, name])


def brightness(found, place, name):
    """From 0 to 255."""
    numbers = style(found, place, name).removeprefix("rgb(").removesuffix(")").split(",")
    return sum(float(number) for number in numbers[:3]) / 3
