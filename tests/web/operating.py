"""What the tests of the operator's page share: results put into the store, and a browser's way to a page."""

import asyncio
from html.parser import HTMLParser
from typing import Any

import httpx2

from bridge import clock
from bridge.model import Delivery, Verification, Verified
from bridge.store import deliveries, events
from tests.bridges import TOKEN, Bridge

SCREEN = """
targets: {screen: {type: inbox}, lake: {type: http, url: "http://127.0.0.1:9/"}}
routes: [{name: all, to: [screen]}]
"""


async def told_together(
    bridge: Bridge, results: list[dict[str, Any]], target: str = "screen", body: bytes = b"{}"
) -> tuple[str, list[str]]:
    """One message that was sent to a target and carried all of these results: its id, and those of the events."""
    now, proof, message = clock.now(), Verification("hmac-sha256", True, 1), clock.uuid7(clock.now())
    store = bridge.server.store
    hooks = [
        Verified("elsewhere", "autosana", now, {}, body, proof, f"{now}-{n}".encode().ljust(32), now, True)
        for n in range(len(results))
    ]
    receipts = await asyncio.gather(*(store.keep(hook) for hook in hooks))

    async def send(tx):
        for receipt, result in zip(receipts, results, strict=True):
            await events.dispatched(tx, receipt.id, str(result.get("type")), [result | {"id": receipt.id}], now)
            owed = Delivery(receipt.id, str(result.get("source")), "all", target, order_key=receipt.id)
            await deliveries.add(tx, receipt.id, [owed], now)
            sent = "UPDATE deliveries SET state = 'sent', finished_at = $2, message_id = $3 WHERE event_id = $1"
            await tx.run(sent, receipt.id, now, message)
        await tx.run(
            """INSERT INTO messages (id, target, state, next_at, attempts, unknowns, created_at, first_attempt_at,
                                     token, size, cause)
               VALUES ($1, $2, 'sent', 0, 1, 0, $3, $3, 1, $4, 'while Slack was down')""",
            message,
            target,
            now,
            len(results),
        )
        noted = "INSERT INTO attempts (message_id, number, began_at, ended_at, answer) VALUES ($1, 1, $2, $3, 'sent')"
        await tx.run(noted, message, now, now + clock.SECOND // 4)

    await store.write(send)
    return message, [receipt.id for receipt in receipts]


async def see(bridge: Bridge, path: str, **more: Any) -> httpx2.Response:
    """A page, as who shows the token gets it."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    return await bridge.client.get(bridge.server.admin_url + path, headers=headers, **more)


async def log_in(bridge: Bridge, to: str = "/", token: str | bytes = TOKEN, **more: Any) -> httpx2.Response:
    """The form, filled in and sent."""
    return await bridge.client.post(f"{bridge.server.admin_url}/login", data={"token": token, "next": to}, **more)


class Document(HTMLParser):
    """HTML taken apart: `elements` in order, each with its attributes; `text`; `rows`, the text of each table row."""

    VOID = frozenset({"meta", "input", "rect", "path", "hr"})
    APART = frozenset({"td", "th", "dd", "small", "li"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.rows: list[str] = []
        self.feed(html)
        self.close()
        self.rows = [" ".join(row.split()) for row in self.rows]
        assert self.open == [], "an element is not closed where it was opened"

    def of(self, tag: str, attribute: str) -> list[str]:
        return [known[attribute] for name, known in self.elements if name == tag and attribute in known]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append("")
        if tag in self.APART:
            self.handle_data(" ")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            return
        self.text += data
        if "tr" in self.open:
            self.rows[-1] += data
