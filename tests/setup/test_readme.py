"""The README's section on the server, followed word by word in a shell, with GitHub and Codegen in a box."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from tests.action.composite.runner import copy_repository
from tests.setup.browser import Browser
from tests.setup.test_whole import PATIENCE, ROOT, Installation, ended, installs, makes_the_app, said

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Run the server\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
INSTALL, SETUP, CODEGEN, SERVE = BLOCKS[0].splitlines()
[DOCTOR] = BLOCKS[1].splitlines()

PIP = 'pip() { command pip "$@" --no-build-isolation --no-index; }'
"""What it builds and needs is there already."""


class Shell:
    """A terminal in a copy of the repository, with a Python environment of its own.

    The environment sees the packages that are here already, so that nothing is loaded anew; the bot itself it gets from
    the copy.
    """

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._folder = copy_repository(folder / "codegen-bot")
        home = folder / "venv"
        venv.create(home, with_pip=True, symlinks=True)
        [packages] = home.glob("lib/python*/site-packages")
        (packages / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
        self._environ = {
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            **environ,
        }

    def does(self, line: str) -> str:
        done = subprocess.run(  # noqa: S603 - the README's own words
            ["bash", "-ec", f"{PIP}; {line}"],  # noqa: S607
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @asynccontextmanager
    async def begins(self, line: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-ec", f"exec {line}"),
            cwd=self._folder,
            env=self._environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                async with asyncio.timeout(PATIENCE):
                    await process.communicate()


@pytest.fixture
async def installation(github: GitHubEmulator, tmp_path: Path) -> AsyncIterator[Installation]:
    async with CodegenEmulator(run_seconds=0) as codegen:
        yield Installation(github, codegen, tmp_path)


async def test_whoever_follows_it_has_a_bot_that_answers(installation: Installation, browser: Browser) -> None:
    """Only the addresses differ: the proxy's, GitHub's and Codegen's."""
    where = {"CODEGEN_API_BASE_URL": installation.codegens["CODEGEN_API_BASE_URL"], "PORT": str(installation.port)}
    shell = Shell(installation.folder, where)
    assert "Successfully installed codegen-bot" in await asyncio.to_thread(shell.does, INSTALL)

    line = f"{SETUP.replace('https://bot.example.com', installation.url)} --github {installation.github.url}"
    async with shell.begins(line) as process:
        url = (await said(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        done = await makes_the_app(browser, await browser.opens(url), "Robot")
        await installs(browser, done)
        status, _, told = await ended(process)
    assert status == 0, told

    await asyncio.to_thread(shell.does, CODEGEN.replace("sk-...", "sk-org1-readme"))
    async with shell.begins(SERVE) as server:
        await said(server, "server.listening")
        await installation.answers("robot[bot]")
        assert "octo/shop" in await asyncio.to_thread(shell.does, DOCTOR)
