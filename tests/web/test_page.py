"""The operator's page: what a message carried, however much; what became of an event; and nothing that is not ours."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import clock
from bridge.vendors import samples
from bridge.web import lines
from bridge.web.document import SAFETY, document, root
from bridge.web.lines import MOST_DRAWN, line
from bridge.web.page import LINES
from tests.bridges import config, told
from tests.render.making import HOSTILE, item, result
from tests.web.operating import SCREEN, Document, log_in, see, told_together

ATTACKS = (
    "<img src=https://evil.example/x onerror=alert(1)>",
    "<script>document.title='taken'</script>",
    "</style></pre></script><h1>big</h1>",
    '" onmouseover="alert(1)" style="position:fixed',
    "javascript:alert(1)",
)
HOSTILE_TEXTS = st.one_of(st.sampled_from([*ATTACKS, *HOSTILE]), st.text(max_size=40))
NOW = 1_773_489_600_000_000


def run(name, outcome="passed", **more):
    return result(title=name, outcome=outcome, subject_key=name, url=f"https://ci.example/{name}", **more)


# ------------------------------------------------------------------------------------------------ a message


def test_a_message_shows_all_that_it_carried_failures_first_and_how_it_fared(tmp_path, store_url):
    async def story(one):
        results = [run("a"), run("b", "failed"), run("c"), run("d", "timed_out"), run("e", "unheard of")]
        message, ids = await told_together(one, results)
        return message, ids, Document((await see(one, f"/messages/{message}")).text)

    message, ids, page = told(config(tmp_path, SCREEN, store_url), story)
    rows = [row for row in page.rows if "mobile-tests" in row]
    assert [row.split(" mobile-tests")[0] for row in rows] == [
        "❌ FAILED b",
        "⏰ TIMED OUT d",
        "❓ UNKNOWN e",
        "✅ PASSED a",
        "✅ PASSED c",
    ]
    assert [ids["abcde".index(row.split(" mobile-tests")[0][-1])] in row for row in rows] == [True] * 5
    assert "https://ci.example/b" in page.of("a", "href")
    assert f"../events/{ids[1]}" in page.of("a", "href")
    text = " ".join(page.text.split())
    assert "Message to screen sent" in text
    assert "5 results: 1 failed, 1 timed out, 1 unknown, 2 passed, while Slack was down" in text
    assert re.search(r"1 \d{4}-\S+ \S+ UTC, .{1,20} ago 250 ms sent", text)
    assert "5 results while Slack was down: 1 failed, 1 timed out" in text.rpartition("As it looks")[2], (
        "as it was sent"
    )
    assert message in text


def test_hundreds_of_results_come_in_pages_and_none_is_lost(tmp_path, store_url):
    number = MOST_DRAWN + 33
    pages = -(-number // LINES)

    async def story(one):
        results = [run(f"suite-{n}", "failed" if n % 5 == 0 else "passed") for n in range(number)]
        message, _ = await told_together(one, results)
        return [await see(one, f"/messages/{message}?page={n}") for n in (*range(pages + 1), 99, "x")]

    *found, beyond, odd = told(config(tmp_path, SCREEN, store_url), story)
    shown = [Document(answer.text) for answer in found]
    titles = [re.findall(r"(?:FAILED|PASSED) (suite-\d+)", " ".join(page.rows)) for page in shown]
    assert titles[0] == titles[1], "the first is what one gets without a number"
    assert len({title for page in titles[1:] for title in page}) == number
    failed = -(-number // 5)
    assert all("FAILED" in row for row in shown[1].rows[1 : failed + 1])
    assert f"1 to {LINES} of {number}" in " ".join(shown[1].text.split())
    assert f"{failed} failed" in shown[2].text, "every page says how many there are of each"
    assert shown[2].of("a", "rel")[-2:] == ["prev", "next"]
    assert "Not drawn" in shown[1].text
    assert f"Page {pages} of {pages}" in beyond.text
    assert odd.status_code == 400


def test_what_is_gone_or_was_halved_says_so(tmp_path, store_url):
    async def story(one):
        message, (first, _) = await told_together(one, [run("a", "failed"), run("b")])
        assert (await one.api(f"/events/{first}/forget", method="POST"))["erased"] == first

        async def halve(tx):
            await tx.run("UPDATE messages SET state = 'halved' WHERE id = $1", message)
            await tx.run(
                """INSERT INTO messages (id, target, state, next_at, attempts, unknowns, created_at, token, half_of)
                   SELECT 'half', target, 'sent', 0, 1, 0, created_at, token, id FROM messages WHERE id = $1""",
                message,
            )

        await one.server.store.write(halve)
        pages = [await see(one, path) for path in (f"/messages/{message}", "/messages/half", f"/events/{first}")]
        return [" ".join(Document(page.text).text.split()) for page in pages]

    whole, half, event = told(config(tmp_path, SCREEN, store_url), story)
    assert "❓ ERASED (no longer in the store)" in whole
    assert "It cannot be drawn" in whole
    assert "Halved into 1 result, sent" in whole
    assert "What it carried is no longer in the store." in half
    assert "Half of" in half
    assert "Nothing: it gave no result, or was erased." in event


# ------------------------------------------------------------------------------------------------ an event, the first


def test_an_event_shows_how_it_was_proved_what_it_meant_and_where_that_went(tmp_path, store_url):
    async def story(one):
        event = (await one.sample("mobile", "failed")).json()["id"]
        (row,) = await one.settled(1)
        by_result = await see(one, f"/events/{event}-2")
        return event, row["message_id"], Document((await see(one, f"/events/{event}")).text), by_result

    event, message, page, by_result = told(config(tmp_path, SCREEN, store_url), story)
    text = " ".join(page.text.split())
    assert "Event from mobile" in text
    assert "verified by hmac-sha256, secret 1" in text
    assert "❌ FAILED: 1 of 3 groups My App (android)" in text
    assert f"../messages/{message}" in page.of("a", "href")
    assert samples("autosana")["failed"].decode() in page.text
    assert (by_result.status_code, event in by_result.text) == (200, True), "a result's id will do"


def test_the_first_page_lists_targets_and_the_newest_messages_and_leads_to_each(tmp_path, store_url):
    async def story(one):
        message, _ = await told_together(one, [run("a", "failed"), run("b")])
        await one.sample("mobile", "passed")
        await one.settled(3)
        await one.api("/targets/lake/pause", method="POST")
        pages = [Document((await see(one, path)).text) for path in ("/", "/?before=2", "/?before=0")]
        return message, *pages

    message, first, older, none = told(config(tmp_path, SCREEN, store_url), story)
    assert "lake http paused by the operator" in " ".join(first.rows)
    assert "PASSED: 3 groups My App (android) screen sent" in first.rows[-2]
    assert first.rows[-1].startswith("2 results while Slack was down screen sent")
    assert f"messages/{message}" in first.of("a", "href")
    assert (len(older.rows), "Targets" in older.text) == (2, False)
    assert "There are no older ones." in none.text


@pytest.mark.parametrize(("path", "way"), [("/", ""), ("/x", ""), ("/messages/x", "../"), ("/a/b/c", "../../")])
def test_links_are_relative_so_that_a_proxy_may_put_a_path_in_front(path, way):
    assert root(path) == way


def test_what_there_is_none_of_is_404_as_a_page_and_as_json_in_the_api(tmp_path):
    paths = ("/messages/none", "/events/none", "/nothing", "/messages/a%00b", "/?before=x", "/api/nothing")

    async def story(one):
        return [await see(one, path) for path in paths]

    answers = told(config(tmp_path, SCREEN), story)
    assert [answer.status_code for answer in answers] == [404, 404, 404, 400, 400, 404]
    assert [answer.headers["content-type"].partition(";")[0] for answer in answers] == [
        *["text/html"] * 5,
        "application/json",
    ]


# ------------------------------------------------------------------------------------------------ nothing of others


def test_every_page_comes_with_a_policy_that_lets_in_nothing_else_and_is_kept_by_nobody(tmp_path):
    async def story(one):
        message, ids = await told_together(one, [run("a"), run("b")])
        paths = ("/", f"/messages/{message}", f"/events/{ids[0]}", "/nothing", "/login")
        return [
            *[await see(one, path) for path in paths],
            await one.client.get(f"{one.server.admin_url}/"),
            await log_in(one, token="no"),
        ]

    for answer in told(config(tmp_path, SCREEN), story):
        assert {name: answer.headers[name] for name in SAFETY} == SAFETY
        loading = ("src", "srcset", "style", "data", "action")
        assert all(
            value in ("logout", "../logout", "login")
            for _, known in Document(answer.text).elements
            for name, value in known.items()
            if name in loading or name.startswith("on")
        )


@settings(max_examples=60, deadline=None)
@given(HOSTILE_TEXTS, HOSTILE_TEXTS, HOSTILE_TEXTS)
def test_whatever_stands_in_a_result_is_text(title, url, source):
    hostile = result(title=title, url=url, source=source, type=title, raw_status=source, outcome="unknown")
    shown = line(hostile, source, NOW)
    page = message_page([shown], look=None, message={**MESSAGE, "reason": title, "target": source, "cause": url})
    plain = message_page([PLAIN], look=None, message={**MESSAGE, "reason": "r", "target": "t", "cause": "c"})
    assert outline(page) == outline(plain) or shown.url is None
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements}
    assert all(url.startswith(("http://", "https://", "../", "#", "?")) for url in page.of("a", "href"))


MESSAGE = {"id": "m", "state": "sent", "created": None, "next": None, "reason": None, "half_of": None, "cause": None}
PLAIN = line(run("a"), "e", NOW)


def message_page(shown, **more):
    known: dict[str, Any] = {
        "attempts": [],
        "halves": [],
        "number_carried": 1,
        "counts": [],
        "first": 1,
        "number": 1,
        "pages": 1,
    }
    made = document("message", "../", lines=shown, most_drawn=1, inside=True, **known, **more)
    return Document(bytes(made.body).decode())


def outline(page):
    return [(tag, sorted(known)) for tag, known in page.elements]


def test_hostile_texts_stay_texts_on_every_page(tmp_path):
    async def story(one):
        made = [
            result(title=text, source="s", url=text, summary=text, environment=text, items=[item(text, message=text)])
            for text in (*ATTACKS, *HOSTILE)
            if "\ud800" not in text
        ]
        body = "".join(ATTACKS).encode()
        together, ids = await told_together(one, made, body=body)
        pages = [await see(one, path) for path in ("/", f"/messages/{together}", *[f"/events/{each}" for each in ids])]
        return [Document(page.text) for page in pages]

    for page in told(config(tmp_path, SCREEN), story):
        assert not {tag for tag, _ in page.elements} & {"img", "script", "iframe", "object", "b", "embed"}
        assert all(not name.startswith("on") for _, known in page.elements for name in known)
        assert all(not url.lower().startswith("javascript") for url in page.of("a", "href"))


def test_a_result_that_nobody_can_put_into_words_is_a_line():
    odd = {"id": "x", "source": "room", "counts": "many", "outcome": "passed", "title": None}
    shown = line(odd, "x", NOW)
    assert (shown.icon, shown.word, shown.title) == ("❓", "PASSED", "(no title)")


def test_a_time_says_how_long_ago_it_is():
    assert lines.when(NOW - 3 * clock.HOUR, NOW) == lines.When(
        "2026-03-14T09:00:00+00:00", "2026-03-14 09:00:00", "3 h ago"
    )
    assert lines.when(NOW + 5 * clock.MINUTE, NOW) == lines.When(
        "2026-03-14T12:05:00+00:00", "2026-03-14 12:05:00", "in 5 m"
    )
    assert lines.when(None, NOW) is None
