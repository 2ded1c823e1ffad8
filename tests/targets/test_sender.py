"""What can happen on the wire, with real connections to servers that behave badly."""

import asyncio
import ssl
import threading

import httpx2
import pytest

from bridge import __version__
from bridge.clock import SECOND
from bridge.targets.sender import ANSWER_LIMIT, LinkLocal, Sender, Watch
from bridge.targets.settings import Timeout
from bridge.targets.wire import Failure, FailureKind, HttpAnswer
from tests.fakes import hostile
from tests.fakes.asgi import App
from tests.fakes.server import listening, serving
from tests.targets.making import NOW, outgoing

QUICK = Timeout(connect=SECOND // 2, read=SECOND * 3 // 10)
PATIENT = Timeout(connect=5 * SECOND, read=5 * SECOND)
SECRET = "/services/T0/B0/very-secret"


def sent(url: str, timeout: Timeout = PATIENT, context: ssl.SSLContext | None = None, **keys):
    """What one attempt to `url` comes to."""

    async def send() -> HttpAnswer | Failure:
        sender = Sender(timeout, context=context or ssl.create_default_context())
        try:
            return await sender.send(outgoing(url + SECRET, **keys))
        finally:
            await sender.close()

    return asyncio.run(send())


def test_a_message_arrives_as_it_was_made():
    app = App()
    with serving(app) as url:
        answer = sent(url, method="PUT", headers={"Content-Type": "application/json", "X-One": "1"}, body=b'{"a":1}')
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.at) == (200, NOW)
    (request,) = app.requests
    assert (request.method, request.path, request.body) == ("PUT", SECRET, b'{"a":1}')
    assert request.headers["user-agent"] == f"Drawbridge/{__version__}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-one"] == "1"
    assert request.headers["content-length"] == "7"


def test_an_answer_comes_back_with_its_headers_in_lower_case():
    with listening(hostile.answering(418, b"short", {"Retry-After": "7", "X-Odd": "\xe9"})) as url:
        answer = sent(url)
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (418, b"short", "7")
    assert answer.whole


def test_one_connection_serves_many_messages():
    connections = []

    async def counted(reader, writer):
        connections.append(1)
        await hostile.answering(200)(reader, writer)

    async def send(url: str) -> list[HttpAnswer | Failure]:
        sender = Sender(PATIENT, context=ssl.create_default_context())
        answers = [await sender.send(outgoing(url)) for _ in range(3)]
        await sender.close()
        return answers

    with listening(counted) as url:
        answers = asyncio.run(send(url))
    assert len(answers) == 3
    assert len(connections) == 1


def test_a_redirect_is_an_answer_and_is_not_followed():
    asked = App()
    with serving(asked) as there, listening(hostile.answering(302, headers={"Location": there})) as url:
        answer = sent(url)
    assert isinstance(answer, HttpAnswer)
    assert answer.status == 302
    assert asked.requests == []


def test_the_environments_proxy_is_not_asked(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(App()) as url:
        assert isinstance(sent(url), HttpAnswer)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:9", FailureKind.CONNECT),
        ("http://no-such-host.invalid", FailureKind.DNS),
        ("http://" + "x" * 64 + ".example", FailureKind.CONNECT),
        ("http://xn--/", FailureKind.CONNECT),
    ],
)
def test_who_cannot_be_reached_got_nothing(url, kind):
    failure = sent(url)
    assert isinstance(failure, Failure)
    assert failure.before_sending
    assert failure.kind in (kind, FailureKind.DNS)


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (hostile.silent, FailureKind.TIMEOUT),
        (hostile.trickling_headers, FailureKind.TIMEOUT),
        (hostile.resetting, FailureKind.CUT),
        (hostile.hanging_up, FailureKind.CUT),
        (hostile.babbling, FailureKind.CUT),
    ],
)
def test_who_took_the_message_and_gave_no_answer_may_have_it(handler, kind):
    with listening(handler) as url:
        failure = sent(url, QUICK)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.before_sending) == (kind, False)


