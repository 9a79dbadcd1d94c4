"""GitHub's error responses."""

from __future__ import annotations

from typing import Any

from aiohttp import web

DOCS = "https://docs.github.com/rest"


class Refused(Exception):  # noqa: N818 - an expected refusal
    """Ends a request with GitHub's own kind of error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    def response(self) -> web.Response:
        document: dict[str, Any] = {"message": self.message, "documentation_url": DOCS, "status": str(self.status)}
        if self.errors is not None:
            document["errors"] = self.errors
        return web.json_response(document, status=self.status, headers=self.headers)


def not_found(message: str = "Not Found") -> Refused:
    return Refused(404, message)


def invalid(resource: str, field: str, code: str, message: str = "") -> Refused:
    error = {"resource": resource, "field": field, "code": code} | ({"message": message} if message else {})
    return Refused(422, "Validation Failed", errors=[error])
