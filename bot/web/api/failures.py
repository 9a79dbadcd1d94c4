"""What a failed request is answered with: one table from failures to HTTP statuses, for every path of the API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from bot import log
from bot.errors import ErrorKind, OffloadError, Service, StoreError, UpstreamError, UserError
from bot.execution.failures import explain
from bot.execution.phrases import whole_sentence
from bot.execution.reply import Reason, reason_of_error
from bot.text.redaction.redact import redact
from bot.web.problems import Problem

_log = log.get(__name__)

STATUSES: Mapping[Reason, HTTPStatus] = {
    Reason.USER_ERROR: HTTPStatus.CONFLICT,
    Reason.QUOTA_USED_UP: HTTPStatus.PAYMENT_REQUIRED,
    Reason.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Reason.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Reason.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Reason.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Reason.UNREACHABLE: HTTPStatus.BAD_GATEWAY,
}

SENTENCES: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or the `Idempotency-Key` is malformed.",
    HTTPStatus.UNAUTHORIZED: "The token is missing or not valid.",
    HTTPStatus.PAYMENT_REQUIRED: "The agent runs of the organization's Codegen plan are used up.",
    HTTPStatus.FORBIDDEN: "Codegen does not let this token do it, or the server does not serve its organization.",
    HTTPStatus.NOT_FOUND: "It does not exist, or the token does not see its organization.",
    HTTPStatus.CONFLICT: "The run's state does not allow it; `detail` has the reason.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive within 30 seconds.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large; `detail` has the limit.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not `application/json`, or it is compressed.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field or a parameter is invalid; `errors` lists each.",
    HTTPStatus.UPGRADE_REQUIRED: "The request is for neither a WebSocket nor Server-Sent Events.",
    HTTPStatus.TOO_MANY_REQUESTS: "The token's requests are used up, here or at Codegen, or too many tokens failed.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal error; the bot's log has the details under the request's id.",
    HTTPStatus.BAD_GATEWAY: "Codegen cannot be reached, failed, or sent an invalid response.",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Codegen's rate limit is used up for now, the server holds too many bodies, or a text took too long."
    ),
}
"""The error responses, each an `application/problem+json`."""

RETRY_AFTER = 30
"""Seconds for Retry-After if it is not known how long to wait."""


def status_of(reason: Reason | None) -> HTTPStatus:
    """The status for a failure; None if its reason is not known."""
    return STATUSES.get(reason or Reason.INTERNAL_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR)


TOKEN_INVALID = "Your token is no longer valid. Sign in again."  # noqa: S105 - a sentence


def sentence_of(error: UpstreamError) -> str:
    """What happened, for the caller whose token it happened with, with the upstream's own message."""
    name, detail = error.name, redact(error.detail).strip()
    if error.service is Service.CODEGEN and error.kind is ErrorKind.UNAUTHORIZED:
        return TOKEN_INVALID
    if error.kind is ErrorKind.NETWORK and not error.may_have_happened:
        return whole_sentence(f"{name} cannot be reached: {detail or 'no response'}")
    if error.kind in {ErrorKind.SERVER_FAULT, ErrorKind.BAD_ANSWER}:
        happened = f"{name} failed"
    elif error.service is Service.CODEGEN and error.kind is ErrorKind.FORBIDDEN:
        happened = f"{name} does not let your token do this"
    else:
        happened = explain(error)[0]
    return f"{happened}{f' ({error.status})' if error.status else ''}. {whole_sentence(detail)}".rstrip()


def problem_of(error: UpstreamError) -> Problem:
    """Explains what happened, with the upstream's own message."""
    detail = sentence_of(error)
    if error.may_have_happened:
        detail += " It may have been done anyway: check before you retry."
    headers = {}
    if error.kind is ErrorKind.RATE_LIMITED:
        headers["Retry-After"] = str(max(1, round(error.retry_after or RETRY_AFTER)))
    if error.kind is ErrorKind.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="codegen", error="invalid_token"'
    return Problem(status_of(reason_of_error(error.kind)), detail, headers=headers)


def plain(reply: str) -> str:
    """A reply's Markdown as one line of text, without the next step, which is about commands in comments."""
    paragraphs = [each for each in reply.split("\n\n") if not each.startswith("Next:")]
    lines = (line.lstrip("> ") for each in paragraphs for line in each.split("\n"))
    text = _LINK.sub(r"\1", " ".join(line for line in lines if line))
    return _ESCAPE.sub(r"\1", text.translate(_UNSEEN))


_LINK = re.compile(r"\[([^\[\]]{0,300})\]\([^()\s]{0,1000}\)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_UNSEEN = {ord("`"): None, 0x200B: None}


@contextmanager
def translated(request: str) -> Iterator[None]:
    """Translates the failures of a request to HTTP errors.

    :param request: its name, for the log
    :raises Problem: for every error of the bot's own, and when time is up
    """
    try:
        yield
    except UpstreamError as error:
        raise problem_of(error) from None
    except UserError as error:
        raise Problem(status_of(Reason.USER_ERROR), plain(error.text)) from None
    except StoreError as error:
        _log.error("request.not_stored", endpoint=request, reason=str(error))
        raise unavailable("The database is not available.") from None
    except OffloadError as error:
        _log.error("request.unprepared", endpoint=request, reason=str(error))
        raise unavailable("A text could not be prepared in time: send a shorter one.") from None
    except TimeoutError:
        raise unavailable("The rate limit of Codegen or GitHub is used up for now.") from None


def unavailable(detail: str) -> Problem:
    """The request may be repeated after a while."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(RETRY_AFTER)})


def reused_key() -> Problem:
    """The error of https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This Idempotency-Key was used with a different body before.")