@pytest.mark.parametrize("handler", [hostile.trickling_body, hostile.cutting_off])
def test_an_answer_that_breaks_off_after_its_status_is_still_an_answer(handler):
    with listening(handler) as url:
        answer = sent(url, QUICK)
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.whole) == (200, False)
    assert 0 < len(answer.body) < 1000


def test_of_an_endless_answer_only_the_beginning_is_read():
    flood = hostile.Flood()
    with listening(flood) as url:
        answer = sent(url)
    assert isinstance(answer, HttpAnswer)
    assert (answer.body, answer.whole) == (b"x" * ANSWER_LIMIT, False)
    assert flood.written < flood.SIZE / 2


def test_tls_with_a_known_certificate_works(certificate):
    with serving(App(), certificate) as url:
        assert isinstance(sent(url, context=ssl.create_default_context(cafile=certificate[0])), HttpAnswer)


def test_a_certificate_that_nobody_vouches_for_gets_nothing(certificate):
    app = App()
    with serving(app, certificate) as url:
        failure = sent(url)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.before_sending) == (FailureKind.CERTIFICATE, True)
    assert "self-signed" in failure.reason
    assert app.requests == []


def test_who_does_not_speak_tls_gets_nothing():
    with listening(hostile.babbling) as url:
        failure = sent(url.replace("http:", "https:"), QUICK)
    assert isinstance(failure, Failure)
    assert failure.before_sending
    assert failure.kind in (FailureKind.TLS, FailureKind.TIMEOUT)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xA9FEA9FE", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]"]
)
def test_no_name_or_spelling_leads_to_a_link_local_address(host):
    failure = sent(f"http://{host}", QUICK)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.before_sending) == (FailureKind.ADDRESS, True)


def test_a_name_that_changes_its_address_while_we_connect_gets_nothing():
    class Stream:
        closed = False

        def get_extra_info(self, name: str) -> tuple[str, int]:
            return {"server_addr": ("169.254.169.254", 80)}[name]

        async def aclose(self) -> None:
            self.closed = True

    stream = Stream()
    with pytest.raises(LinkLocal):
        asyncio.run(Watch(1.0)("connection.connect_tcp.complete", {"return_value": stream}))
    assert stream.closed


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://no-such-host.invalid", "http://169.254.169.254", "http://xn--"]
)
def test_no_reason_holds_the_address(url):
    failure = sent(url)
    assert isinstance(failure, Failure)
    assert "very-secret" not in repr(failure)


def test_a_dead_kept_connection_is_replaced():
    closed = threading.Semaphore(0)

    async def once(reader, writer):
        await hostile.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.release()

    async def send(url: str) -> list[HttpAnswer | Failure]:
        sender = Sender(PATIENT, context=ssl.create_default_context())
        answers = []
        for _ in range(3):
            answers.append(await sender.send(outgoing(url)))
            await asyncio.to_thread(closed.acquire)
        await sender.close()
        return answers

    with listening(once) as url:
        assert all(isinstance(answer, HttpAnswer) for answer in asyncio.run(send(url)))


def test_a_cancelled_attempt_leaves_nothing_behind():
    arrived = threading.Event()

    async def silent(reader, writer):
        await hostile.request(reader)
        arrived.set()
        await asyncio.Event().wait()

    async def send(url: str) -> None:
        sender = Sender(PATIENT, context=ssl.create_default_context())
        task = asyncio.create_task(sender.send(outgoing(url)))
        await asyncio.to_thread(arrived.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await sender.close()

    with listening(silent) as url:
        asyncio.run(send(url))


def test_a_transport_may_take_the_networks_place():
    async def send() -> HttpAnswer | Failure:
        sender = Sender(PATIENT, transport=httpx2.MockTransport(lambda request: httpx2.Response(201, text="made")))
        return await sender.send(outgoing())

    answer = asyncio.run(send())
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.body) == (201, b"made")
