"""Ends a command during which the bot's process died repeatedly."""

from __future__ import annotations

from bot import log
from bot.errors import BotError
from bot.handlers.context import CommandContext
from bot.handlers.execute import LAST_REACTION, settle_label
from bot.handlers.invocation import CommandInvocation
from bot.replies.given_up import given_up
from bot.replies.reply import Reply

_log = log.get(__name__)


async def give_up(invocation: CommandInvocation, ctx: CommandContext, times: int) -> Reply:
    """Answers without processing the command again: of all texts it reads only its own reply's marker.

    :param ctx: without recorded steps, because the steps differ now
    :param times: how many processes died
    :returns: the final reply
    :raises UpstreamError: if GitHub refuses the reply permanently
    """
    _log.error("command.given_up", times=times)
    try:
        await ctx.learn_config()
    except BotError as error:
        # The defaults will do.
        _log.warning("config.unreadable", reason=str(error))
    earlier = await ctx.earlier_reply()
    if earlier is not None and earlier[1].stage in LAST_REACTION:
        # It was answered before the process died.
        return Reply(stage=earlier[1].stage, text="", runs=earlier[1].runs)
    reply = given_up(earlier[1].runs if earlier else (), identity=invocation.identity, times=times)
    await ctx.show_last(reply)
    await ctx.react(LAST_REACTION[reply.stage])
    await settle_label(invocation, ctx, reply.stage)
    return reply
