"""The reply to ``whoami``."""

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
    """:param repository: None: the holder of the tokens, who may do what they may
    :param who_can: users who may write here, if `login` may not
    :param codegen: the sentence on Codegen's side; empty if it must not be shown
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
    """The permission for each command, including the repository's named prompts."""
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
    """:param login: the token's owner, according to Codegen"""
    return f"On Codegen, the bot acts with the token of {one_word(login)} in organization {org_id}."


def acting_as_nobody_knows(problem: str) -> str:
    return f"Whose token the bot uses on Codegen could not be found out: {problem}"
