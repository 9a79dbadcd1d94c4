"""An application behind the server's own listening socket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.web.bodies import expect_later, guard_bodies
from bot.web.connection import ConnectionLimits
from bot.web.listening import listening
from bot.web.problems import add_request_id, answer_problems, assign_request_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MIDDLEWARES: tuple[Middleware, ...] = (assign_request_id, answer_problems, guard_bodies)


@asynccontextmanager
async def served(
    handler: Handler,
    limits: ConnectionLimits | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    middlewares: Sequence[Middleware] = MIDDLEWARES,
) -> AsyncIterator[str]:
    """The handler at every address; the context's value is the server's."""
    application = web.Application(middlewares=middlewares)
    application.on_response_prepare.append(add_request_id)
    application.add_routes([web.route("*", "/{tail:.*}", handler, expect_handler=expect_later)])
    async with listening(
        application, "127.0.0.1", 0, named="port", shutdown_timeout=0.1, limits=limits, every=0.01, clock=clock
    ) as url:
        yield url
