"""``codegen-bot agents``: agents of one's own, without the rest of the bot."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from bot import log
from bot.cli.params import json_option
from bot.cli.process import CannotStartError, EndError, cannot_start_after, own_agents, run_until_stopped, until
from bot.cli.screen import json_line, say
from bot.errors import BotError, SettingsError
from bot.execution.outcome import ExitStatus
from bot.settings.loading import load_agent_settings, load_own_agents
from bot.settings.model import AgentSettings, OwnAgents

if TYPE_CHECKING:
    # Imports pydantic's models of the agents file.
    from bot.agents.config import Agent, AgentsConfig

VERSION = 1
"""Version of the JSON document."""

STOP_SECONDS = 15.0
"""How long a stopped worker has to hand its turns over, after `drain-seconds`."""


@click.group()
def agents() -> None:
    """Serve, run and list agents of your own.

    "codegen-bot serve" does all of it in one process. The agents are those of the agents file (AGENTS_FILE), or the one
    that AGENT names.
    """


@dataclass(frozen=True, slots=True)
class _Row:
    """:param program: the path of the agent's program; None if it is not installed
    :param key: whether there is a model key
    """

    name: str
    is_default: bool
    preset: str | None
    program: str | None
    model: str | None
    key: bool
    sandbox: str


@agents.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the agents: preset, program, model, key, sandbox.

    Starts none of them; "codegen-bot doctor" does.
    """
    config = own_agents(_own())
    rows = [_row(agent, config) for agent in config.agents.values()]
    if as_json:
        json_line({"version": VERSION, "agents": [asdict(row) for row in rows]})
        return
    heads = ("agent", "preset", "program", "model", "key", "sandbox")
    lines = [heads, *(_cells(row, config.agents[row.name]) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    for name in (row.name for row in rows if row.program is None):
        agent = config.agents[name]
        how = (
            f"install it: {agent.preset.install}" if agent.preset.install else "correct its command in the agents file"
        )
        say(f"{name}: {agent.program} is not on the PATH of this process; {how}")


@agents.command("serve")
def serve() -> None:
    """Serve the API of your agents alone.

    It listens on HOST and PORT, and stores runs in DATABASE_URL, from where "codegen-bot agents worker" takes them.
    """
    given, config = _agent_settings()
    from bot.app.agents import serving_agents  # noqa: PLC0415 - settings errors first, then slow imports

    async def until_stopped(stop: asyncio.Event) -> None:
        async with serving_agents(given, config):
            await stop.wait()

    run_until_stopped(until_stopped)


@agents.command("worker")
def worker() -> None:
    """Run agents for the runs in DATABASE_URL.

    On PostgreSQL any number of workers share the work, on any number of machines. AGENTS_DIR holds copies of the
    repositories and the files of runs.
    """
    given, config = _agent_settings()
    from bot.app.agent_worker import working_alone  # noqa: PLC0415 - settings errors first, then slow imports

    async def until_stopped(stop: asyncio.Event) -> None:
        async with working_alone(given, config) as working:
            await until(stop, working.ended.wait())
            if not stop.is_set():
                raise EndError("The worker has ended by an error of its own, see its log.", ExitStatus.FAILED)
            _end_at_latest(config.drain + STOP_SECONDS)

    run_until_stopped(until_stopped)


def _end_at_latest(seconds: float) -> None:
    """Ends the process then, whatever holds it up, such as a database that does not respond."""
    timer = threading.Timer(seconds, partial(os._exit, ExitStatus.FAILED))
    timer.daemon = True
    timer.start()


@agents.group()
def token() -> None:
    """Manage the tokens of your agents' API."""


@token.command("create")
@click.argument("name", metavar="LOGIN")
def create(name: str) -> None:
    """Make a token for the owner of a GitHub account, and print it.

    Only its hash is stored, in the server's database: run this where the server gets its settings. The token cannot be
    shown again. On the dashboard and the HTTP API its owner may do what the GitHub account may do.
    """
    own = _own()
    from bot.app.agents import new_token  # noqa: PLC0415 - settings errors first, then slow imports
    from bot.storage.database import database_name  # noqa: PLC0415

    with cannot_start_after(BotError):
        click.echo(new_token(own, name))
    # On stderr: scripts read the token from stdout.
    where = database_name(own.database_url)
    click.echo(f"Stored in the database {where}. Only a server with this database accepts the token.", err=True)


@token.command("list")
def list_tokens() -> None:
    """List whose tokens there are, and since when."""
    own = _own()
    from bot.app.agents import tokens_of  # noqa: PLC0415 - settings errors first, then slow imports
    from bot.storage.database import database_name  # noqa: PLC0415

    with cannot_start_after(BotError):
        found = tokens_of(own)
    for each in found:
        say(f"{each.login}  {each.created_at:%Y-%m-%d %H:%M} UTC")
    if not found:
        where = database_name(own.database_url)
        say(f"There is no token in the database {where}. Next: codegen-bot agents token create LOGIN")


@token.command("revoke")
@click.argument("name", metavar="LOGIN")
def revoke(name: str) -> None:
    """Revoke all tokens of the owner of a GitHub account.

    They are refused from then on, also by running servers. Runs that were started with them continue.
    """
    own = _own()
    from bot.app.agents import revoke_tokens  # noqa: PLC0415 - settings errors first, then slow imports
    from bot.storage.database import database_name  # noqa: PLC0415

    with cannot_start_after(BotError):
        count = revoke_tokens(own, name)
    if not count:
        where = database_name(own.database_url)
        raise CannotStartError(f"{name} has no token in the database {where}. Next: codegen-bot agents token list")
    say(f"Revoked {count} token{'s' if count > 1 else ''} of {name}.")


def _own() -> OwnAgents:
    with cannot_start_after(SettingsError):
        return load_own_agents()


def _agent_settings() -> tuple[AgentSettings, AgentsConfig]:
    """Of a process that serves or runs agents; sets its log up."""
    with cannot_start_after(SettingsError):
        given = load_agent_settings()
    config = own_agents(given)
    log.configure(level=given.log_level, log_format=given.log_format)
    return given, config


def _row(agent: Agent, config: AgentsConfig) -> _Row:
    return _Row(
        name=agent.name,
        is_default=agent.name == config.default,
        preset=agent.preset.name if agent.preset.install else None,
        program=shutil.which(agent.program),
        model=agent.model_name,
        key=agent.key is not None,
        sandbox=config.sandbox.value,
    )


def _cells(row: _Row, agent: Agent) -> tuple[str, ...]:
    key = "set" if row.key else ("none" if agent.preset.api else "-")
    return (
        f"{row.name} (default)" if row.is_default else row.name,
        row.preset or "(command)",
        row.program or "not found",
        row.model or ("its own choice" if agent.preset.api else "-"),
        key,
        row.sandbox,
    )
