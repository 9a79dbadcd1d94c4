"""The Action on events: the commands of the server, in a workflow's job."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage, find
from tests.harness.workflow import CODEGEN_TOKEN, GITHUB_TOKEN, Workflow


async def test_command_in_comment_is_executed(workflow: Workflow) -> None:
    workflow.codegen.script(summary="Rounded once.", result="I rounded it once.", pull_request="octo/shop#1")
    job = await workflow.on_comment("bob", "/codegen run fix it")

    assert job.status == 0
    assert job.log == snapshot(
        [
            "run: Accepted. Starting an agent run for this pull request…",
            "run: Started: an agent is on it in [run 1](https://codegen.com/agent/trace/1).",
            "Finished in N s: [run 1](https://codegen.com/agent/trace/1), with [octo/shop#1](https://github.com/octo/shop/pull/1).",
            "",
            "Rounded once.",
            "",
            "<details><summary>The agent's result</summary>",
            "",
            "I rounded it once.",
            "",
            "</details>",
            "",
            "A follow-up: `/codegen resume 1 <what to do next>`",
        ]
    )
    assert (job.groups, job.annotations) == (["codegen-bot: run"], [])
    (reply,) = workflow.replies()
    marker = find(reply.body)
    assert marker is not None
    assert (marker.stage, marker.runs, marker.worker) == (Stage.FINISHED, (1,), "actions/77/codegen/")
    assert job.outputs["comment-url"] == f"https://github.com/octo/shop/pull/1#issuecomment-{reply.id}"
    document = job.document
    assert (document["version"], document["identity"], document["agent_runs"][0]["id"]) == (1, marker.identity, 1)
    assert {name: job.outputs[name] for name in job.outputs if name not in {"json", "comment-url"}} == snapshot(
        {
            "triggered": "true",
            "conclusion": "success",
            "reason-code": "completed",
            "agent-run-id": "1",
            "agent-run-ids": "[1]",
            "status": "COMPLETE",
            "result": "I rounded it once.",
            "summary": "Rounded once.",
            "web-url": "https://codegen.com/agent/trace/1",
            "pull-request-url": "https://github.com/octo/shop/pull/1",
            "input-tokens": "",
            "output-tokens": "",
            "cost": "",
            "changes": "",
        }
    )
    assert job.summary.replace(str(reply.id), "ID") == snapshot("""\
### codegen-bot, `run`: success (completed)

