"""Who is let in besides: by address, by rate, in shadow; and what is remembered of who was not."""

import asyncio
import json
from functools import partial

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.store import events, refusals
from bridge.vendors import load as load_vendor
from bridge.vendors import samples
from bridge.verify import sign
from tests.bridges import PUBLIC_URL, config, told
from tests.bridges import bridge as running_bridge
from tests.fakes.asgi import App
from tests.fakes.server import serving

PASSED = samples("autosana")["passed"]
FAILED = samples("autosana")["failed"]
HEADER = "x-autosana-signature-256"
REST = """
targets: {lake: {type: http, url: "http://127.0.0.1:9/"}}
routes: [{name: none, match: {source: qa}, to: [lake]}]
"""


def door(folder, keys="", top="", secret="secret: topsecret"):
    return config(folder, f"{top}\nsources:\n  qa: {{vendor: autosana, {secret}{keys}}}\n{REST}")


async def kept(bridge):
    return await bridge.server.store.read(partial(events.recent, source=None, before=None, limit=1000))


async def refused(bridge):
    """What was refused, as the operator's API tells it."""
    await bridge.server._flush_refusals()
    return (await bridge.api("/refusals"))["refusals"]


async def metrics(bridge):
    return (await bridge.client.get(f"{bridge.server.admin_url}/metrics")).text


# ------------------------------------------------------------------------------------------------ by address


@pytest.mark.parametrize(
    ("allow", "trusted", "forwarded", "status"),
    [
        ("127.0.0.1", "[]", None, 200),
        ('["10.0.0.0/8", "127.0.0.0/8"]', "[]", None, 200),
        ('"::ffff:127.0.0.1"', "[]", None, 200),
        ("203.0.113.0/24", "[]", None, 401),
        ("203.0.113.0/24", "[]", "203.0.113.7", 401),
        ("203.0.113.0/24", "127.0.0.1", "203.0.113.7", 200),
        ("203.0.113.0/24", "127.0.0.1", "203.0.113.7, 198.51.100.1", 401),
        ("203.0.113.0/24", "127.0.0.1", "nobody knows", 401),
        ("203.0.113.0/24", "127.0.0.1", None, 401),
    ],
)
def test_a_source_takes_hooks_from_the_addresses_that_it_allows(tmp_path, allow, trusted, forwarded, status):
    path = door(tmp_path, f", allow_from: {allow}", f"trusted_proxies: {trusted}")
    more = {"x-forwarded-for": forwarded} if forwarded else {}

    async def story(bridge):
        answer = await bridge.post("qa", PASSED, {**bridge.signed("qa", PASSED), **more})
        return answer.status_code, [one["reason"] for one in await refused(bridge)]

    reasons = ["address_not_allowed"] if status == 401 else []
    assert told(path, story) == (status, reasons)


def test_what_comes_from_elsewhere_is_answered_as_blandly_as_a_wrong_signature(tmp_path):
    path = door(tmp_path, ", allow_from: 203.0.113.7")
    answer = told(path, lambda bridge: bridge.post("qa", PASSED))
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})


@pytest.mark.parametrize(
    ("top", "said", "status"),
    [
        ("trusted_proxies: 127.0.0.1", {"x-forwarded-proto": "https", "x-forwarded-host": "hooks.example.com"}, 200),
        ("trusted_proxies: 127.0.0.1", {"forwarded": "for=203.0.113.7;proto=https;host=hooks.example.com"}, 200),
        ("trusted_proxies: 127.0.0.1", {"x-forwarded-proto": "https", "host": "hooks.example.com"}, 200),
        ("trusted_proxies: 127.0.0.1", {"x-forwarded-proto": "https", "x-forwarded-host": "elsewhere.example"}, 401),
        ("trusted_proxies: 10.0.0.1", {"x-forwarded-proto": "https", "x-forwarded-host": "hooks.example.com"}, 401),
        # What the file says wins.
        (
            "public_url: https://hooks.example.com\ntrusted_proxies: 127.0.0.1",
            {"x-forwarded-proto": "http", "x-forwarded-host": "elsewhere.example"},
            200,
        ),
    ],
)
def test_a_url_that_is_signed_is_the_one_that_a_trusted_proxy_was_asked_for(tmp_path, top, said, status):
    path = config(tmp_path, f"{top}\nsources:\n  qa: {{vendor: trello, secret: topsecret}}\n{REST}")
    path.write_text(path.read_text().replace(f"public_url: {PUBLIC_URL}\nstore", "store"))
    body = samples("trello")[min(samples("trello"))]
    scheme = load_vendor("trello").signature
    assert scheme is not None
    signed = sign(scheme, "topsecret", body, 0, url="https://hooks.example.com/hooks/qa?a=%20b")

    async def story(bridge):
        url = f"{bridge.server.hooks_url}/hooks/qa?a=%20b"
        return (await bridge.client.post(url, content=body, headers={**signed, **said})).status_code

    assert told(path, story) == status


