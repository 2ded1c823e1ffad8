"""The public door, over a real wire."""

import asyncio
import gzip
import json
import socket
from functools import partial

import pytest

from bridge.store import events
from bridge.vendors import samples
from bridge.verify import Scheme, sign
from tests.bridges import PATIENCE, SECRET, config, told

TARGETS = """
targets: {lake: {type: http, url: "http://127.0.0.1:9/"}}
routes: [{name: none, match: {source: nobody}, to: [lake]}]
"""
PASSED = samples("autosana")["passed"]


@pytest.fixture
def path(tmp_path):
    return config(tmp_path, TARGETS.replace("nobody", "open"))


async def kept(bridge):
    return await bridge.server.store.read(partial(events.recent, source=None, before=None, limit=1000))


async def eventually(bridge, holds):
    """What is kept, once it is as it should be."""
    async with asyncio.timeout(PATIENCE):
        while not holds(rows := await kept(bridge)):
            await asyncio.sleep(0.01)
    return rows


def test_a_signed_hook_is_kept_and_answered_with_its_id(path):
    async def story(bridge):
        answer = await bridge.post("mobile", PASSED)
        return answer, await kept(bridge)

    answer, rows = told(path, story)
    assert answer.status_code == 200
    assert answer.json() == {"id": rows[0]["id"], "status": "accepted"}


def test_a_repeat_is_a_duplicate_that_names_the_first(path):
    async def story(bridge):
        return [(await bridge.post("mobile", PASSED)).json() for _ in range(2)], await kept(bridge)

    (first, second), rows = told(path, story)
    assert second == {"id": first["id"], "status": "duplicate"}
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("POST", "/hooks/unknown", 404),
        ("GET", "/hooks/mobile", 405),
        ("PUT", "/hooks/mobile", 405),
        ("POST", "/hooks/mobile/", 404),
        ("POST", "/hooks/../hooks/unknown", 404),
        ("POST", "/hooks/%ff%00", 404),
        ("GET", "/", 404),
        ("GET", "/metrics", 404),
        ("GET", "/readyz", 404),
        ("GET", "/api/events", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_the_public_port_has_nothing_but_hooks_and_healthz(path, method, url, status):
    async def story(bridge):
        return await bridge.client.request(method, bridge.server.hooks_url + url)

    assert told(path, story).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-autosana-signature-256": ""},
        {"x-autosana-signature-256": "sha256="},
        {"x-autosana-signature-256": "sha256=" + "0" * 64},
        {"x-autosana-signature-256": "sha256=" + "z" * 64},
        {"x-autosana-signature-256": "sha256=" + "0" * 10_000},
        {"x-autosana-signature-256": b"sha256=\xff\xfe\x80"},
    ],
)
def test_a_hook_that_proves_nothing_is_refused_blandly_and_not_kept(path, headers):
    async def story(bridge):
        return await bridge.post("mobile", PASSED, headers), await kept(bridge)

    answer, rows = told(path, story)
    assert (answer.status_code, answer.json(), rows) == (401, {"error": "unauthorized"}, [])


def test_a_hook_signed_for_one_source_is_refused_at_another_with_another_secret(tmp_path):
    sources = "sources: {one: {vendor: autosana, secret: topsecret}, two: {vendor: autosana, secret: other}}"
    path = config(tmp_path, sources + TARGETS.replace("nobody", "one"))

    async def story(bridge):
        return await bridge.post("two", PASSED, bridge.signed("one", PASSED))

    assert told(path, story).status_code == 401


def test_refusals_are_counted_for_the_operator(path):
    async def story(bridge):
        await bridge.post("mobile", PASSED, {})
        await bridge.post("mobile", PASSED, {"x-autosana-signature-256": "sha256=" + "0" * 64})
        await bridge.server._flush_refusals()
        return await bridge.api("/sources")

    (source,) = [one for one in told(path, story)["sources"] if one["name"] == "mobile"]
    assert {one["reason"]: one["count"] for one in source["refusals"]} == {"missing_header": 1, "no_key_matched": 1}