Finished in N s: [run 1](https://codegen.com/agent/trace/1), with [octo/shop#1](https://github.com/octo/shop/pull/1).

| run | state | pull requests |
| --- | --- | --- |
| [run 1](https://codegen.com/agent/trace/1) | succeeded | [octo/shop#1](https://github.com/octo/shop/pull/1) |

[The reply](https://github.com/octo/shop/pull/1#issuecomment-ID)

<details><summary>The rest</summary>

Rounded once.

<details><summary>The agent's result</summary>

I rounded it once.

</details>

A follow-up: `/codegen resume 1 <what to do next>`

</details>

""")


async def test_tokens_are_masked_first(workflow: Workflow) -> None:
    job = await workflow.on_comment("bob", "/codegen whoami")

    assert job.masks == [CODEGEN_TOKEN, GITHUB_TOKEN]
    shown = "\n".join((*job.log, *job.outputs.values(), job.summary, *(reply.body for reply in workflow.replies())))
    assert CODEGEN_TOKEN not in shown
    assert GITHUB_TOKEN not in shown


async def test_tokens_are_not_printed_outside_of_a_runner(workflow: Workflow) -> None:
    """Only the runner hides the line that masks."""
    job = await workflow.on_comment("bob", "/codegen whoami", environ={"GITHUB_ACTIONS": ""})

    assert (job.status, job.masks) == (0, [])
    assert CODEGEN_TOKEN not in job.raw


@pytest.mark.parametrize("text", ["LGTM", "`/codegen run fix it`", "> /codegen run fix it"])
async def test_comment_without_command_sends_no_request(workflow: Workflow, text: str) -> None:
    job = await workflow.on_comment("bob", text)

    assert job.status == 0
    assert (job.outputs["triggered"], job.outputs["conclusion"], job.outputs["reason-code"]) == (
        "false",
        "skipped",
        "no-command",
    )
    assert job.annotations == []
    assert [*workflow.codegen.control.journal, *_changes(workflow)] == []


async def test_comment_without_command_needs_no_token(workflow: Workflow) -> None:
    """Nearly every comment is of this kind."""
    empty = {"codegen-api-token": "", "codegen-org-id": "", "github-token": ""}
    job = await workflow.on_comment("bob", "LGTM", inputs=empty)

    assert (job.status, job.log) == (0, ["No command here (issue_comment created)."])
    assert [*workflow.codegen.control.journal, *workflow.github.control.journal] == []


def _changes(workflow: Workflow) -> list[Any]:
    return [entry for entry in workflow.github.control.journal if entry.method != "GET"]


async def test_every_kind_of_event_is_executed(workflow: Workflow) -> None:
    """Comments on a line, reviews, labels."""
    workflow.github.review_comment("bob", 1, "/codegen run fix this line")
    first = await workflow.on(workflow.github.deliveries[-1])
    workflow.github.review("bob", 1, "/codegen run fix all that")
    second = await workflow.on(workflow.github.deliveries[-1])
    workflow.github.label("bob", 1, "codegen:run")
    third = await workflow.on(workflow.github.deliveries[-1])
    workflow.github.label("bob", 2, "codegen:multi-run")
    fourth = await workflow.on(workflow.github.deliveries[-1])

    assert [job.outputs["conclusion"] for job in (first, second, third, fourth)] == ["success"] * 4
    assert [job.outputs["agent-run-id"] for job in (first, second, third)] == ["1", "2", "3"]
    assert len(fourth.document["agent_run_ids"]) == 4
    assert (workflow.github.labels(1), workflow.github.labels(2)) == ([], [])


async def test_unauthorized_user_fails_no_job(workflow: Workflow) -> None:
    job = await workflow.on_comment("carol", "/codegen run fix it")

    assert job.status == 0
    assert (job.outputs["conclusion"], job.outputs["reason-code"]) == ("refused", "not-allowed")
    assert job.annotations == snapshot(
        [
            (
                "warning",
                "`carol` needs `write` access for this, and has `read`. Ask `alice`.",
            )
        ]
    )
    assert workflow.codegen.runs == {}


async def test_several_commands_are_all_reported(workflow: Workflow) -> None:
    """The worst decides; the document has them all."""
    workflow.codegen.script(outcome="failure", result="No idea.")
    job = await workflow.on_comment("bob", "/codegen help run\n/codegen run fix it")

    assert job.status == 1
    assert (job.outputs["conclusion"], job.outputs["agent-run-id"]) == ("failure", "1")
    assert [each["command"] for each in job.document["commands"]] == ["help", "run"]
    assert [each["conclusion"] for each in job.document["commands"]] == ["success", "failure"]
    assert len(workflow.replies()) == 2


async def test_agent_output_is_no_workflow_command(workflow: Workflow) -> None:
    """Neither in the log nor in an output."""
    words = "::add-mask::oops\n  ::error::fake\n##[group]fake\nghadelimiter_0\nconclusion=failure"
    workflow.codegen.script(summary=words, result=words)
    job = await workflow.on_comment("bob", "/codegen run fix it")

    assert (job.annotations, job.masks, job.groups) == ([], [CODEGEN_TOKEN, GITHUB_TOKEN], ["codegen-bot: run"])
    assert job.outputs["conclusion"] == "success"
    assert job.outputs["result"] == words


async def test_log_lines_are_no_workflow_commands(workflow: Workflow) -> None:
    """The runner parses stderr too, and log lines quote Codegen's messages."""
    workflow.codegen.control.fault(
        path="/agent/run$", method="POST", status=422, body={"detail": "##[error]fake and ##[add-mask]oops"}, times=None
    )
    job = await workflow.on_comment("bob", "/codegen run fix it", environ={"LOG_LEVEL": "INFO"})

    assert job.outputs["reason-code"] == "invalid"
    (line,) = [line for line in job.log if "command.upstream_failed" in line]
    assert line.startswith("| ")
    assert "## [error]fake and ## [add-mask]oops" in line
    assert "##[" not in job.raw
    assert job.masks == [CODEGEN_TOKEN, GITHUB_TOKEN]


async def test_event_that_cannot_contain_a_command(workflow: Workflow) -> None:
    job = await workflow.step("push", {"ref": "refs/heads/main"})

    assert job.status == 6
    assert (job.outputs["conclusion"], job.outputs["reason-code"]) == ("failure", "unknown-event")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "The event `push` cannot contain a command, so this step would never do anything. Next: name a command with `command:`, or start the workflow on `issue_comment`, `pull_request_review_comment`, `pull_request_review`, or a label of `pull_request` or `issues`.",
            )
        ]
    )
    assert "unknown-event" in job.summary


async def test_unreadable_event_file(workflow: Workflow) -> None:
    job = await workflow.step("issue_comment", environ={"GITHUB_EVENT_PATH": "/nowhere/event.json"})

    assert (job.status, job.outputs["reason-code"]) == (2, "bad-input")
    assert job.log == ["GITHUB_EVENT_PATH names /nowhere/event.json, which cannot be read: No such file or directory."]


async def test_incomplete_payload_is_reported(workflow: Workflow) -> None:
    job = await workflow.step("issue_comment", {"action": "created", "comment": {}})

    assert (job.status, job.outputs["reason-code"]) == (2, "bad-input")
    assert job.log[0].startswith("The payload of issue_comment is invalid: repository (Field required)")
