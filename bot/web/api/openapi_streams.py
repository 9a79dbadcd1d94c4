"""The live streams in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from bot.web.api.openapi_parts import header_refs, parameter, path_parameters, refusal
from bot.web.api.responses import SENTENCES
from bot.web.api.schemas import parameters
from bot.web.api.streams.close_codes import CloseCode
from bot.web.api.streams.routes import Stream
from bot.web.api.streams.sse import MEDIA_TYPE

TAG = "Live streams"

_REFUSALS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


def stream_paths(streams: Iterable[Stream]) -> dict[str, Any]:
    return {stream.path: {"get": _operation(stream)} for stream in streams}


def _operation(stream: Stream) -> dict[str, Any]:
    given = [
        parameter(name, "query", schema=schema, description=schema.pop("description", None))
        for name, schema in parameters(stream.query)
    ]
    return {
        "operationId": stream.name,
        "tags": [TAG],
        "summary": stream.summary,
        "description": _description(stream),
        "parameters": [*path_parameters(stream.path), *given, _last_event_id()],
        "responses": {**_answers(stream), **{str(status.value): refusal(SENTENCES[status]) for status in _REFUSALS}},
    }


def _description(stream: Stream) -> str:
    kinds = ", ".join(f"`{kind}`" for kind in (*stream.frames, "error"))
    codes = " ".join(f"{code.value}: {code.sentence}" for code in CloseCode)
    return (
        f"A WebSocket, or Server-Sent Events with `Accept: {MEDIA_TYPE}`. Every message is a JSON object whose "
        f"`type` is one of {kinds}; ignore unknown types, which may be added.\n\n"
        f"Close codes, which Server-Sent Events carry in a last event `close`: {codes}"
    )


def _last_event_id() -> dict[str, Any]:
    return parameter(
        "Last-Event-ID",
        "header",
        schema={"type": "string"},
        description="Sent by browsers when they reconnect to Server-Sent Events: continues after that event.",
    )


def _answers(stream: Stream) -> dict[str, Any]:
    named = header_refs(("X-Request-Id",))
    return {
        "101": {
            "description": "The WebSocket is open. Each message is a text frame with one JSON object.",
            "headers": named,
        },
        "200": {
            "description": f"Events named {', '.join(stream.frames)}, error or close, each with JSON as its data.",
            "headers": named,
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        },
        "204": {"description": "The stream ended before `Last-Event-ID`: do not reconnect.", "headers": named},
        "426": refusal("The request is for neither a WebSocket nor Server-Sent Events."),
    }
