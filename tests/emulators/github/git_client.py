"""Git as a client of the emulator: with a token, and with nothing of the user's settings."""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """What git wrote, and its exit status."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class GitClient:
    """:param home: an empty folder
    :param token: None: none is sent
    """

    url: str
    home: Path
    token: str | None

    async def run(self, *arguments: str, folder: Path | None = None) -> Finished:
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            cwd=folder or self.home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
        )
        output, errors = await process.communicate()
        return Finished(process.returncode or 0, output.decode(), errors.decode())

    async def output(self, *arguments: str, folder: Path | None = None) -> str:
        """What git wrote, if it succeeded."""
        finished = await self.run(*arguments, folder=folder)
        assert finished.status == 0, finished.errors
        return finished.output.strip()

    async def clone(self, *options: str, repository: str = "octo/shop", into: str = "shop") -> Path:
        await self.output("clone", "--quiet", *options, f"{self.url}/{repository}.git", into)
        return self.home / into

    async def commit(self, folder: Path, files: dict[str, str], message: str = "Change files") -> str:
        """Commits texts, and returns the commit."""
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        await self.output("add", "--all", folder=folder)
        await self.output("commit", "--quiet", "--message", message, folder=folder)
        return await self.output("rev-parse", "HEAD", folder=folder)

    async def push(self, folder: Path, *arguments: str) -> Finished:
        return await self.run("push", "--porcelain", "origin", *arguments, folder=folder)

    def _environment(self) -> dict[str, str]:
        settings = {"user.name": "Somebody", "user.email": "somebody@users.noreply.github.com"}
        if self.token is not None:
            credential = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
            settings["http.extraHeader"] = f"Authorization: Basic {credential}"
        numbered = {"GIT_CONFIG_COUNT": str(len(settings))}
        for index, (key, value) in enumerate(settings.items()):
            numbered |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
        return numbered | {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C.UTF-8",
        }
