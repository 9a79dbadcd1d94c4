"""What the bot says of the person who asks, and of itself."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.table import COMMANDS
from bot.github.models import Permission
from bot.replies.markers import Stage
from bot.replies.phrases import one_word, table
from bot.replies.reply import Reply
from bot.repository_config.model import RepositoryConfig


def whoami(
    login: str,
    repository: str | None,
    *,
    is_bot: bool,
    has: Permission,
    who_can: Sequence[str],
    codegen: str,
    config: RepositoryConfig,
) -> Reply:
    """:param repository: None: who asks holds the tokens, and may do what they may
    :param who_can: people who may write here, where `login` may not
    :param codegen: the sentence on Codegen's side; empty where it is not to be said
    """
    if repository is None:
        return Reply(stage=Stage.FINISHED, text=codegen)
    takes = _takes(config)
    rows = [
        (
            ", ".join(f"`{name}`" for name, each in takes.items() if each is needed),
            f"`{needed.word}`",
            "yes" if has >= needed else "no",
            _why(needed, has, who_can),
        )
        for needed in sorted({*takes.values()})
    ]
    source = "the config file" if is_bot else "GitHub"
    parts = (
        f"You are `{login}`, and {source} says that you have `{has.word}` access to `{repository}`.",
        table(("commands", "take", "you may", "because"), rows),
        codegen,
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))


def _takes(config: RepositoryConfig) -> dict[str, Permission]:
    """What each command takes, the repository's named prompts among them."""
    usual = {name: command.USAGE.permission for name, command in COMMANDS.items()}
    usual |= {name: COMMANDS[prompt.command].USAGE.permission for name, prompt in config.prompts.items()}
    return {name: Permission[config.permission_for(name, word).upper()] for name, word in usual.items()}


def _why(needed: Permission, has: Permission, who_can: Sequence[str]) -> str:
    if has == needed:
        return f"you have `{has.word}`"
    if has > needed:
        return f"`{has.word}` includes `{needed.word}`"
    people = ", ".join(f"`{name}`" for name in who_can)
    return f"`{has.word}` is less than `{needed.word}`; {people or 'somebody with it'} can"


def acting_as(login: str, *, org_id: int) -> str:
    """:param login: whose token it is, as Codegen says"""
    return f"On Codegen, the bot acts with the token of {one_word(login)} in organization {org_id}."


def acting_as_nobody_knows(problem: str) -> str:
    return f"Whose token the bot uses on Codegen could not be found out: {problem}"
