"""Shared parts of the OpenAPI document: headers, errors, security schemes, and the server's other paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from bot.web.api.models import BIGGEST_ID, ProblemDocument
from bot.web.api.responses import RATE_LIMITS, REFUSAL_HEADERS, SENTENCES, UNCOUNTED

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}

_HEADERS: Mapping[str, tuple[str, dict[str, Any], bool]] = {
    "X-Request-Id": ("The request's id, also in the server's log.", _TEXT, True),
    "RateLimit-Limit": ("The token's limit of requests per minute.", _COUNT, True),
    "RateLimit-Remaining": ("The requests left.", _COUNT, True),
    "RateLimit-Reset": ("Seconds until the limit resets.", _COUNT, True),
    "Cache-Control": ("Only the caller may cache it, and must revalidate.", _TEXT, True),
    "ETag": ("The version of the response, for `If-None-Match`.", _TEXT, True),
    "Location": ("The multi-run's URL.", {**_TEXT, "format": "uri-reference"}, True),
    "Link": ("`first`, `prev`, `next` and `last` page, if any (RFC 8288).", _TEXT, False),
    "Retry-After": ("Seconds to wait.", _COUNT, False),
    "WWW-Authenticate": ("How to authenticate.", _TEXT, False),
}
"""Each with its description, its schema, and whether every response that lists it carries it."""

_IDS = {
    "org_id": "Codegen's number of the organization.",
    "user_id": "Codegen's number of the user.",
    "agent_run_id": "The agent run's number.",
    "multi_run_id": "The multi-run's `id`, also in `Location`.",
}


def headers() -> dict[str, Any]:
    return {
        name: {"description": sentence, "schema": schema, "required": is_always_there}
        for name, (sentence, schema, is_always_there) in _HEADERS.items()
    }


def header_refs(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def refusal_ref(status: HTTPStatus) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{status.name}"}


def refusals_told() -> dict[str, Any]:
    """The error responses that the references point to."""
    return {
        status.name: refusal(
            sentence, (*(() if status in UNCOUNTED else RATE_LIMITS), *REFUSAL_HEADERS.get(status, ()))
        )
        for status, sentence in SENTENCES.items()
    }


def refusal(sentence: str, names: Iterable[str] = ()) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        "description": sentence,
        "headers": header_refs(("X-Request-Id", *names)),
        "content": {"application/problem+json": {"schema": schema}},
    }


def path_parameters(path: str) -> list[dict[str, Any]]:
    number = {"type": "integer", "minimum": 1, "maximum": BIGGEST_ID}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _IDS[name],
            "schema": {"type": "string", "minLength": 1} if name == "multi_run_id" else number,
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def parameter(name: str, place: str, *, schema: dict[str, Any], description: str | None) -> dict[str, Any]:
    told = {"description": description} if description else {}
    return {"name": name, "in": place, "required": False, **told, "schema": schema}


def security_schemes() -> dict[str, Any]:
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "The caller's own Codegen token."},
        "api_key": {
            "type": "apiKey",
            "in": "query",
            "name": "api_key",
            "description": "The same, for clients that cannot set headers. URLs end up in logs: prefer the header.",
        },
    }


def server_paths() -> dict[str, Any]:
    """The paths besides the API. They take no token."""
    state = {"type": "object", "properties": {"status": _TEXT}, "required": ["status"]}
    taken = {"type": "object", "properties": {"commands": {"type": "array", "items": _TEXT}}, "required": ["commands"]}
    not_ready = refusal("The database does not answer.")
    page = {"text/html": {"schema": _TEXT}}
    text = {"text/plain": {"schema": _TEXT}}
    return {
        "/healthz": _get("healthz", "Whether the process is alive.", {"application/json": {"schema": state}}),
        "/readyz": _get(
            "readyz",
            "Whether the bot can accept commands.",
            {"application/json": {"schema": state}},
            {"503": not_ready},
        ),
        "/metrics": _get("metrics", "Counters for Prometheus, unless METRICS_PORT gives them a separate port.", text),
        "/openapi.json": _get(
            "openapi", "This document.", {"application/json": {"schema": {"type": "object"}}}, {"304": _not_modified()}
        ),
        "/docs": _get("docs", "This document as a page.", page, {"304": _not_modified()}),
        "/webhooks/github": {"post": _webhooks(taken)},
    }


def _get(
    name: str, summary: str, content: Mapping[str, Any], others: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    done = {"description": "Success.", "headers": header_refs(("X-Request-Id",)), "content": content}
    operation = {"operationId": name, "tags": ["Server"], "summary": summary, "security": []}
    return {"get": {**operation, "responses": {"200": done, **(others or {})}}}


def _not_modified() -> dict[str, Any]:
    return {"description": "Not modified.", "headers": header_refs(("X-Request-Id", "ETag"))}


def _webhooks(taken: Mapping[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": taken}}
    refused = (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    return {
        "operationId": "receive_delivery",
        "tags": ["Server"],
        "summary": "GitHub's deliveries, signed with the webhook's secret.",
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": _TEXT}
            for name in ("X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256")
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": {
                "description": "The delivery contains no command.",
                "headers": header_refs(("X-Request-Id",)),
                "content": content,
            },
            "202": {
                "description": "Its commands are accepted and survive a crash.",
                "headers": header_refs(("X-Request-Id",)),
                "content": content,
            },
            "401": refusal("The signature is missing or invalid."),
            "503": refusal("The database is not available, or the server holds too many bodies.", ("Retry-After",)),
            **{str(status.value): refusal(SENTENCES[status]) for status in refused},
        },
    }
