"""``POST /webhooks/github``: checks the headers before reading the body, and the signature before anything else.

Commands are executed afterwards. A delivery answered with 202 survives a crash; one that cannot be accepted is answered
with an error, so that GitHub shows it as failed and it can be redelivered.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot import log
from bot.errors import ConfigUnknownError, NotTakenError, OffloadError, StoreError
from bot.execution import dispatch
from bot.execution.effective_config import EffectiveConfig
from bot.execution.invocation import CommandInvocation
from bot.execution.prefilter import is_relevant, might_be_failed_checks, might_contain_command
from bot.github import events
from bot.metrics import DeliveryOutcome, Metrics
from bot.text.offload.pool import WorkerPool
from bot.web.bodies import MEGABYTE, RequestBodies
from bot.web.problems import Problem

_log = log.get(__name__)

OLDEST_EVENT = timedelta(days=14)
"""Older events are ignored. GitHub redelivers for three days; how long finished commands are remembered, so that a
repeated delivery does nothing, is defined in `bot.engine.retention` and is longer.
"""

LARGEST_BODY = 25 * MEGABYTE
"""Bytes; GitHub's largest payload ("Webhook events and payloads", payload cap)."""

MOST_BODIES = 32 * MEGABYTE
"""Bytes of all deliveries that are being read or parsed: one of the largest, and many of the usual 10 to 50 kB."""

PARSE_TIMEOUT = 5.0
"""Seconds for parsing a comment when the workers are busy: besides fetching the repository's config, GitHub waits no
longer.
"""

NO_COMMANDS = b'{"commands": []}'

PING = "ping"

_GUID = re.compile("[0-9A-Za-z-]{1,64}")

_SIGNATURE = re.compile("sha256=[0-9a-f]{64}")


