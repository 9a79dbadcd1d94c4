"""Whether a command of somebody without write access gets a reply, a reaction, or nothing of its own."""

from __future__ import annotations

from datetime import datetime

from bot import log
from bot.errors import StoreError
from bot.handlers.order import Order
from bot.handlers.ports import AnswerLimits
from bot.store.models import AnswerKind, Voice

_log = log.get(__name__)


async def claim_voice(order: Order, limits: AnswerLimits, kind: AnswerKind, *, at: datetime) -> Voice:
    """Refusals are claimed for the whole comment, so that it gets one reply however many commands it holds."""
    repository, comment, subject = order.the_repository(), order.comment, order.identity
    if kind is AnswerKind.REFUSAL and comment is not None:
        subject = f"{repository.lower()} {comment.kind.value} {comment.id}"
    try:
        return await limits.claim(
            order.identity,
            subject=subject,
            login=order.person.login,
            repository=repository,
            number=order.thread.number if order.thread else 0,
            kind=kind,
            at=at,
        )
    except StoreError as error:
        # Better one reply too many than none.
        _log.warning("answers.not-counted", reason=str(error))
        return Voice.REPLY
