"""The commands of the README's section on the server, executed in a shell, with GitHub and Codegen emulated."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sysconfig
import venv
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.action.composite.runner import copy_repository
from tests.cli.setup.browser import Browser
from tests.cli.setup.installation import Installation, create_app, ended, install_app, printed_line
from tests.harness.forks import ROOT
from tests.harness.processes import running

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Run the server\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
INSTALL, SETUP, CODEGEN, SERVE = BLOCKS[0].splitlines()
[DOCTOR] = BLOCKS[1].splitlines()

PIP = 'pip() { command pip "$@" --no-build-isolation --no-index; }'
"""The packages that it needs are installed already."""


class Shell:
    """A terminal in a copy of the repository, with a Python environment of its own.

    The environment sees the installed packages, so that nothing is downloaded; the bot itself is installed from the copy.
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

    def run(self, line: str, *, statuses: Collection[int] = (0,)) -> str:
        """What the line prints.

        :param statuses: with which it may end
        """
        done = subprocess.run(  # noqa: S603 - the README's own words
            ["bash", "-ec", f"{PIP}; {line}"],  # noqa: S607
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in statuses, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @asynccontextmanager
    async def start(self, line: str) -> AsyncIterator[asyncio.subprocess.Process]:
        async with running("bash", "-ec", f"exec {line}", folder=self._folder, environ=self._environ) as process:
            yield process


async def test_readme_steps_set_up_a_working_bot(installation: Installation, browser: Browser) -> None:
    """Only the URLs differ: the proxy's, GitHub's and Codegen's."""
    where = {"CODEGEN_API_BASE_URL": installation.codegens["CODEGEN_API_BASE_URL"], "PORT": str(installation.port)}
    shell = Shell(installation.folder, where)
    assert "Successfully installed codegen-bot" in await asyncio.to_thread(shell.run, INSTALL)

    line = f"{SETUP.replace('https://bot.example.com', installation.url)} --github {installation.github.url}"
    async with shell.start(line) as process:
        url = (await printed_line(process, r"Open (http://127\.0\.0\.1:\S+) in a browser"))[1]
        done = await create_app(browser, await browser.open(url), "Robot")
        await install_app(browser, done)
        status, _, stderr = await ended(process)
    assert status == 0, stderr

    await asyncio.to_thread(shell.run, CODEGEN.replace("sk-...", "sk-org1-readme"))
    async with shell.start(SERVE) as server:
        await printed_line(server, "server.listening")
        await installation.replies_as("robot[bot]")
        findings = await asyncio.to_thread(partial(shell.run, DOCTOR, statuses=(0, 1)))
        assert "octo/shop" in findings
        # Whether the agent is installed, and its model's API reached, depends on the machine.
        errors = [line for line in findings.splitlines() if line.startswith("error")]
        assert [line for line in errors if not line.startswith("error    Agent opencode ")] == []