class GitHubWebhooks:
    """Handles GitHub's deliveries.

    :param secrets: all of them are valid
    :param config_for: the effective config of a repository, by its name; must return within GitHub's ten seconds
    :param enqueue: stores an invocation durably; False if it was stored before
    :param defer: stores an event to be retried once the config can be read
    :param offload: parses long comments
    :param parse_timeout: seconds for parsing one
    :param on_repository: called with the repositories from which deliveries come, as far as these are parsed
    :param bodies: reads the deliveries' bodies
    :param reads_checks: whether failed checks are dealt with
    """

    def __init__(
        self,
        *,
        secrets: Sequence[str],
        config_for: Callable[[str], Awaitable[EffectiveConfig]],
        enqueue: Callable[[CommandInvocation], Awaitable[bool]],
        defer: Callable[[events.Event], Awaitable[object]],
        offload: WorkerPool,
        metrics: Metrics,
        now: Callable[[], datetime],
        on_repository: Callable[[str], None] = lambda _repository: None,
        parse_timeout: float = PARSE_TIMEOUT,
        bodies: RequestBodies | None = None,
        reads_checks: bool = False,
    ) -> None:
        self._secrets = secrets
        self._config_for = config_for
        self._enqueue = enqueue
        self._defer = defer
        self._offload = offload
        self._parse_timeout = parse_timeout
        self._metrics = metrics
        self._now = now
        self._on_repository = on_repository
        self._reads_checks = reads_checks
        self._bodies = bodies or RequestBodies(most=MOST_BODIES)

    async def receive(self, request: web.Request) -> web.Response:
        """Verifies a delivery, and enqueues the commands that it contains."""
        event_name = request.headers.get("X-GitHub-Event", "")
        # Before the signature has been verified, the sender is unauthenticated: no alert may be triggered.
        failure = DeliveryOutcome.REFUSED
        try:
            body = await self._verified_body(request)
            failure = DeliveryOutcome.FAILED
            commands = []
            if self._might_contain_command(event_name, body):
                # Not for all the others: binding costs more than looking at them.
                with log.bound(delivery=request.headers["X-GitHub-Delivery"], event_name=event_name):
                    commands = await self._dispatch(event_name, body)
        except Problem as problem:
            is_failure = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            self._metrics.delivered(event_name, failure if is_failure else DeliveryOutcome.REFUSED)
            raise
        except Exception:
            self._metrics.delivered(event_name, DeliveryOutcome.FAILED)
            raise
        self._metrics.delivered(event_name, DeliveryOutcome.TAKEN if commands else DeliveryOutcome.IGNORED)
        if not commands:
            return web.Response(body=NO_COMMANDS, content_type="application/json")
        return web.json_response({"commands": commands}, status=HTTPStatus.ACCEPTED)

    async def accept(self, event: events.Event, *, is_late: bool = False) -> list[str]:
        """Enqueues the commands of an event, however it was received. A late event keeps its own time.

        :param is_late: it has waited for the config so long that its command is answered without it
        :returns: the identities of the commands
        :raises NotTakenError: if it must be delivered again: the database rejected it, or it could not be parsed
        :raises ConfigUnknownError: if the repository's config could make it a command but is unknown
        """
        now = self._now()
        if event.as_of is not None and now - event.as_of > OLDEST_EVENT:
            _log.warning("event.too_old", repository=event.thread.repository, number=event.thread.number)
            return []
        self._on_repository(event.thread.repository)
        config = await self._config_for(event.thread.repository)
        is_temporary = config.unreadable is not None and config.unreadable.is_temporary and not is_late
        invocations = [] if is_temporary else await self._invocations(event, config, at=min(event.at or now, now))
        if config.is_closed and not invocations:
            raise ConfigUnknownError(
                "The repository's config file cannot be read just now, and may name another prefix or other labels: "
                "deliver it again later."
            )
        for invocation in invocations:
            try:
                is_new = await self._enqueue(invocation)
            except StoreError as error:
                _log.error("job.enqueue_failed", **invocation.log_values(), reason=str(error))
                raise NotTakenError("The database is not accepting commands; deliver it again later.") from None
            if is_new:
                self._metrics.taken(invocation.name)
            else:
                _log.info("job.duplicate", **invocation.log_values())
        return [invocation.identity for invocation in invocations]

    async def _verified_body(self, request: web.Request) -> bytes:
        signed = _check_headers(request)
        body = await self._bodies.read(request, largest=LARGEST_BODY)
        if not events.verify(body, signed, self._secrets):
            _log.warning("webhook.invalid_signature", delivery=request.headers["X-GitHub-Delivery"])
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "Invalid webhook signature: is the webhook's secret on GitHub one of GITHUB_WEBHOOK_SECRET?",
            )
        return body

    def _might_contain_command(self, event_name: str, body: bytes) -> bool:
        """By its bytes alone, as nearly all deliveries contain none."""
        stripped = body.strip()
        if not (stripped.startswith(b"{") and stripped.endswith(b"}")):
            raise Problem(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")
        if event_name == PING:
            # A repository's webhook names its repository; an App's or organization's names none.
            repository = _payload(body).get("repository")
            if isinstance(repository, dict) and isinstance(name := repository.get("full_name"), str):
                self._on_repository(name)
        if self._reads_checks and might_be_failed_checks(event_name, body):
            return True
        return might_contain_command(event_name, body)

    async def _dispatch(self, event_name: str, body: bytes) -> list[str]:
        """Enqueues what is in the event, and returns the commands' identities."""
        try:
            event = events.parse(event_name, _payload(body))
        except events.MalformedEventError as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
        if event is None or not is_relevant(event):
            return []
        try:
            return await self.accept(event)
        except NotTakenError as error:
            if isinstance(error, ConfigUnknownError):
                await self._defer(event)
            # GitHub shows the delivery as failed; it can be redelivered.
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "30"}) from None

    async def _invocations(
        self, event: events.Event, config: EffectiveConfig, *, at: datetime
    ) -> list[CommandInvocation]:
        try:
            async with asyncio.timeout(self._parse_timeout):
                return await dispatch.invocations(event, effective=config, now=lambda: at, offload=self._offload)
        except (OffloadError, TimeoutError) as error:
            _log.error("webhook.unreadable", reason=str(error) or "the workers are busy")
            raise NotTakenError("The comment could not be read just now; deliver it again later.") from None


def _check_headers(request: web.Request) -> str:
    """Makes every check that needs no byte of the body. Mistakes in the webhook's settings are named for any event.

    :returns: the signature, which is well-formed
    """
    header = request.headers.get("X-Hub-Signature-256")
    if header is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "The X-Hub-Signature-256 header is missing: set a secret in the webhook's settings on GitHub.",
        )
    if not _SIGNATURE.fullmatch(header):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "The X-Hub-Signature-256 header is malformed: it has to be sha256= and 64 hexadecimal digits.",
        )
    if not request.headers.get("X-GitHub-Event"):
        raise Problem(HTTPStatus.BAD_REQUEST, "The X-GitHub-Event header is missing.")
    if not _GUID.fullmatch(request.headers.get("X-GitHub-Delivery", "")):
        # GitHub always sends one; the log identifies deliveries by it.
        raise Problem(HTTPStatus.BAD_REQUEST, "The X-GitHub-Delivery header is missing or malformed.")
    if request.content_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The content type is not application/json: choose it in the webhook's settings on GitHub.",
        )
    return header


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload: dict[str, Any] = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None
    return payload
