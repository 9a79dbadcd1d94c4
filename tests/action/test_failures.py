"""Failures: exit status, annotation, summary, reason code, and the next step."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.harness.workflow import Workflow

RUN = {"command": "run", "prompt": "Fix it."}


async def test_missing_token(workflow: Workflow) -> None:
    job = await workflow.on_comment("bob", "/codegen run fix it", inputs={"codegen-api-token": ""})

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (2, "failure", "bad-input")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "`codegen-api-token` is empty. Next: get a token in Codegen's settings, store it in this repository's secrets as CODEGEN_API_TOKEN, and pass `codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`. In a workflow that another one calls, the caller passes it on, as with `secrets: inherit`.",
            )
        ]
    )
    assert job.summary == snapshot("""\
### codegen-bot: failure (bad-input)

`codegen-api-token` is empty.

<details><summary>The rest</summary>

Next: get a token in Codegen's settings, store it in this repository's secrets as CODEGEN_API_TOKEN, and pass `codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`. In a workflow that another one calls, the caller passes it on, as with `secrets: inherit`.

</details>

""")
    assert workflow.replies() == []


@pytest.mark.parametrize("head", [{"full_name": "carol/shop"}, None], ids=["there", "deleted"])
async def test_missing_token_on_fork_names_the_cause(workflow: Workflow, head: Any) -> None:
    fork = {"head": {"repo": head}, "base": {"repo": {"full_name": "octo/shop"}}}
    job = await workflow.step("pull_request", {"pull_request": fork}, inputs={**RUN, "codegen-api-token": ""})

    assert job.status == 2
    assert "This is a fork's pull request: GitHub gives its workflows no secrets." in job.annotations[0][1]


@pytest.mark.parametrize("event", ["pull_request", "push", "pull_request_review"])
async def test_missing_token_on_dependabot_run(quick_workflow: Workflow, event: str) -> None:
    """Also where a person runs the job again."""
    job = await quick_workflow.step(
        event,
        inputs={**RUN, "codegen-api-token": ""},
        environ={"GITHUB_ACTOR": "dependabot[bot]", "GITHUB_TRIGGERING_ACTOR": "bob"},
    )

    assert (job.status, job.outputs["reason-code"]) == (2, "bad-input")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "`codegen-api-token` is empty. Dependabot started this workflow: GitHub gives it the Dependabot secrets, none of the Actions secrets, and a token that only reads unless the job has `permissions`. Next: store CODEGEN_API_TOKEN a second time, under Secrets and variables, Dependabot, in the repository's settings, and pass `codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`. In a workflow that another one calls, the caller passes it on, as with `secrets: inherit`.",
            )
        ]
    )


@pytest.mark.parametrize("event", ["issue_comment", "schedule"])
async def test_dependabot_run_with_actions_secrets(quick_workflow: Workflow, event: str) -> None:
    job = await quick_workflow.step(
        event, inputs={**RUN, "codegen-api-token": ""}, environ={"GITHUB_ACTOR": "dependabot[bot]"}
    )

    assert "Dependabot" not in job.annotations[0][1]
    assert "store it in this repository's secrets" in job.annotations[0][1]


async def test_missing_organization(workflow: Workflow) -> None:
    job = await workflow.step(inputs={**RUN, "codegen-org-id": ""})

    assert (job.status, job.annotations[0][1]) == (
        2,
        "`codegen-org-id` is missing: you find the number in Codegen's settings, next to the token.",
    )


async def test_failed_run(workflow: Workflow) -> None:
    workflow.codegen.script(outcome="failure", result="The test still fails.")
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "run-failed")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Run 1 (https://codegen.com/agent/trace/1) failed after N s. Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.",
            )
        ]
    )
    assert job.summary == snapshot("""\
### codegen-bot, `run`: failure (run-failed)

