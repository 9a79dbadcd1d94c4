"""The steps of `action.yml`, executed by the shell as the runner does it, from a copy of the repository."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from tests.action.composite.runner import Job

ACCOUNT = {"codegen_api_token": "sk-org1-anything", "codegen_org_id": "1"}


async def test_a_step_with_a_prompt_starts_an_agent_and_has_its_result(job: Job, codegen: CodegenEmulator) -> None:
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
        "json": "",
    }
    assert json.loads(outputs["json"])["version"] == 1
    assert job.summary.startswith("### codegen-bot, `run`: success (completed)\n")


async def test_a_comment_without_a_command_starts_nothing(
    job: Job, codegen: CodegenEmulator, github: GitHubEmulator
) -> None:
    """It asks neither GitHub nor Codegen, and needs no token to find that out."""
    github.comment("alice", 1, "Thanks, looks good.")
    job.event = ("issue_comment", github.deliveries[-1].payload)

    outputs = await job.use()

    assert job.exit_status == 0, job.log
    assert (outputs["triggered"], outputs["conclusion"], outputs["reason-code"]) == ("false", "skipped", "no-command")
    assert [*codegen.control.journal, *github.control.journal] == []


async def test_a_comment_with_a_command_gets_its_reply(
    job: Job, codegen: CodegenEmulator, github: GitHubEmulator
) -> None:
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


async def test_a_cancelled_job_is_heard(job: Job, codegen: CodegenEmulator) -> None:
    """GitHub's runner tells the shell only. The bot says what goes on without it, and has its outputs written."""
    step = asyncio.create_task(job.use(command="run", prompt="take your time", **ACCOUNT))
    await codegen.run_created(1)
    assert job.running is not None
    job.running.send_signal(signal.SIGINT)

    outputs = await asyncio.wait_for(step, timeout=20)

    assert job.exit_status == 130, job.log
    assert (outputs["conclusion"], outputs["reason-code"]) == ("cancelled", "interrupted")


TRAP = "import pathlib; pathlib.Path(__file__).with_suffix('.trapped').touch()\n"


async def test_nothing_in_the_workspace_is_imported_or_read(job: Job) -> None:
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


async def test_the_log_shows_no_token(job: Job) -> None:
    await job.use(command="whoami", **ACCOUNT)

    assert job.exit_status == 0, job.log
    shown = re.sub("^::add-mask::.*\n", "", job.log, flags=re.MULTILINE)
    assert "sk-org1-anything" not in shown
    assert "actions-token" not in shown


async def test_the_packages_are_installed_once(job: Job, tool_cache: Path) -> None:
    """A second use in a job, and every later job on a runner of one's own, finds them."""
    for _ in range(2):
        await job.use(command="help", **ACCOUNT)
        assert job.exit_status == 0, job.log

    assert len([*(tool_cache / "codegen-bot").iterdir()]) == 1


async def test_a_runner_without_a_python_says_what_to_do(job: Job, tmp_path: Path) -> None:
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
