"""Sends requests to Codegen that start something: once, retried automatically after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, repeat
from typing import TypeVar

from bot import log
from bot.codegen.models import AgentRun
from bot.errors import RETRIED, Service, UpstreamError
from bot.execution.failures import waits_for_codegen
from bot.execution.services import Services
from bot.execution.status_comment import StatusComment
from bot.upstream import retried

T = TypeVar("T")

_log = log.get(__name__)

IN_DOUBT_DELAY = 2.0
"""Seconds between a write whose response was lost and the search for its effect."""

MOST_ATTEMPTS = 3
"""Attempts at such a write, if each response was lost."""

OUTAGE_DELAYS = (30.0, 60.0, 120.0)
"""Seconds between tries during an outage of Codegen, then `LONGEST_OUTAGE_DELAY`; each try takes most of a minute."""

LONGEST_OUTAGE_DELAY = 300.0


class Sending:
    """The requests of one command.

    :param may_have_run: whether it may have been started before: earlier requests' effects are searched for first
    """

    def __init__(self, services: Services, status_comment: StatusComment, *, may_have_run: bool) -> None:
        self._services = services
        self._status_comment = status_comment
        self._may_have_run = may_have_run
        self._left = services.outage_timeout
        self.is_in_doubt = False
        """Whether the command was cancelled during a request: it is not known whether Codegen accepted it."""

    async def once(
        self, find_earlier: Callable[[], Awaitable[AgentRun | None]], send: Callable[[], Awaitable[AgentRun]]
    ) -> AgentRun:
        """Sends, unless it was sent before; if a request's fate is unknown, searches for its effect before a retry.

        :raises UpstreamError: if Codegen refuses, or stays unavailable
        """
        in_doubt, may_have_happened = self._may_have_run, False

        async def attempt() -> AgentRun:
            nonlocal in_doubt, may_have_happened
            if in_doubt and (found := await find_earlier()) is not None:
                return found
            try:
                return await self._send(send)
            except UpstreamError as error:
                in_doubt = True
                may_have_happened |= error.may_have_happened
                raise

        def on_retry(error: UpstreamError, _seconds: float) -> None:
            _log.warning("write.unconfirmed", reason=str(error))

        async def attempts() -> AgentRun:
            # The interrupted request may still be in progress: its run gets a moment to appear in the list.
            return await retried(attempt, delay=_in_doubt_delay, sleep=self._services.sleep, on_retry=on_retry)

        try:
            return await self.through_outage(attempts)
        except UpstreamError as error:
            raise _marked(error) if may_have_happened else error from None

    async def unmarked(self, send: Callable[[], Awaitable[AgentRun]]) -> AgentRun:
        """Sends what could not be found again: a second time only if the first certainly did not arrive.

        :raises UpstreamError: if Codegen refuses or stays unavailable, or may have accepted it
        """
        return await self.through_outage(lambda: self._send(send), unless_sent=True)

    async def through_outage(self, ask: Callable[[], Awaitable[T]], *, unless_sent: bool = False) -> T:
        """Retries until Codegen answers, and shows meanwhile that it waits.

        :param unless_sent: gives up if a request may have been accepted
        :raises UpstreamError: if Codegen refuses, or stays unavailable for longer than a command waits
        """
        delays = chain(OUTAGE_DELAYS, repeat(LONGEST_OUTAGE_DELAY))
        while True:
            try:
                answer = await ask()
            except UpstreamError as error:
                if not _is_outage(error) or (unless_sent and error.may_have_happened):
                    raise
                await self._wait(error, delays)
            else:
                self._left = self._services.outage_timeout
                return answer

    async def _wait(self, error: UpstreamError, delays: Iterator[float]) -> None:
        """:raises UpstreamError: the same, once the timeout is used up"""
        delay = max(next(delays), error.retry_after or 0.0)
        if delay > self._left:
            raise error
        _log.warning("command.waiting_for_codegen", seconds=delay, reason=str(error))
        runs = self._status_comment.last.runs if self._status_comment.last else ()
        await self._status_comment.show(waits_for_codegen(error, runs=runs, seconds=self._left))
        await self._services.sleep(delay)
        self._left -= delay

    async def _send(self, send: Callable[[], Awaitable[AgentRun]]) -> AgentRun:
        try:
            return await send()
        except asyncio.CancelledError:
            self.is_in_doubt = True
            raise


def _is_outage(error: UpstreamError) -> bool:
    return error.service is Service.CODEGEN and error.kind in RETRIED


def _in_doubt_delay(error: UpstreamError, failures: int) -> float | None:
    return IN_DOUBT_DELAY if error.may_have_happened and failures < MOST_ATTEMPTS else None


def _marked(error: UpstreamError) -> UpstreamError:
    """The same error, marked because an earlier request may have been accepted."""
    return UpstreamError(
        error.service,
        error.kind,
        error.operation,
        error.status,
        error.detail,
        error.retry_after,
        may_have_happened=True,
        name=error.name,
    )
