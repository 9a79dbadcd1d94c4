"""Agents that work in the workflow's job itself: no server, no Codegen, real git, and the scripted agent."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.action.agents import agents_of
from bot.action.inputs import InputError, read_inputs
from bot.agents.config import AgentsConfig, SandboxKind
from bot.agents.sandbox.choice import problem
from bot.app.agents_in_job import RESTRICTION, allow_sandbox
from bot.emulators.github.model import REPOSITORY
from tests.harness.agents_world import FIXER, script, scripted
from tests.harness.command_lines import command_lines, until_running
from tests.harness.workflow import GITHUB_TOKEN, Workflow, workflow_in

FIX = script(
    {"edit": "app/checkout.py", "text": "# Fixed.\n"}, {"tokens": [1200, 34]}, {"say": "I fixed the checkout."}
)


@pytest.fixture
async def workflow(tmp_path: Path) -> AsyncIterator[Workflow]:
    """Codegen is not called by any of its jobs."""
    async with workflow_in(tmp_path) as workflow:
        yield workflow
        assert workflow.codegen.control.journal == []


async def with_agent(**more: str) -> dict[str, str]:
    """Inputs; without a sandbox where bubblewrap does not work: what it keeps out is shown elsewhere."""
    none = {"sandbox": "none"} if await problem(SandboxKind.BUBBLEWRAP) else {}
    return {"agent": "scripted", "codegen-api-token": "", "codegen-org-id": "", **none, **more}


async def texts(workflow: Workflow, branch: str) -> dict[str, str]:
    return await workflow.github.git.texts(REPOSITORY, f"refs/heads/{branch}")


async def test_comment_leads_to_commit_and_reply(workflow: Workflow) -> None:
    job = await workflow.on_comment("alice", f"/codegen run fix the checkout{FIX}", inputs=await with_agent())

    assert job.status == 0, job.raw
    head = workflow.github.world.threads[1].branch
    assert head is not None
    assert (await texts(workflow, head))["app/checkout.py"] == "# Fixed.\n"
    message = (await workflow.github.git.run(REPOSITORY, "log", "-1", "--format=%an%n%B", head)).decode()
    assert message.startswith("github-actions[bot]\nfix the checkout\n")
    assert "Co-authored-by: alice " in message
    [reply] = workflow.replies()
    assert "I fixed the checkout." in reply.body
    assert "A follow-up: `/codegen run <what to do next>`" in reply.body
    used = (job.outputs["conclusion"], job.outputs["input-tokens"], job.outputs["output-tokens"])
    assert used == ("success", "1200", "34")
    assert json.loads(job.outputs["changes"])["files"] >= 1
    assert "| run | state | pull requests | agent | changes | tokens | cost |" in job.summary
    assert "| 1,200 in, 34 out |" in job.summary


async def test_step_opens_pull_request(workflow: Workflow) -> None:
    inputs = await with_agent(command="run", prompt=f"Fix the checkout.{FIX}")
    job = await workflow.step("schedule", inputs=inputs)

    assert job.status == 0, job.raw
    number = int(job.outputs["pull-request-url"].rpartition("/")[2])
    opened = workflow.github.world.threads[number]
    assert opened.account.login == "github-actions[bot]"
    assert opened.branch is not None
    assert (await texts(workflow, opened.branch))["app/checkout.py"] == "# Fixed.\n"
    assert json.loads(job.outputs["changes"])["files"] == 1


async def test_agent_has_no_token_of_the_job(workflow: Workflow) -> None:
    """Neither in its environment nor in the repository's configuration."""
    secrets = {
        "ACTIONS_RUNTIME_TOKEN": "runtime-token",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "id-token",
        "GITHUB_TOKEN": GITHUB_TOKEN,
        "RUNNER_TOOL_CACHE": "/nowhere",
    }
    prompt = script(
        {"run": "env; git config --list --show-origin; cat .git/config", "say": True},
    )
    inputs = await with_agent(command="run", prompt=f"Look around.{prompt}")
    job = await workflow.step(inputs=inputs, environ=secrets)

    assert job.status == 0, job.raw
    answer = job.outputs["result"]
    assert "HOME" in answer
    assert "core.repositoryformatversion" in answer
    hidden = [GITHUB_TOKEN, *secrets.values(), "GITHUB_", "ACTIONS_", "RUNNER_", "INPUT_", "extraheader"]
    assert [each for each in hidden if each in answer] == []


