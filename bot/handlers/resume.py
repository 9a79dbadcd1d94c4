"""``resume``: gives a run a follow-up and stays with it to its next end."""

from __future__ import annotations

from bot.commands.resume import Resume
from bot.handlers.budget import spend
from bot.handlers.do import Do
from bot.handlers.order import Order
from bot.handlers.place import place_of
from bot.handlers.repository_id import check_follow_up
from bot.handlers.which_run import check_elsewhere, check_visible, which_run
from bot.replies import prompts, runs
from bot.replies.reply import Reply


async def resume(command: Resume, order: Order, do: Do) -> Reply:
    run_id = await which_run(command.run, order, do, example=f"{order.prefix} resume 7 {command.prompt[:40]}")
    await do.show(runs.accepted_resume(run_id))
    before = await do.runs.get(run_id, waits=True)
    await check_visible(before, order, do)
    await check_follow_up(before, command.USAGE, order, do)
    await check_elsewhere(before, order, do)
    await spend(1, order, do)
    prompt = prompts.resume_prompt(command.prompt, await place_of(order, do), identity=order.identity)
    started = await do.runs.resume(before, prompt)
    if not order.waits:
        return runs.left(started.run, prefix=order.prefix)
    await do.show(runs.resumed(started.run))
    ended = await do.following.wait(
        started, show=lambda seen, seconds: do.shaped(runs.working, seen, seconds=seconds), resumed=before
    )
    return await do.shaped(runs.outcome, ended.run, seconds=ended.seconds, prefix=order.prefix, problem=ended.problem)
