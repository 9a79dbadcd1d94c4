"""``close``, ``reopen``, ``draft``, ``ready``: the state of a run's pull request, through Codegen."""

from __future__ import annotations

from bot.codegen.client import PullRequestState
from bot.commands.edit_pull_request import Close, Draft, EditPullRequest, Ready, Reopen
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.run_pull_request import meant
from bot.handlers.which_run import visible_run
from bot.replies import pull_requests as replies
from bot.replies.reply import Reply

STATES: dict[type[EditPullRequest], PullRequestState] = {
    Close: "closed",
    Reopen: "open",
    Draft: "draft",
    Ready: "ready_for_review",
}


async def edit_pull_request(command: EditPullRequest, order: Order, do: Do) -> Reply:
    run = await visible_run(command.run, order, do, example=f"{order.prefix} {order.name} 7")
    link = await meant(run, order, do)
    state = STATES[type(command)]
    edited = await do.codegen.edit_pull_request(link.id, state)
    if not edited.success:
        return await do.shaped(replies.not_edited, run, link, edited.error)
    return replies.edited(run, link, state, prefix=order.prefix)