async def test_sandbox_hides_job(workflow: Workflow) -> None:
    """The checkout, with the credentials that actions/checkout may have left there, and the runner's files."""
    if await problem(SandboxKind.BUBBLEWRAP):
        pytest.skip("bubblewrap does not work here")
    folder = workflow.folder / "checkout"
    config = folder / "workspace" / ".git" / "config"
    config.parent.mkdir(parents=True)
    config.write_text("[http]\n\textraheader = AUTHORIZATION: basic c2VjcmV0\n")
    look = f"cat {config} {folder}/event.json; ls {folder} {folder}/temp; cat /proc/*/environ"
    prompt = script({"run": look, "say": True})
    inputs = await with_agent(command="run", prompt=f"Look around.{prompt}")
    job = await workflow.step(inputs=inputs, folder=folder)

    answer = job.outputs["result"]
    assert answer.count("No such file or directory") == 4, answer
    assert "c2VjcmV0" not in answer
    assert GITHUB_TOKEN not in answer


async def test_agent_that_fails(workflow: Workflow) -> None:
    prompt = script({"edit": "app/checkout.py", "text": "half"}, {"fail": {"code": 500, "message": "out of order"}})
    job = await workflow.on_comment("alice", f"/codegen run fix it{prompt}", inputs=await with_agent())

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "run-failed")
    [reply] = workflow.replies()
    assert "The model's API failed (500)." in reply.body
    assert "Next: start another one with `/codegen run <what to do>`; this one ended with its job." in reply.body


async def test_agent_that_is_not_installed(workflow: Workflow) -> None:
    inputs = await with_agent(
        agent="opencode", command="run", prompt="Fix it.", **{"agent-key": "sk-model", "agent-model": "big"}
    )
    job = await workflow.step(inputs=inputs, environ={"PATH": "/usr/bin:/bin"})

    assert job.status == 1
    assert job.masks == [GITHUB_TOKEN, "sk-model"]
    assert "there is no program opencode. Install it there: `npm install -g opencode-ai`" in job.outputs["result"]


async def test_cancelled_job_leaves_no_process(workflow: Workflow) -> None:
    marker = f"sleep 91{workflow.github.url.rpartition(':')[2]}"
    delivery = workflow.commented("alice", f"/codegen run wait{script({'run': marker})}")
    job = await workflow.begun_on(delivery, inputs=await with_agent())
    await until_running(marker)

    job.cancel(signal.SIGINT)
    ended = await job.ended()

    assert (ended.status, ended.outputs["conclusion"]) == (130, "cancelled"), ended.raw
    assert await asyncio.to_thread(command_lines, marker) == []
    assert [*(job.folder / "temp").glob("codegen-bot-agents-*")] == []
    [reply] = workflow.replies()
    assert reply.body.startswith(
        "Cancelled: the job was stopped, and its agent with it. What the agent had not pushed is lost."
    )


async def test_run_of_earlier_job_cannot_be_resumed(workflow: Workflow) -> None:
    first = await workflow.on_comment("alice", f"/codegen run fix it{FIX}", inputs=await with_agent())
    assert first.status == 0, first.raw
    number = first.outputs["agent-run-id"]
    job = await workflow.on_comment("alice", f"/codegen resume {number} and the tests", inputs=await with_agent())

    assert job.outputs["reason-code"] == "user-error"
    assert " ended with the job that it worked in, and cannot be continued." in workflow.replies()[-1].body


async def test_resume_without_number_in_job(workflow: Workflow) -> None:
    """Not even after a run on the thread; in a step a number would be of no use."""
    await workflow.on_comment("alice", f"/codegen run fix it{FIX}", inputs=await with_agent())
    job = await workflow.on_comment("alice", "/codegen resume and the tests", inputs=await with_agent())
    step = await workflow.step("schedule", inputs=await with_agent(command="resume", prompt="and the tests"))

    assert (job.outputs["reason-code"], step.outputs["reason-code"]) == ("user-error", "user-error")
    reply = workflow.replies()[-1].body.partition("\n\n<!--")[0]
    assert step.log[-1] == reply
    assert reply == snapshot(
        "There is no run for `resume`: agents work in the workflow's job, and their runs end with it. Start one with `/codegen run <what to do>`: on a pull request it works on the same branch."
    )


