"""The same command more than once: a job that runs again, two jobs at once, a server beside them, a job that is cut off."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.action.main import run
from bot.emulators.github.model import ACTIONS_LOGIN, BOT_LOGIN
from bot.text.markers import Marker, Stage, find, write
from tests.harness.workflow import InProcessJob, Workflow

RUN = {"command": "run", "prompt": "Fix it."}


async def test_answered_command_is_not_repeated(workflow: Workflow) -> None:
    """Another workflow on the same event, or the same one started anew."""
    delivery = workflow.commented("bob", "/codegen run fix it")
    first = await workflow.on(delivery)
    second = await workflow.on(delivery, run_id="78")

    assert (first.outputs["triggered"], second.outputs["triggered"]) == ("true", "false")
    assert (second.status, second.outputs["conclusion"], second.outputs["reason-code"]) == (
        0,
        "skipped",
        "already-answered",
    )
    assert second.outputs["comment-url"] == first.outputs["comment-url"]
    assert (len(workflow.codegen.runs), len(workflow.replies())) == (1, 1)


async def test_concurrent_jobs_create_one_run_and_reply(quick_workflow: Workflow) -> None:
    """All jobs search before any has replied; the first reply remains, the others are deleted."""
    delivery = quick_workflow.commented("bob", "/codegen run fix it")
    jobs = await asyncio.gather(*(quick_workflow.on(delivery, run_id=str(number)) for number in range(5)))

    assert sorted(job.outputs["reason-code"] for job in jobs) == ["already-answered"] * 4 + ["completed"]
    assert {job.outputs["comment-url"] for job in jobs} == {
        f"https://github.com/octo/shop/pull/1#issuecomment-{quick_workflow.replies()[0].id}"
    }
    assert (len(quick_workflow.codegen.runs), len(quick_workflow.replies())) == (1, 1)


async def test_reply_posted_meanwhile_is_respected(quick_workflow: Workflow) -> None:
    """The job had found no reply; another's is there when its own is due."""
    delivery = quick_workflow.commented("bob", "/codegen run fix it")
    identity = (await quick_workflow.on(delivery)).document["identity"]
    for reply in quick_workflow.replies():
        quick_workflow.github.world.comments.pop(reply.id)
    quick_workflow.codegen.runs.clear()
    job = await quick_workflow.begin(delivery.event, delivery.payload, run_id="78")
    assert isinstance(job, InProcessJob)

    def hear(line: str) -> None:
        if line.startswith("run: Accepted."):
            marker = Marker(identity=identity, command="run", stage=Stage.ACCEPTED, worker="actions/79/codegen/")
            quick_workflow.github.comment(ACTIONS_LOGIN, 1, f"Accepted.\n\n{write(marker)}")

    outcome, status = await run(job.environ, say=hear)

    assert (outcome.reason.value, status) == ("already-answered", 0)
    assert (len(quick_workflow.replies()), quick_workflow.codegen.runs) == (1, {})


@pytest.mark.parametrize("author", [BOT_LOGIN, "alice"])
@pytest.mark.parametrize("stage", [Stage.STARTED, Stage.FINISHED, Stage.FAILED])
async def test_command_answered_by_server_is_skipped(quick_workflow: Workflow, stage: Stage, author: str) -> None:
    """A team may run both for a while; the server writes as an App or, with a plain token, as a user with write access."""
    workflow = quick_workflow
    delivery = workflow.commented("bob", "/codegen run fix it")
    comment = workflow.github.comments(1)[-1]
    probe = await workflow.on(delivery)
    identity = probe.document["identity"]
    for reply in workflow.replies():
        workflow.github.world.comments.pop(reply.id)
    marker = Marker(identity=identity, command="run", stage=stage, runs=(1,))
    workflow.github.comment(author, 1, f"On it.\n\n{write(marker)}")

    job = await workflow.on(delivery, run_id="78")

    assert comment.id
    assert (job.outputs["triggered"], job.outputs["reason-code"]) == ("false", "already-answered")
    assert workflow.replies() == []


async def test_marker_by_a_person_is_ignored(workflow: Workflow) -> None:
    delivery = workflow.commented("bob", "/codegen help run")
    identity = (await workflow.on(delivery)).document["identity"]
    for reply in workflow.replies():
        workflow.github.world.comments.pop(reply.id)
    marker = Marker(identity=identity, command="help", stage=Stage.FINISHED)
    workflow.github.comment("carol", 1, f"Nothing to see.\n\n{write(marker)}")

    job = await workflow.on(delivery, run_id="78")

    assert job.outputs["reason-code"] == "completed"


