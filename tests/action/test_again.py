"""The same command more than once: a job that runs again, two jobs at once, a server beside them, a job that is cut off."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.action.main import run
from bot.emulator.github.world import ACTIONS_LOGIN, BOT_LOGIN
from bot.replies.markers import Marker, Stage, find, write
from tests.action.workflow import Here, Workflow

RUN = {"command": "run", "prompt": "Fix it."}


async def test_a_command_that_was_answered_is_not_answered_again(workflow: Workflow) -> None:
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


async def test_jobs_at_once_make_one_run_and_one_reply(quick_workflow: Workflow) -> None:
    """All of them look before any has written; the first reply stands, the others' are taken back."""
    delivery = quick_workflow.commented("bob", "/codegen run fix it")
    jobs = await asyncio.gather(*(quick_workflow.on(delivery, run_id=str(number)) for number in range(5)))

    assert sorted(job.outputs["reason-code"] for job in jobs) == ["already-answered"] * 4 + ["completed"]
    assert {job.outputs["comment-url"] for job in jobs} == {
        f"https://github.com/octo/shop/pull/1#issuecomment-{quick_workflow.replies()[0].id}"
    }
    assert (len(quick_workflow.codegen.runs), len(quick_workflow.replies())) == (1, 1)


async def test_whoever_comes_between_a_look_and_a_word_is_left_to_it(quick_workflow: Workflow) -> None:
    """The job had found no reply; another's is there when its own is due."""
    delivery = quick_workflow.commented("bob", "/codegen run fix it")
    identity = (await quick_workflow.on(delivery)).document["identity"]
    for reply in quick_workflow.replies():
        quick_workflow.github.world.comments.pop(reply.id)
    quick_workflow.codegen.runs.clear()
    job = await quick_workflow.begin(delivery.event, delivery.payload, run_id="78")
    assert isinstance(job, Here)

    def hear(line: str) -> None:
        if line.startswith("run: Accepted."):
            marker = Marker(identity=identity, command="run", stage=Stage.ACCEPTED, worker="actions/79/codegen/")
            quick_workflow.github.comment(ACTIONS_LOGIN, 1, f"Accepted.\n\n{write(marker)}")

    outcome, status = await run(job.environ, say=hear)

    assert (outcome.reason.value, status) == ("already-answered", 0)
    assert (len(quick_workflow.replies()), quick_workflow.codegen.runs) == (1, {})


@pytest.mark.parametrize("author", [BOT_LOGIN, "alice"])
@pytest.mark.parametrize("stage", [Stage.STARTED, Stage.FINISHED, Stage.FAILED])
async def test_what_the_server_answers_is_left_to_it(quick_workflow: Workflow, stage: Stage, author: str) -> None:
    """A team may have both for a while; the server writes as an App or, on a plain token, as somebody who may write."""
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


async def test_a_marker_that_a_person_wrote_is_no_answer(workflow: Workflow) -> None:
    delivery = workflow.commented("bob", "/codegen help run")
    identity = (await workflow.on(delivery)).document["identity"]
    for reply in workflow.replies():
        workflow.github.world.comments.pop(reply.id)
    marker = Marker(identity=identity, command="help", stage=Stage.FINISHED)
    workflow.github.comment("carol", 1, f"Nothing to see.\n\n{write(marker)}")

    job = await workflow.on(delivery, run_id="78")

    assert job.outputs["reason-code"] == "completed"


async def test_a_cancelled_job_says_what_goes_on_and_its_next_attempt_goes_on_with_it(slow_workflow: Workflow) -> None:
    """GitHub's runner sends SIGINT. The second attempt takes the run that the first had started."""
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await begun.until_it_says("Started: an agent is on it")
    begun.cancel()
    job = await begun.ended()

    assert (job.status, job.outputs["conclusion"], job.outputs["reason-code"]) == (130, "cancelled", "interrupted")
    assert job.outputs["agent-run-id"] == "1"
    assert job.annotations == snapshot(
        [
            (
                "error",
                "Cancelled: nobody follows this any longer, but at Codegen run 1 (https://codegen.com/agent/trace/1) goes on. Next: `/codegen status 1` shows how far it is; `/codegen cancel 1` says how it can be stopped.",
            )
        ]
    )
    (reply,) = slow_workflow.replies()
    assert reply.body.partition("\n\n<!--")[0] == snapshot("""\
Cancelled: nobody follows this any longer, but at Codegen [run 1](https://codegen.com/agent/trace/1) goes on.

Next: `/codegen status 1` shows how far it is; `/codegen cancel 1` says how it can be stopped.\
""")

    again = await slow_workflow.begun_on(delivery, attempt=2)
    await again.until_it_says("Started: an agent is on it")
    slow_workflow.codegen.finish(1, summary="Done.")
    job = await again.ended()

    assert (job.status, job.outputs["agent-run-id"], job.outputs["summary"]) == (0, "1", "Done.")
    assert (len(slow_workflow.codegen.runs), len(slow_workflow.replies())) == (1, 1)
    assert _stage(slow_workflow) is Stage.FINISHED


