"""Adapts endpoints to aiohttp: validates the request, calls the endpoint, serializes the response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.errors import UpstreamError
from bot.text.redaction.redacting import redact_json
from bot.upstream import giving_up_after
from bot.web.api.authentication import Callers
from bot.web.api.endpoint import (
    STALENESS,
    AnyRequest,
    ApiRequest,
    ApiResponse,
    ApiServices,
    Endpoint,
    Stream,
    read_body,
    read_ids,
    read_query,
)
from bot.web.api.failures import sentence_of, translated
from bot.web.bodies import MEGABYTE, RequestBodies, expect_later
from bot.web.static import etag_of, is_cached

REQUEST_TIMEOUT = 90.0
"""Seconds that a request may wait for Codegen and its rate limits."""

READ_PATIENCE = 7.0
"""Seconds for which a GET tries again if Codegen or GitHub fails or does not answer: people wait for it, and proxies
give up at 30 seconds."""

WRITE_PATIENCE = 12.0
"""The same for a POST. One that has been sent is waited for in any case: it may have been executed."""

MOST_BODIES = 32 * MEGABYTE
"""Bytes of the bodies of all requests in progress. Deliveries have their own limit: API calls do not displace them."""


class Api:
    """The endpoints with their routes.

    :param timeout: seconds for one request; waiting for a multi-run's end is not limited
    :param bodies: reads the request bodies
    """

    def __init__(
        self,
        callers: Callers,
        services: ApiServices,
        *,
        timeout: float = REQUEST_TIMEOUT,
        bodies: RequestBodies | None = None,
    ) -> None:
        self.callers = callers
        self.services = services
        self._timeout = timeout
        self._bodies = bodies or RequestBodies(most=MOST_BODIES)

    def routes(self, endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
        """GET routes answer HEAD too."""
        return [
            web.post(each.path, self._serve(each), expect_handler=expect_later)
            if each.body
            else web.get(each.path, self._serve(each))
            for each in endpoints
        ]

    async def close(self, _application: web.Application) -> None:
        """Releases callers who wait for a multi-run's end; the server's shutdown would otherwise wait for them."""
        await self.services.multi_runs.aclose()

    async def validated(self, request: web.Request, endpoint: Endpoint | Stream) -> AnyRequest:
        """The request of an authenticated caller.

        :raises Problem: if it is invalid or the caller is not authorized
        """
        # One token may hold more streams than its requests per minute.
        caller = await self.callers.authenticate(request, is_counted=isinstance(endpoint, Endpoint))
        ids, query, body = read_ids(request), read_query(request, endpoint.query), None
        if isinstance(endpoint, Endpoint) and endpoint.body:
            body = await read_body(request, endpoint.body, self._bodies, largest=endpoint.largest_body)
        call: AnyRequest = ApiRequest(
            request=request, caller=caller, services=self.services, ids=ids, query=query, body=body
        )
        # Even if the handler does not use it: a caller gets nothing of an organization that they do not see.
        if "org_id" in ids:
            assert call.org_id  # noqa: S101 - raises if the caller may not see it
        return call

    def _serve(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            with giving_up_after(WRITE_PATIENCE if endpoint.body else READ_PATIENCE):
                call = await self.validated(request, endpoint)
                waits = getattr(call.query, "wait", False)
                with translated(endpoint.name):
                    async with asyncio.timeout(None if waits else self._timeout):
                        response = await endpoint.handler(call)
                        body = await self._serialized(call, response)
            headers = {**response.headers, **_stale_headers(request), "Cache-Control": "private, no-cache"}
            if endpoint.has_etag:
                headers["ETag"] = etag_of(body)
                if is_cached(request, headers["ETag"]):
                    return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
            return web.Response(body=body, status=response.status, content_type="application/json", headers=headers)

        return serve

    async def _serialized(self, call: AnyRequest, response: ApiResponse[Any]) -> bytes:
        """The redacted response body; processed off the event loop if it is long."""
        body = response.document.model_dump_json().encode()
        patterns = await self.services.patterns.for_runs(call.org_id, response.runs) if response.runs else []
        return await self.services.offload.run(partial(redact_json, body, patterns), is_slow=any(patterns))


def _stale_headers(request: web.Request) -> dict[str, str]:
    """The headers of a response with old data."""
    staleness = request.get(STALENESS)
    if staleness is None:
        return {}
    failure = staleness.failure
    sentence = sentence_of(failure) if isinstance(failure, UpstreamError) else type(failure).__name__
    # A header holds ASCII only.
    reason = sentence.encode("ascii", "replace").decode().translate(_NO_CONTROLS)
    return {"X-Stale-Since": staleness.since.isoformat(timespec="seconds"), "X-Stale-Reason": reason}


_NO_CONTROLS = dict.fromkeys([*range(32), 127], " ")
