"""The baseline of the delivering benchmark: the same HTTP client, four at a time, and nothing kept or understood.

python -m benchmarks.client PORT COUNT        prints the seconds of CPU that it took
"""

import asyncio
import itertools
import sys
import time

import httpx2
import orjson

from bridge.vendors import samples

BODY = {"specversion": "1.0", "id": "1", "source": "/baseline", "type": "baseline"}


async def main() -> None:
    url, left = f"http://127.0.0.1:{sys.argv[1]}/in", itertools.count(-int(sys.argv[2]))
    data = orjson.loads(samples("autosana")["failed"])
    async with httpx2.AsyncHTTPTransport(trust_env=False, limits=httpx2.Limits(max_connections=4)) as transport:

        async def post() -> None:
            while next(left) < 0:
                content = orjson.dumps({**BODY, "data": data})
                headers = {"content-type": "application/cloudevents+json"}
                answer = await transport.handle_async_request(
                    httpx2.Request("POST", url, content=content, headers=headers)
                )
                await answer.aread()
                await answer.aclose()

        began = time.process_time()
        await asyncio.gather(*(post() for _ in range(4)))
        print(time.process_time() - began)


asyncio.run(main())
