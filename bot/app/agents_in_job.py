"""Agents of one's own in a workflow's job: their API and a worker, on a database that ends with the job.

The job's token pushes and opens the pull request when the agent has ended; the agent never has it.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.engine import Engine as Database

from bot.agents.config import AgentsConfig, SandboxKind
from bot.agents.sandbox.choice import problem
from bot.app.clients import Clients, Timing
from bot.app.embedded_agents import EmbeddedAgents, embedded_agents
from bot.engine.membership import new_executor_id
from bot.settings.model import OWN_ORGANIZATION, Accounts, Settings
from bot.storage.migrating import migrated_database
from bot.storage.queries import run_in_thread

RESTRICTION = "kernel.apparmor_restrict_unprivileged_userns"
"""The setting by which Ubuntu, from 23.10 on, keeps bubblewrap from making a sandbox."""

_SUDO_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class AgentsInJob:
    """:param embedded: whose settings lead the Codegen client to the API in this process"""

    embedded: EmbeddedAgents
    database: Database

    @property
    def settings(self) -> Accounts:
        return self.embedded.settings

    @property
    def timing(self) -> Timing:
        return self.embedded.timing

    @property
    def names(self) -> tuple[str, ...]:
        return self.embedded.backend.config.names

    @asynccontextmanager
    async def working(self, clients: Clients) -> AsyncIterator[None]:
        """Serves the API and takes turns while the context lasts; at its end, agents that still work are ended.

        :raises SettingsError: if the sandbox cannot be used here, or git
        """
        async with (
            self.embedded.serving(clients.github),
            self.embedded.working(self.database, clients, name=new_executor_id("agents-in-job")),
        ):
            yield


@asynccontextmanager
async def agents_in_job(
    config: AgentsConfig, accounts: Accounts, timing: Timing, *, folder: Path | None
) -> AsyncIterator[AgentsInJob]:
    """Creates the database, and a folder for the agents' work, which is deleted at the end.

    :param accounts: of the job
    :param folder: that other jobs do not share; None: the system's temporary one
    """
    with tempfile.TemporaryDirectory(prefix="codegen-bot-agents-", dir=folder, ignore_cleanup_errors=True) as place:
        settings = Settings.model_validate(
            {
                **{name: getattr(accounts, name) for name in accounts.model_fields_set},
                "agent": config.default,
                "codegen_api_token": "",
                "codegen_org_id": OWN_ORGANIZATION,
                "database_url": f"sqlite:///{place}/agents.sqlite",
                "agents_dir": f"{place}/agents",
                # There are no deliveries.
                "github_webhook_secret": secrets.token_hex(),
            }
        )
        async with (
            migrated_database(settings.database_url) as database,
            embedded_agents(database, config, settings, timing) as embedded,
        ):
            await run_in_thread(partial(embedded.backend.store.number_from, first_number(timing.now())))
            yield AgentsInJob(embedded, database)


def first_number(now: datetime) -> int:
    """The number of a job's first run: a branch and replies are named after it, so jobs must not share it."""
    return int(now.timestamp()) * 1000 + secrets.randbelow(1000)


async def allow_sandbox(
    config: AgentsConfig,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    *,
    settings: Path = Path("/proc/sys"),
    find_problem: Callable[[SandboxKind], Awaitable[str | None]] = problem,
) -> None:
    """On a runner of GitHub's, lets bubblewrap make a sandbox if AppArmor keeps it from that: the machine is deleted
    after the job. A machine of one's own is left as it is; `AgentsInJob.working` then says what to do.

    :param environ: the runner's
    :param say: prints a line of the step's log
    :param settings: the folder with the kernel's settings
    :param find_problem: tries a sandbox out
    """
    setting = settings / RESTRICTION.replace(".", "/")
    if config.sandbox is not SandboxKind.BUBBLEWRAP or environ.get("RUNNER_ENVIRONMENT") != "github-hosted":
        return
    if not setting.is_file() or setting.read_text().strip() != "1" or await find_problem(config.sandbox) is None:
        return
    say(
        "AppArmor keeps bubblewrap from making a sandbox on this runner. "
        f"Allowing it for the rest of this job: sudo sysctl {RESTRICTION}=0"
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *("sudo", "--non-interactive", "sysctl", "--quiet", "--write", f"{RESTRICTION}=0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": environ.get("PATH", "/usr/bin:/bin")},
        )
    except OSError:
        say("There is no sudo.")
        return
    try:
        async with asyncio.timeout(_SUDO_TIMEOUT):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        errors = b"no answer"
    if process.returncode:
        say(f"That was refused: {errors.decode(errors='replace').strip()[:200]}")
