"""Time that a user with write access waits for a first reply behind a flood of commands by a user without.

A reader writes six comments of twenty command lines each; then a user with write access gives one command. The server
is `codegen-bot serve` in a process of its own, at GitHub's real pace of writes (a second between two); both emulators
are in this one. `--checkout` measures other versions of the bot beside this one, against the same emulators.

    python -m benchmarks.flood [--checkout FOLDER ...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.model import BOT_LOGIN

ROOT = Path(__file__).parents[1]
SECRET = "the benchmark's secret"  # noqa: S105 - used only here
COMMENTS, LINES = 6, 20
LONGEST = 400.0
"""Maximum seconds of one measurement."""

READER, WRITER = "carol", "bob"
CALM, AFTER = "without a flood", "behind the flood"


@dataclass(frozen=True, slots=True)
class Waited:
    """The result of one scenario.

    :param seconds: until the writer's first reply
    :param replies: to the reader, by then
    """

    seconds: float
    replies: int


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--checkout", type=Path, nargs="*", default=[], help="other versions to measure as well")
    given = arguments.parse_args()
    for checkout in (ROOT, *given.checkout):
        name = "this version" if checkout == ROOT else str(checkout)
        for situation, comments in ((CALM, 0), (AFTER, COMMENTS)):
            waited = asyncio.run(measure(checkout, comments))
            print(f"{name}, {situation}: answered after {waited.seconds:.1f} s; {waited.replies} replies to the reader")


async def measure(checkout: Path, comments: int) -> Waited:
    """:param comments: by the reader, before the writer's"""
    github = GitHubEmulator(webhook_secret=SECRET, limits=False)
    async with (
        CodegenEmulator(run_seconds=None, limits=False) as codegen,
        github,
        server(checkout, github, codegen) as url,
    ):
        github.webhooks.url = f"{url}/webhooks/github"
        # By then the bot has fetched its config and its token.
        await answered(github, github.comment(WRITER, 2, "/codegen help help"))
        await asyncio.sleep(10)  # refills the write budget, as after a quiet time
        text = "\n".join(f"/codegen run number {number}" for number in range(LINES))
        flood = [github.comment(READER, 1, text) for _ in range(comments)]
        await github.idle()
        begun = time.monotonic()
        await answered(github, github.comment(WRITER, 1, "/codegen run now"))
        seconds = time.monotonic() - begun
        return Waited(seconds, sum(replies(github, each) for each in flood))


async def answered(github: GitHubEmulator, comment: Comment) -> None:
    """Waits for the first reply to a comment."""
    await github.until(lambda: replies(github, comment) > 0, seconds=LONGEST)


def replies(github: GitHubEmulator, comment: Comment) -> int:
    """The number of replies to a comment, whatever their text."""
    mark = f"issue-comment-{comment.id}-"
    written = github.comments(comment.number)
    return sum(each.author == BOT_LOGIN and mark in each.body for each in written)


@asynccontextmanager
async def server(checkout: Path, github: GitHubEmulator, codegen: CodegenEmulator) -> AsyncIterator[str]:
    """Runs the bot of a checkout, on a new database.

    :returns: its address
    """
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(checkout),
            "CODEGEN_API_TOKEN": "sk-org1-bench",
            "CODEGEN_ORG_ID": "1",
            "CODEGEN_API_BASE_URL": codegen.url,
            "GITHUB_TOKEN": "bot-token",
            "GITHUB_API_URL": github.url,
            "GITHUB_WEBHOOK_SECRET": SECRET,
            "DATABASE_URL": f"sqlite:///{folder}/bot.sqlite",
            "HOST": "127.0.0.1",
            "PORT": "0",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "serve",
            cwd=checkout,
            env=environ,
            stdout=PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            yield await address(process.stdout)
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()


async def address(output: asyncio.StreamReader) -> str:
    """The address on which the server listens, from its log; the rest of the log is dropped."""
    async with asyncio.timeout(60):
        while line := (await output.readline()).decode():
            if found := re.search(r"server\.listening\b.*?\bport\W+(\d+)", line):
                reading = asyncio.create_task(_drain(output), name="log")
                _READERS.add(reading)
                reading.add_done_callback(_READERS.discard)
                return f"http://127.0.0.1:{found[1]}"
    raise RuntimeError("the server ended before it listened")


_READERS: set[asyncio.Task[None]] = set()


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.readline():
        pass


if __name__ == "__main__":
    main()
