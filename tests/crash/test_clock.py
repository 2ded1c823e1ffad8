"""The machine's clock jumps while a server runs, forwards and backwards, and is wrong after a restart."""

import asyncio
import time

import httpx2

from tests.bridges import PATIENCE, TOKEN
from tests.crash.lives import Life, clock_ahead, free_ports
from tests.crash.test_kill import arrivals, body
from tests.fakes.asgi import App
from tests.fakes.server import serving

HOUR = 3_600
JUMPS = (3 * HOUR, -6 * HOUR, 40 * 24 * HOUR, 0)
"""Seconds by which the clock is ahead, one after the other; the third is beyond `store.keep` and dedupe."""

CONFIG = """
listen: "127.0.0.1:${{PORT}}"
admin: {{listen: "127.0.0.1:0", token: {token}}}
store: {{url: "{store}"}}
sources: {{open: {{vendor: autosana, verify: none}}}}
targets: {{lake: {{type: http, url: "{target}/in", pace: 200/s}}}}
routes: [{{name: all, to: [lake]}}]
"""


def test_a_clock_that_jumps_loses_and_repeats_nothing_and_stops_nobody(tmp_path, store_url):
    target, ahead, port = App(), clock_ahead(), free_ports()
    path = tmp_path / "config.yaml"
    acknowledged: set[str] = set()

    def post(life, number):
        answer = httpx2.post(f"{life.url}/hooks/open", content=body(number), timeout=PATIENCE, trust_env=False)
        assert answer.status_code == 200
        acknowledged.add(answer.json()["id"])

    async def delivered():
        async with asyncio.timeout(PATIENCE):
            while not acknowledged <= arrivals(target).keys():
                await asyncio.sleep(0.01)

    with serving(target) as url:
        path.write_text(CONFIG.format(token=TOKEN, store=store_url, target=url))
        for jump in JUMPS:  # each goes into a running server, and the next one begins with it
            with Life(path, port, ahead=ahead) as life:
                life.up()
                for number in range(10):
                    post(life, jump + number)
                ahead.value = jump
                for number in range(10, 20):
                    post(life, jump + number)
                asyncio.run(delivered())
                time.sleep(0.2)  # what is answered is recorded; a look at what is old has happened
    assert len(acknowledged) == 20 * len(JUMPS)
    assert arrivals(target) == dict.fromkeys(acknowledged, 1)
