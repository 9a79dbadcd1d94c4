"""The usage of a repository's named prompts, and the errors of their wrong use."""

from __future__ import annotations

from bot.commands.table import COMMANDS
from bot.repository_config.model import NamedPrompt, RepositoryConfig
from bot.repository_config.prompts import placeholders


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
