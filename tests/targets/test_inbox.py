import asyncio

from bridge.model import Sent
from bridge.targets import Context, build
from tests.targets.making import NOW, Saying, message, options


def shown(body: str) -> str:
    lines: list[str] = []
    target = build("screen", options(type="inbox"), Saying(body, "text/plain").renderer, show=lines.append)
    out = target.compose(message(), Context(), NOW)
    assert asyncio.run(target.send(out)) == Sent()
    asyncio.run(target.close())
    return "".join(lines)


def test_an_inbox_shows_its_messages_as_lines():
    assert shown("❌ Login Suite FAILED\n1 of 3 groups") == "❌ Login Suite FAILED\n1 of 3 groups\n"
    assert shown("one line\n\n") == "one line\n"


def test_nothing_in_a_message_can_steer_the_terminal():
    assert shown("\x1b[2J\x9b31m\x07red\r\x00\x7f\tok") == "[2J31mred\tok\n"


def test_an_inbox_prints_where_nothing_else_is_said(capsys):
    target = build("screen", options(type="inbox"), Saying("hello", "text/plain").renderer)
    asyncio.run(target.send(target.compose(message(), Context(), NOW)))
    assert capsys.readouterr().out == "hello\n"
