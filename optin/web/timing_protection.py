"""Answer at even times, so that the duration does not reveal whether something was found (D7).

What is done for a person who is known takes a write more than for one who is not. These answers therefore
leave at the next multiple of `PACE_SECONDS` after the request came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from starlette.requests import Request
from starlette.responses import Response

PACE_SECONDS = 0.2

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Asked = TypeVar("Asked")  # a request, or the visit that it is a part of


def at_even_times(handler: Callable[[Asked], Awaitable[Response]]) -> Callable[[Asked], Awaitable[Response]]:
    """Return the handler with its answers, refusals included, delayed to even times."""

    async def paced(request: Asked) -> Response:
        clock = asyncio.get_running_loop().time
        came = clock()
        try:
            return await handler(request)
        finally:
            await asyncio.sleep((came - clock()) % PACE_SECONDS)

    return paced
