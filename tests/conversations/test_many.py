"""Many commands at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.codegen.limits import WINDOWS
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.text.markers import Stage, find
from tests.harness.clock import WorldClock
from tests.harness.databases import migrated_sqlite
from tests.harness.server import SECRET
from tests.harness.world import World

COMMANDS = 60
THREADS = 6
SPEED = 400.0
"""Codegen's time passes so much faster, for its limits and for ours: a minute's window is 0.15 s."""


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_many_commands_at_once_get_one_reply_each(tmp_path: Path) -> None:
    """Ten on each of six threads. Codegen starts ten a minute, and is never asked for more."""
    github = GitHubEmulator(webhook_secret=SECRET, limits=False)
    codegen = CodegenEmulator(run_seconds=5.0, limits=True, clock=lambda: time.monotonic() * SPEED)
    async with codegen, github:
        while len(github.world.threads) < THREADS:
            github.open_issue("alice", "Another one", None)
        world = World(github, codegen, WorldClock(), migrated_sqlite(tmp_path / "bot.sqlite"))
        # The same windows, a twentieth longer: the two clocks do not start at the same moment.
        world.timing["codegen_windows"] = {
            name: (count, seconds * 1.05 / SPEED) for name, (count, seconds) in WINDOWS.items()
        }
        await world.start_bot()
        try:
            for number in range(COMMANDS):
                github.comment("bob", number % THREADS + 1, f"/codegen run piece {number}")
            await github.until(lambda: _done(world) == COMMANDS)
        finally:
            await world.stop_bot()

        assert len(codegen.runs) == COMMANDS
        assert {entry.status for entry in codegen.control.journal} == {200}
        markers = [find(comment.body) for number in github.world.threads for comment in world.bot_comments(number)]
        assert len({marker.identity for marker in markers if marker}) == len(markers) == COMMANDS
        assert {run for marker in markers if marker for run in marker.runs} == set(codegen.runs)


def _done(world: World) -> int:
    threads = world.github.world.threads
    markers = [find(comment.body) for number in threads for comment in world.bot_comments(number)]
    return sum(marker is not None and marker.stage is Stage.FINISHED for marker in markers)
