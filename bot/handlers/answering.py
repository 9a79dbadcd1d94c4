"""Whether a command by a user without write access gets a reply, a reaction, or nothing of its own."""

from __future__ import annotations

from datetime import datetime

from bot import log
from bot.errors import StoreError
from bot.handlers.invocation import CommandInvocation
from bot.handlers.ports import AnswerLimits
from bot.store.models import AnswerKind, Voice

_log = log.get(__name__)


async def claim_voice(invocation: CommandInvocation, limits: AnswerLimits, kind: AnswerKind, *, at: datetime) -> Voice:
    """Claims refusals for the whole comment, so that it gets one reply however many commands it holds."""
    repository, comment, subject = invocation.the_repository(), invocation.comment, invocation.identity
    if kind is AnswerKind.REFUSAL and comment is not None:
        subject = f"{repository.lower()} {comment.kind.value} {comment.id}"
    try:
        return await limits.claim(
            invocation.identity,
            subject=subject,
            login=invocation.person.login,
            repository=repository,
            number=invocation.thread.number if invocation.thread else 0,
            kind=kind,
            at=at,
        )
    except StoreError as error:
        # A reply too many is better than none.
        _log.warning("answers.count_failed", reason=str(error))
        return Voice.REPLY
