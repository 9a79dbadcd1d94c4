"""The OpenAPI 3.1 document, generated from the same tables as the routes.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot import __version__
from bot.web.api.endpoint import Endpoint, needs_body
from bot.web.api.examples import curl_line
from bot.web.api.openapi_parts import (
    header_refs,
    headers,
    parameter,
    path_parameters,
    refusal_ref,
    refusals_told,
    security_schemes,
    server_paths,
)
from bot.web.api.openapi_streams import stream_paths
from bot.web.api.responses import refusals, successes
from bot.web.api.schemas import Schemas, parameters
from bot.web.api.streams.routes import Stream
from bot.web.bodies import MEGABYTE

_INTRODUCTION = """\
Codegen's operations, multi-runs, stars and live streams, for whoever has a token of Codegen's: a caller can do what \
Codegen lets that token do, and the server never lends its own.

`org_id` is one of the organizations that the token sees. Where it may be left out, the server's own is meant if the \
token sees it, else the only one that the token sees.

Unknown parameters and fields are refused. Ids in bodies are numbers, or the same written as text."""


def document(endpoints: Iterable[Endpoint], streams: Iterable[Stream] = ()) -> dict[str, Any]:
    """The whole document."""
    listed = [*endpoints]
    schemas = Schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in listed:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    paths |= stream_paths(streams)
    groups = dict.fromkeys(tag for path in (*paths.values(), *server_paths().values()) for tag in _tags(path))
    return {
        "openapi": "3.1.1",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "codegen-bot",
            "version": __version__,
            "description": _INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"api_key": []}],
        "tags": [{"name": name} for name in groups],
        "paths": {**paths, **server_paths()},
        "components": {
            "schemas": schemas.components,
            "responses": refusals_told(),
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
    }


def _tags(path: dict[str, Any]) -> list[str]:
    return [tag for operation in path.values() for tag in operation["tags"]]


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.group.value],
        "summary": endpoint.summary,
        "parameters": [*path_parameters(endpoint.path), *_query_parameters(endpoint), *_header_parameters(endpoint)],
        "responses": _responses(endpoint, schemas),
        "x-codeSamples": [{"lang": "Shell", "label": "curl", "source": curl_line(endpoint)}],
    }
    if endpoint.body:
        content = {"application/json": {"schema": schemas.of_body(endpoint)}}
        description = f"At most {endpoint.largest_body // MEGABYTE} MB, not compressed."
        operation["requestBody"] = {
            "required": needs_body(endpoint.body),
            "description": description,
            "content": content,
        }
    return operation


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    return [
        parameter(name, "query", schema=schema, description=schema.pop("description", None))
        for name, schema in parameters(endpoint.query)
    ]


def _header_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = []
    if endpoint.body:
        found.append(
            parameter(
                "Idempotency-Key",
                "header",
                schema={"type": "string", "pattern": "^[!-~]{1,200}$"},
                description="The same key of the same caller at the same address does the work once, within 24 hours; "
                "with a different body it is refused.",
            )
        )
    if endpoint.is_kept:
        found.append(
            parameter(
                "If-None-Match",
                "header",
                schema={"type": "string"},
                description="The `ETag` of the caller's copy; the response is 304 if it is current.",
            )
        )
    return [
        *found,
        parameter(
            "X-Request-Id",
            "header",
            schema={"type": "string"},
            description="The request's id, up to 64 of `0-9A-Za-z._-`; an invalid one is replaced.",
        ),
    ]


def _responses(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for success in successes(endpoint):
        found[str(success.status.value)] = {"description": success.sentence, "headers": header_refs(success.headers)}
        if success.has_document:
            content = {"application/json": {"schema": schemas.of_answer(endpoint)}}
            found[str(success.status.value)]["content"] = content
    return found | {str(status.value): refusal_ref(status) for status in refusals(endpoint)}
