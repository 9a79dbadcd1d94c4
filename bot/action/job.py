"""Turns the inputs of a step that names a command into a command invocation."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.action.inputs import InputError, Inputs
from bot.commands.argument_parser import build
from bot.commands.named import Named
from bot.commands.resume import Resume
from bot.commands.table import COMMANDS, Command
from bot.commands.usage import ParseError
from bot.github.models import Person, Thread
from bot.handlers.invocation import Authority, CommandInvocation, NamedUse
from bot.repository_config.model import RepositoryConfig

LONGEST_WAY_BACK = timedelta(days=31)
"""How far back a rerun job searches for its earlier actions: jobs cannot be rerun after 30 days."""

_FLAG_OF_INPUT = {"model": "--model", "agent-type": "--agent-type", "repo-id": "--repo-id", "concurrency": "--attempts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Identifies the job within its workflow run, as the runner reports it.

    :param index: of a matrix job; the runner's environment does not distinguish these, so ``action.yml`` does
    :param attempt: from 1
    """

    run_id: str
    name: str
    index: str
    step: str
    attempt: int
    actor: str
    folder: Path | None

    @property
    def worker(self) -> str:
        """The same in every attempt."""
        return f"actions/{self.run_id}/{self.name}/{self.index}"

    @property
    def is_again(self) -> bool:
        """Whether the job has been rerun."""
        return self.attempt > 1


def read_job(environ: Mapping[str, str]) -> Job:
    attempt, folder = environ.get("GITHUB_RUN_ATTEMPT", ""), environ.get("RUNNER_TEMP")
    return Job(
        run_id=environ.get("GITHUB_RUN_ID", ""),
        name=environ.get("GITHUB_JOB", ""),
        index=environ.get("CODEGEN_BOT_JOB_INDEX", ""),
        step=environ.get("GITHUB_ACTION", ""),
        attempt=int(attempt) if attempt.isdecimal() else 1,
        actor=environ.get("GITHUB_TRIGGERING_ACTOR") or environ.get("GITHUB_ACTOR") or "a workflow",
        folder=Path(folder) if folder else None,
    )


def order_of_step(
    inputs: Inputs, *, job: Job, thread: Thread | None, repository: str | None, config: RepositoryConfig, now: datetime
) -> CommandInvocation:
    """:raises InputError: if the inputs do not make a command"""
    command = _command(inputs, config)
    named = None
    if isinstance(command, Named):
        named = NamedUse(name=command.name, template=command.template, rest=command.rest)
        command = command.command
    return CommandInvocation(
        identity=_identity(inputs, job),
        command=command,
        thread=thread,
        repository=repository,
        comment=None,
        person=Person(job.actor, is_bot=False),
        # A second attempt may find actions as old as the first attempt.
        asked_at=now - LONGEST_WAY_BACK if job.is_again else now,
        prefix=config.prefix,
        named=named,
        authority=Authority.TOKEN,
        posts=inputs.comment,
        waits=inputs.wait,
    )


def _command(inputs: Inputs, config: RepositoryConfig) -> Command | Named:
    values: dict[str, tuple[str, ...]] = {
        "model": inputs.models,
        "agent-type": inputs.agent_types,
        "repo-id": (inputs.repo_id,) if inputs.repo_id else (),
        "concurrency": (inputs.concurrency,) if inputs.concurrency else (),
    }
    flags = {_FLAG_OF_INPUT[name]: [*given] for name, given in values.items() if given}
    try:
        command = build(inputs.command, flags, _rest(inputs), prompts=config.prompts)
        # A leading number belongs to the prompt: the run has an input of its own.
        return (
            Resume(inputs.prompt)
            if isinstance(command, Resume) and not inputs.agent_run_id and inputs.prompt
            else command
        )
    except ParseError as error:
        text = str(error).replace("`-n`", "`concurrency`")
        for name, flag in _FLAG_OF_INPUT.items():
            text = text.replace(f"`{flag}`", f"`{name}`")
        raise InputError(text) from None


def _rest(inputs: Inputs) -> str:
    """The text that would follow the command's flags."""
    form = COMMANDS[inputs.command].USAGE.form if inputs.command in COMMANDS else ""
    placed = (("agent-run-id", inputs.agent_run_id, "RUN"), ("sandbox-id", inputs.sandbox_id, "SANDBOX_ID"))
    for name, given, place in placed:
        if given and not re.search(rf"\b{place}\b", form):
            raise InputError(f"`{inputs.command}` takes no `{name}`.")
        if given and not given.isdecimal():
            raise InputError(f"`{name}` takes a number.")
    return " ".join(part for part in (inputs.agent_run_id, inputs.sandbox_id, inputs.prompt) if part)


def _identity(inputs: Inputs, job: Job) -> str:
    """The same in every attempt of the job, but unique among its steps, even with equal inputs."""
    said = (
        *(job.name, job.index, job.step, inputs.command, inputs.prompt, inputs.agent_run_id, inputs.sandbox_id),
        *(inputs.models, inputs.agent_types, inputs.repo_id, inputs.concurrency, inputs.pull_request),
    )
    digest = hashlib.sha256(json.dumps(said).encode(errors="surrogatepass")).hexdigest()[:16]
    use = _count_use(job.folder, digest) if job.folder else 1
    return f"step-{job.run_id[:20]}-{digest}{f'-{use}' if use > 1 else ''}"


def _count_use(folder: Path, digest: str) -> int:
    """How often this job has used the same inputs, including now. The folder lasts as long as the job."""
    notes = folder / "codegen-bot-steps"
    try:
        with notes.open("a+", encoding="ascii") as file:
            file.write(f"{digest}\n")
            file.seek(0)
            return file.read().split().count(digest)
    except OSError:
        # Outside of a runner, where nothing is repeated.
        return 1
