"""Steps that name a command, on any event."""

from __future__ import annotations

from pathlib import Path

from inline_snapshot import snapshot

from bot.execution.config_loader import PATH
from tests.harness.workflow import Workflow


async def test_nightly_prompt(quick_workflow: Workflow) -> None:
    """Without a thread there is no comment; the prompt names the repository and the actor."""
    job = await quick_workflow.step("schedule", inputs={"command": "run", "prompt": "Update the dependencies."})

    assert (job.status, job.outputs["conclusion"], job.outputs["comment-url"]) == (0, "success", "")
    assert quick_workflow.codegen.runs[1].prompt == snapshot("""\
You are working on the GitHub repository octo/shop.
You were asked by bob.

What bob asks for:

Update the dependencies.\
""")
    assert quick_workflow.replies() == []


async def test_review_of_every_pull_request(quick_workflow: Workflow) -> None:
    """The event names the thread: the prompt refers to it, and the reply is posted there."""
    quick_workflow.github.label("alice", 1, "area/shop")
    payload = quick_workflow.github.deliveries[-1].payload | {"action": "opened"}
    inputs = {"command": "run", "prompt": "Review this.", "model": "fast", "agent-type": "claude_code"}
    job = await quick_workflow.step("pull_request", payload, inputs=inputs)

    assert job.status == 0
    run = quick_workflow.codegen.runs[1]
    assert run.prompt.startswith(
        "You are working on the GitHub pull request octo/shop#1: https://github.com/octo/shop/pull/1"
    )
    assert (run.model, run.agent_type) == ("fast", "claude_code")
    assert (
        job.outputs["comment-url"]
        == f"https://github.com/octo/shop/pull/1#issuecomment-{quick_workflow.replies()[0].id}"
    )


async def test_comment_false_posts_nothing(quick_workflow: Workflow) -> None:
    inputs = {"command": "run", "prompt": "Fix it.", "pull-request": "1", "comment": "false"}
    job = await quick_workflow.step(inputs=inputs)

    assert (job.status, job.outputs["comment-url"]) == (0, "")
    assert quick_workflow.replies() == []
    assert [entry for entry in quick_workflow.github.control.journal if entry.method != "GET"] == []


async def test_wait_false_returns_at_once(slow_workflow: Workflow) -> None:
    inputs = {"command": "run", "prompt": "Fix it.", "pull-request": "#2", "wait": "false"}
    job = await slow_workflow.step(inputs=inputs)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (0, "success", "started")
    assert (job.outputs["agent-run-id"], job.outputs["web-url"]) == ("1", "https://codegen.com/agent/trace/1")
    (reply,) = slow_workflow.replies(2)
    assert reply.body.startswith(
        "Started: an agent is on it in [run 1](https://codegen.com/agent/trace/1).\n\n`/codegen status 1` shows"
    )


async def test_prompt_file(quick_workflow: Workflow, tmp_path: Path) -> None:
    file = tmp_path / "review.md"
    file.write_text("Look at the tests.\n\n- all of them\n", encoding="utf-8")
    job = await quick_workflow.step(inputs={"command": "run", "prompt-file": str(file)})

    assert job.status == 0
    assert quick_workflow.codegen.runs[1].prompt.endswith("Look at the tests.\n\n- all of them")


async def test_multi_run(quick_workflow: Workflow) -> None:
    """A large multi-run of a step needs no confirmation."""
    quick_workflow.github.world.files["main", ".github/codegen-bot.yml"] = "budgets: {confirm-multi-run-above: 1}"
    inputs = {"command": "multi-run", "prompt": "Make it fast.", "concurrency": "2", "model": "fast, slow"}
    job = await quick_workflow.step(inputs=inputs)

    assert (job.status, job.outputs["agent-run-ids"], job.outputs["agent-run-id"]) == (0, "[1, 2, 3]", "3")
    assert [run.model for run in quick_workflow.codegen.runs.values()] == ["fast", "slow", None]


async def test_named_prompt(quick_workflow: Workflow) -> None:
    quick_workflow.github.world.files["main", ".github/codegen-bot.yml"] = (
        "prompts: {fix-tests: {command: run, prompt: 'Make the tests of {link} pass. {rest}'}}"
    )
    inputs = {"command": "fix-tests", "prompt": "Only the slow ones.", "pull-request": "1"}
    job = await quick_workflow.step(inputs=inputs)

    assert job.status == 0
    prompt = quick_workflow.codegen.runs[1].prompt
    assert "Make the tests of https://github.com/octo/shop/pull/1 pass. Only the slow ones." in prompt


async def test_config_path(quick_workflow: Workflow) -> None:
    """A path in the repository, read from its default branch: never from the workspace, which a fork may have written."""
    quick_workflow.github.world.files["main", "ci/bot.yml"] = "prefix: /agent"
    job = await quick_workflow.on_comment("bob", "/agent help run", inputs={"config": "ci/bot.yml"})

    assert (job.status, job.outputs["conclusion"]) == (0, "success")


