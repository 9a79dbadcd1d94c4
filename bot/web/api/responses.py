"""The possible responses of an endpoint: every status with its meaning and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bot.web.api.endpoint import Endpoint
from bot.web.api.models import PageQuery

RATE_LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

_COUNTED = ("X-Request-Id", *RATE_LIMITS, "Cache-Control")

SENTENCES: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or the `Idempotency-Key` is malformed.",
    HTTPStatus.UNAUTHORIZED: "The token is missing, or Codegen does not accept it.",
    HTTPStatus.PAYMENT_REQUIRED: "The agent runs of the organization's Codegen plan are used up.",
    HTTPStatus.FORBIDDEN: "Codegen does not let this token do it, or the server does not serve its organization.",
    HTTPStatus.NOT_FOUND: "It does not exist, or the token does not see its organization.",
    HTTPStatus.CONFLICT: "The run's state does not allow it; `detail` has the reason.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive within 30 seconds.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large; `detail` has the limit.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not `application/json`, or it is compressed.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field or a parameter is invalid; `errors` lists each.",
    HTTPStatus.TOO_MANY_REQUESTS: "The token's requests are used up, here or at Codegen, or too many tokens failed.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal error; the bot's log has the details under the request's id.",
    HTTPStatus.BAD_GATEWAY: "Codegen failed, or sent an invalid response.",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Codegen's rate limit is used up for now, the server holds too many bodies, or a text took too long."
    ),
    HTTPStatus.GATEWAY_TIMEOUT: "Codegen cannot be reached.",
}
"""The error responses, each an `application/problem+json`."""

REFUSAL_HEADERS: Mapping[HTTPStatus, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
"""Headers that such a response may carry."""

UNCOUNTED = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Errors that may come without rate limit headers."""

_OF_ALL = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)

_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """A successful response.

    :param headers: names of the headers that it carries
    """

    status: HTTPStatus
    sentence: str
    has_document: bool
    headers: tuple[str, ...]


def successes(endpoint: Endpoint) -> list[Success]:
    if endpoint.status is HTTPStatus.ACCEPTED:
        headers = (*_COUNTED, "Location")
        return [
            Success(status=HTTPStatus.OK, sentence="The multi-run has ended.", has_document=True, headers=headers),
            Success(status=endpoint.status, sentence="The multi-run is running.", has_document=True, headers=headers),
        ]
    is_list = endpoint.query is not None and issubclass(endpoint.query, PageQuery)
    headers = (*_COUNTED, *(("ETag",) if endpoint.is_kept else ()), *(("Link",) if is_list else ()))
    sentence = "Done." if endpoint.method == "POST" else "Success."
    done = Success(status=endpoint.status, sentence=sentence, has_document=True, headers=headers)
    if not endpoint.is_kept:
        return [done]
    sentence = "Not modified."
    return [done, Success(status=HTTPStatus.NOT_MODIFIED, sentence=sentence, has_document=False, headers=headers)]


def refusals(endpoint: Endpoint) -> list[HTTPStatus]:
    of_bodies = _OF_BODIES if endpoint.body else ()
    of_ids = (HTTPStatus.NOT_FOUND,) if _names_something(endpoint) else ()
    return sorted({*_OF_ALL, *of_bodies, *of_ids, *endpoint.refusals})


def _names_something(endpoint: Endpoint) -> bool:
    """Whether the request names an organization or a run, which may not exist."""
    models: list[Any] = [endpoint.query, endpoint.body]
    return "{" in endpoint.path or any("org_id" in model.model_fields for model in models if model)
