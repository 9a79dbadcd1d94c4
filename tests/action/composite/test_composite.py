"""The steps of `action.yml`, executed by the shell as the runner does it, from a copy of the repository."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import pytest

from bot.action.reaction import Reactions
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.action.composite.runner import Job
from tests.harness import TIMEOUT
from tests.harness.looks import comment

ACCOUNT = {"codegen_api_token": "sk-org1-anything", "codegen_org_id": "1"}


async def test_step_with_prompt_has_the_result(job: Job, codegen: CodegenEmulator) -> None:
    """On an event that has no thread, as a nightly one: the answer is in the outputs, the log and the summary."""
    step = asyncio.create_task(job.use(command="run", prompt="tidy up\n${{ secrets.X }} `id` $(id)", **ACCOUNT))
    run = await codegen.run_created(1)
    codegen.finish(1, result="All tidy.\nNothing left.", pull_request="octo/shop#12")

    outputs = await step

    assert job.exit_status == 0, job.log
    # What people write is never read by the shell or the runner.
    assert "tidy up\n${{ secrets.X }} `id` $(id)" in run.prompt
    assert outputs | {"json": ""} == {
        "triggered": "true",
        "conclusion": "success",
        "reason-code": "completed",
        "agent-run-id": "1",
        "agent-run-ids": "[1]",
        "status": "COMPLETE",
        "result": "All tidy.\nNothing left.",
        "summary": "",
        "web-url": "https://codegen.com/agent/trace/1",
        "pull-request-url": "https://github.com/octo/shop/pull/12",
        "comment-url": "",
        "input-tokens": "",
        "output-tokens": "",
        "cost": "",
        "changes": "",
        "json": "",
    }
    assert json.loads(outputs["json"])["version"] == 1
    assert job.summary.startswith("### codegen-bot, `run`: success (completed)\n")


async def test_comment_without_command_starts_nothing(
    job: Job, codegen: CodegenEmulator, github: GitHubEmulator
) -> None:
    """It sends no request, and needs no token."""
    github.comment("alice", 1, "Thanks, looks good.")
    job.event = ("issue_comment", github.deliveries[-1].payload)

    outputs = await job.use()

    assert job.exit_status == 0, job.log
    assert (outputs["triggered"], outputs["conclusion"], outputs["reason-code"]) == ("false", "skipped", "no-command")
    assert [*codegen.control.journal, *github.control.journal] == []


async def test_comment_without_command_needs_no_packages(plain_job: Job, tmp_path: Path) -> None:
    """Nothing is installed, so the registry need not be there."""
    plain_job.tool_cache = tmp_path / "empty"
    plain_job.environ = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    plain_job.event = ("issue_comment", comment("Thanks, looks good."))

    outputs = await plain_job.use()

    assert (plain_job.exit_status, outputs["reason-code"]) == (0, "no-command"), plain_job.log
    assert plain_job.log == "No command here (issue_comment created).\n"
    assert plain_job.summary == "### codegen-bot: skipped (no-command)\n\nNo command here (issue_comment created).\n\n"
    assert outputs["json"]
    assert not plain_job.tool_cache.exists()


async def test_eyes_do_not_wait_for_the_install(job: Job, github: GitHubEmulator, tmp_path: Path) -> None:
    """Here it fails: the eyes are there all the same, and the confused face says that no reply follows."""
    github.comment("alice", 1, "/codegen run fix the flaky test")
    job.tool_cache = tmp_path / "empty"
    job.environ = {**job.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    job.event = ("issue_comment", github.deliveries[-1].payload)

    await job.use(**ACCOUNT)

    assert job.exit_status == 1, job.log
    assert "::error title=codegen-bot::The Action's packages could not be installed: " in job.log
    assert reactions(github) == ["eyes", "confused"]
    assert "actions-token" not in job.log


async def test_eyes_are_added_once(job: Job, codegen: CodegenEmulator, github: GitHubEmulator) -> None:
    github.comment("alice", 1, "/codegen help")
    job.event = ("issue_comment", github.deliveries[-1].payload)

    outputs = await job.use(**ACCOUNT)

    assert (job.exit_status, outputs["conclusion"]) == (0, "success"), job.log
    assert reactions(github, comment=-2) == ["eyes", "rocket"]
    sent = [entry.status for entry in github.control.journal if entry.path.endswith("/reactions")]
    assert sent == [201, 200, 201]
    assert "could not be added" not in job.log


@pytest.mark.parametrize("before", [False, True], ids=["new", "there-before"])
async def test_eyes_are_taken_back_without_command(job: Job, github: GitHubEmulator, *, before: bool) -> None:
    """Only the installed bot can tell that a line is code. Eyes of an earlier command stay."""
    written = github.comment("alice", 1, "```\n/codegen run fix the flaky test\n```")
    job.event = ("issue_comment", github.deliveries[-1].payload)
    if before:
        await job_reaction(github, written.id)

    outputs = await job.use(**ACCOUNT)

    assert (job.exit_status, outputs["reason-code"]) == (0, "no-command"), job.log
    assert reactions(github) == (["eyes"] if before else [])


async def job_reaction(github: GitHubEmulator, comment_id: int) -> None:
    """The eyes of a job before."""
    found = Reactions(f"{github.url}/repos/octo/shop/issues/comments/{comment_id}/reactions", "actions-token")
    assert await asyncio.to_thread(found.try_to_add, "eyes") is not None


async def test_failed_job_without_reply_is_confused(job: Job, github: GitHubEmulator) -> None:
    """Its token is missing, so the bot cannot carry out anything."""
    github.comment("alice", 1, "/codegen run fix the flaky test")
    job.event = ("issue_comment", github.deliveries[-1].payload)

    outputs = await job.use()

    assert (job.exit_status, outputs["reason-code"]) == (2, "bad-input"), job.log
    assert reactions(github) == ["eyes", "confused"]


async def test_no_eyes_without_comment_input(job: Job, github: GitHubEmulator) -> None:
    github.comment("alice", 1, "/codegen help")
    job.event = ("issue_comment", github.deliveries[-1].payload)

    outputs = await job.use(comment="false", **ACCOUNT)

    assert (job.exit_status, outputs["conclusion"]) == (0, "success"), job.log
    assert reactions(github) == []


def reactions(github: GitHubEmulator, *, comment: int = -1) -> list[str]:
    """:param comment: which of the thread's comments"""
    return [each.content for each in github.comments(1)[comment].reactions]


