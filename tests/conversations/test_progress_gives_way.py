"""GitHub's limits of writes are nearly used up: progress gives way, results never."""

from __future__ import annotations

import asyncio

from bot.replies.markers import Stage
from tests.conversations.world import World
from tests.log_lines import logged


async def test_where_the_limit_leaves_little_room_the_result_still_comes(world: World) -> None:
    """Six writes an hour: eyes, the first word, one word of progress; then only the result and its reaction."""
    world.write_windows = ((3600.0, 6),)
    await world.restart_bot()
    with logged() as log:
        await world.says("alice", "/codegen run fix the flaky test")
        await world.codegen.run_created(1)
        await world.reply(Stage.STARTED)
        world.codegen.move(1, "EVALUATION")
        async with asyncio.timeout(10):
            while "status_comment.update_dropped" not in log.getvalue():  # noqa: ASYNC110 - a log wakes nobody
                await asyncio.sleep(0.01)
        world.codegen.finish(1)
        await world.reply(Stage.FINISHED)
        await world.github.idle()
    assert len(world.requests("PATCH", "/issues/comments/")) == 2
    assert len(world.requests("POST", "/reactions")) == 2