async def test_two_steps_have_branches_of_their_own(workflow: Workflow) -> None:
    inputs = await with_agent(command="run", prompt=f"Fix the checkout.{FIX}")
    first = await workflow.step(inputs=inputs, run_id="77")
    second = await workflow.step(inputs=inputs, run_id="78")

    assert first.outputs["pull-request-url"] != second.outputs["pull-request-url"]


# Inputs


def read(environ: dict[str, str], **given: str) -> AgentsConfig:
    named = {f"INPUT_{name.upper()}": value for name, value in given.items()}
    return agents_of(read_inputs({**environ, **named}), environ)


@pytest.mark.parametrize(
    "given",
    [
        {"agent": "claude", "agents_file": "agents.yml"},
        {"agent": "claude", "wait": "false"},
        {"agents_file": "agents.yml", "agent_model": "big"},
        {"agent": "claude", "sandbox": "yes"},
        {"agent_key": "sk-1"},
        {"sandbox": "none"},
        {"agent": "claude"},
        {"agent": "cloud", "agent_key": "sk-1"},
        {"agents_file": "missing.yml"},
    ],
    ids=str,
)
def test_wrong_inputs_get_a_sentence(given: dict[str, str]) -> None:
    with pytest.raises(InputError) as error:
        read({}, **given)
    assert "AGENT" not in str(error.value).replace("AGENTS_FILE", "")


def test_key_of_preset() -> None:
    config = read({}, agent="opencode", agent_key="sk-1", agent_model="gpt-5.5", timeout_minutes="30")

    agent = config.agents["opencode"]
    assert agent.key is not None
    assert (agent.key.get_secret_value(), agent.model, config.timeout_minutes) == ("sk-1", "gpt-5.5", 30)
    assert config.sandbox is SandboxKind.BUBBLEWRAP


def test_agents_file_names_key_but_no_token(tmp_path: Path) -> None:
    path = tmp_path / "agents.yml"
    path.write_text("agents: {one: {preset: opencode, model: big, key: '${AGENT_KEY}'}}")
    config = read({}, agents_file=str(path), agent_key="sk-1", sandbox="none")
    assert config.sandbox is SandboxKind.NONE

    path.write_text("agents: {one: {preset: opencode, model: big, key: '${GITHUB_TOKEN}'}}")
    with pytest.raises(InputError, match="The variable GITHUB_TOKEN is not set"):
        read({"GITHUB_TOKEN": GITHUB_TOKEN}, agents_file=str(path))


# AppArmor


@pytest.mark.parametrize(
    ("environment", "restricted", "asks"),
    [("github-hosted", "1", True), ("github-hosted", "0", False), ("self-hosted", "1", False)],
)
async def test_restriction_of_githubs_runners_is_lifted(
    tmp_path: Path, environment: str, restricted: str, *, asks: bool
) -> None:
    """By sudo, which is here a program that notes how it was called."""
    setting = tmp_path / "sys" / RESTRICTION.replace(".", "/")
    setting.parent.mkdir(parents=True)
    setting.write_text(f"{restricted}\n")
    sudo = tmp_path / "sudo"
    sudo.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\n')
    sudo.chmod(0o755)
    said: list[str] = []
    config = AgentsConfig(agents={"scripted": scripted(), "fixer": FIXER}, default="scripted")

    async def fails(kind: SandboxKind) -> str | None:
        return f"{kind} does not work"

    environ = {"RUNNER_ENVIRONMENT": environment, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    await allow_sandbox(config, environ, said.append, settings=tmp_path / "sys", find_problem=fails)

    called = tmp_path / "called"
    assert called.exists() is asks
    if asks:
        assert called.read_text() == f"--non-interactive sysctl --quiet --write {RESTRICTION}=0\n"
        assert said == [
            (
                "AppArmor keeps bubblewrap from making a sandbox on this runner. Allowing it for the rest of this job: "
                f"sudo sysctl {RESTRICTION}=0"
            )
        ]