# ------------------------------------------------------------------------------------------------ by rate


def test_more_than_the_rate_is_429_with_the_time_to_wait(tmp_path):
    path = door(tmp_path, ", rate: 2/h")

    async def story(bridge):
        answers = [await bridge.post("qa", body) for body in (PASSED, FAILED, PASSED)]
        return answers, await refused(bridge), len(await kept(bridge))

    answers, told_of, count = told(path, story)
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 1800
    assert ([one["reason"] for one in told_of], count) == (["too_many"], 2)


# ------------------------------------------------------------------------------------------------ in shadow


def test_in_shadow_what_would_be_refused_is_let_in_and_marked(tmp_path):
    path = door(tmp_path, ", verify: shadow")

    async def story(bridge):
        unproved = await bridge.post("qa", PASSED, {HEADER: "sha256=" + "0" * 64})
        proved = await bridge.post("qa", PASSED)
        rows = {row["id"]: json.loads(row["verification"]) for row in await kept(bridge)}
        return unproved.json(), proved.json(), rows, await refused(bridge), await metrics(bridge)

    unproved, proved, rows, told_of, counted = told(path, story)
    assert (unproved["status"], proved["status"]) == ("accepted", "accepted"), "none is the other's duplicate"
    mark = {"scheme": "hmac-sha256", "verified": False, "secret": None, "reason": "no_key_matched"}
    assert rows[unproved["id"]] == mark
    assert rows[proved["id"]]["verified"]
    assert [(one["reason"], one["let_in"]) for one in told_of] == [("no_key_matched", True)]
    assert 'drawbridge_unverified_hooks_total{reason="no_key_matched",source="qa"}' in counted


def test_what_nobody_proved_says_so_in_its_message_and_never_moves_history(tmp_path):
    app = App()
    with serving(app) as url:
        sources = "sources:\n  qa: {vendor: autosana, secret: topsecret, verify: shadow}\n"
        slack = f'targets: {{qa: {{type: http, url: "{url}"}}}}\nroutes: [{{name: all, to: [qa]}}]'
        path = config(tmp_path, sources + slack)

        async def story(bridge):
            await bridge.post("qa", PASSED)
            await bridge.settled(1)
            await bridge.post("qa", FAILED, {})
            await bridge.settled(2)

        told(path, story)
    said = [json.loads(request.body) for request in app.requests]
    assert [one["verification"]["reason"] for one in said] == [None, "missing_header"]
    assert [one["history"]["transition"] for one in said] == ["first", "none"]


# ------------------------------------------------------------------------------------------------ open doors


@pytest.mark.parametrize(
    ("secret", "keys", "loud"),
    [
        ("verify: none", "", True),
        ("verify: none", ", allow_from: 127.0.0.1", False),
        ("secret: topsecret", ", verify: shadow", True),
        ("secret: topsecret", "", False),
    ],
)
def test_an_open_door_is_said_aloud(tmp_path, caplog, secret, keys, loud):
    path = door(tmp_path, keys, secret=secret)

    async def story(bridge):
        return (await bridge.api("/sources"))["sources"][0], await metrics(bridge)

    source, counted = told(path, story)
    assert ("sources.qa.verify" in caplog.text) is loud
    assert source["verified"] is ("verify" not in secret + keys)
    assert ('drawbridge_open_sources{source="qa"' in counted) is not source["verified"]


# ------------------------------------------------------------------------------------------------ what is remembered


