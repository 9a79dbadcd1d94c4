"""What goes wrong has its exit status, annotation, summary and reason code, each saying what to do."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.action.workflow import Workflow

RUN = {"command": "run", "prompt": "Fix it."}


async def test_a_missing_token(workflow: Workflow) -> None:
    job = await workflow.on_comment("bob", "/codegen run fix it", inputs={"codegen-api-token": ""})

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (2, "failure", "bad-input")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "`codegen-api-token` is empty. Next: take a token from Codegen's settings, put it into this repository's secrets as CODEGEN_API_TOKEN, and pass `codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`.",
            )
        ]
    )
    assert job.summary == snapshot("""\
### codegen-bot: failure (bad-input)

`codegen-api-token` is empty.

<details><summary>The rest</summary>

Next: take a token from Codegen's settings, put it into this repository's secrets as CODEGEN_API_TOKEN, and pass `codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`.

</details>

""")
    assert workflow.replies() == []


@pytest.mark.parametrize("head", [{"full_name": "carol/shop"}, None], ids=["there", "deleted"])
async def test_a_missing_token_on_a_forks_pull_request_names_the_cause(workflow: Workflow, head: Any) -> None:
    fork = {"head": {"repo": head}, "base": {"repo": {"full_name": "octo/shop"}}}
    job = await workflow.step("pull_request", {"pull_request": fork}, inputs={**RUN, "codegen-api-token": ""})

    assert job.status == 2
    assert "This is a fork's pull request: GitHub gives its workflows no secrets." in job.annotations[0][1]


async def test_a_missing_organization(workflow: Workflow) -> None:
    job = await workflow.step(inputs={**RUN, "codegen-org-id": ""})

    assert (job.status, job.annotations[0][1]) == (
        2,
        "`codegen-org-id` is missing: the number stands in Codegen's settings, next to the token.",
    )


async def test_a_run_that_fails(workflow: Workflow) -> None:
    workflow.codegen.script(outcome="failure", result="The test still fails.")
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "run-failed")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Run 1 (https://codegen.com/agent/trace/1) failed after N s (Codegen calls it `FAILED`). Next: its page shows where; then `/codegen resume 1 <a hint>` goes on from there.",
            )
        ]
    )
    assert job.summary == snapshot("""\
### codegen-bot, `run`: failure (run-failed)

