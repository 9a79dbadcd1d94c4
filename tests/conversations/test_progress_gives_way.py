"""GitHub's limits of writes are nearly used up: progress gives way, results never."""

from __future__ import annotations

import asyncio

from bot.replies.markers import Stage
from tests.conversations.town import Town
from tests.log_lines import logged


async def test_where_the_limit_leaves_little_room_the_result_still_comes(town: Town) -> None:
    """Six writes an hour: eyes, the first word, one word of progress; then only the result and its reaction."""
    town.write_windows = ((3600.0, 6),)
    await town.restart_bot()
    with logged() as log:
        await town.says("alice", "/codegen run fix the flaky test")
        await town.codegen.run_created(1)
        await town.reply(Stage.STARTED)
        town.codegen.move(1, "EVALUATION")
        async with asyncio.timeout(10):
            while "status_comment.update_dropped" not in log.getvalue():  # noqa: ASYNC110 - a log wakes nobody
                await asyncio.sleep(0.01)
        town.codegen.finish(1)
        await town.reply(Stage.FINISHED)
        await town.github.idle()
    assert len(town.requests("PATCH", "/issues/comments/")) == 2
    assert len(town.requests("POST", "/reactions")) == 2
