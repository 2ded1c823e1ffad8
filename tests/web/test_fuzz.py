"""The public door against whatever can be sent: nothing but an answer comes out, and nothing unsigned gets in.

Every vendor has a source that asks for its signature (one for each way in which it can be made to sign), and one that
lets in what fails and marks it. What is sent is junk in the form of a signature, a genuine hook with one thing changed,
or a genuine hook, whole or in pieces.

`DRAWBRIDGE_FUZZ=<examples>` makes it go on for longer; CONTRIBUTING.md says how long is usual, and
`--hypothesis-show-statistics` tells what was sent and how it was answered.
"""

import asyncio
import json
import os
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from bridge import clock
from bridge.config import Source, load
from bridge.model import Receipt, Received, Verified
from bridge.setup import set_up
from bridge.store import Store, open_store
from bridge.vendors import load as load_vendor
from bridge.vendors import names, sample_headers, samples
from bridge.verify import sign_request
from bridge.verify.scheme import SHOWN, Scheme
from bridge.verify.signature import FORMS
from bridge.web.hooks import Hooks, hooks_app
from bridge.web.refused import Refusals
from tests.bridges import PUBLIC_URL, config
from tests.verify.schemes import secrets_of

EXAMPLES = int(os.environ.get("DRAWBRIDGE_FUZZ", "300"))
ROUTES = "targets: {screen: {type: inbox}}\nroutes: [{name: all, to: [screen]}]\n"
ANSWERS = {200, 204, 401, 404, 405, 408, 413, 429, 503}


def sources() -> dict[str, dict[str, Any]]:
    """Every vendor in each of its ways to sign, and in the first of them once more as a shadow."""
    said: dict[str, dict[str, Any]] = {}
    for name in names():
        vendor, source = load_vendor(name), name.replace("_", "-")
        usual = vendor.signature or Scheme(header="X-Signature")
        more = {} if vendor.signature else {"signature": {"header": "X-Signature"}}
        said[source] = {"vendor": name, "secret": secrets_of(usual)[1], **more}
        said[f"{source}-shadow"] = {**said[source], "verify": "shadow"}
        for variant, scheme in vendor.signatures.items():
            said[f"{source}-{variant}"] = {
                "vendor": name,
                "secret": secrets_of(scheme)[1],
                "signature": {"variant": variant},
            }
    return said


