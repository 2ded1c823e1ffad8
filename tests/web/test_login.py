"""The operator's way in: a form or a link that works once, a cookie that says nothing, back to what was asked for."""

import asyncio
import re
from http.cookies import SimpleCookie
from urllib.parse import urljoin

import pytest
from starlette.requests import Request

from bridge import clock
from bridge.verify.sealing import seal, sealed
from bridge.web.guesses import MOST_CALLERS, MOST_WRONG, PERIOD, Guesses, who
from bridge.web.login import COOKIE, LASTS, LINK_LASTS, PURPOSE, Login, local
from tests.bridges import TOKEN, bridge, config, told
from tests.web.operating import SCREEN, Document, log_in

PAGES = ("/", "/?before=7", "/messages/x?page=2", "/events/x", "/nothing/here")


def cookie(answer):
    """The cookie that an answer sets."""
    jar = SimpleCookie(answer.headers["set-cookie"])
    return jar[COOKIE]


def led_to(answer):
    """Where the page leads that is shown to who comes without a cookie."""
    (refresh,) = [each["content"] for _, each in Document(answer.text).elements if each.get("http-equiv")]
    return urljoin(str(answer.url), refresh.removeprefix("0; url="))


def carrying(value):
    return {"cookie": f"{COOKIE}={value}"}


# ------------------------------------------------------------------------------------------------ the door


def test_who_is_not_logged_in_sees_no_page_and_is_led_to_the_form_and_back(tmp_path):
    async def story(one):
        return [await way_in(one, one.server.admin_url + path) for path in PAGES]

    async def way_in(one, url):
        one.client.cookies.clear()
        first = await one.client.get(url)
        form = await one.client.get(led_to(first))
        (wanted,) = [each["value"] for tag, each in Document(form.text).elements if each.get("name") == "next"]
        entered = await log_in(one, wanted)
        return first.status_code, form.status_code, urljoin(str(entered.url), entered.headers["location"]), url

    for first, form, then, url in told(config(tmp_path, SCREEN), story):
        assert (first, form, then) == (401, 200, url)


