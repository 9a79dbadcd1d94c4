"""``whoami``: the user's permission here and its source, and the owner of the bot's Codegen token."""

from __future__ import annotations

from bot.commands.whoami import WhoAmI
from bot.errors import UpstreamError
from bot.github.models import Permission
from bot.handlers.context import CommandContext
from bot.handlers.invocation import CommandInvocation
from bot.replies import whoami as replies
from bot.replies.failures import sentence
from bot.replies.reply import Reply


async def whoami(command: WhoAmI, invocation: CommandInvocation, ctx: CommandContext) -> Reply:  # noqa: ARG001 - a handler like the others
    has = await ctx.permission()
    who_can = [] if has >= Permission.WRITE else await ctx.who_can(Permission.WRITE)
    me, codegen = None, ""
    # Not everybody who can read the thread may know whose token it is.
    if not invocation.is_public:
        try:
            me = await ctx.codegen.me()
            codegen = replies.acting_as(me.github_username, org_id=ctx.org_id)
        except UpstreamError as error:
            if invocation.home is None:
                raise
            # The first half of the answer does not depend on Codegen.
            codegen = replies.acting_as_nobody_knows(sentence(error))
    person = invocation.person
    said = replies.whoami(
        person.login,
        invocation.home,
        is_bot=person.is_bot,
        has=has,
        who_can=who_can,
        codegen=codegen,
        config=ctx.config,
    )
    return said.holding(me)
