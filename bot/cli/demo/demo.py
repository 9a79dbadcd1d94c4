"""Starts the emulated GitHub, the bot with its own agent and the playground, and plays the scripted conversation."""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.agents.config import AgentsConfig, SandboxKind, of_preset
from bot.agents.presets import SCRIPTED
from bot.agents.sandbox.choice import problem
from bot.app.agents import new_token
from bot.app.clients import Timing
from bot.app.server import serving
from bot.cli.demo.conversation import SCENES, Entry, Transcript, open_threads, plain, play_scenes
from bot.cli.demo.history import add_history
from bot.cli.demo.playground import LOOPBACK, playground
from bot.codegen.polling import PollInterval
from bot.emulators.github import GitHubEmulator
from bot.errors import SettingsError
from bot.settings.model import Settings

FAST = Timing(
    run_poll_interval=PollInterval(0.3, 2.0),
    step_refresh=PollInterval(1.0, 2.0),
    write_gap=0.1,
    write_windows=(),
    polling_interval=0.5,
    missed_every=None,
    config_ttl=0.0,
)

API_PORT = 8080
"""The bot's default port, as used in docs/api.md."""

CALLER = "alice"
"""Whose token is printed, for the HTTP API and the dashboard."""


async def play(
    *,
    say: Callable[[str], None],
    once: bool,
    port: int,
    api_port: int | None = None,
    agent: str = SCRIPTED,
    model: str | None = None,
    show: Callable[[Entry], None] | None = None,
    open_page: Callable[[str], object] | None = None,
) -> None:
    """Runs the whole demo.

    :param say: prints a line
    :param once: whether to end after the conversation, without pages; else it stays until it is cancelled
    :param port: the playground's; 0 for a free one
    :param api_port: the bot's; 0 for a free one, None for the default one or a free one if that is taken
    :param agent: the preset of the agent that does the work
    :param model: of that agent; None for its usual one
    :param show: prints a comment or its edit; None: as plain text
    :param open_page: opens a page in a browser
    :raises SettingsError: if a port is taken, or if the agent cannot be used
    """
    secret = secrets.token_hex(16)
    agents = await _agents(agent, model, say)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="codegen-bot-demo-")))
        github = await stack.enter_async_context(GitHubEmulator(webhook_secret=secret))
        settings = _settings(github, secret, folder, port=_usual_port() if api_port is None else api_port)
        url = await stack.enter_async_context(serving(settings, agents=agents, timing=FAST, address_named="--api-port"))
        github.webhooks.url = f"{url}/webhooks/github"
        open_threads(github)
        if not once:
            token = await asyncio.to_thread(new_token, settings, CALLER)
            await add_history(settings.database_url, agent=agent, login=CALLER, now=datetime.now(UTC))
            page = await stack.enter_async_context(playground(github, port=port, dashboard=url, token=token))
            github.show_threads_at(page)
            _show_addresses(say, url, page, github.url, token)
            if open_page is not None:
                open_page(page)
        transcript = Transcript(github, show or (lambda entry: say(plain(entry))))
        stack.callback(transcript.catch_up)
        await stack.enter_async_context(_in_background(transcript.follow()))
        await play_scenes(SCENES, github)
        transcript.catch_up()
        if not once:
            say("The conversation is over. Your turn: write a comment in the playground. Ctrl-C ends the demo.")
            await asyncio.Event().wait()


async def _agents(name: str, model: str | None, say: Callable[[str], None]) -> AgentsConfig:
    """:raises SettingsError: if there is no such agent, or if its key, its model or its program is missing"""
    config = of_preset(name, os.environ, model=model)
    program = config.agents[name].program
    if shutil.which(program) is None:
        install = config.agents[name].preset.install
        raise SettingsError(f"--agent {name}: {program} is not installed. Install it: {install}")
    if (why := await problem(SandboxKind.BUBBLEWRAP)) is None:
        return config
    say(f"{why} The demo goes on without a sandbox: the agent can do all that you can.\n")
    return replace(config, sandbox=SandboxKind.NONE)


def _show_addresses(say: Callable[[str], None], url: str, page: str, github: str, token: str) -> None:
    say("Two pages show the demo; what you do on one appears on the other. Ctrl-C ends it.\n")
    say(f"  {page} the playground: the conversation, where you can write comments")
    say(f"  {url}/#/sign-in?token={token} the dashboard: the runs of two weeks and their logs\n")
    say(f"The HTTP API is described on {url}/docs; for the curl lines of docs/api.md:")
    say(f"  export API={url} TOKEN={token}\n")
    # The URL of the user's own bot, which is not running yet.
    say("To create a GitHub App as for your own bot, in the emulated GitHub, in another terminal:")
    say(f"  {_program()} setup --github {github} --org octo --url http://{LOOPBACK}:8090 --print\n")
    say("Meanwhile a short conversation, on an emulated GitHub with real git and a real agent:\n")


def _program() -> str:
    """The command line of this program: `make demo` installs only the packages, not the command."""
    return "codegen-bot" if shutil.which("codegen-bot") else f"{shlex.quote(sys.executable)} -m bot"


def _settings(github: GitHubEmulator, secret: str, folder: Path, *, port: int) -> Settings:
    return Settings.model_validate(
        {
            "github_token": "bot-token",
            "github_api_url": github.url,
            "github_webhook_secret": secret,
            "database_url": f"sqlite:///{folder / 'demo.sqlite'}",
            "agent": SCRIPTED,
            "agents_dir": str(folder / "agents"),
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


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs a task until the block is left."""
    working = asyncio.create_task(work)
    try:
        yield
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
