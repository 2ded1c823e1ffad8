"""Servers that behave badly, one bad habit each; for `server.listening`."""

import asyncio
import itertools
import socket
import struct
from collections.abc import Mapping

from tests.fakes.server import Handler

OK = b"HTTP/1.1 200 OK\r\n"


async def request(reader: asyncio.StreamReader) -> bytes:
    """Read one whole request, so that the sender has sent all it wanted to."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    return head + await reader.readexactly(length)


def answering(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Handler:
    """Any status, headers and body, on one connection as often as it is asked."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    reply = "\r\n".join([*lines, "", ""]).encode() + body

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(reply)
            await writer.drain()

    return handle


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never says a word."""
    await request(reader)
    await asyncio.Event().wait()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and resets the connection."""
    await request(reader)
    link = writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and closes without an answer."""
    await request(reader)
    writer.close()
    await writer.wait_closed()


async def cutting_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promises 1,000 bytes, sends 2 and closes."""
    await request(reader)
    writer.write(OK + b"Content-Length: 1000\r\n\r\nok")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with something that is not HTTP."""
    await request(reader)
    writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
    await writer.drain()
    await asyncio.Event().wait()


async def trickling_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A header every 10 ms, for ever, so that no read ever times out."""
    await request(reader)
    writer.write(OK)
    for number in itertools.count():
        writer.write(b"X-%d: 1\r\n" % number)
        await writer.drain()
        await asyncio.sleep(0.01)


async def trickling_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A good status, then a byte every 10 ms, for ever."""
    await request(reader)
    writer.write(OK + b"Content-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


class Flood:
    """A good status and 100 MB; `written` counts how much of it went out before the reader had enough."""

    SIZE = 100_000_000

    def __init__(self) -> None:
        self.written = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % self.SIZE)
        chunk = b"x" * 65_536
        while self.written < self.SIZE:
            writer.write(chunk)
            await writer.drain()
            self.written += len(chunk)