[Run 1](https://codegen.com/agent/trace/1) failed after N s (Codegen calls it `FAILED`).

| run | state | pull requests |
| --- | --- | --- |
| [run 1](https://codegen.com/agent/trace/1) | failed |  |

<details><summary>The rest</summary>

The test still fails.

Next: its page shows where; then `/codegen resume 1 <a hint>` goes on from there.

</details>

""")


async def test_a_run_that_takes_too_long(slow_workflow: Workflow) -> None:
    job = await slow_workflow.step(inputs={**RUN, "timeout-minutes": "0.01"})

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (4, "timed-out", "still-working")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Run 1 (https://codegen.com/agent/trace/1) is still working after N s; it is followed no longer here, and goes on. Next: `/codegen status 1` shows how far it is.",
            )
        ]
    )
    assert "timed-out (still-working)" in job.summary


async def test_a_run_that_codegen_ends_for_its_time(workflow: Workflow) -> None:
    workflow.codegen.script(outcome="timeout")
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (4, "timed-out", "run-timed-out")


async def test_a_plan_that_is_used_up(workflow: Workflow) -> None:
    workflow.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Limit reached."})
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (5, "failure", "quota-used-up")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Codegen starts no more agent runs: the plan's runs are used up (402). Next: somebody who manages the Codegen organization raises the plan or awaits its renewal; then run it again.",
            )
        ]
    )
    assert "quota-used-up" in job.summary


async def test_a_token_that_codegen_refuses(workflow: Workflow) -> None:
    workflow.codegen.control.fault(path="/agent/run", status=401, body={"message": "No."})
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["reason-code"]) == (1, "unauthorized")


async def test_a_token_that_may_not_write_comments(workflow: Workflow) -> None:
    """No run is begun that nobody would be told of."""
    refused = {"message": "Resource not accessible by integration"}
    workflow.github.control.fault(path="/comments$", method="POST", status=403, body=refused, times=100)
    job = await workflow.on_comment("bob", "/codegen run fix it")

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "forbidden")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "GitHub does not let the bot do this (403). Next: whoever runs the bot gives it the right: a GitHub App on its settings page, a workflow by `permissions:` with `issues: write` and `pull-requests: write`; then give the command again in a new comment.",
            )
        ]
    )
    assert workflow.codegen.runs == {}


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"command": "rum", "prompt": "x"}, "There is no command `rum`. Did you mean `run`?"),
        ({"command": "run"}, "The prompt is missing: say what the agent is to do."),
        ({"command": "run", "prompt": "x", "prompt-file": "y"}, "Give `prompt` or `prompt-file`, not both."),
        (
            {"command": "run", "prompt-file": "missing.md"},
            "`prompt-file` names missing.md, which cannot be read: No such file or directory. Is the repository checked out?",
        ),
        ({"command": "run", "prompt": "x", "repo-id": "shop"}, "`repo-id` takes Codegen's number of a repository."),
        ({"command": "run", "prompt": "x", "concurrency": "3"}, "`run` takes no `concurrency`."),
        ({"command": "run", "prompt": "x", "model": "a, b"}, "`run` takes one `model`."),
        ({"command": "run", "prompt": "x", "agent-run-id": "7"}, "`run` takes no `agent-run-id`."),
        ({"command": "run", "prompt": "x", "sandbox-id": "7"}, "`run` takes no `sandbox-id`."),
        ({"command": "status", "agent-run-id": "seven"}, "`agent-run-id` takes a number."),
        (
            {"command": "multi-run", "prompt": "x", "concurrency": "99"},
            "`concurrency` takes a whole number from 1 to 20.",
        ),
        ({"command": "run", "prompt": "x", "wait": "maybe"}, "`wait` is `true` or `false`."),
        (
            {"command": "run", "prompt": "x", "timeout-minutes": "nan"},
            "`timeout-minutes` takes a number of minutes, more than 0.",
        ),
        (
            {"command": "run", "prompt": "x", "pull-request": "main"},
            "`pull-request` takes the number of a pull request or an issue.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
async def test_an_input_that_is_wrong_is_named(quick_workflow: Workflow, inputs: dict[str, str], sentence: str) -> None:
    """Nothing is begun."""
    job = await quick_workflow.step(inputs=inputs)

    assert (job.status, job.outputs["reason-code"], job.annotations) == (2, "bad-input", [("error", sentence)])
    assert quick_workflow.codegen.runs == {}


@pytest.mark.parametrize(
    ("fail_on", "status"), [("timed-out", 0), ("failure", 1), ("run-failed, timed-out", 1), ("refused", 0), ("none", 0)]
)
async def test_what_fails_the_step_can_be_said(quick_workflow: Workflow, fail_on: str, status: int) -> None:
    """By conclusion or by reason code. What does not fail it is still told."""
    quick_workflow.codegen.script(outcome="failure", result="No.")
    job = await quick_workflow.step(inputs={**RUN, "fail-on": fail_on})

    assert (job.status, job.outputs["conclusion"]) == (status, "failure")
    assert [level for level, _ in job.annotations] == ["error" if status else "warning"]


async def test_a_step_may_fail_for_having_nothing_to_do(quick_workflow: Workflow) -> None:
    """`skipped` and its reasons are words for `fail-on` as well."""
    job = await quick_workflow.on_comment("bob", "Thanks!", inputs={"fail-on": "skipped"})

    assert (job.status, job.annotations) == (1, [("error", "No command here (issue_comment created).")])


async def test_a_word_that_could_never_fail_the_step_is_reported(quick_workflow: Workflow) -> None:
    """With `failures` for `failure` the step would always end green."""
    job = await quick_workflow.step(inputs={**RUN, "fail-on": "failures, timed-out"})

    sentence = "`fail-on` holds 'failures', which is no conclusion and no reason code; `none` is for nothing at all."
    assert (job.status, job.annotations, quick_workflow.codegen.runs) == (2, [("error", sentence)], {})


async def test_a_step_that_cannot_be_done_fails(quick_workflow: Workflow) -> None:
    """There is nobody else to tell: without a thread nothing is the latest run."""
    job = await quick_workflow.step(inputs={"command": "status"})

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (3, "refused", "user-error")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Without a pull request or an issue there is no latest run: name one by its number, as in `/codegen status 7`.",
            )
        ]
    )


async def test_a_log_level_of_another_tools_is_none_of_ours(workflow: Workflow) -> None:
    """`LOG_LEVEL` may be set for the whole job."""
    job = await workflow.step(inputs={"command": "help"}, environ={"LOG_LEVEL": "silly"})

    assert (job.status, job.outputs["conclusion"]) == (0, "success")


FORBIDDEN = {"status": 403, "body": {"message": "Resource not accessible by integration"}}


async def test_unreadable_config_file_ends_a_step_before_anything_is_started(quick_workflow: Workflow) -> None:
    quick_workflow.github.control.fault(path="/shop/contents/", times=None, **FORBIDDEN)
    job = await quick_workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "forbidden")
    assert [text for _, text in job.annotations] == snapshot(
        [
            "The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 403 Resource not accessible by integration), and no earlier version of it is known. What it forbids is not known either, so nothing but `help` works. Next: whoever runs the bot gives it read access to the repository's contents (`contents: read`); then run the job again."
        ]
    )
    assert quick_workflow.codegen.runs == {}


async def test_unreadable_config_file_fails_the_job_of_a_possible_command(quick_workflow: Workflow) -> None:
    """The file may name another prefix, or other labels."""
    quick_workflow.github.control.fault(path="/shop/contents/", times=None, **FORBIDDEN)
    delivery = quick_workflow.commented("bob", "/agent run fix it")
    jobs = [await quick_workflow.on(delivery)]
    quick_workflow.github.label("bob", 1, "robot")
    jobs.append(await quick_workflow.on(quick_workflow.github.deliveries[-1]))

    assert [(job.status, job.outputs["reason-code"]) for job in jobs] == [(1, "forbidden")] * 2
    assert quick_workflow.replies() == []


async def test_unreadable_config_file_fails_a_command(quick_workflow: Workflow) -> None:
    quick_workflow.github.control.fault(path="/shop/contents/", times=None, **FORBIDDEN)
    job = await quick_workflow.on_comment("bob", "/codegen run fix it")

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "forbidden")
    assert "cannot be read (GitHub: 403 Resource not accessible by integration)" in quick_workflow.replies()[0].body
    assert quick_workflow.codegen.runs == {}
