"""``POST /webhooks/github``: checks the signature before anything else reads the body, takes what is ordered, answers.

The work is done afterwards. What is answered with 202 survives a crash; what cannot be taken is answered with an error,
so that GitHub shows the delivery as failed and it can be delivered again.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from bot import intake, log
from bot.errors import OffloadError, StoreError
from bot.first_look import concerns_us, may_concern_us
from bot.github import events, signature
from bot.handlers.configs import House
from bot.handlers.order import Order
from bot.metrics import Metrics, Outcome
from bot.offload.pool import WorkerPool
from bot.web.problems import Problem

_log = log.get(__name__)

LARGEST_BODY = 25 * 1024 * 1024
"""Bytes; GitHub sends no larger payload ("Webhook events and payloads", payload cap)."""

TOO_LARGE = "The body is larger than 25 MB."

READING_PATIENCE = 5.0
"""Seconds after which it is given up to read a comment, where the workers have other things to do: beside what the
repository's config may take, GitHub waits for no more."""

NOTHING_TAKEN = b'{"commands": []}'

PING = "ping"

_GUID = re.compile("[0-9A-Za-z-]{1,64}")

Submit = Callable[[Order], Awaitable[bool]]


class GitHubWebhooks:
    """The handler of GitHub's deliveries.

    :param secrets: every one of them is valid
    :param house_of: what holds in a repository, by its name; must answer within GitHub's ten seconds
    :param submit: takes an order durably
    :param offload: where long comments are read
    :param patience: seconds after which it is given up to read one
    :param seen: hears of the repositories from which deliveries come, as far as these are read
    """

    def __init__(
        self,
        *,
        secrets: Sequence[str],
        house_of: Callable[[str], Awaitable[House]],
        submit: Submit,
        offload: WorkerPool,
        metrics: Metrics,
        now: Callable[[], datetime],
        seen: Callable[[str], None] = lambda _repository: None,
        patience: float = READING_PATIENCE,
    ) -> None:
        self._secrets = secrets
        self._house_of = house_of
        self._submit = submit
        self._offload = offload
        self._patience = patience
        self._metrics = metrics
        self._now = now
        self._seen = seen

    async def receive(self, request: web.Request) -> web.Response:
        event_name = request.headers.get("X-GitHub-Event", "")
        try:
            taken = await self._received(request, event_name)
        except Problem as problem:
            is_ours = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            self._metrics.delivered(event_name, Outcome.FAILED if is_ours else Outcome.REFUSED)
            raise
        except Exception:
            self._metrics.delivered(event_name, Outcome.FAILED)
            raise
        self._metrics.delivered(event_name, Outcome.TAKEN if taken else Outcome.IGNORED)
        if not taken:
            return web.Response(body=NOTHING_TAKEN, content_type="application/json")
        return web.json_response({"commands": taken}, status=HTTPStatus.ACCEPTED)

    async def _received(self, request: web.Request, event_name: str) -> list[str]:
        """The identities of what was ordered."""
        body = await self._verified_body(request)
        if not event_name:
            raise Problem(HTTPStatus.BAD_REQUEST, "The X-GitHub-Event header is missing.")
        delivery = request.headers.get("X-GitHub-Delivery", "")
        if not _GUID.fullmatch(delivery):
            # Without a name of its own, an order by label would be taken for the one before it.
            raise Problem(HTTPStatus.BAD_REQUEST, "The X-GitHub-Delivery header is missing or malformed.")
        _check_form(request, body)
        if event_name == PING:
            self._hear_ping(_payload(body))
        if not may_concern_us(event_name, body):
            return []
        with structlog.contextvars.bound_contextvars(delivery=delivery, event_name=event_name):
            return await self._take(event_name, delivery, _payload(body))

    def _hear_ping(self, payload: dict[str, Any]) -> None:
        """A repository's hook says hello; an App's and an organization's name none."""
        repository = payload.get("repository")
        if isinstance(repository, dict) and isinstance(name := repository.get("full_name"), str):
            self._seen(name)

    async def _verified_body(self, request: web.Request) -> bytes:
        body = await _body(request)
        header = request.headers.get("X-Hub-Signature-256")
        if header is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "The X-Hub-Signature-256 header is missing: set a secret in the webhook's settings on GitHub.",
            )
        if not signature.verify(body, header, self._secrets):
            _log.warning("delivery.wrongly-signed", delivery=request.headers.get("X-GitHub-Delivery", "")[:60])
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "The signature does not fit the body: is the webhook's secret on GitHub one of GITHUB_WEBHOOK_SECRET?",
            )
        return body

    async def _take(self, event_name: str, delivery: str, payload: dict[str, Any]) -> list[str]:
        """The identities of what was ordered."""
        try:
            event = events.parse(event_name, payload)
        except events.MalformedEventError as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
        if event is None or not concerns_us(event):
            return []
        return await self.take(event, delivery=delivery)

    async def take(self, event: events.Event, *, delivery: str) -> list[str]:
        """Takes what an event asks for, however it was heard of. One that comes late was asked for at its own time.

        :param delivery: the delivery's GUID
        :returns: the identities of what was ordered
        :raises Problem: 503 where the database does not take it, or the comment could not be read just now
        """
        self._seen(event.thread.repository)
        house = await self._house_of(event.thread.repository)
        now = self._now()
        asked_at = min(event.at or now, now)
        orders = await self._orders(event, delivery, house, asked_at)
        for order in orders:
            try:
                is_new = await self._submit(order)
            except StoreError as error:
                _log.error("order.not-taken", **order.log_values(), reason=str(error))
                # GitHub shows the delivery as failed; it can be delivered again.
                detail = "The database does not take orders just now; deliver it again later."
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "30"}) from None
            if is_new:
                self._metrics.taken(order.name)
            else:
                _log.info("order.known", **order.log_values())
        return [order.identity for order in orders]

    async def _orders(self, event: events.Event, delivery: str, house: House, asked_at: datetime) -> list[Order]:
        try:
            async with asyncio.timeout(self._patience):
                return await intake.orders(
                    event, delivery=delivery, house=house, now=lambda: asked_at, offload=self._offload
                )
        except (OffloadError, TimeoutError) as error:
            _log.error("delivery.not-read", reason=str(error) or "the workers are busy")
            detail = "The comment could not be read just now; deliver it again later."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "30"}) from None


async def _body(request: web.Request) -> bytes:
    """The whole body. That somebody cuts it off, or sends too much, is no fault of ours."""
    if (request.content_length or 0) > LARGEST_BODY:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE) from None
    except (ConnectionError, web.RequestPayloadError):
        raise Problem(HTTPStatus.BAD_REQUEST, "The body did not come whole, or not as its headers say.") from None


def _check_form(request: web.Request, body: bytes) -> None:
    """What somebody can get wrong in the webhook's settings is told, whatever the event."""
    if request.content_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The content type is not application/json: choose it in the webhook's settings on GitHub.",
        )
    stripped = body.strip()
    if not (stripped.startswith(b"{") and stripped.endswith(b"}")):
        raise Problem(HTTPStatus.BAD_REQUEST, "The body is not a JSON object.")


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload: dict[str, Any] = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None
    return payload
