"""Which permission an order takes, and what its named prompt takes beside its name."""

from __future__ import annotations

from bot.commands.table import Command
from bot.commands.usage import Mistake
from bot.errors import UserMistake
from bot.github.models import Permission
from bot.handlers.order import Order
from bot.replies import named_prompts as replies
from bot.repository_config.model import RepositoryConfig
from bot.repository_config.prompts import placeholders


def needed(order: Order, config: RepositoryConfig) -> Permission:
    """What the order takes: by the repository's config, else by its command's own usage."""
    if isinstance(order.command, Mistake):
        return Permission.READ
    usage = order.command.USAGE
    # A prompt that the config no longer has takes what its command takes.
    is_known = order.named is not None and order.named.name in config.prompts
    name = order.named.name if order.named is not None and is_known else usage.name
    return Permission[config.permission_for(name, usage.permission).upper()]


def is_lowered(order: Order, config: RepositoryConfig) -> bool:
    """Whether people may use the order's named prompt who may not give its command with a prompt of their own."""
    if order.named is None or order.by_token or isinstance(order.command, Mistake):
        return False
    usage = order.command.USAGE
    return needed(order, config) < Permission[config.permission_for(usage.name, usage.permission).upper()]


def check_named_prompt(order: Order, config: RepositoryConfig) -> None:
    """:raises UserMistake: where flags or words follow a named prompt that takes none"""
    named, command = order.named, order.command
    if named is None or isinstance(command, Mistake):
        return
    if is_lowered(order, config) and (named.rest or _has_flags(command)):
        raise UserMistake(replies.takes_nothing(named.name, command.USAGE.name))
    if named.rest and "rest" not in placeholders(named.template):
        raise UserMistake(replies.takes_no_words(named.name, command.USAGE.name))


def _has_flags(command: Command) -> bool:
    """Whether anything but the prompt was given."""
    return command != type(command).read({}, getattr(command, "prompt", ""))