async def test_rerun_of_cancelled_job_continues(slow_workflow: Workflow) -> None:
    """GitHub's runner sends SIGINT. The second attempt takes the run that the first had started."""
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await begun.until_printed("Started: an agent is on it")
    begun.cancel()
    job = await begun.ended()

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (130, "cancelled", "interrupted")
    assert job.outputs["agent-run-id"] == "1"
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Cancelled: the bot no longer follows this, but run 1 (https://codegen.com/agent/trace/1) continues at Codegen. Next: `/codegen status 1` shows its progress; `/codegen cancel 1` says how to stop it.",
            )
        ]
    )
    (reply,) = slow_workflow.replies()
    assert reply.body.partition("\n\n<!--")[0] == snapshot("""\
Cancelled: the bot no longer follows this, but [run 1](https://codegen.com/agent/trace/1) continues at Codegen.

Next: `/codegen status 1` shows its progress; `/codegen cancel 1` says how to stop it.\
""")

    again = await slow_workflow.begun_on(delivery, attempt=2)
    await again.until_printed("Started: an agent is on it")
    slow_workflow.codegen.finish(1, summary="Done.")
    job = await again.ended()

    assert (job.status, job.outputs["agent-run-id"], job.outputs["summary"]) == (0, "1", "Done.")
    assert (len(slow_workflow.codegen.runs), len(slow_workflow.replies())) == (1, 1)
    assert _stage(slow_workflow) is Stage.FINISHED


async def test_rerun_of_killed_job_continues(slow_workflow: Workflow) -> None:
    """A killed job reports nothing more; its reply still says that the run is in progress, and names the worker."""
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await slow_workflow.github.until(lambda: slow_workflow.replies() and _stage(slow_workflow) is Stage.STARTED)
    begun.cancel(signal.SIGKILL)
    await begun.process.wait()

    again = await slow_workflow.begun_on(delivery, attempt=2)
    await again.until_printed("Started: an agent is on it")
    slow_workflow.codegen.finish(1)

    assert (await again.ended()).outputs["conclusion"] == "success"
    assert (len(slow_workflow.codegen.runs), len(slow_workflow.replies())) == (1, 1)


async def test_other_job_does_not_continue_a_killed_one(slow_workflow: Workflow) -> None:
    """A rerun of another workflow did not start this command."""
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await slow_workflow.github.until(lambda: slow_workflow.replies() and _stage(slow_workflow) is Stage.STARTED)
    begun.cancel(signal.SIGKILL)
    await begun.process.wait()

    job = await slow_workflow.on(delivery, run_id="78", attempt=2)

    assert job.outputs["reason-code"] == "already-answered"


async def test_rerun_of_failed_job_retries(workflow: Workflow) -> None:
    """In the same reply."""
    delivery = workflow.commented("bob", "/codegen run fix it")
    workflow.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Limit reached."})
    first = await workflow.on(delivery)
    second = await workflow.on(delivery, attempt=2)

    assert (first.outputs["conclusion"], second.outputs["conclusion"]) == ("failure", "success")
    assert len(workflow.replies()) == 1


async def test_rerun_of_step_returns_the_same_run(workflow: Workflow) -> None:
    """Also where nothing was posted: the run itself carries whose it is. The steps behind it get their outputs again."""
    first = await workflow.step("schedule", inputs=RUN)
    second = await workflow.step("schedule", inputs=RUN, attempt=2)
    other = await workflow.step("schedule", inputs=RUN, run_id="78")

    assert [job.outputs["agent-run-id"] for job in (first, second, other)] == ["1", "1", "2"]
    assert [job.outputs["conclusion"] for job in (first, second, other)] == ["success"] * 3


async def test_equal_steps_create_two_runs(workflow: Workflow) -> None:
    """In one job, by their order; in a matrix, by the job's number."""
    begun = await workflow.begin("schedule", {}, inputs=RUN)
    first = await begun.ended()
    second = await workflow.step("schedule", inputs=RUN, folder=begun.folder)
    third = await workflow.step("schedule", inputs=RUN, environ={"CODEGEN_BOT_JOB_INDEX": "1"})

    assert [job.outputs["agent-run-id"] for job in (first, second, third)] == ["1", "2", "3"]


def _called(workflow: Workflow, caller: str) -> dict[str, str]:
    """The environment of a job whose workflow another one calls; each attempt has a check run of its own."""
    check = workflow.github.world.add_check_run(f"{caller} / codegen", "a" * 40, status="in_progress")
    return {
        "GITHUB_WORKFLOW_REF": "octo/shop/.github/workflows/ci.yml@refs/heads/main",
        "CODEGEN_BOT_WORKFLOW_REF": "octo/shop/.github/workflows/agent.yml@refs/heads/main",
        "CODEGEN_BOT_CHECK_RUN": str(check.id),
    }


