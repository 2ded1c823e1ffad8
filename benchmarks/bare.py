"""The baseline: a Starlette route that reads the body and answers 200. Nothing is verified, nothing is kept."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def hook(request: Request) -> Response:
    await request.body()
    return Response(b"ok")


app = Starlette(routes=[Route("/hooks/{source}", hook, methods=["POST"])])