HOSTILE = {
    "not json": b"hello",
    "empty": b"",
    "invalid utf-8": b'{"event":"\xff\xfe"}',
    "nan": b'{"event":"batch.completed","summary":{"failed_groups":NaN}}',
    "huge integer": b'{"event":"batch.completed","summary":{"failed_groups":' + b"9" * 5000 + b"}}",
    "duplicate keys": b'{"event":"x","event":"batch.completed"}',
    "10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "lone surrogate": rb'{"event":"batch.completed","app":{"name":"\ud800"}}',
    "gzip without saying so": gzip.compress(PASSED, mtime=0),
    "a list": b"[1,2]",
    "a number": b"1e999",
    "null bytes": b'{"event":"\\u0000"}',
    "bom": b"\xef\xbb\xbf" + PASSED,
}


@pytest.mark.parametrize("source", ["mobile", "deploys", "nightly", "research", "rpa"])
def test_whatever_a_verified_body_holds_it_is_kept_and_dispatched(path, source):
    async def story(bridge):
        answers = [await bridge.post(source, body) for body in HOSTILE.values()]
        return answers, await eventually(bridge, lambda rows: all(row["dispatched_at"] for row in rows))

    answers, rows = told(path, story)
    assert [answer.status_code for answer in answers] == [200] * len(HOSTILE)
    assert len([row for row in rows if row["source"] == source]) == len(HOSTILE)
    sound = "mobile: its sample, behind a byte order mark"
    passed = {row["id"] for row in rows if any(one["outcome"] == "passed" for one in json.loads(row["results"]))}
    assert len(passed) == (1 if source == "mobile" else 0), sound


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_sources_limit_is_413(path, announced):
    async def chunks():
        for _ in range(70):
            yield b"x" * 1024

    async def story(bridge):
        url = f"{bridge.server.hooks_url}/hooks/mobile"
        return await bridge.client.post(url, content=b"x" * 70_000 if announced else chunks())

    assert told(path, story).status_code == 413