[Run 1](https://codegen.com/agent/trace/1) failed after N s.

| run | state | pull requests |
| --- | --- | --- |
| [run 1](https://codegen.com/agent/trace/1) | failed |  |

<details><summary>The rest</summary>

The test still fails.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.

</details>

""")


async def test_run_exceeds_timeout(slow_workflow: Workflow) -> None:
    job = await slow_workflow.step(inputs={**RUN, "timeout-minutes": "0.01"})

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (4, "timed-out", "still-working")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Run 1 (https://codegen.com/agent/trace/1) is still running after N s; it continues, but the bot no longer follows it. Next: `/codegen status 1` shows its progress.",
            )
        ]
    )
    assert "timed-out (still-working)" in job.summary


async def test_run_timed_out_by_codegen(workflow: Workflow) -> None:
    workflow.codegen.script(outcome="timeout")
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (4, "timed-out", "run-timed-out")


async def test_used_up_plan(workflow: Workflow) -> None:
    workflow.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Limit reached."})
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (5, "failure", "quota-used-up")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Codegen starts no more agent runs: the plan's runs are used up (402). Next: whoever manages the Codegen organization must raise the plan or wait for its renewal; then run it again.",
            )
        ]
    )
    assert "quota-used-up" in job.summary


async def test_rejected_codegen_token(workflow: Workflow) -> None:
    workflow.codegen.control.fault(path="/agent/run", status=401, body={"message": "No."})
    job = await workflow.step(inputs=RUN)

    assert (job.status, job.outputs["reason-code"]) == (1, "unauthorized")


async def test_token_without_write_permission(workflow: Workflow) -> None:
    """No run is started whose result could not be reported."""
    refused = {"message": "Resource not accessible by integration"}
    workflow.github.control.fault(path="/comments$", method="POST", status=403, body=refused, times=100)
    job = await workflow.on_comment("bob", "/codegen run fix it")

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "forbidden")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "GitHub does not let the bot do this (403). Next: the bot's operator must give the bot this permission: a GitHub App on its settings page, a workflow by `permissions:` with `issues: write` and `pull-requests: write`; then give the command again in a new comment.",
            )
        ]
    )
    assert workflow.codegen.runs == {}


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"command": "rum", "prompt": "x"}, "There is no command `rum`. Did you mean `run`?"),
        ({"command": "run"}, "The prompt is missing: say what to do."),
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
        ({"command": "run", "prompt": "x", "wait": "maybe"}, "`wait` takes `true` or `false`."),
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
async def test_invalid_input_is_named(quick_workflow: Workflow, inputs: dict[str, str], sentence: str) -> None:
    job = await quick_workflow.step(inputs=inputs)

    assert (job.status, job.outputs["reason-code"], job.annotations) == (2, "bad-input", [("error", sentence)])
    assert quick_workflow.codegen.runs == {}


@pytest.mark.parametrize(
    ("fail_on", "status"), [("timed-out", 0), ("failure", 1), ("run-failed, timed-out", 1), ("refused", 0), ("none", 0)]
)
async def test_fail_on_selects_what_fails(quick_workflow: Workflow, fail_on: str, status: int) -> None:
    """By conclusion or by reason code. Other failures are still reported."""
    quick_workflow.codegen.script(outcome="failure", result="No.")
    job = await quick_workflow.step(inputs={**RUN, "fail-on": fail_on})

    assert (job.status, job.outputs["conclusion"]) == (status, "failure")
    assert [level for level, _ in job.annotations] == ["error" if status else "warning"]


async def test_fail_on_no_command(quick_workflow: Workflow) -> None:
    """`fail-on` also accepts `skipped` and its reasons."""
    job = await quick_workflow.on_comment("bob", "Thanks!", inputs={"fail-on": "skipped"})

    assert (job.status, job.annotations) == (1, [("error", "No command here (issue_comment created).")])


async def test_fail_on_refuses_unknown_value(quick_workflow: Workflow) -> None:
    """With `failures` for `failure` the step would always end green."""
    job = await quick_workflow.step(inputs={**RUN, "fail-on": "failures, timed-out"})

    sentence = (
        "`fail-on` contains 'failures', which is neither a conclusion nor a reason code; `none` never fails the step."
    )
    assert (job.status, job.annotations, quick_workflow.codegen.runs) == (2, [("error", sentence)], {})


async def test_refused_step_fails(quick_workflow: Workflow) -> None:
    """Without a thread there is no latest run."""
    job = await quick_workflow.step(inputs={"command": "status"})

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (3, "refused", "user-error")
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Without a pull request or an issue there is no latest run: name one by number, as in `/codegen status 7`.",
            )
        ]
    )


async def test_foreign_log_level_is_ignored(workflow: Workflow) -> None:
    """`LOG_LEVEL` may be set for the whole job."""
    job = await workflow.step(inputs={"command": "help"}, environ={"LOG_LEVEL": "silly"})

    assert (job.status, job.outputs["conclusion"]) == (0, "success")


FORBIDDEN = {"status": 403, "body": {"message": "Resource not accessible by integration"}}


async def test_step_with_unreadable_config_starts_nothing(quick_workflow: Workflow) -> None:
    quick_workflow.github.control.fault(path="/shop/contents/", times=None, **FORBIDDEN)
    job = await quick_workflow.step(inputs=RUN)

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (1, "failure", "forbidden")
    assert [text for _, text in job.annotations] == snapshot(
        [
            "The config file `octo/shop/.github/codegen-bot.yml` cannot be read (GitHub: 403 Resource not accessible by integration), and no earlier version of it is known. What it forbids is not known either, so only `help` works. Next: the bot's operator must give it read access to the repository's contents (`contents: read`); then run the job again."
        ]
    )
    assert quick_workflow.codegen.runs == {}


async def test_job_with_unreadable_config_fails(quick_workflow: Workflow) -> None:
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


UNPOSTED = [
    (401, {"message": "Bad credentials"}),
    (403, {"message": "Unable to create comment because issue is locked."}),
]


@pytest.mark.parametrize(("status", "body"), UNPOSTED)
async def test_refused_last_comment_is_a_warning(workflow: Workflow, status: int, body: dict[str, str]) -> None:
    """The agent has finished: running the job again would start and bill another one."""
    workflow.codegen.script(outcome="success", result="Rounded once.")
    fault = {"status": status, "body": body, "times": None}
    workflow.github.control.fault(path="/issues/comments/", method="PATCH", **fault)
    job = await workflow.on_comment("bob", "/codegen run fix it")

    assert (job.status, job.outputs["conclusion"]) == (0, "success")
    [(level, text)] = job.annotations
    assert level == "warning"
    assert text.startswith("The agent finished, but its result could not be posted. ")
    assert "GitHub" in text
    assert str(status) in text
    assert "again" not in text
    assert "The agent finished, but its result could not be posted." in job.summary
    assert "Rounded once." in job.summary
    assert "Rounded once." in "\n".join(job.log)