async def test_a_killed_jobs_next_attempt_goes_on(slow_workflow: Workflow) -> None:
    """It could say nothing more; its reply still says that it is at work, and whose it is."""
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await slow_workflow.github.until(lambda: slow_workflow.replies() and _stage(slow_workflow) is Stage.STARTED)
    begun.cancel(signal.SIGKILL)
    await begun.process.wait()

    again = await slow_workflow.begun_on(delivery, attempt=2)
    await again.until_it_says("Started: an agent is on it")
    slow_workflow.codegen.finish(1)

    assert (await again.ended()).outputs["conclusion"] == "success"
    assert (len(slow_workflow.codegen.runs), len(slow_workflow.replies())) == (1, 1)


async def test_a_killed_jobs_work_is_not_somebody_elses(slow_workflow: Workflow) -> None:
    """Another workflow's second attempt has begun nothing of it."""
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await slow_workflow.github.until(lambda: slow_workflow.replies() and _stage(slow_workflow) is Stage.STARTED)
    begun.cancel(signal.SIGKILL)
    await begun.process.wait()

    job = await slow_workflow.on(delivery, run_id="78", attempt=2)

    assert job.outputs["reason-code"] == "already-answered"


async def test_a_job_that_failed_for_others_is_tried_again(workflow: Workflow) -> None:
    """In the same reply."""
    delivery = workflow.commented("bob", "/codegen run fix it")
    workflow.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Limit reached."})
    first = await workflow.on(delivery)
    second = await workflow.on(delivery, attempt=2)

    assert (first.outputs["conclusion"], second.outputs["conclusion"]) == ("failure", "success")
    assert len(workflow.replies()) == 1


async def test_a_step_that_runs_again_gives_the_same_run(workflow: Workflow) -> None:
    """Also where nothing was posted: the run itself carries whose it is. The steps behind it get their outputs again."""
    first = await workflow.step("schedule", inputs=RUN)
    second = await workflow.step("schedule", inputs=RUN, attempt=2)
    other = await workflow.step("schedule", inputs=RUN, run_id="78")

    assert [job.outputs["agent-run-id"] for job in (first, second, other)] == ["1", "1", "2"]
    assert [job.outputs["conclusion"] for job in (first, second, other)] == ["success"] * 3


async def test_steps_that_say_the_same_are_two(workflow: Workflow) -> None:
    """In one job, by their order; in a matrix, by the job's number."""
    begun = await workflow.begin("schedule", {}, inputs=RUN)
    first = await begun.ended()
    second = await workflow.step("schedule", inputs=RUN, folder=begun.folder)
    third = await workflow.step("schedule", inputs=RUN, environ={"CODEGEN_BOT_JOB_INDEX": "1"})

    assert [job.outputs["agent-run-id"] for job in (first, second, third)] == ["1", "2", "3"]


async def test_cancelled_before_a_run_was_started(slow_workflow: Workflow) -> None:
    slow_workflow.codegen.control.fault(path="/agent/runs$", method="GET", action="hang", delay=20.0)
    delivery = slow_workflow.commented("bob", "/codegen run fix it")
    begun = await slow_workflow.begun_on(delivery)
    await begun.until_it_says("Accepted.")
    begun.cancel(signal.SIGTERM)
    job = await begun.ended()

    assert (job.status, job.log[-1]) == (
        130,
        "Cancelled before an agent run was started. Nothing goes on at Codegen.",
    )


async def test_cancelled_while_a_run_was_asked_for(slow_workflow: Workflow) -> None:
    """Codegen has the request and has done what it says; the job does not know yet."""
    slow_workflow.codegen.control.fault(path="/agent/run$", method="POST", action="hang", delay=20.0, after_work=True)
    begun = await slow_workflow.begun_on(slow_workflow.commented("bob", "/codegen run fix it"))
    await slow_workflow.codegen.run_created(1)
    begun.cancel()
    job = await begun.ended()

    assert (job.status, job.outputs["reason-code"]) == (130, "interrupted")
    assert slow_workflow.replies()[0].body.partition("\n\n<!--")[0] == snapshot("""\
Cancelled while Codegen was asked for an agent run: one may be at work there.

Next: `/codegen runs` shows the latest ones.\
""")


def _stage(workflow: Workflow) -> Any:
    marker = find(workflow.replies()[-1].body)
    return marker and marker.stage
