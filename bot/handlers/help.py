"""``help``: the commands available here, and who may use them."""

from __future__ import annotations

from bot.commands.help import Help
from bot.commands.table import COMMANDS
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies import help as help_texts
from bot.replies.reply import Reply


async def help_(command: Help, invocation: CommandInvocation, ctx: CommandContext) -> Reply:  # noqa: ARG001 - a handler like the others
    # The named prompt may have been removed since the command was parsed.
    if command.name is None or command.name not in {*COMMANDS, *ctx.config.prompts}:
        return help_texts.overview(ctx.config)
    return help_texts.of(command.name, ctx.config)
