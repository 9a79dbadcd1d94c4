"""Adapts endpoints to aiohttp: validates the request, calls the endpoint, serializes the response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel

from bot import log
from bot.errors import OffloadError, StoreError, UpstreamError, UserError
from bot.replies.redaction import redact_json
from bot.web.api.authentication import Callers
from bot.web.api.caller import Caller
from bot.web.api.endpoint import MOST_BODIES, ApiRequest, ApiResponse, Endpoint, read_body, read_numbers, read_query
from bot.web.api.error_mapping import problem_of
from bot.web.api.etags import etag_of, has_it
from bot.web.api.services import ApiServices
from bot.web.bodies import RequestBodies, expect_later
from bot.web.problems import Problem

_log = log.get(__name__)

PATIENCE = 90.0
"""Seconds that a request may wait for Codegen and its rate limits."""


class _Nothing(BaseModel):
    """The query of an endpoint without parameters."""

    model_config = {"extra": "forbid"}


class Api:
    """The endpoints with their routes.

    :param patience: seconds for one request; waiting for a multi-run's end is not limited
    :param bodies: reads the request bodies
    """

    def __init__(
        self,
        callers: Callers,
        services: ApiServices,
        *,
        patience: float = PATIENCE,
        bodies: RequestBodies | None = None,
    ) -> None:
        self.callers = callers
        self.services = services
        self._patience = patience
        self._bodies = bodies or RequestBodies(most=MOST_BODIES)

    def routes(self, endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
        """GET routes answer HEAD too."""
        return [
            web.get(each.path, self._serve(each))
            if each.method == "GET"
            else web.post(each.path, self._serve(each), expect_handler=expect_later)
            for each in endpoints
        ]

    async def close(self, _application: web.Application) -> None:
        """Releases callers who wait for a multi-run's end; the server's shutdown would otherwise wait for them."""
        await self.services.multi_runs.aclose()

    async def call(self, request: web.Request, endpoint: Endpoint) -> tuple[ApiRequest, dict[str, str]]:
        """The validated request, and its rate limit headers.

        :raises Problem: if it is invalid or the caller is not authorized
        """
        caller, headers = await self.callers.of(request)
        try:
            return await self._checked(request, endpoint, caller), headers
        except Problem as problem:
            raise problem.carrying(headers) from None

    async def _checked(self, request: web.Request, endpoint: Endpoint, caller: Caller) -> ApiRequest:
        call = ApiRequest(
            request=request,
            caller=caller,
            services=self.services,
            numbers=read_numbers(request),
            query=read_query(request, endpoint.query or _Nothing),
            body=await self._body(request, endpoint, endpoint.body) if endpoint.body else None,
        )
        # Even if the handler does not use it: a caller gets nothing of an organization that they do not see.
        if "org_id" in call.numbers:
            assert call.org_id  # noqa: S101 - raises if the caller may not see it
        return call

    async def _body(self, request: web.Request, endpoint: Endpoint, model: type[BaseModel]) -> BaseModel:
        return await read_body(request, model, self._bodies, largest=endpoint.largest_body)

    def _serve(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            call, headers = await self.call(request, endpoint)
            try:
                answer, body = await self._answer(call, endpoint)
            except Problem as problem:
                raise problem.carrying(headers) from None
            return _response(endpoint, answer, body, request, headers)

        return serve

    async def _answer(self, call: ApiRequest, endpoint: Endpoint) -> tuple[ApiResponse, bytes]:
        waits = getattr(call.query, "wait", False)
        try:
            async with asyncio.timeout(None if waits else self._patience):
                answer = await endpoint.handler(call)
                return answer, await self._written(call, endpoint, answer)
        except UpstreamError as error:
            raise problem_of(error) from None
        except UserError as error:
            raise Problem(HTTPStatus.CONFLICT, error.text) from None
        except StoreError as error:
            _log.error("request.not_stored", endpoint=endpoint.name, reason=str(error))
            detail = "The database is not available."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "30"}) from None
        except OffloadError as error:
            _log.error("request.unprepared", endpoint=endpoint.name, reason=str(error))
            detail = "A text could not be prepared in time: send a shorter one."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "30"}) from None
        except TimeoutError:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The rate limit of Codegen or GitHub is used up for now.",
                headers={"Retry-After": "30"},
            ) from None

    async def _written(self, call: ApiRequest, endpoint: Endpoint, answer: ApiResponse) -> bytes:
        """The redacted response body; processed off the event loop if it is long."""
        body = endpoint.answer.dump_json(answer.document)
        patterns = await self.services.patterns.of_each(call.org_id, answer.runs) if answer.runs else []
        return await self.services.offload.run(partial(redact_json, body, patterns), is_slow=any(patterns))


def _response(
    endpoint: Endpoint, answer: ApiResponse, body: bytes, request: web.Request, headers: dict[str, str]
) -> web.Response:
    headers = {**headers, **answer.headers, "Cache-Control": "private, no-cache"}
    if endpoint.is_kept:
        headers["ETag"] = etag_of(body)
        if has_it(request, headers["ETag"]):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=body, status=answer.status, content_type="application/json", headers=headers)
