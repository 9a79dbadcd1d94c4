"""``checks``: shows Codegen's check-suite settings of the thread's repository, and changes them."""

from __future__ import annotations

from bot.codegen.models import CheckSuiteChange, CheckSuiteSettings
from bot.commands.checks import Checks
from bot.handlers.codegen_repository import codegen_repository
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies import checks as replies
from bot.replies.reply import Reply


async def checks(command: Checks, invocation: CommandInvocation, ctx: CommandContext) -> Reply:
    repository = await codegen_repository(invocation, ctx)
    settings = await ctx.codegen.check_suite_settings(repository.id)
    if not command.changes:
        return (await ctx.shaped(replies.shown, repository, settings, prefix=invocation.prefix)).holding(settings)
    await ctx.codegen.update_check_suite_settings(repository.id, _change(command, settings))
    settings = await ctx.codegen.check_suite_settings(repository.id)
    return (await ctx.shaped(replies.changed, repository, settings)).holding(settings)


def _change(command: Checks, settings: CheckSuiteSettings) -> CheckSuiteChange:
    """Codegen replaces the whole list of ignored checks, so those the command does not name are sent again."""
    if not command.ignore and not command.unignore:
        return CheckSuiteChange(check_retry_count=command.retries)
    ignored = dict.fromkeys((*settings.ignored_checks, *command.ignore))
    return CheckSuiteChange(
        check_retry_count=command.retries, ignored_checks=[name for name in ignored if name not in command.unignore]
    )
