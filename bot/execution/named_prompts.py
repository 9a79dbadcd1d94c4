"""Named prompts as commands: what may follow their names, and how help describes them."""

from __future__ import annotations

from bot.commands.registry import COMMANDS, Command
from bot.commands.usage import InvalidCommand
from bot.errors import UserError
from bot.execution.invocation import CommandInvocation
from bot.execution.permissions import required_permission
from bot.execution.repository_config.model import NamedPrompt, RepositoryConfig
from bot.execution.repository_config.prompts import placeholders
from bot.github.models import Permission


def is_lowered(invocation: CommandInvocation, config: RepositoryConfig) -> bool:
    """Whether the invocation's named prompt is open to users who may not give its command with their own prompt."""
    if invocation.named_prompt is None or invocation.by_token or isinstance(invocation.command, InvalidCommand):
        return False
    usage = invocation.command.USAGE
    return (
        required_permission(invocation, config)
        < Permission[config.permission_for(usage.name, usage.permission).upper()]
    )


def check_named_prompt(invocation: CommandInvocation, config: RepositoryConfig) -> None:
    """:raises UserError: if flags or words follow a named prompt that accepts none"""
    named, command = invocation.named_prompt, invocation.command
    if named is None or isinstance(command, InvalidCommand):
        return
    if is_lowered(invocation, config) and (named.rest or _has_flags(command)):
        raise UserError(takes_nothing(named.name, command.USAGE.name))
    if named.rest and "rest" not in placeholders(named.template):
        raise UserError(takes_no_words(named.name, command.USAGE.name))


def _has_flags(command: Command) -> bool:
    """Whether anything but the prompt was given."""
    return command != type(command).read({}, getattr(command, "prompt", ""))


def about(prompt: NamedPrompt) -> str:
    """The sentence that help shows."""
    return prompt.description or f"This repository's own prompt for {prompt.command}."


def form(name: str, config: RepositoryConfig) -> str:
    """What may follow the prefix."""
    return f"{name} [WORDS]" if _takes_words(name, config) else name


def what_it_takes(name: str, config: RepositoryConfig) -> str:
    """A sentence on flags and arguments."""
    command = config.prompts[name].command
    if config.is_lowered(name, COMMANDS[command].USAGE.permission):
        return f"It takes neither flags nor words, because `{command}` takes more access than it does."
    words = "words in place of `{rest}`" if _takes_words(name, config) else "no words"
    return f"It takes the flags of `{command}` and {words}."


def _takes_words(name: str, config: RepositoryConfig) -> bool:
    prompt = config.prompts[name]
    is_lowered = config.is_lowered(name, COMMANDS[prompt.command].USAGE.permission)
    return "rest" in placeholders(prompt.prompt) and not is_lowered


def takes_nothing(name: str, command: str) -> str:
    """The error for flags and text if a prompt needs less permission than its command."""
    return (
        f"`{name}` takes neither flags nor words: `{command}` takes more access here than `{name}` does, so its prompt "
        "is used as it stands. Give it again, with nothing after its name and nothing on the lines below."
    )


def takes_no_words(name: str, command: str) -> str:
    """The error for text after the name of a prompt that has no placeholder for it."""
    return (
        f"`{name}` takes no words: its prompt has no `{{rest}}` to hold them. Give it again, with no words after its "
        f"name or on the lines below; a prompt of your own goes with `{command}`."
    )