async def test_comment_with_command_gets_a_reply(job: Job, codegen: CodegenEmulator, github: GitHubEmulator) -> None:
    github.comment("alice", 1, "/codegen run fix the flaky test")
    job.event = ("issue_comment", github.deliveries[-1].payload)

    step = asyncio.create_task(job.use(**ACCOUNT))
    await codegen.run_created(1)
    codegen.finish(1, result="Fixed.")
    outputs = await step

    assert job.exit_status == 0, job.log
    reply = github.comments(1)[-1]
    assert "Fixed." in reply.body
    assert outputs["comment-url"].endswith(f"#issuecomment-{reply.id}")


async def test_cancelled_job_is_reported(job: Job, codegen: CodegenEmulator) -> None:
    """GitHub's runner signals the shell only. The bot reports that the run continues, and sets its outputs."""
    step = asyncio.create_task(job.use(command="run", prompt="take your time", **ACCOUNT))
    await codegen.run_created(1)
    assert job.running is not None
    job.running.send_signal(signal.SIGINT)

    outputs = await asyncio.wait_for(step, TIMEOUT)

    assert job.exit_status == 130, job.log
    assert (outputs["conclusion"], outputs["reason-code"]) == ("cancelled", "interrupted")


TRAP = "import pathlib; pathlib.Path(__file__).with_suffix('.trapped').touch()\n"


async def test_workspace_is_neither_imported_nor_read(job: Job) -> None:
    """It may hold a pull request's code, and the bot holds tokens."""
    traps = ("sitecustomize.py", "usercustomize.py", "json.py", "venv.py", "pip.py", "httpx.py", "bot/__init__.py")
    for name in traps:
        path = job.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TRAP)
    (job.workspace / ".env").write_text("CODEGEN_API_BASE_URL=http://127.0.0.1:9\nCODEGEN_API_TOKEN=theirs")
    # A job may have set this for its own tests.
    job.environ = {**job.environ, "PYTHONPATH": str(job.workspace), "PYTHONSTARTUP": "json.py"}

    outputs = await job.use(command="whoami", **ACCOUNT)

    assert (outputs["conclusion"], job.exit_status) == ("success", 0), job.log
    assert [*job.workspace.rglob("*.trapped")] == []


async def test_log_contains_no_token(job: Job) -> None:
    await job.use(command="whoami", **ACCOUNT)

    assert job.exit_status == 0, job.log
    shown = re.sub("^::add-mask::.*\n", "", job.log, flags=re.MULTILINE)
    assert "sk-org1-anything" not in shown
    assert "actions-token" not in shown


async def test_packages_are_installed_once(job: Job, tool_cache: Path) -> None:
    """A second use in a job, and every later job on a runner of one's own, finds them."""
    for _ in range(2):
        await job.use(command="help", **ACCOUNT)
        assert job.exit_status == 0, job.log

    assert len([*(tool_cache / "codegen-bot").iterdir()]) == 1


@pytest.fixture
def without_new_python(job: Job, tmp_path: Path) -> Job:
    """A job on a runner whose only Python is too old for the bot: one that knows as little of newer ones."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "bash").symlink_to("/bin/bash")
    # `action.yml` asks for the version, and this one says 3.8.
    script = f'#!/bin/sh\ncase "$*" in *"(3, 11)"*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    (folder / "python3").write_text(script)
    (folder / "python3").chmod(0o755)
    job.environ = {**job.environ, "PATH": str(folder), "RUNNER_TOOL_CACHE": ""}
    return job


async def test_old_python_suffices_without_command(without_new_python: Job, github: GitHubEmulator) -> None:
    job = without_new_python
    github.comment("alice", 1, "Thanks, looks good.")
    job.event = ("issue_comment", github.deliveries[-1].payload)

    outputs = await job.use(**ACCOUNT)

    assert (job.exit_status, outputs["reason-code"]) == (0, "no-command"), job.log


async def test_runner_without_python(job: Job, tmp_path: Path) -> None:
    """None that is new enough, to be exact: the old ones do not know the reason themselves."""
    only_bash = tmp_path / "bin"
    only_bash.mkdir()
    (only_bash / "python3").write_text("#!/bin/sh\nexit 1\n")
    (only_bash / "python3").chmod(0o755)
    (only_bash / "bash").symlink_to("/bin/bash")
    job.environ = {"PATH": str(only_bash), "RUNNER_TOOL_CACHE": ""}

    await job.use(command="help", **ACCOUNT)

    assert job.exit_status == 1
    assert job.log == (
        "::error title=codegen-bot::This runner has no Python 3.11 or newer. "
        "Next: put actions/setup-python before this step.\n"
    )
