"""A load generator: signed Autosana hooks from many connections, each sending its next when the last is answered.

Raw sockets and epoll, so that it is not itself the limit. Prints one line of JSON: how many answers, and how many per
second, the median and the 99th percentile of the answer times in milliseconds, and how many answers were not 200.

    python -m benchmarks.load PORT SECONDS CONNECTIONS [RATE]

With RATE (requests per second) requests fall due at even intervals, and times count from when they were due.
"""

import hashlib
import hmac
import json
import re
import select
import socket
import statistics
import sys
import time
from collections import deque

from bridge.vendors import samples

SECRET = b"benchmark"
PREPARED = 20_000


def requests(run: str) -> list[bytes]:
    """Complete requests, each with a body of its own."""
    payload = json.loads(samples("autosana")["failed"])
    made = []
    for number in range(PREPARED):
        payload["number"] = f"{run}-{number}"
        body = json.dumps(payload).encode()
        mac = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        head = (
            "POST /hooks/mobile HTTP/1.1\r\nHost: benchmark\r\nContent-Type: application/json\r\n"
            f"X-Autosana-Signature-256: sha256={mac}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def complete(answer: bytes) -> bool:
    """Whether all of an answer is there, by its Content-Length."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def main() -> None:
    port, seconds, connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    prepared = requests(str(time.time_ns()))
    poll = select.epoll()
    sockets = {}
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = one
        poll.register(one, select.EPOLLIN)
    idle, due_at, partial, times, bad, sent = deque(sockets), {}, {}, [], 0, 0
    begin = time.perf_counter()
    while (now := time.perf_counter()) - begin < seconds:
        while idle and sent < PREPARED and (not rate or begin + sent / rate <= now):
            number = idle.popleft()
            due_at[number] = begin + sent / rate if rate else now
            sockets[number].sendall(prepared[sent])
            sent += 1
        for number, _ in poll.poll(0.001):
            partial[number] = answer = partial.get(number, b"") + sockets[number].recv(65_536)
            if not complete(answer):
                continue
            times.append(time.perf_counter() - due_at[number])
            bad += not answer.startswith(b"HTTP/1.1 200")
            partial[number] = b""
            idle.append(number)
        if sent == PREPARED and len(idle) == connections:
            break
    took = time.perf_counter() - begin
    cuts = statistics.quantiles(times, n=100)
    per_second, p50, p99 = len(times) / took, cuts[49] * 1e3, cuts[98] * 1e3
    print(json.dumps({"answers": len(times), "per_second": per_second, "p50": p50, "p99": p99, "bad": bad}))


main()
