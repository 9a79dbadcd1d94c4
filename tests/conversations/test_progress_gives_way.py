"""GitHub's limits of writes are nearly used up: progress gives way, results never."""

from __future__ import annotations

import asyncio

from bot.text.markers import Stage
from tests.harness import TIMEOUT
from tests.harness.log_lines import logged
from tests.harness.world import World


async def test_result_is_posted_although_budget_is_used_up(world: World) -> None:
    """Six writes an hour: eyes, the first word, one word of progress; then only the result and its reaction."""
    world.timing["write_windows"] = ((3600.0, 6),)
    await world.restart_bot()
    with logged() as log:
        comment = await world.comment("alice", "/codegen run fix the flaky test")
        await world.codegen.run_created(1)
        await world.reply(Stage.STARTED)
        world.codegen.move(1, "EVALUATION")
        async with asyncio.timeout(TIMEOUT):
            while "status_comment.update_dropped" not in log.getvalue():  # noqa: ASYNC110 - a log wakes nobody
                await asyncio.sleep(0.01)
        world.codegen.finish(1)
        await world.reply(Stage.FINISHED)
        await world.reacted(comment, "eyes", "rocket")
    assert len(world.requests("PATCH", "/issues/comments/")) == 2
    assert len(world.requests("POST", "/reactions")) == 2
