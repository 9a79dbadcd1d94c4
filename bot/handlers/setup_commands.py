"""``setup-commands``: lets Codegen work out how this repository is set up, and shows what it found."""

from __future__ import annotations

from pydantic import TypeAdapter

from bot.commands.setup_commands import SetupCommands
from bot.handlers.budget import spend
from bot.handlers.codegen_repository import codegen_repository
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.replies import runs
from bot.replies import setup_commands as replies
from bot.replies.reply import Reply

_NUMBER = TypeAdapter(int)


async def setup_commands(command: SetupCommands, order: Order, do: Do) -> Reply:
    async def repository_id() -> int:
        return (await codegen_repository(order, do)).id

    repository = order.the_repository()
    await spend(1, order, do)
    await do.show(replies.accepted(repository))
    number = await do.runs.settled("codegen-repository", _NUMBER, repository_id)
    started = await do.runs.generate_setup_commands(number, prompt=command.prompt)
    if not order.waits:
        return runs.left(started.run, prefix=order.prefix)
    await do.show(runs.started(started.run))
    ended = await do.following.wait(started, show=lambda seen, seconds: do.shaped(runs.working, seen, seconds=seconds))
    return await do.shaped(
        replies.outcome, ended.run, repository, seconds=ended.seconds, prefix=order.prefix, problem=ended.problem
    )
