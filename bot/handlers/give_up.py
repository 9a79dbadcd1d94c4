"""The end of a command over which the bot's process stood still again and again."""

from __future__ import annotations

from bot import log
from bot.errors import BotError
from bot.handlers.carry_out import LAST_REACTION, settle_label
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies.given_up import given_up
from bot.replies.reply import Reply

_log = log.get(__name__)


async def give_up(order: Order, do: Do, times: int) -> Reply:
    """Answers it without looking at what it was about: of all that was written only its own reply's marker is read.

    :param do: without a memory of what was done: other steps are taken now
    :param times: how many processes ended over it
    :returns: the last word
    :raises UpstreamError: where GitHub refuses the answer for good
    """
    _log.error("command.given-up", times=times)
    try:
        await do.learn_config()
    except BotError as error:
        # The usual settings will do.
        _log.warning("config.not-read", reason=str(error))
    earlier = await do.earlier_reply()
    if earlier is not None and earlier[1].stage in LAST_REACTION:
        # It had its answer before the process ended.
        return Reply(stage=earlier[1].stage, text="", runs=earlier[1].runs)
    reply = given_up(earlier[1].runs if earlier else (), identity=order.identity, times=times)
    await do.show_last(reply)
    await do.react(LAST_REACTION[reply.stage])
    await settle_label(order, do, reply.stage)
    return reply
