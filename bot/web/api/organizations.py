"""Users, organizations, repositories, integrations: endpoints whose data rarely changes and is cached briefly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.listing import page_of

T = TypeVar("T")


async def users(call: ApiRequest) -> ApiResponse:
    return page_of(await _kept(call, "users", call.codegen.users), call.query, call.request)


async def user(call: ApiRequest) -> ApiResponse:
    number = call.numbers["user_id"]
    return ApiResponse(document=await _kept(call, f"user {number}", lambda: call.codegen.user(number)))


async def current_user(call: ApiRequest) -> ApiResponse:
    # The request is about the token, whichever organization the client is for.
    me = call.caller.access.codegen(0).me
    return ApiResponse(document=await call.services.cache.get((call.caller.key, 0, "me"), me))


async def organizations(call: ApiRequest) -> ApiResponse:
    return page_of(call.caller.organizations, call.query, call.request)


async def repositories(call: ApiRequest) -> ApiResponse:
    return page_of(await _kept(call, "repositories", call.codegen.repositories), call.query, call.request)


async def integrations(call: ApiRequest) -> ApiResponse:
    return ApiResponse(document=await _kept(call, "integrations", call.codegen.integrations))


async def _kept(call: ApiRequest, question: str, ask: Callable[[], Awaitable[T]]) -> T:
    return await call.services.cache.get((call.caller.key, call.org_id, question), ask)
