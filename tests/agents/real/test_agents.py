"""What every agent must do: change files, go on after a restart, stop at once, fail clearly, and keep no secret."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.agents.config import SandboxKind
from bot.agents.model import AgentResult, MessageType
from bot.agents.preset import Resume
from bot.storage.agent_models import RunStatus
from tests.agents.real.scripts import ending, next_minute_for, until
from tests.agents.real.turns import FIXED, KEY, MODEL, SOURCE, RealRun
from tests.harness.model_server import Edit, Fail, Read, Run, Say, Step, Write

SECRET = "made-up-token-of-the-bot"


def fixing(run: RealRun, answer: str = "I fixed calc.py.") -> list[Step]:
    """What a model does that repairs the file, and adds another one."""
    source = f"{run.workspace}/calc.py"
    steps: list[Step] = [
        Run("ls"),
        Read(source),
        Edit(source, "a - b", "a + b"),
        Write(f"{run.workspace}/notes.txt", "Fixed.\n"),
    ]
    return [*steps, ending(run.agent, answer)]


async def test_turn_changes_files(run: RealRun) -> None:
    run.server.script(*fixing(run))

    result = await run.turn("Fix calc.py.")

    assert result.status is RunStatus.COMPLETE, result
    assert "I fixed calc.py." in result.text
    assert run.source.read_text() == FIXED
    assert (run.worktree / "notes.txt").read_text() == "Fixed.\n"
    assert {request.key for request in run.server.requests} == {KEY}
    assert {request.model for request in run.server.requests} == {MODEL}
    assert run.log[-1].message_type is MessageType.FINAL_ANSWER
    assert run.refused == []


async def test_resume_after_restart_has_the_context(run: RealRun) -> None:
    if run.agent.preset.resume is Resume.NEVER:
        pytest.skip(f"{run.agent.name} has no sessions")
    run.server.script(Say("The word is noted."))
    first = await run.turn("Remember the word wombat.")
    await next_minute_for(run.agent)
    before = len(run.server.requests)

    run.server.script(Say("It was wombat."))
    second = await run.turn("Which word was it?", session_id=first.session_id)

    assert second.status is RunStatus.COMPLETE, second
    assert second.text == "It was wombat."
    assert second.session_id == first.session_id
    asked = run.server.requests[before:]
    assert [request for request in asked if "wombat" in request.text and "Which word was it?" in request.text]


async def test_cancel_leaves_nothing_running(run: RealRun) -> None:
    started = run.worktree / "started"
    run.server.script(Run(f"echo > {run.workspace}/started; sleep 987654"))
    cancel = asyncio.Event()
    turn = asyncio.create_task(run.turn("Run the command.", cancel=cancel))
    await until(lambda: started.exists() or turn.done())

    cancel.set()
    result = await asyncio.wait_for(turn, 30)

    assert result.status is RunStatus.CANCELLED, result
    assert not running(run.folder, "sleep\0" + "987654")


def running(folder: Path, words: str) -> list[str]:
    """The command lines of living processes that name the run's folder, or contain the words."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if words in line or str(folder) in line:
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "The model's API rejected the key (401). Check `key` of the agent {name} in the agents file."),
        (429, "The model's API refuses more requests for now (429). Wait some minutes, and try again."),
        (500, "The model's API failed (500). Try again later."),
    ],
    ids=("401", "429", "500"),
)
async def test_model_failure_is_a_failure_that_says_so(run: RealRun, status: int, sentence: str) -> None:
    run.server.script(Fail(status))

    result = await asyncio.wait_for(run.turn("Fix calc.py.", silence=20), 60)

    assert (result.status, result.text) == (RunStatus.FAILED, sentence.format(name=run.agent.name))
    assert run.log[-1].message_type is MessageType.ERROR
    assert run.source.read_text() == SOURCE


async def test_environment_has_no_secret(run: RealRun, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "OPENAI_API_KEY", "GEMINI_API_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    seen = f"{run.workspace}/environment.txt"
    # Without a sandbox, the other processes are the machine's.
    others = "/proc/*/environ" if run.sandbox.kind is SandboxKind.BUBBLEWRAP else "/proc/self/environ"
    run.server.script(Run(f"env > {seen}; cat {others} >> {seen}; cat {seen}"), ending(run.agent, "Printed."))

    result = await run.turn("Print your environment.")

    assert result.status is RunStatus.COMPLETE, result
    environment = (run.worktree / "environment.txt").read_text(errors="replace")
    assert "HOME=" in environment
    assert_no_secret(run, result, environment)


def assert_no_secret(run: RealRun, result: AgentResult, environment: str) -> None:
    everywhere = [environment, result.text, repr(run.log), *(request.text for request in run.server.requests)]
    everywhere += (path.read_text(errors="replace") for path in run.home.rglob("*") if path.is_file())
    for text in everywhere:
        assert SECRET not in text
        assert KEY not in text