class Watched:
    """A real store, of which is known what was last put in."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.kept: list[Verified] = []

    async def keep(self, verified: Verified) -> Receipt:
        self.kept.append(verified)
        return await self.store.keep(verified)


class Door:
    """The real application over a real store, called as an ASGI server would call it."""

    def __init__(self, folder):
        self.setup = set_up(load(config(folder, f"sources: {json.dumps(sources())}\n" + ROUTES), {}))
        self.asked = sorted(name for name, source in self.setup.sources.items() if source.vendor.handshake)
        self.told = b""
        self.loop = asyncio.new_event_loop()
        store = self.loop.run_until_complete(open_store(f"sqlite:///{folder}/fuzz.db", exclusive=True))
        self.watched = Watched(store)
        refusals = Refusals(lambda: self.setup.config)
        self.app = hooks_app(Hooks(cast(Store, self.watched), lambda: self.setup, lambda: None, refusals))

    def call(self, sent: Received, pieces: list[bytes], *, hangs_up: bool = False) -> int | None:
        """The status of the answer; None where the caller hung up and there is none."""
        path, _, query = sent.url.removeprefix(PUBLIC_URL).partition("?")
        scope = {
            "type": "http", "method": sent.method, "path": path, "raw_path": path.encode(), "client": ("127.0.0.1", 1),
            "query_string": query.encode("latin-1"), "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.headers],
            "http_version": "1.1", "asgi": {"version": "3.0"},
        }  # fmt: skip
        coming = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        coming[-1]["more_body"] = hangs_up
        coming += [{"type": "http.disconnect"}] * 2
        said: list[dict[str, Any]] = []

        async def receive():
            return coming.pop(0)

        async def send(message):
            said.append(message)

        self.watched.kept.clear()
        self.loop.run_until_complete(self.app(scope, receive, send))
        if hangs_up and not said:
            return None
        assert [message["type"] for message in said] == ["http.response.start", "http.response.body"]
        start, self.told = said[0], said[1]["body"]
        assert all(name.islower() and b"\n" not in value and b"\r" not in value for name, value in start["headers"])
        return int(start["status"])

    def close(self) -> None:
        self.loop.run_until_complete(self.watched.store.close())
        self.loop.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    one = Door(tmp_path_factory.mktemp("fuzz"))
    yield one
    one.close()


SOURCES = sorted(sources())
PINGS = [b'{"type":"url_verification","challenge":"abc"}', b'{"type":0,"event":{}}', b'{"type":1}', b'{"event":"ping"}']
BODIES = [body for name in names() for body in list(samples(name).values())[:2]]
NEARLY = [
    "t=",
    "v1=",
    "v0=",
    "v1,",
    "sha256=",
    "sha1=",
    "Bearer ",
    "Basic ",
    "=",
    ",",
    " ",
    ";",
    "0" * 64,
    "0" * 40,
    "A" * 43 + "=",
    "https",
    "1714867200",
]
VALUES = st.lists(st.sampled_from(NEARLY) | st.text(st.characters(max_codepoint=255), max_size=20), max_size=6).map(
    "".join
)
OTHERS = ("content-type", "content-length", "transfer-encoding", "x-forwarded-for", "x-forwarded-host", "forwarded",
          "x-forwarded-proto", "webhook-request-origin", "webhook-request-rate", "host")  # fmt: skip
PLACES = st.integers(0, 100_000)
"""Drawn alike whatever the length is that they are cut to: signatures hold the time, and drawing must not."""
METHODS = ["POST"] * 8 + ["GET", "HEAD", "OPTIONS", "PUT"]


def junk(draw: Any, source: Source, now: int) -> Received:
    """Anything, with names in it that the source's rules look at."""
    scheme, handshake = source.scheme, source.vendor.handshake
    known = st.sampled_from([*(scheme.headers if scheme else ()), *sorted(source.kept_headers), *OTHERS])
    headers = tuple(draw(st.lists(st.tuples(known, VALUES), max_size=8)))
    asked = [name for name in (scheme and scheme.query, handshake and handshake.echo_query, "challenge") if name]
    query = draw(st.sampled_from(["", *(f"{name}=abc" for name in asked)]) | st.text("abc=&%2+/ÿ", max_size=60))
    body = draw(st.sampled_from(BODIES) | st.sampled_from(PINGS) | st.binary(max_size=300))
    url = f"{PUBLIC_URL}/hooks/{source.name}" + (f"?{query}" if query else "")
    return Received(source.name, draw(st.sampled_from(METHODS)), url, headers, body, now)


def asked(draw: Any, source: Source, now: int) -> Received:
    """What a vendor asks before it posts, with a challenge that a browser or a proxy could take for something else."""
    challenge = draw(st.text("aZ0_.~+/=-") | st.text("<a>\"'&;:=\r\n %ÿ", max_size=12))
    method = draw(st.sampled_from(["GET", "HEAD", "OPTIONS"]))
    query = urlencode({(source.vendor.handshake and source.vendor.handshake.echo_query) or "challenge": challenge})
    headers = (("webhook-request-origin", challenge), ("webhook-request-rate", challenge))
    return Received(source.name, method, f"{PUBLIC_URL}/hooks/{source.name}?{query}", headers, b"", now)


def genuine(draw: Any, source: Source, now: int) -> Received:
    """A sample, or a ping, as its vendor would send it."""
    assert source.scheme is not None
    vendor, shipped = source.vendor.name, samples(source.vendor.name)
    name = draw(st.sampled_from(sorted(shipped)))
    body = draw(st.sampled_from([shipped[name], shipped[name], *PINGS]))
    headers, url = sample_headers(vendor, name), f"{PUBLIC_URL}/hooks/{source.name}"
    signed = sign_request(source.scheme, secrets_of(source.scheme)[0], body, now, url=url, headers=headers)
    wire = tuple((key.lower(), value) for key, value in {**headers, **signed.headers}.items())
    return Received(source.name, "POST", signed.url, wire, signed.body, now)


