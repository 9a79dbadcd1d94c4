"""A new installation of the bot: a folder, the real command line, and both emulators."""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from bot.text.markers import Stage, find
from tests.cli.setup.browser import Browser, Page
from tests.harness import TIMEOUT
from tests.harness.forks import ROOT, python_m
from tests.harness.ports import reserved_port
from tests.harness.processes import running


class Installation:
    """A folder for the bot's settings, both emulators, and the bot's URL."""

    def __init__(self, github: GitHubEmulator, codegen: CodegenEmulator, folder: Path) -> None:
        self.github = github
        self.folder = folder
        self.env_file = folder / ".env"
        # Known in advance: GitHub gets the webhook's URL before the bot listens there.
        self._port = reserved_port()
        self.port: int = self._port.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.codegens = {
            "CODEGEN_API_TOKEN": "sk-org1-setup",
            "CODEGEN_ORG_ID": "1",
            "CODEGEN_API_BASE_URL": codegen.url,
        }

    def close(self) -> None:
        """Gives up the port."""
        self._port.close()

    @asynccontextmanager
    async def start(self, *words: str, **environ: str) -> AsyncIterator[Process]:
        """Starts a command of the bot, which ends with the block at the latest."""
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(self.port), **environ}
        async with running(*python_m("bot", *words, environ=given), folder=self.folder, environ=given) as process:
            yield process

    async def run(self, *words: str, **environ: str) -> tuple[int | None, str, str]:
        """The exit status, stdout and stderr of a command."""
        async with self.start(*words, **environ) as process:
            return await ended(process)

    async def replies_as(self, author: str) -> None:
        """Gives the bot a command, and waits until this account has replied."""
        self.github.comment("bob", 1, "/codegen help")

        def is_answered() -> bool:
            replies = [each for each in self.github.comments(1) if each.author == author]
            return any((marker := find(each.body)) and marker.stage is Stage.FINISHED for each in replies)

        await self.github.until(is_answered, seconds=TIMEOUT)


async def printed_line(process: Process, pattern: str) -> re.Match[str]:
    """Waits for a line on stderr."""
    assert process.stderr is not None
    stderr = ""
    async with asyncio.timeout(TIMEOUT):
        async for line in process.stderr:
            stderr += line.decode()
            if found := re.search(pattern, line.decode()):
                return found
    raise AssertionError(stderr)


async def ended(process: Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(TIMEOUT):
        stdout, stderr = await process.communicate()
    assert b"Traceback" not in stderr, stderr.decode()
    return process.returncode, stdout.decode(), stderr.decode()


async def create_app(browser: Browser, offer: Page, name: str) -> Page:
    """Creates the App at GitHub under another name, and returns the page after the redirect back."""
    confirm = await browser.press(offer)
    assert "issues: write" in confirm.text
    return await browser.press(confirm, name=name)


async def install_app(browser: Browser, done: Page) -> None:
    install = await browser.open(done.links[0])
    assert "writes as robot[bot]" in (await browser.press(install)).text
