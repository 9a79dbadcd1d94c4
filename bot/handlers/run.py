"""``run``: starts an agent on the thread and stays with it to its end."""

from __future__ import annotations

from bot.commands.run import Run
from bot.handlers.budget import spend
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.place import place_of, words_of
from bot.handlers.repository_id import check_repository_id
from bot.replies import prompts, runs
from bot.replies.reply import Reply


async def run(command: Run, order: Order, do: Do) -> Reply:
    await check_repository_id(command.repo_id, command.USAGE, order, do)
    await spend(1, order, do)
    kind = None
    if order.thread is not None:
        kind = "pull request" if order.thread.is_pull_request else "issue"
    await do.show(runs.accepted_run(place=kind, slot_in=do.runs.creation_wait()))
    addresses = prompts.image_addresses(command.images)
    at = await place_of(order, do)
    prompt = prompts.run_prompt(words_of(command.prompt, order, at), at, image_addresses=addresses)
    started = await do.runs.create(
        prompt,
        model=command.model or do.config.defaults.model,
        agent_type=command.agent_type or do.config.defaults.agent_type,
        repo_id=command.repo_id,
        images=[image for image in command.images if image not in addresses],
    )
    if not order.waits:
        return runs.left(started.run, prefix=order.prefix)
    await do.show(runs.started(started.run))
    ended = await do.following.wait(started, show=lambda seen, seconds: do.shaped(runs.working, seen, seconds=seconds))
    return await do.shaped(runs.outcome, ended.run, seconds=ended.seconds, prefix=order.prefix, problem=ended.problem)
