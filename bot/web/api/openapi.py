"""The OpenAPI 3.1 document, made from the same tables as the routes and from `page/openapi.yaml`.

https://spec.openapis.org/oas/v3.1.1.html. pydantic generates JSON Schema 2020-12, which OpenAPI 3.1 uses. For what
remains, openapi-pydantic 0.6 and apispec 6.10 are no shorter than dicts, and aiohttp-pydantic 2.6 writes OpenAPI 3.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from bot import __version__
from bot.web.api.endpoint import Endpoint, Stream, needs_body
from bot.web.api.failures import SENTENCES
from bot.web.api.models import PageQuery, ProblemDocument
from bot.web.api.routes import ENDPOINTS, STREAMS
from bot.web.api.streams.frames import CloseCode
from bot.web.api.streams.transports import SSE
from bot.web.bodies import MEGABYTE

_RATE_LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_SUCCESS_HEADERS = ("X-Request-Id", *_RATE_LIMITS, "Cache-Control")
_ERROR_HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}

_ERRORS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Of all endpoints and streams."""

_BODY_ERRORS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


def document() -> dict[str, Any]:
    """The whole document."""
    description: dict[str, Any] = yaml.safe_load(
        files("bot.web.api").joinpath("page", "openapi.yaml").read_text(encoding="utf-8")
    )
    responses, bodies, schemas = _schemas()
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        operation = _endpoint(endpoint, responses[endpoint.name], bodies.get(endpoint.name))
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    paths |= {stream.path: {"get": _stream(stream)} for stream in STREAMS} | description["paths"]
    tags = dict.fromkeys(tag for methods in paths.values() for each in methods.values() for tag in each["tags"])
    errors = {
        status.name: {
            "description": sentence,
            "headers": _headers(("X-Request-Id", *_RATE_LIMITS, *_ERROR_HEADERS.get(status, ()))),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status, sentence in SENTENCES.items()
    }
    description["info"]["version"] = __version__
    description["components"] |= {"schemas": schemas, "responses": errors}
    return {**description, "tags": [{"name": tag} for tag in tags], "paths": paths}


def curl_line(endpoint: Endpoint) -> str:
    """The example for a POSIX shell with the variables ``API`` and ``TOKEN``, in one line."""
    curl = 'curl -sS -H "Authorization: Bearer $TOKEN" "$API'
    path = re.sub(r"{\w+}", "1", endpoint.path.replace("{multi_run_id}", "$MULTI_RUN"))
    body = f" --json '{endpoint.example_body}'" if endpoint.example_body else ""
    line = f'{curl}{path}{endpoint.example_query}"{body}'
    if "$MULTI_RUN" not in path:
        return line
    # Starts one and extracts the id from the response, where it is the first value. Changing one needs its attempts.
    wait = "?wait=true" if endpoint.body else ""
    start = f'{curl}/organizations/1/multi-run{wait}" --json \'{{"prompt": "Make it fast.", "concurrency": 1}}\''
    return f"MULTI_RUN=$({start} | cut -d '\"' -f 4); {line}"


def _endpoint(endpoint: Endpoint, response: dict[str, Any], body: dict[str, Any] | None) -> dict[str, Any]:
    names = (*(("Idempotency-Key",) if body else ()), *(("If-None-Match",) if endpoint.has_etag else ()))
    operation = {
        "operationId": endpoint.name,
        "tags": [endpoint.group.value],
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint, *names, "X-Request-Id"),
        "responses": {**_successes(endpoint, response), **_errors(_error_statuses(endpoint))},
        "x-codeSamples": [{"lang": "Shell", "label": "curl", "source": curl_line(endpoint)}],
    }
    if body is not None and endpoint.body is not None:
        operation["requestBody"] = {
            "required": needs_body(endpoint.body),
            "description": f"At most {endpoint.largest_body // MEGABYTE} MB, not compressed.",
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _successes(endpoint: Endpoint, response: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": response}}
    if endpoint.status is HTTPStatus.ACCEPTED:
        done: dict[str, Any] = {"headers": _headers((*_SUCCESS_HEADERS, "Location")), "content": content}
        return {
            "200": {"description": "The multi-run has ended.", **done},
            "202": {"description": "The multi-run is running.", **done},
        }
    tagged = ("ETag",) if endpoint.has_etag else ()
    listed = ("Link",) if issubclass(endpoint.query, PageQuery) else ()
    aged = () if endpoint.body else ("X-Stale-Since", "X-Stale-Reason")
    headers = _headers((*_SUCCESS_HEADERS, *tagged, *listed, *aged))
    found = {"200": {"description": "Done." if endpoint.body else "Success.", "headers": headers, "content": content}}
    return found | ({"304": {"description": "Not modified.", "headers": headers}} if endpoint.has_etag else {})


def _error_statuses(endpoint: Endpoint) -> set[HTTPStatus]:
    models = [model for model in (endpoint.query, endpoint.body) if model]
    # An organization or a run that the request names may not exist.
    names_something = "{" in endpoint.path or any("org_id" in model.model_fields for model in models)
    missing = (HTTPStatus.NOT_FOUND,) if names_something else ()
    return {*_ERRORS, *(_BODY_ERRORS if endpoint.body else ()), *missing, *endpoint.refusals}


def _stream(stream: Stream) -> dict[str, Any]:
    kinds = ", ".join(f"`{kind}`" for kind in (*stream.frames, "error"))
    codes = " ".join(f"{code.value}: {code.sentence}" for code in CloseCode)
    headers = _headers(("X-Request-Id",))
    return {
        "operationId": stream.name,
        "tags": ["Live streams"],
        "summary": stream.summary,
        "description": (
            f"A WebSocket, or Server-Sent Events with `Accept: {SSE}`. Every message is a JSON object whose `type` is "
            f"one of {kinds}; ignore unknown types, which may be added.\n\n"
            f"Close codes, which Server-Sent Events carry in a last event `close`: {codes}"
        ),
        "parameters": _parameters(stream, "Last-Event-ID"),
        "responses": {
            "101": {
                "description": "The WebSocket is open. Each message is a text frame with one JSON object.",
                "headers": headers,
            },
            "200": {
                "description": f"Events named {', '.join(stream.frames)}, error or close, each with JSON as its data.",
                "headers": headers,
                "content": {SSE: {"schema": {"type": "string"}}},
            },
            "204": {"description": "The stream ended before `Last-Event-ID`: do not reconnect.", "headers": headers},
            **_errors({*_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.UPGRADE_REQUIRED}),
        },
    }


def _errors(statuses: Iterable[HTTPStatus]) -> dict[str, Any]:
    return {str(status.value): {"$ref": f"#/components/responses/{status.name}"} for status in sorted(statuses)}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _parameters(operation: Endpoint | Stream, *headers: str) -> list[dict[str, Any]]:
    """:param headers: names of parameters besides those of the path and the query"""
    found: list[dict[str, Any]] = [
        {"$ref": f"#/components/parameters/{name}"} for name in re.findall(r"{(\w+)}", operation.path)
    ]
    for name, schema in operation.query.model_json_schema(schema_generator=_Generator).get("properties", {}).items():
        match schema:
            # null is not offered as a value: the parameter is omitted instead.
            case {"anyOf": [shown, {"type": "null"}], **rest}:
                shown = {**shown, **{key: value for key, value in rest.items() if key == "description"}}
            case shown:
                pass
        description = {"description": text} if (text := shown.pop("description", None)) else {}
        found.append({"name": name, "in": "query", "required": False, **description, "schema": shown})
    return [*found, *({"$ref": f"#/components/parameters/{name}"} for name in headers)]


class _Generator(GenerateJsonSchema):
    """Omits titles that repeat a field's name, and defaults in responses, which contain every field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic passes it
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic passes it
        return self.mode == "serialization" or super().field_is_required(field, total)

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"]) if self.mode == "serialization" else super().default_schema(schema)

    def normalize_name(self, name: str) -> str:
        """``UserPage``, not ``PageOf_User_``."""
        return super().normalize_name(re.sub(r"PageOf\[(?:\w+\.)*(\w+)\]", r"\1Page", name))


def _schemas() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The schemas of all endpoints, generated together, so that each model is in the components once. Requests are
    described as they are validated, responses as they are serialized.

    :returns: the responses and the bodies by the endpoints' names, and the components by the models' names
    """
    inputs: list[tuple[str, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
        # As it is validated: `errors` may be missing.
        (ProblemDocument.__name__, "validation", TypeAdapter(ProblemDocument))
    ]
    for endpoint in ENDPOINTS:
        inputs.append((endpoint.name, "serialization", TypeAdapter(endpoint.response_model)))
        if endpoint.body:
            inputs.append((endpoint.name, "validation", TypeAdapter(endpoint.body)))
    made, definitions = TypeAdapter.json_schemas(
        inputs, ref_template="#/components/schemas/{model}", schema_generator=_Generator
    )
    responses = {name: schema for (name, mode), schema in made.items() if mode == "serialization"}
    bodies = {name: schema for (name, mode), schema in made.items() if mode == "validation"}
    return responses, bodies, definitions["$defs"]
