"""``whoami``: what one may do here and why, and whose Codegen token the bot uses."""

from __future__ import annotations

from bot.commands.whoami import WhoAmI
from bot.errors import UpstreamError
from bot.github.models import Permission
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies import whoami as replies
from bot.replies.failures import sentence
from bot.replies.reply import Reply


async def whoami(command: WhoAmI, order: Order, do: Do) -> Reply:  # noqa: ARG001 - a handler like the others
    has = await do.permission()
    who_can = [] if has >= Permission.WRITE else await do.who_can(Permission.WRITE)
    me, codegen = None, ""
    # Whose token it is, is not for everybody who can read along.
    if not order.is_public:
        try:
            me = await do.codegen.me()
            codegen = replies.acting_as(me.github_username, org_id=do.org_id)
        except UpstreamError as error:
            if order.home is None:
                raise
            # What was asked for first does not hang on Codegen.
            codegen = replies.acting_as_nobody_knows(sentence(error))
    person = order.person
    said = replies.whoami(
        person.login,
        order.home,
        is_bot=person.is_bot,
        has=has,
        who_can=who_can,
        codegen=codegen,
        config=do.config,
    )
    return said.holding(me)
