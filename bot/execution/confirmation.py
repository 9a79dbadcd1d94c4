"""Confirmation of a large request by its author: the command ``confirm``, or a thumbs-up on the status comment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import TypeAdapter

from bot import log
from bot.errors import UpstreamError
from bot.execution.invocation import CommandInvocation
from bot.execution.reply import Reply
from bot.execution.services import Services
from bot.execution.status_comment import StatusComment
from bot.execution.steps import DEFERRED, StepRecorder, Ticks
from bot.github.models import Reaction

_log = log.get(__name__)

_BOOL = TypeAdapter(bool, config=DEFERRED)
_IDENTITIES = TypeAdapter(list[str], config=DEFERRED)

CONFIRMATION_TIMEOUT = timedelta(hours=1)
FIRST_CHECK, LONGEST_CHECK = 3.0, 30.0
"""Seconds between two checks for the confirmation: they grow from the one to the other."""


class Confirmation:
    """The confirmation that one invocation gives or waits for."""

    def __init__(
        self, invocation: CommandInvocation, services: Services, record: StepRecorder, status_comment: StatusComment
    ) -> None:
        self._invocation = invocation
        self._services = services
        self._record = record
        self._status_comment = status_comment
        self._requested: Ticks | None = None

    async def give(self) -> list[str]:
        """Confirms the user's pending requests on the thread, and returns their identities.

        :raises UserError: if there is no thread
        """
        login, thread = self._invocation.person.login, self._invocation.require_thread()
        return await self._record(
            "confirm",
            _IDENTITIES,
            lambda: self._services.confirmations.confirm(
                login=login, repository=thread.repository, number=thread.number
            ),
        )

    async def wait(self, reply: Reply) -> bool:
        """Asks for confirmation with this reply, and waits for it.

        :returns: False if it did not come within `CONFIRMATION_TIMEOUT`
        """
        # Stored before the reply is posted: the confirmation may come at once.
        await self._record("ask-confirmation", _BOOL, self._store)
        await self._status_comment.show(reply)
        return await self._record("confirmed", _BOOL, self._poll, is_waiting=True)

    async def _store(self) -> bool:
        invocation, thread = self._invocation, self._invocation.require_thread()
        await self._services.confirmations.ask(
            invocation.identity,
            login=invocation.person.login,
            repository=thread.repository,
            number=thread.number,
            at=self._services.now(),
        )
        self._requested = self._services.clock.ticks()
        return True

    async def _poll(self) -> bool:
        identity, services = self._invocation.identity, self._services
        until = services.clock.seconds() + CONFIRMATION_TIMEOUT.total_seconds() - await self._age()
        delay, is_confirmed = FIRST_CHECK, False
        while not is_confirmed and services.clock.seconds() < until:
            is_confirmed = await services.confirmations.is_confirmed(identity) or await self._has_thumbs_up()
            if not is_confirmed:
                await services.sleep(delay)
                delay = min(delay * 1.3, LONGEST_CHECK)
        # Not in a `finally`: after a shutdown, the confirmation may come before the workflow resumes.
        await services.confirmations.forget(identity)
        return is_confirmed

    async def _age(self) -> float:
        """Seconds since confirmation was requested, not since the comment, which may have been read hours later."""
        age = self._services.clock.since(self._requested)
        if age is not None:
            return age
        invocation = self._invocation
        at = await self._services.confirmations.requested_at(invocation.identity) or invocation.requested_at
        return max((self._services.now() - at).total_seconds(), 0.0)

    async def _has_thumbs_up(self) -> bool:
        invocation, comment_id = self._invocation, self._status_comment.comment_id
        if comment_id is None:
            return False
        try:
            logins = await self._services.github.reacted(invocation.require_repository(), comment_id, Reaction.PLUS_ONE)
        except UpstreamError as error:
            _log.warning("confirmation.unreadable", reason=str(error))
            return False
        return invocation.person.login.lower() in {login.lower() for login in logins}
