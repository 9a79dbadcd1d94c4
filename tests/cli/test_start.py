"""What a command must not pay for: `benchmarks/cli_start.py` measures how long it takes."""

from __future__ import annotations

import pytest

from tests.action.composite.test_light import loaded
from tests.harness.terminal import Terminal

UNUSED = (
    "aiohttp",
    "bot.cli.follow",
    "bot.commands.setup_commands",
    "bot.emulators",
    "bot.engine",
    "bot.github.hooks",
    "dotenv",
    "jwt",
    "markdown_it",
    "regex",
    "rich",
    "sqlalchemy",
    "structlog",
    "yaml",
)
"""What neither of these commands needs, through a pipe and with settings in the environment."""


@pytest.mark.parametrize("words", ["runs", "users", "whoami --repository octo/shop", "run hello --no-wait"])
async def test_command_imports_what_it_needs(words: str, terminal: Terminal) -> None:
    typed = await terminal.run(*words.split(), PYTHONPROFILEIMPORTTIME="1")

    assert typed.status == 0
    assert "bot.execution.execute" in loaded(typed.stderr)
    assert sorted(loaded(typed.stderr) & {*UNUSED}) == []