def test_who_is_logged_in_goes_on_from_the_form_at_once(tmp_path):
    """As after a link in a chat: the first request comes without the cookie, the one from our own page with it."""

    async def story(one):
        held = carrying(cookie(await log_in(one)).value)
        one.client.cookies.clear()
        return [await followed(one, one.server.admin_url + path, held) for path in PAGES]

    async def followed(one, url, held):
        to = led_to(await one.client.get(url))
        second = await one.client.get(to, headers=held)
        return second.status_code, urljoin(to, second.headers["location"]), url

    for status, then, meant in told(config(tmp_path, SCREEN), story):
        assert (status, then) == (303, meant)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/messages/0195-a?page=2", "/messages/0195-a?page=2"),
        ("/?before=3", "/?before=3"),
        ("", "/"),
        ("messages/x", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/..//evil.example", "/"),
        ("/a:b", "/"),
        ("/\r\nset-cookie: a=b", "/"),
        ("/a b", "/"),
        ("/login?next=/", "/"),
        ("/logout", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_only_a_page_of_ours_is_returned_to(wanted, path):
    assert local(wanted) == path


def test_who_is_sent_elsewhere_by_somebody_elses_form_stays_here(tmp_path):
    async def story(one):
        answer = await log_in(one, "//evil.example/")
        return answer.status_code, answer.headers["location"]

    assert told(config(tmp_path, SCREEN), story) == (303, "./")


def test_another_token_opens_nothing(tmp_path):
    wrong = ["", "wrong", TOKEN + "x", TOKEN[:-1], "ü", "\ud800"]

    async def story(one):
        return [await log_in(one, token=token.encode("utf-8", "surrogatepass")) for token in wrong]

    for answer in told(config(tmp_path, SCREEN), story):
        assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
        assert "That is not the admin token." in Document(answer.text).text


def test_a_form_of_any_other_shape_is_refused(tmp_path):
    bodies = {b"": 401, b"\xff=%ff": 401, b"&".join([b"a=b"] * 50): 401, b"token=" + b"x" * 9_000: 413}

    async def story(one):
        return [await one.client.post(f"{one.server.admin_url}/login", content=body) for body in bodies]

    answers = told(config(tmp_path, SCREEN), story)
    assert [answer.status_code for answer in answers] == list(bodies.values())
    assert not any("set-cookie" in answer.headers for answer in answers)


# ------------------------------------------------------------------------------------------------ the cookie


def test_the_cookie_goes_only_to_us_to_no_script_and_over_https_where_one_came_by_it(tmp_path):
    cases = [
        ({}, False),
        ({"origin": "http://127.0.0.1:8081"}, False),
        ({"origin": "https://drawbridge.internal.example"}, True),
        ({"x-forwarded-proto": "https"}, True),
        ({"x-forwarded-proto": "http, https"}, False),
    ]

    async def story(one):
        return [cookie(await log_in(one, headers=headers)) for headers, _ in cases]

    for held, (_, secure) in zip(told(config(tmp_path, SCREEN), story), cases, strict=True):
        assert (held["httponly"], held["samesite"].lower(), bool(held["secure"])) == (True, "strict", secure)
        assert (held["domain"], held["path"], int(held["max-age"])) == ("", "", 12 * 3600)


def test_the_cookie_says_nothing_of_the_token_and_counts_twelve_hours():
    held = seal(TOKEN, PURPOSE, LASTS)
    assert TOKEN not in held
    assert [sealed(held, TOKEN, PURPOSE, now) for now in (0, LASTS - 1, LASTS)] == [True, True, False]


def test_it_counts_after_a_restart_and_in_another_replica_until_the_token_is_another(tmp_path):
    path = config(tmp_path, SCREEN)

    async def story(held=None):
        async with bridge(path) as one:
            held = held or carrying(cookie(await log_in(one)).value)
            one.client.cookies.clear()
            return held, (await one.client.get(one.server.admin_url, headers=held)).status_code

    async def stories():
        held, first = await story()
        _, second = await story(held)
        path.write_text(path.read_text().replace(TOKEN, "another-token"))
        return first, second, (await story(held))[1]

    assert asyncio.run(stories()) == (200, 200, 401)


def test_who_logs_out_has_no_cookie_any_more_and_no_other_site_can_do_that_to_somebody(tmp_path):
    async def story(one):
        held = carrying(cookie(await log_in(one)).value)
        one.client.cookies.clear()
        out = await one.client.post(f"{one.server.admin_url}/logout", headers=held)
        forged = await one.client.post(f"{one.server.admin_url}/logout")
        asked = await one.client.get(f"{one.server.admin_url}/logout", headers=held)
        return out, forged, asked

    out, forged, asked = told(config(tmp_path, SCREEN), story)
    assert (out.status_code, out.headers["location"], cookie(out).value) == (303, "login", "")
    assert int(cookie(out)["max-age"]) == 0
    assert "set-cookie" not in forged.headers
    assert asked.status_code == 404, "a link cannot either"


def test_the_cookie_opens_the_page_and_not_the_api(tmp_path):
    async def story(one):
        held = carrying(cookie(await log_in(one)).value)
        one.client.cookies.clear()
        return [
            (await one.client.get(one.server.admin_url + path, headers=held)).status_code
            for path in ("/", "/api/events")
        ]

    assert told(config(tmp_path, SCREEN), story) == [200, 401]


# ------------------------------------------------------------------------------------------------ a link


def test_a_link_lets_in_whoever_opens_it_first(tmp_path):
    async def story(one):
        link = one.server.login_link()
        looked = await one.client.head(link)
        first = await one.client.get(link)
        one.client.cookies.clear()
        second = await one.client.get(link)
        back = await one.client.get(link, headers=carrying(cookie(first).value))
        return looked, first, second, back

    looked, first, second, back = told(config(tmp_path, SCREEN), story)
    assert "set-cookie" not in looked.headers, "a HEAD uses nothing up"
    assert (first.status_code, first.headers["location"]) == (303, "./")
    assert (second.status_code, "set-cookie" in second.headers) == (200, False)
    assert "was used before" in second.text
    assert back.status_code == 303, "who is in stays in, and goes on"


@pytest.mark.parametrize(("later", "good"), [(0, True), (LINK_LASTS - 1, True), (LINK_LASTS, False)])
def test_a_link_lasts_ten_minutes(later, good):
    login = Login(lambda: TOKEN, lambda: ())
    once = login.link(1_000).removeprefix("once=")
    assert login._is_link("another", 1_000) is False
    assert login._is_link(once, 1_000 + later) is good
    assert login._is_link(once, 1_000) is False


def test_a_link_leads_to_where_people_reach_the_page(tmp_path):
    path = config(tmp_path, SCREEN)
    path.write_text(path.read_text().replace("admin: {", "admin: {url: 'https://drawbridge.internal.example/', "))

    async def story(one):
        return one.server.login_link()

    assert re.fullmatch(r"https://drawbridge\.internal\.example/login\?once=[\w-]{32}", told(path, story))


# ------------------------------------------------------------------------------------------------ guessing


def test_who_guesses_has_to_wait_at_both_doors_even_with_the_right_token(tmp_path):
    async def story(one):
        wrong = [(await log_in(one, token=f"guess {n}")).status_code for n in range(MOST_WRONG)]
        api = f"{one.server.admin_url}/api/events"
        return (
            wrong,
            await log_in(one),
            await one.client.get(api, headers={"authorization": f"Bearer {TOKEN}"}),
            await one.client.get(api),
        )

    wrong, right, by_api, without = told(config(tmp_path, SCREEN), story)
    assert wrong == [401] * MOST_WRONG
    assert [right.status_code, by_api.status_code, without.status_code] == [429, 429, 401]
    assert 1 <= int(right.headers["retry-after"]) <= 60
    assert "set-cookie" not in right.headers
    assert "Too many wrong tokens" in right.text


def test_guesses_count_by_caller_and_for_a_minute():
    guesses = Guesses()
    for n in range(MOST_WRONG):
        assert guesses.wait("a", n) == 0
        guesses.wrong("a", n)
    assert [guesses.wait("a", MOST_WRONG), guesses.wait("b", MOST_WRONG)] == [PERIOD - MOST_WRONG, 0]
    assert guesses.wait("a", PERIOD) == 0
    guesses.wrong("a", PERIOD)
    assert guesses.wait("a", PERIOD) == 0, "they are counted anew"
    assert guesses.wait("a", -clock.DAY) <= PERIOD, "a clock that was set back locks out nobody"


def test_callers_without_number_take_bounded_room():
    guesses = Guesses()
    for n in range(MOST_CALLERS + 100):
        guesses.wrong(str(n), n)
    assert len(guesses._wrong) == MOST_CALLERS


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "name"),
    [
        ("203.0.113.7", None, (), "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", (), "203.0.113.7"),
        ("2001:db8::1:2", None, (), "2001:db8::/64"),
        ("::ffff:203.0.113.7", None, (), "203.0.113.7"),
        (None, None, (), "None"),
    ],
)
def test_a_caller_is_an_address_or_in_ipv6_a_network(peer, forwarded, trusted, name):
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})
    assert who(request, trusted) == name
