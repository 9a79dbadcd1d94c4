"""The end of a command over which the bot's process stood still again and again."""

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
    """Answers it without looking at what it was about: of all that was written only its own reply's marker is read.

    :param ctx: without a memory of what was done: other steps are taken now
    :param times: how many processes ended over it
    :returns: the last word
    :raises UpstreamError: where GitHub refuses the answer for good
    """
    _log.error("command.given_up", times=times)
    try:
        await ctx.learn_config()
    except BotError as error:
        # The usual settings will do.
        _log.warning("config.unreadable", reason=str(error))
    earlier = await ctx.earlier_reply()
    if earlier is not None and earlier[1].stage in LAST_REACTION:
        # It had its answer before the process ended.
        return Reply(stage=earlier[1].stage, text="", runs=earlier[1].runs)
    reply = given_up(earlier[1].runs if earlier else (), identity=invocation.identity, times=times)
    await ctx.show_last(reply)
    await ctx.react(LAST_REACTION[reply.stage])
    await settle_label(invocation, ctx, reply.stage)
    return reply
