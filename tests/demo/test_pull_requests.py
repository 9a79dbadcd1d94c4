"""A run of the demo has its pull request while it works, also where nobody asks how it is."""

from __future__ import annotations

import asyncio

from bot.demo.pull_requests import open_pull_requests
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator


async def test_a_run_that_nobody_looks_at_opens_one_before_it_ends() -> None:
    async with CodegenEmulator(run_seconds=1.0) as codegen, GitHubEmulator(webhook_url="http://127.0.0.1:9/") as github:
        opening = asyncio.create_task(open_pull_requests(github, codegen))
        run = codegen.start_elsewhere("Warm the cups", metadata={"codegen_bot": {"prompt": "Warm the cups"}})
        await codegen.until(lambda: run.pull_requests)
        assert not run.ended
        assert [thread.title for thread in github.world.threads.values()][-1] == "Warm the cups"
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
