"""From an order to its one visible outcome: permission, reactions, the handler, the last word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot import log
from bot.commands.help import Help
from bot.commands.keep import Keep
from bot.commands.multi_run import MultiRun
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.status import Status
from bot.commands.usage import Mistake
from bot.errors import Refusal, UpstreamError, UserMistake
from bot.github.models import Permission, Reaction
from bot.handlers.do import Do
from bot.handlers.help import help_
from bot.handlers.keep import keep
from bot.handlers.multi_run import multi_run
from bot.handlers.order import Order
from bot.handlers.resume import resume
from bot.handlers.run import run
from bot.handlers.status import status
from bot.replies import failures
from bot.replies.markers import Stage
from bot.replies.reply import Reply

_log = log.get(__name__)

HANDLERS: dict[type, Callable[[Any, Order, Do], Awaitable[Reply]]] = {
    Run: run,
    Resume: resume,
    MultiRun: multi_run,
    Keep: keep,
    Status: status,
    Help: help_,
}
"""Every command's handler. A test holds it against the commands' own table."""

LAST_REACTION = {
    Stage.FINISHED: Reaction.ROCKET,
    Stage.FAILED: Reaction.CONFUSED,
    Stage.REFUSED: Reaction.MINUS_ONE,
}


async def carry_out(order: Order, do: Do) -> Stage:
    """Does what was asked and says how it went; whatever happens, somebody gets an answer.

    :returns: how it ended
    :raises UpstreamError: where GitHub refuses the answer for good (a locked conversation, a lost right)
    """
    reply = await _answer(order, do)
    await do.show_last(reply)
    await do.react(LAST_REACTION[reply.stage])
    _log.info("command.done", stage=reply.stage.value, runs=list(reply.runs))
    return reply.stage


async def _answer(order: Order, do: Do) -> Reply:
    try:
        await _check_person(order, do)
        if isinstance(order.command, Mistake):
            raise UserMistake(order.command.text)  # noqa: TRY301 - a mistake has one way to its answer
        await do.react(Reaction.EYES)
        return await HANDLERS[type(order.command)](order.command, order, do)
    except UserMistake as error:
        return failures.refused(error)
    except UpstreamError as error:
        _log.warning("command.upstream-failed", reason=str(error))
        return failures.upstream(error)
    except Exception:  # noqa: BLE001 - whatever happens, somebody gets an answer
        _log.exception("command.broken")
        return failures.own_fault(order.identity)


async def _check_person(order: Order, do: Do) -> None:
    """:raises Refusal: where the person may not give this command."""
    if order.person.is_bot:
        raise Refusal(failures.bot_refused(order.person.login))
    has = await do.permission()
    needed = (
        Permission.READ if isinstance(order.command, Mistake) else Permission[order.command.USAGE.permission.upper()]
    )
    if has < needed:
        text = failures.not_allowed(
            order.person.login, needed=needed.word, has=has.word, who_can=await do.who_can(needed)
        )
        raise Refusal(text)
