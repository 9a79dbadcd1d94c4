"""Starts the emulators, the bot and the playground, and plays the scripted conversation."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bot.app.clients import Timing
from bot.app.server import serving
from bot.demo.playground import LOOPBACK, Playground
from bot.demo.pull_requests import open_pull_requests
from bot.demo.story import SCENES, tell
from bot.demo.transcript import Transcript
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.settings import Settings

IN_A_HURRY = Timing(shortest=0.3, longest=2.0, write_gap=0.1, write_windows=(), polling_interval=0.5, missed_every=None)

API_PORT = 8080
"""The bot's default port, as used in docs/api.md."""

CALLERS_TOKEN = "sk-org1-alice"  # noqa: S105 - the emulator accepts anything that starts with sk-
"""For the HTTP API: not the bot's own token, which callers never use."""


async def play(
    *,
    say: Callable[[str], None],
    once: bool,
    port: int,
    run_seconds: float,
    stop: asyncio.Event,
    api_port: int | None = None,
) -> None:
    """Runs the whole demo.

    :param say: prints a line
    :param once: whether to end after the conversation; else it stays until `stop` is set
    :param port: the playground's; 0 for a free one
    :param run_seconds: seconds that a run takes
    :param api_port: the bot's; 0 for a free one, None for the default one or a free one if that is taken
    :raises SettingsError: if a port is taken
    """
    secret = secrets.token_hex(16)
    github = GitHubEmulator(webhook_secret=secret)
    with tempfile.TemporaryDirectory(prefix="codegen-bot-demo-") as folder:
        async with CodegenEmulator(run_seconds=run_seconds) as codegen, github:
            bots_port = _usual_port() if api_port is None else api_port
            settings = _settings(github, codegen, secret, Path(folder) / "demo.sqlite", port=bots_port)
            async with serving(settings, timing=IN_A_HURRY) as url:
                github.webhooks.url = f"{url}/webhooks/github"
                say(f"GitHub is emulated on {github.url}, Codegen on {codegen.url}; the bot listens on {url}.\n")
                async with _beside(open_pull_requests(github, codegen)):
                    await _until(stop, _with_transcript(github, tell(SCENES, github, codegen), say))
                    if once or stop.is_set():
                        return
                    playground = Playground(github, codegen, port=port, dashboard=url, token=CALLERS_TOKEN)
                    async with playground as page:
                        _tell_where(say, url, page, github.url)
                        await _until(stop, _with_transcript(github, stop.wait(), say))


def _tell_where(say: Callable[[str], None], url: str, page: str, github: str) -> None:
    say(f"The HTTP API is described on {url}/docs; for the curl lines of docs/api.md:")
    say(f"  export API={url} TOKEN={CALLERS_TOKEN}\n")
    say("Your turn, in a browser; what is done on one page appears on the other. Ctrl-C ends it.")
    say(f"  {page} the playground: the conversation, and a box to write in")
    say(f"  {url}/ the dashboard: the runs and their logs; sign in with {CALLERS_TOKEN}")
    # The URL of the user's own bot, which is not running yet.
    say("To make a GitHub App as for a bot of your own, in the emulated GitHub, in another terminal:")
    say(f"  {_program()} setup --github {github} --org octo --url http://{LOOPBACK}:8090 --print")


def _program() -> str:
    """The command line of this program: `make demo` installs only the packages, not the command."""
    return "codegen-bot" if shutil.which("codegen-bot") else f"{shlex.quote(sys.executable)} -m bot"


def _settings(github: GitHubEmulator, codegen: CodegenEmulator, secret: str, database: Path, *, port: int) -> Settings:
    return Settings.model_validate(
        {
            "codegen_api_token": "sk-org1-demo",
            "codegen_org_id": 1,
            "codegen_api_base_url": codegen.url,
            "github_token": "bot-token",
            "github_api_url": github.url,
            "github_webhook_secret": secret,
            "database_url": f"sqlite:///{database}",
            "progress_interval_seconds": 1,
            "port": port,
        }
    )


def _usual_port() -> int:
    with socket.socket() as probe:
        # As the server does: a port with closing connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, API_PORT))
        except OSError:
            return 0
    return API_PORT


async def _with_transcript(
    github: GitHubEmulator, work: Coroutine[Any, Any, object], say: Callable[[str], None]
) -> None:
    """Prints what is written on GitHub while the work is running, including its end."""
    transcript = Transcript(github, say)
    try:
        async with _beside(transcript.follow()):
            await work
    finally:
        transcript.catch_up()


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs a task until the block is left."""
    working = asyncio.create_task(work)
    try:
        yield
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Runs the work until it ends or `stop` is set."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (working, stopping):
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    if not working.cancelled():
        working.result()
