"""Maps errors of Codegen and GitHub to HTTP responses."""

from __future__ import annotations

from http import HTTPStatus

from bot.errors import ErrorKind, UpstreamError
from bot.replies.failures import explain
from bot.replies.untrusted import redact
from bot.web.problems import Problem

_STATUSES = {
    ErrorKind.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    ErrorKind.QUOTA_USED_UP: HTTPStatus.PAYMENT_REQUIRED,
    ErrorKind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorKind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorKind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorKind.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorKind.SERVER_FAULT: HTTPStatus.BAD_GATEWAY,
    ErrorKind.BAD_ANSWER: HTTPStatus.BAD_GATEWAY,
    ErrorKind.NETWORK: HTTPStatus.GATEWAY_TIMEOUT,
}

UNSAID_WAIT = 30
"""Seconds for Retry-After if the upstream rate limit does not say how long to wait."""


def problem_of(error: UpstreamError) -> Problem:
    """Explains what happened, with the upstream's own message."""
    happened, _ = explain(error)
    detail = f"{happened}{f' ({error.status})' if error.status else ''}."
    if error.detail:
        detail += f" {redact(error.detail)}"
    if error.may_have_happened:
        detail += " It may have been done anyway: check before you retry."
    headers = {}
    if error.kind is ErrorKind.RATE_LIMITED:
        headers["Retry-After"] = str(max(1, round(error.retry_after or UNSAID_WAIT)))
    if error.kind is ErrorKind.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="codegen", error="invalid_token"'
    return Problem(_STATUSES[error.kind], detail, headers=headers)
