"""``whoami``: the bot's account at Codegen, and the author's permissions."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.registry import COMMANDS
from bot.commands.usage import NoArgsCommand, Usage
from bot.errors import UpstreamError
from bot.execution.context import CommandContext
from bot.execution.failures import describe
from bot.execution.phrases import listed, one_word, table
from bot.execution.reply import Reply
from bot.execution.repository_config.model import RepositoryConfig
from bot.github.models import Permission
from bot.text.markers import Stage


class WhoAmI(NoArgsCommand):
    USAGE = Usage(
        "whoami",
        "Shows what you may do here and why, and whose Codegen token the bot uses.",
        permission="read",
        read_only=True,
    )


async def whoami(_command: WhoAmI, ctx: CommandContext) -> Reply:
    invocation = ctx.invocation
    has = Permission.NONE if invocation.repository_name is None else await ctx.github_permission()
    who_can = (
        [] if invocation.repository_name is None or has >= Permission.WRITE else await ctx.who_can(Permission.WRITE)
    )
    me, account = None, ""
    # On a public thread, whose token it is stays confidential.
    if not invocation.is_public:
        try:
            me = await ctx.codegen.me()
            login = one_word(me.github_username)
            agents = listed([one_word(name) for name in ctx.agents or ()], 20)
            account = (
                f"Agents of the bot's own do the work here: {agents}."
                if ctx.has_own_agents
                else f"On Codegen, the bot acts with the token of {login} in organization {ctx.org_id}."
            )
        except UpstreamError as error:
            if invocation.repository_name is None:
                raise
            # The first half of the answer does not depend on Codegen.
            account = f"It is not known whose token the bot uses on Codegen: {describe(error)}"
    if invocation.repository_name is None:
        # The holder of the tokens may do what they may.
        return Reply(Stage.FINISHED, account, data=me)
    source = "the config file" if invocation.person.is_bot else "GitHub"
    reply = Reply.of(
        Stage.FINISHED,
        f"You are `{invocation.person.login}`. According to {source}, you have `{has.word}` access to "
        f"`{invocation.repository_name}`.",
        _permissions(ctx.config, has, who_can),
        account,
    )
    return reply.with_data(me)


def _permissions(config: RepositoryConfig, has: Permission, who_can: Sequence[str]) -> str:
    """What the user may do, including the repository's named prompts.

    :param who_can: users who may write here, if the user may not
    """
    defaults = {name: command.USAGE.permission for name, command in COMMANDS.items()}
    defaults |= {name: COMMANDS[prompt.command].USAGE.permission for name, prompt in config.prompts.items()}
    needed = {name: Permission[config.permission_for(name, level).upper()] for name, level in defaults.items()}
    rows = [
        (
            ", ".join(f"`{name}`" for name, each in needed.items() if each is level),
            f"`{level.word}`",
            "yes" if has >= level else "no",
            _why(level, has, who_can),
        )
        for level in sorted({*needed.values()})
    ]
    return table(("commands", "needed access", "you may", "because"), rows)


def _why(needed: Permission, has: Permission, who_can: Sequence[str]) -> str:
    if has == needed:
        return f"you have `{has.word}`"
    if has > needed:
        return f"`{has.word}` includes `{needed.word}`"
    people = ", ".join(f"`{name}`" for name in who_can)
    return f"`{has.word}` is less than `{needed.word}`; {people or 'someone with that access'} can"