@pytest.mark.parametrize("inputs", [RUN, {**RUN, "pull-request": "1"}], ids=["alone", "on a thread"])
async def test_equal_calls_of_workflow_create_two_runs(quick_workflow: Workflow, inputs: dict[str, str]) -> None:
    """One workflow calls the same reusable workflow twice: only the names of the calling jobs differ."""
    workflow, jobs = quick_workflow, []
    for attempt in (1, 2):
        for caller in ("first", "second (1)", "second (2)", "outer / first"):
            environ = _called(workflow, caller)
            jobs.append(await workflow.step("schedule", inputs=inputs, environ=environ, attempt=attempt))

    assert [job.outputs["agent-run-id"] for job in jobs] == ["1", "2", "3", "4"] * 2
    assert [job.outputs["conclusion"] for job in jobs] == ["success"] * 8
    assert len(workflow.codegen.runs) == 4


async def test_equal_calls_with_unreadable_names_warn(quick_workflow: Workflow) -> None:
    """The token has no `actions: read`. Without a thread, the second has the first one's result."""
    workflow = quick_workflow
    inputs = {**RUN, "pull-request": "1"}
    workflow.github.control.fault(path="/actions/jobs/", method="GET", status=403, body={"message": "No."}, times=9)
    first = await workflow.step("schedule", inputs=inputs, environ=_called(workflow, "first"))
    second = await workflow.step("schedule", inputs=inputs, environ=_called(workflow, "second"))
    again = await workflow.step("schedule", inputs=inputs, environ=_called(workflow, "first"), attempt=2)

    assert (first.outputs["reason-code"], first.annotations) == ("completed", [])
    assert (second.status, second.outputs["reason-code"]) == (0, "already-answered")
    assert (again.outputs["reason-code"], again.outputs["agent-run-id"]) == ("completed", "1")
    assert [job.log[0].startswith("The token cannot read this job's name") for job in (first, second)] == [True] * 2
    assert [level for level, _ in second.annotations] == ["warning"]
    assert "Next: give the calling jobs `actions: read`, or different prompts." in second.annotations[0][1]


async def test_unavailable_name_of_called_job_starts_nothing(quick_workflow: Workflow) -> None:
    """A rerun, which can read the name, would start another agent."""
    workflow = quick_workflow
    workflow.github.control.fault(path="/actions/jobs/", method="GET", status=500, times=9)
    job = await workflow.step("schedule", inputs=RUN, environ=_called(workflow, "first"))

    assert (job.status, job.outputs["conclusion"], workflow.codegen.runs) == (1, "failure", {})


async def test_job_of_workflow_itself_reads_no_name(quick_workflow: Workflow) -> None:
    workflow = quick_workflow
    workflow.github.control.fault(path="/actions/jobs/", method="GET", status=500, times=9)
    environ = _called(workflow, "first")
    environ["CODEGEN_BOT_WORKFLOW_REF"] = environ["GITHUB_WORKFLOW_REF"]

    assert (await workflow.step("schedule", inputs=RUN, environ=environ)).outputs["conclusion"] == "success"


async def test_job_cancelled_before_run_was_started(slow_workflow: Workflow) -> None:
    slow_workflow.codegen.control.fault(path="/agent/runs$", method="GET", action="hang", delay=20.0)
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await begun.until_printed("Accepted.")
    begun.cancel(signal.SIGTERM)
    job = await begun.ended()

    assert (job.status, job.log[-1]) == (
        130,
        "Cancelled before an agent run was started. Nothing continues at Codegen.",
    )


async def test_job_cancelled_while_run_was_created(slow_workflow: Workflow) -> None:
    """Codegen has created the run, but the job has not got the response."""
    slow_workflow.codegen.control.fault(path="/agent/run$", method="POST", action="hang", delay=20.0, after_work=True)
    begun = await slow_workflow.begun_on(slow_workflow.commented("bob", "/codegen run fix it"))
    await slow_workflow.codegen.run_created(1)
    begun.cancel()
    job = await begun.ended()

    assert (job.status, job.outputs["reason-code"]) == (130, "interrupted")
    assert slow_workflow.replies()[0].body.partition("\n\n<!--")[0] == snapshot("""\
Cancelled during the request for an agent run: one may be running at Codegen.

Next: `/codegen runs` shows the latest ones.\
""")


def _stage(workflow: Workflow) -> Any:
    marker = find(workflow.replies()[-1].body)
    return marker and marker.stage
