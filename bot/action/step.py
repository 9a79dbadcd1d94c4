"""Turns the inputs of a step that names a command into a command invocation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.action.inputs import InputError, Inputs
from bot.commands.parsing.arguments import Parsed, build
from bot.commands.registry import COMMANDS
from bot.commands.resume import Resume
from bot.commands.usage import ParseError
from bot.execution.invocation import Authority, CommandInvocation
from bot.execution.repository_config.model import RepositoryConfig
from bot.github.models import Person, Thread

LONGEST_WAY_BACK = timedelta(days=31)
"""How far back a rerun job searches for its earlier actions: jobs cannot be rerun after 30 days."""

_INPUT_OF_FLAG = {
    "--model": "model",
    "--agent-type": "agent-type",
    "--repo-id": "repo-id",
    "--attempts": "concurrency",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Identifies the job within its workflow run, as the runner reports it.

    :param index: of a matrix job; the runner's environment does not distinguish these, so ``action.yml`` does
    :param attempt: from 1
    :param check_run: the number of its check run, another one in each attempt; None if unknown
    :param is_called: whether another workflow may have called the job's
    """

    run_id: str
    name: str
    index: str
    step: str
    attempt: int
    actor: str
    folder: Path | None
    check_run: int | None
    is_called: bool

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
    check_run, workflow = environ.get("CODEGEN_BOT_CHECK_RUN", ""), environ.get("CODEGEN_BOT_WORKFLOW_REF", "")
    return Job(
        run_id=environ.get("GITHUB_RUN_ID", ""),
        name=environ.get("GITHUB_JOB", ""),
        index=environ.get("CODEGEN_BOT_JOB_INDEX", ""),
        step=environ.get("GITHUB_ACTION", ""),
        attempt=int(attempt) if attempt.isdecimal() else 1,
        actor=environ.get("GITHUB_TRIGGERING_ACTOR") or environ.get("GITHUB_ACTOR") or "a workflow",
        folder=Path(folder) if folder else None,
        check_run=int(check_run) if check_run.isdecimal() else None,
        # The runner's variable names the workflow that the event started. Of the job's own, an older GitHub Enterprise
        # Server says nothing.
        is_called=not workflow or workflow != environ.get("GITHUB_WORKFLOW_REF", ""),
    )


def step_invocation(
    inputs: Inputs,
    *,
    job: Job,
    callers: str,
    thread: Thread | None,
    repository: str | None,
    config: RepositoryConfig,
    now: datetime,
) -> CommandInvocation:
    """:param callers: the names of the jobs that call this one's workflow; empty if there are none, or unknown
    :raises InputError: if the inputs do not make a command
    """
    command, named = _command(inputs, config)
    return CommandInvocation(
        identity=_identity(inputs, job, callers),
        command=command,
        thread=thread,
        repository=repository,
        comment=None,
        person=Person(job.actor, is_bot=False),
        # A second attempt may find actions as old as the first attempt.
        requested_at=now - LONGEST_WAY_BACK if job.is_again else now,
        prefix=config.prefix,
        named_prompt=named,
        authority=Authority.TOKEN,
        posts=inputs.comment,
        waits=inputs.wait,
    )


def _command(inputs: Inputs, config: RepositoryConfig) -> Parsed:
    given = {
        "--model": inputs.model,
        "--agent-type": inputs.agent_type,
        "--repo-id": (inputs.repo_id,),
        "--attempts": (inputs.concurrency,),
    }
    flags = {flag: [*values] for flag, values in given.items() if any(values)}
    try:
        command, named = build(inputs.command, flags, _rest(inputs), prompts=config.prompts)
    except ParseError as error:
        text = str(error)
        for flag, name in _INPUT_OF_FLAG.items():
            text = text.replace(f"`{flag}`", f"`{name}`")
        raise InputError(text) from None
    # A leading number belongs to the prompt: the run has an input of its own.
    is_prompt_alone = isinstance(command, Resume) and not inputs.agent_run_id and inputs.prompt
    return Resume(inputs.prompt) if is_prompt_alone else command, named


def _rest(inputs: Inputs) -> str:
    """The text that would follow the command's flags."""
    arguments = COMMANDS[inputs.command].USAGE.arguments if inputs.command in COMMANDS else ""
    takes = arguments.replace("[", " ").replace("]", " ").split()
    placed = (("agent-run-id", inputs.agent_run_id, "RUN"), ("sandbox-id", inputs.sandbox_id, "SANDBOX_ID"))
    for name, given, place in placed:
        if given and place not in takes:
            raise InputError(f"`{inputs.command}` takes no `{name}`.")
        if given and not given.isdecimal():
            raise InputError(f"`{name}` takes a number.")
    return " ".join(part for part in (inputs.agent_run_id, inputs.sandbox_id, inputs.prompt) if part)


def _identity(inputs: Inputs, job: Job, callers: str) -> str:
    """The same in every attempt of the job, but unique among the steps of the workflow run, even with equal inputs."""
    parts = (
        *(job.name, job.index, job.step, inputs.command, inputs.prompt, inputs.agent_run_id, inputs.sandbox_id),
        *(inputs.model, inputs.agent_type, inputs.repo_id, inputs.concurrency, inputs.pull_request),
        *([callers] if callers else ()),
    )
    digest = hashlib.sha256(json.dumps(parts).encode(errors="surrogatepass")).hexdigest()[:16]
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