async def test_analyze_logs_of_failed_workflow_run(quick_workflow: Workflow) -> None:
    """The event names the pull request; one that GitHub lists from another repository is not taken for it."""
    here = {"number": 1, "base": {"repo": {"url": f"{quick_workflow.github.url}/repos/octo/shop"}}}
    elsewhere = {"number": 2, "base": {"repo": {"url": f"{quick_workflow.github.url}/repos/octo/shop-fork"}}}
    payload = {"action": "completed", "workflow_run": {"pull_requests": [elsewhere, here]}}
    job = await quick_workflow.step("workflow_run", payload, inputs={"command": "analyze-logs"})

    assert (job.status, job.outputs["reason-code"]) == (0, "completed")
    assert quick_workflow.replies(1)[0].body.startswith("No check has failed on the head")


async def test_sandbox_id(quick_workflow: Workflow) -> None:
    job = await quick_workflow.step(inputs={"command": "analyze-logs", "sandbox-id": "5"})

    assert (job.status, job.outputs["agent-run-id"]) == (0, "1")


async def test_agent_run_id(quick_workflow: Workflow) -> None:
    """A step may do whatever its token may."""
    quick_workflow.codegen.start_elsewhere("Something else")
    quick_workflow.codegen.script(result="Went on.")
    job = await quick_workflow.step(inputs={"command": "resume", "agent-run-id": "1", "prompt": "Go on."})

    assert (job.status, job.outputs["agent-run-id"]) == (0, "1")


async def test_resume_prompt_may_start_with_a_number(quick_workflow: Workflow) -> None:
    """The run has an input of its own; without it, it is the thread's latest."""
    await quick_workflow.step(inputs={"command": "run", "prompt": "Fix it.", "pull-request": "1"})
    quick_workflow.codegen.script(result="Went on.")
    job = await quick_workflow.step(
        inputs={"command": "resume", "prompt": "3 tests fail still.", "pull-request": "1"}, run_id="78"
    )

    assert (job.status, job.outputs["agent-run-id"]) == (0, "1")
    assert "3 tests fail still." in quick_workflow.codegen.runs[1].prompts[-1]


async def test_missing_pull_request(quick_workflow: Workflow) -> None:
    job = await quick_workflow.step(inputs={"command": "run", "prompt": "Fix it.", "pull-request": "99"})

    assert (job.status, job.outputs["reason-code"]) == (1, "not-found")
    assert quick_workflow.codegen.runs == {}


async def test_json_output_contains_the_data(quick_workflow: Workflow) -> None:
    job = await quick_workflow.step(inputs={"command": "users"})

    assert job.document["data"][0]["github_username"]


async def test_env_file_in_workspace_is_not_read(workflow: Workflow, tmp_path: Path) -> None:
    """It may come from a fork, whose author must not control where the tokens are sent."""
    (tmp_path / "job" / "workspace").mkdir(parents=True)
    settings = "CODEGEN_API_TOKEN=sk-fork\nCODEGEN_API_BASE_URL=http://127.0.0.1:9\n"
    (tmp_path / "job" / "workspace" / ".env").write_text(settings, encoding="utf-8")
    job = await workflow.step(inputs={"command": "users", "codegen-api-token": ""}, folder=tmp_path / "job")

    assert (job.status, job.outputs["reason-code"]) == (2, "bad-input")


OF_THE_PROJECT = {
    "GITHUB_APP_ID": "12",
    "GITHUB_PRIVATE_KEY": "not a key",
    "SECRETS_DIR": "/nowhere",
    "COMMAND_PREFIX": "project",
    "RUN_TIMEOUT_MINUTES": "soon",
    "PROGRESS_INTERVAL_SECONDS": "often",
    "AGENT": "theirs",
    "CODEGEN_API_TOKEN": "sk-theirs",
    "CODEGEN_ORG_ID": "999",
    "GITHUB_TOKEN": "theirs",
}


async def test_settings_of_the_project_are_not_read(quick_workflow: Workflow) -> None:
    """It may test a GitHub App of its own: inputs win, and a variable without an input is the project's."""
    inputs = {"command": "run", "prompt": "Fix it.", "pull-request": "1", "timeout-minutes": "5"}
    job = await quick_workflow.step(inputs=inputs, environ=OF_THE_PROJECT)

    assert (job.status, job.outputs["conclusion"]) == (0, "success")
    assert len(quick_workflow.replies()) == 1


async def test_comment_with_settings_of_the_project(quick_workflow: Workflow) -> None:
    quick_workflow.github.comment("alice", 1, "/codegen run fix it")
    payload = quick_workflow.github.deliveries[-1].payload
    job = await quick_workflow.step("issue_comment", payload, environ=OF_THE_PROJECT)

    assert (job.status, job.outputs["conclusion"]) == (0, "success")


async def test_secret_patterns_apply_everywhere(quick_workflow: Workflow) -> None:
    """Not in the comment, and not in the log, the summary and the outputs either."""
    quick_workflow.github.world.files["main", PATH] = "secret-patterns: ['shop-[0-9]{6}']"
    quick_workflow.codegen.script(result="The key shop-123456 is wrong.", logs=[{"thought": "It is shop-123456."}])
    job = await quick_workflow.step(inputs={"command": "run", "prompt": "Fix it.", "pull-request": "1"})

    assert "The key [redacted] is wrong." in job.summary
    assert "shop-1" not in job.raw + job.summary + str(job.outputs) + quick_workflow.replies()[0].body
