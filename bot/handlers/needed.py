"""Which permission an invocation needs, and which arguments its named prompt accepts."""

from __future__ import annotations

from bot.commands.table import Command
from bot.commands.usage import InvalidCommand
from bot.errors import UserError
from bot.github.models import Permission
from bot.handlers.invocation import CommandInvocation
from bot.replies import named_prompts as replies
from bot.repository_config.model import RepositoryConfig
from bot.repository_config.prompts import placeholders


def needed(invocation: CommandInvocation, config: RepositoryConfig) -> Permission:
    """The permission needed: from the repository's config, else from the command's usage."""
    if isinstance(invocation.command, InvalidCommand):
        return Permission.READ
    usage = invocation.command.USAGE
    # A prompt that is no longer in the config needs what its command needs.
    is_known = invocation.named is not None and invocation.named.name in config.prompts
    name = invocation.named.name if invocation.named is not None and is_known else usage.name
    return Permission[config.permission_for(name, usage.permission).upper()]


def is_lowered(invocation: CommandInvocation, config: RepositoryConfig) -> bool:
    """Whether the invocation's named prompt is open to users who may not give its command with their own prompt."""
    if invocation.named is None or invocation.by_token or isinstance(invocation.command, InvalidCommand):
        return False
    usage = invocation.command.USAGE
    return needed(invocation, config) < Permission[config.permission_for(usage.name, usage.permission).upper()]


def check_named_prompt(invocation: CommandInvocation, config: RepositoryConfig) -> None:
    """:raises UserError: if flags or words follow a named prompt that accepts none"""
    named, command = invocation.named, invocation.command
    if named is None or isinstance(command, InvalidCommand):
        return
    if is_lowered(invocation, config) and (named.rest or _has_flags(command)):
        raise UserError(replies.takes_nothing(named.name, command.USAGE.name))
    if named.rest and "rest" not in placeholders(named.template):
        raise UserError(replies.takes_no_words(named.name, command.USAGE.name))


def _has_flags(command: Command) -> bool:
    """Whether anything but the prompt was given."""
    return command != type(command).read({}, getattr(command, "prompt", ""))
