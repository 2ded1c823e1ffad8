"""What the delivering benchmark delivers to: takes every POST at once, and counts the results in it.

python -m benchmarks.sink PORT        GET / answers with the count so far
"""

import asyncio
import re
import sys

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
EVENT = b'"specversion"'


class Sink(asyncio.Protocol):
    """One connection. Requests are told apart by their Content-Length."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            length = LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < size:
                return
            body, self._data = self._data[end + 4 : size], self._data[size:]
            answer = b""
            if head.startswith(b"GET"):
                answer = str(Sink.count).encode()
            else:
                Sink.count += body.count(EVENT)
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(answer), answer))


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
