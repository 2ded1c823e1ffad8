"""What the operator's handlers share: JSON in, JSON out, and numbers in a query."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MOST_LISTED = 1_000
NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def json_answer(body: Any, status: int = 200) -> Response:
    """An answer that nobody stores."""
    return JSONResponse(body, status, headers=NO_STORE)


async def body_of(request: Request) -> dict[str, Any]:
    """The request's JSON object; empty where there is no body. Raises HTTPException (400) for anything else."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return body


def integer(text: str | None, name: str) -> int | None:
    """A whole number of the query, or null. Raises HTTPException (400) for anything else."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise HTTPException(400, f"{name} must be a whole number")
    return int(text)


def limit(request: Request) -> int:
    """How many entries a list may have: `?limit=`, at most `MOST_LISTED`."""
    asked = integer(request.query_params.get("limit"), "limit")
    return min(max(asked if asked is not None else 100, 1), MOST_LISTED)