async def speak(bridge, text: bytes, *, then: bytes | None = b"", wait: bool = True) -> bytes:
    """Say something on a raw connection; with `then` None, hang up at once."""
    host, port = bridge.server.hooks_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(text)
    await writer.drain()
    if then is None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()
        return b""
    answer = await asyncio.wait_for(reader.read(4096), PATIENCE)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "text",
    [
        b"POST /hooks/mobile HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n",
        b"POST /hooks/mobile HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /hooks/mobile HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_broken_http_is_400_and_nothing_worse(path, text):
    assert told(path, lambda bridge: speak(bridge, text)).startswith(b"HTTP/1.1 400")


def test_a_body_that_does_not_come_in_time_is_408(path):
    async def story(bridge):
        hooks = bridge.server.hooks
        hooks.bodies.seconds = 0.05
        return await speak(bridge, b"POST /hooks/mobile HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")

    assert told(path, story).startswith(b"HTTP/1.1 408")


def test_too_many_bytes_in_flight_is_503_with_retry_after_and_they_are_let_go_of(path):
    async def story(bridge):
        hooks = bridge.server.hooks
        hooks.bodies.most_in_flight = len(PASSED) - 1
        full = await bridge.post("mobile", PASSED)
        hooks.bodies.most_in_flight = len(PASSED)
        return full, await bridge.post("mobile", PASSED)

    full, after = told(path, story)
    assert (full.status_code, full.headers["retry-after"]) == (503, "5")
    assert after.status_code == 200


def test_a_caller_who_hangs_up_after_a_complete_hook_changes_nothing(path):
    async def story(bridge):
        head = [f"{name}: {value}".encode() for name, value in bridge.signed("mobile", PASSED).items()]
        head += [b"Host: x", f"Content-Length: {len(PASSED)}".encode()]
        text = b"POST /hooks/mobile HTTP/1.1\r\n" + b"\r\n".join(head) + b"\r\n\r\n" + PASSED
        host, port = bridge.server.hooks_url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(text)
        await writer.drain()
        writer.close()
        return await eventually(bridge, len)

    assert len(told(path, story)) == 1


def test_a_caller_who_has_said_all_and_closes_its_half_still_gets_its_answer(path):
    async def story(bridge):
        head = [f"{name}: {value}".encode() for name, value in bridge.signed("mobile", PASSED).items()]
        head += [b"Host: x", f"Content-Length: {len(PASSED)}".encode()]
        host, port = bridge.server.hooks_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /hooks/mobile HTTP/1.1\r\n" + b"\r\n".join(head) + b"\r\n\r\n" + PASSED)
        writer.write_eof()
        async with asyncio.timeout(30):
            answer = await reader.read()  # to the end: the connection is closed on our side too
        writer.close()
        return answer

    answer = told(path, story)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"accepted"' in answer


def test_a_caller_who_hangs_up_in_the_middle_leaves_nothing(path):
    async def story(bridge):
        await speak(bridge, b"POST /hooks/mobile HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\nabc", then=None)
        answer = await bridge.post("mobile", PASSED)
        return answer.status_code, len(await kept(bridge))

    assert told(path, story) == (200, 1)


def test_an_open_door_is_open_and_says_that_nothing_was_verified(path):
    async def story(bridge):
        answer = await bridge.post("open", PASSED, {})
        (row,) = await kept(bridge)
        return answer.status_code, json.loads(row["verification"])

    assert told(path, story) == (200, {"scheme": "none", "verified": False, "secret": None, "reason": None})


def test_only_headers_that_the_scheme_names_are_kept(path):
    async def story(bridge):
        headers = {**bridge.signed("mobile", PASSED), "authorization": "Bearer private", "cookie": "a=b"}
        answer = await bridge.post("mobile", PASSED, headers)
        return await bridge.api(f"/events/{answer.json()['id']}")

    assert set(told(path, story)["headers"]) == {"content-type", "x-autosana-signature-256"}


def test_neither_secret_nor_webhook_url_is_in_any_answer_or_log(tmp_path, caplog):
    caplog.set_level("DEBUG")
    path = config(
        tmp_path,
        'targets: {lake: {type: http, url: "http://127.0.0.1:9/very-private"}}\nroutes: [{name: all, to: [lake]}]',
    )

    async def story(bridge):
        await bridge.post("mobile", PASSED, {})
        await bridge.post("mobile", PASSED)
        async with asyncio.timeout(PATIENCE):
            while not any(one["last_error"] for one in (await bridge.api("/targets"))["targets"]):
                await asyncio.sleep(0.01)
        answers = [await bridge.api(f"/{what}") for what in ("events", "deliveries", "sources", "targets", "problems")]
        answers += [
            (await bridge.client.get(f"{bridge.server.admin_url}/{what}")).text for what in ("metrics", "readyz")
        ]
        return json.dumps(answers)

    said = told(path, story) + caplog.text
    assert SECRET not in said
    assert "very-private" not in said


@pytest.mark.parametrize("end", [b"", b"\r\nContent-Length: 0\r\n\r\n"])
@pytest.mark.parametrize("size", [(64 << 10) + 1, 1 << 20])
def test_headers_that_are_too_long_are_cut_off_whether_they_end_or_not(path, size, end):
    async def story(bridge):
        return await speak(bridge, b"POST /hooks/mobile HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"a" * size + end)

    assert told(path, story).startswith(b"HTTP/1.1 400")


HANDSHAKES = """
sources:
  chat: {vendor: slack, secret: topsecret}
  board: {vendor: trello, secret: topsecret}
  files: {vendor: dropbox, secret: topsecret}
  any: {vendor: cloudevents, secret: topsecret}
"""


@pytest.mark.parametrize(
    ("method", "url", "headers", "status", "text"),
    [
        ("HEAD", "/hooks/board", {}, 200, ""),
        ("GET", "/hooks/files?challenge=abc_123", {}, 200, "abc_123"),
        ("GET", "/hooks/files?challenge=%3Cscript%3E", {}, 405, None),
        ("GET", "/hooks/chat?challenge=abc", {}, 405, None),
        ("OPTIONS", "/hooks/any", {"webhook-request-origin": "a.example"}, 200, ""),
    ],
)
def test_who_asks_before_it_posts_is_answered_in_plain_text(tmp_path, method, url, headers, status, text):
    async def story(bridge):
        return await bridge.client.request(method, bridge.server.hooks_url + url, headers=headers)

    answer = told(config(tmp_path, HANDSHAKES + TARGETS.replace("nobody", "chat")), story)
    assert answer.status_code == status
    if text is not None:
        assert answer.text == text
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_ping_is_answered_once_it_proved_who_asks_and_is_not_kept(tmp_path):
    ping = b'{"type":"url_verification","challenge":"abc123"}'

    async def story(bridge):
        return await bridge.post("chat", ping, {}), await bridge.post("chat", ping), await kept(bridge)

    refused, answered, rows = told(config(tmp_path, HANDSHAKES + TARGETS.replace("nobody", "chat")), story)
    assert (refused.status_code, answered.status_code, answered.text, rows) == (401, 200, "abc123", [])


def test_a_vendor_that_signs_its_url_is_known_by_the_public_one(tmp_path):
    async def story(bridge):
        return await bridge.sample("board", "card-moved"), await kept(bridge)

    answer, rows = told(config(tmp_path, HANDSHAKES + TARGETS.replace("nobody", "board")), story)
    assert (answer.status_code, len(rows)) == (200, 1)


def test_a_token_is_neither_kept_nor_shown(tmp_path):
    async def story(bridge):
        good = await bridge.sample("any", "binary")
        twice = [("authorization", "Bearer topsecret"), ("authorization", "Bearer topsecret")]
        await bridge.client.post(f"{bridge.server.hooks_url}/hooks/any", content=b"{}", headers=twice)
        await bridge.server._flush_refusals()
        event = await bridge.api(f"/events/{good.json()['id']}")
        return event, json.dumps([event, await bridge.api("/refusals"), await bridge.api("/sources")])

    event, said = told(config(tmp_path, HANDSHAKES + TARGETS.replace("nobody", "any")), story)
    assert set(event["headers"]) == {"content-type", "ce-type", "ce-source", "ce-id", "ce-time"}
    assert "topsecret" not in said


def test_when_each_secret_was_last_used_is_known_and_outlives_a_restart(tmp_path):
    sources = "sources: {qa: {vendor: autosana, secret: [newer, topsecret]}}"
    path = config(tmp_path, sources + TARGETS.replace("nobody", "qa"))

    async def before(bridge):
        ((one,),) = [[source["secrets"] for source in (await bridge.api("/sources"))["sources"]]]
        await bridge.post("qa", PASSED)
        await bridge.post("qa", PASSED, {"x-autosana-signature-256": "sha256=" + "0" * 64})
        ((two,),) = [[source["secrets"] for source in (await bridge.api("/sources"))["sources"]]]
        return one, two

    async def after(bridge):
        return (await bridge.api("/sources"))["sources"][0]["secrets"]

    one, two = told(path, before)
    assert [secret["last_used_at"] for secret in one] == [None, None]
    assert two[0] == one[0]
    assert two[1]["last_used_at"]
    assert told(path, after) == two
    assert len({secret["fingerprint"] for secret in two}) == 2
    assert SECRET not in json.dumps(two)


def test_a_secret_in_a_file_is_changed_over_without_a_restart(tmp_path):
    """As Kubernetes does it: the name is a link through a link, and the inner one is swapped."""
    for version, secret in (("1", "old-secret"), ("2", "topsecret")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "secret").write_text(secret + "\n")
    (tmp_path / "data").symlink_to("1")
    (tmp_path / "secret").symlink_to("data/secret")
    sources = 'sources: {qa: {vendor: autosana, secret: "${file:secret}"}}'
    path = config(tmp_path, sources + TARGETS.replace("nobody", "qa"))

    async def story(bridge):
        before = await bridge.post("qa", PASSED, signed)
        (tmp_path / "new").symlink_to("2")
        (tmp_path / "new").rename(tmp_path / "data")
        async with asyncio.timeout(PATIENCE):
            while (await bridge.post("qa", PASSED, signed)).status_code != 200:
                await asyncio.sleep(0.05)
        return before.status_code

    signed = sign(Scheme(header="x-autosana-signature-256", prefix="sha256="), SECRET, PASSED, 0)
    assert told(path, story) == 401