def changed(draw: Any, sent: Received, scheme: Scheme) -> Received:
    """The hook with one byte of what was signed, or of the signature, another one; or with a header of these gone."""
    places = [place for place, (name, _) in enumerate(sent.headers) if name in scheme.headers or proves(scheme, name)]
    whole_body = scheme.covers_body and scheme.algorithm not in SHOWN and sent.body
    what = draw(st.sampled_from((["body"] if whole_body else []) + (["header", "gone"] if places else []) + ["url"]))
    if what == "body":
        place = draw(PLACES) % len(sent.body)
        byte = sent.body[place] ^ draw(st.integers(1, 255))
        body = sent.body[:place] + bytes([byte]) + sent.body[place + 1 :]
        # Where a form of the JSON is signed, a blank more or less is no change.
        assume(not any(FORMS[form](body) == FORMS[form](sent.body) for form in scheme.body_form if form in FORMS))
        return replace(sent, body=body)
    if what == "url":
        # Where the URL carries nothing of the proof, a hook without its headers stands for it.
        bare = (scheme.query or "url" in scheme.message) and not scheme.json_field
        return replace(sent, url=sent.url.partition("?")[0] + "?x=1") if bare else replace(sent, headers=(), body=b"{}")
    place = draw(st.sampled_from(places))
    name, value = sent.headers[place]
    rest = (*sent.headers[:place], *sent.headers[place + 1 :])
    if what == "gone":
        return replace(sent, headers=rest)
    at = draw(PLACES) % len(value)
    # Hexadecimal digits have no case, nor has the word in front of a shown secret; blanks around a value do not count.
    caseless = scheme.algorithm in SHOWN or scheme.encoding == "hex"
    others = [
        c for c in map(chr, range(33, 127)) if c != value[at] and not (caseless and c.lower() == value[at].lower())
    ]
    other = others[draw(PLACES) % len(others)]
    return replace(sent, headers=(*rest, (name, value[:at] + other + value[at + 1 :])))


def proves(scheme: Scheme, name: str) -> bool:
    return scheme.algorithm not in SHOWN and name in scheme.kept_headers


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_but_an_answer_comes_out_and_nothing_unsigned_gets_in(door, data, caplog):
    draw, now = data.draw, clock.now()
    source = door.setup.sources[draw(st.sampled_from(SOURCES))]
    how = draw(st.sampled_from(["junk", "junk", "junk", "changed", "changed", "changed", "genuine", "asked"]))
    if how == "asked":
        source = door.setup.sources[draw(st.sampled_from(door.asked))]
    sent = {"junk": junk, "asked": asked}.get(how, genuine)(draw, source, now)
    if how == "changed":
        sent = changed(draw, sent, source.scheme)
    cuts = sorted(cut % (len(sent.body) + 1) for cut in draw(st.lists(PLACES, max_size=4)))
    pieces = [sent.body[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent.body)], strict=True)]
    hangs_up = bool(cuts) and draw(st.integers(0, 9)) == 0
    status = door.call(sent, pieces[:-1] if hangs_up else pieces, hangs_up=hangs_up)
    kept = door.watched.kept
    event(f"{source.verify} {how}: {status}")
    assert status in ANSWERS or (status is None and hangs_up)
    assert "an error that should not be" not in caplog.text
    assert len(kept) <= (status in {200, 204})
    if hangs_up or sent.method != "POST":
        assert not kept
        assert b"<" not in door.told
    elif how == "genuine":
        assert status in {200, 204}
        assert all(one.verification.verified and one.body == sent.body for one in kept)
    elif source.verify == "shadow":
        assert status in {200, 204, 413}
        assert not any(one.verification.verified for one in kept)
        assert all(orjson.dumps(one.headers) for one in kept)
    else:
        assert status in {401, 413}