@pytest.mark.parametrize(
    ("method", "body", "headers", "reason", "size"),
    [
        ("POST", b"{}", {}, "missing_header", 2),
        ("POST", b"{}", {HEADER: "sha256=zz"}, "malformed", 2),
        ("POST", b"{}", {HEADER: "sha256=" + "0" * 64}, "no_key_matched", 2),
        ("POST", b"x" * 2048, {}, "too_large", 2048),
        ("GET", b"", {}, "not_a_post", 0),
    ],
)
def test_every_refusal_has_a_reason_that_is_counted_and_kept(tmp_path, method, body, headers, reason, size):
    path = door(tmp_path, ", max_body: 1KiB")

    async def story(bridge):
        url = f"{bridge.server.hooks_url}/hooks/qa"
        await bridge.client.request(method, url, content=body, headers=headers)
        (one,) = await refused(bridge)
        return one, await bridge.api(f"/refusals/{one['id']}"), await metrics(bridge)

    one, whole, counted = told(path, story)
    assert (one["reason"], one["method"], one["size"], one["caller"]) == (reason, method, size, "127.0.0.1")
    assert whole["body"] == (body.decode() if reason != "too_large" else "")
    assert all(finding["what"] and finding["advice"] for finding in whole["findings"])
    assert f'drawbridge_refusals_total{{reason="{reason}",source="qa"}}' in counted


def test_of_what_proves_something_only_the_shape_is_shown(tmp_path):
    path = door(tmp_path)
    told_secrets = {
        HEADER: "sha256=" + "ab" * 32,
        "authorization": "Bearer very-private",
        "cookie": "session=very-private",
        "x-other-token": "very-private",
        "user-agent": "Autosana/1.0",
    }

    async def story(bridge):
        await bridge.post("qa", b"{}", told_secrets)
        (one,) = await refused(bridge)
        (stored,) = await bridge.server.store.read(refusals.recent)
        return one, stored

    one, stored = told(path, story)
    shown = dict(one["headers"])
    assert (shown[HEADER], shown["user-agent"]) == ("sha256=<64 hex>", "Autosana/1.0")
    assert shown["authorization"] == "Bearer <12 base64>"
    assert "very-private" not in json.dumps(one) + repr(stored)
    assert "ab" * 32 not in json.dumps(one)
    assert "ab" * 32 in repr(stored), "kept for the doctor, as it is of any hook"


def test_a_flood_of_refusals_is_one_write_and_a_few_rows(tmp_path):
    path = door(tmp_path)

    async def story(bridge):
        await asyncio.gather(*(bridge.post("qa", b"x" * 20_000, {}) for _ in range(50)))
        rows = await refused(bridge)
        (source,) = (await bridge.api("/sources"))["sources"]
        whole = await bridge.api(f"/refusals/{rows[0]['id']}")
        return rows, source["refusals"], whole

    rows, counts, whole = told(path, story)
    assert [(one["reason"], one["count"]) for one in counts] == [("missing_header", 50)]
    assert (len(rows), rows[0]["size"], len(whole["body"])) == (4, 20_000, 16 << 10)


TOKEN = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
VALUE = st.text(alphabet=[chr(n) for n in (9, *range(32, 127), *range(128, 256))], max_size=80).map(str.strip)
NEAR = st.sampled_from([HEADER, "content-type", "x-forwarded-for", "authorization", "content-encoding", "cookie"])


def test_whatever_a_sender_writes_is_a_refusal_and_never_a_crash(tmp_path):
    sources = """
sources:
  s0: {vendor: autosana, secret: topsecret}
  s1: {vendor: autonoma, secret: topsecret}
  s2: {vendor: autousers, secret: topsecret, rate: 5/h}
  s3: {vendor: autosana, secret: topsecret, verify: shadow}
  s4: {vendor: autosana, verify: none, allow_from: 203.0.113.7}
"""
    path = config(tmp_path, "trusted_proxies: 127.0.0.1" + sources + REST.replace("qa", "s0"))

    async def posted(hooks):
        async def story(bridge):
            answers = []
            for source, headers, body in hooks:
                wire = [(name.encode(), value.encode("latin-1")) for name, value in headers]
                url = f"{bridge.server.hooks_url}/hooks/{source}"
                answers.append(await bridge.client.send(httpx2.Request("POST", url, headers=wire, content=body)))
            return [answer.status_code for answer in answers], await refused(bridge)

        async with running_bridge(path) as bridge:
            return await story(bridge)

    headers = st.lists(st.tuples(NEAR | TOKEN.map(lambda name: f"x-{name}"), VALUE), max_size=5)
    hook = st.tuples(st.sampled_from(["s0", "s1", "s2", "s3", "s4"]), headers, st.binary(max_size=200))

    @settings(max_examples=2, deadline=None)
    @given(st.lists(hook, min_size=30, max_size=60))
    def check(hooks):
        statuses, _ = asyncio.run(posted(hooks))
        assert set(statuses) <= {200, 401, 429}

    check()
