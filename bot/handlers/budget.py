"""The repository's budgets: agent runs per day, for each person, each thread and the whole repository."""

from __future__ import annotations

from datetime import timedelta

from bot.errors import RefusedError
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies.failures import over_budget


async def spend(runs: int, invocation: CommandInvocation, ctx: CommandContext) -> None:
    """Charges the invocation's agent runs to the budgets, once.

    :raises RefusedError: if a limit of the config file would be exceeded; nothing is counted then
    """
    over = await ctx.spend(runs)
    if over is None:
        return
    now = ctx.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    text = over_budget(over, login=invocation.person.login, runs=runs, resets_in=(midnight - now).total_seconds())
    raise RefusedError(text)
