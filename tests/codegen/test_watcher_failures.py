"""Waiting for runs: old endings, outages, and people who leave."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun
from bot.codegen.polling import UpstreamRuns
from bot.codegen.watcher import RESUME_GRACE, RunWatcher
from bot.emulators.codegen import CodegenEmulator
from bot.errors import ErrorKind, UpstreamError
from bot.upstream import OUTAGE_DELAYS, RETRY_DELAYS
from tests.codegen.conftest import PACE
from tests.codegen.stepping import Step, begin, watching
from tests.codegen.wire import RUN, Answer, Wire, client_on, no, ok
from tests.harness.clock import Clock

TRIES = len(RETRY_DELAYS) + 1


# Resumed runs


async def test_finished_resumed_ignores_old_end(
    quick: RunWatcher, codegen: Codegen, emulator: CodegenEmulator, clock: Clock
) -> None:
    """Codegen shows it for a moment after a resume."""
    told: list[str | None] = []

    async def hear(run: AgentRun) -> None:
        told.append(run.status)

    emulator.script(result="The first answer.")
    await codegen.create_run("Fix the flaky test")
    clock.advance(PACE)
    before = await codegen.run(1)
    emulator.script(result="The second answer.")
    assert (await codegen.resume_run(1, "Now the docs")).result == "The first answer."
    run = await quick.finished(1, known=before, resumed=True, on_change=hear)
    assert run.result == "The second answer."
    assert told == ["PENDING", "RUNNING", "EVALUATION"]


async def test_finished_resumed_new_end_counts_at_once(
    watcher: RunWatcher, codegen: Codegen, emulator: CodegenEmulator
) -> None:
    """The work between the two was too short to be seen."""
    begin(emulator, 1)
    emulator.finish(1, result="The first answer.")
    before = await codegen.run(1)
    emulator.finish(1, result="The second answer.")
    assert (await watcher.finished(1, known=before, resumed=True)).result == "The second answer."


async def test_finished_resumed_same_end_counts_after_grace(
    quick: RunWatcher, codegen: Codegen, emulator: CodegenEmulator, clock: Clock
) -> None:
    begin(emulator, 1)
    emulator.finish(1, result="Nothing to do.")
    before = await codegen.run(1)
    assert (await quick.finished(1, known=before, resumed=True)).result == "Nothing to do."
    assert RESUME_GRACE < clock.now - 1000 <= RESUME_GRACE + 2


# What goes wrong


async def test_outage_is_waited_out(quick: RunWatcher, emulator: CodegenEmulator, clock: Clock) -> None:
    """Ever longer between the tries; the log says so, and those who wait notice nothing."""
    emulator.control.fault(path="/agent/runs", status=503, times=2 * TRIES)
    emulator.control.fault(path="/agent/runs", action="drop", times=TRIES)
    emulator.start_elsewhere("Hello")
    with structlog.testing.capture_logs() as lines:
        assert (await quick.finished(1)).succeeded
    outages = [line["seconds"] for line in lines if line["event"] == "poller.codegen_unavailable"]
    assert outages == [*OUTAGE_DELAYS[:3]]


async def outages(clock: Clock, *answers: Answer) -> list[float]:
    """How long is waited after each failed look, with these answers until the run has ended."""
    wire = Wire(clock)
    wire.respond(*answers, listing("COMPLETE"))
    async with client_on(wire) as codegen:
        watcher = RunWatcher(UpstreamRuns(codegen), clock=clock, sleep=clock.sleep)
        with structlog.testing.capture_logs() as lines:
            assert (await watcher.finished(1)).succeeded
        await watcher.aclose()
    return [line["seconds"] for line in lines if line["event"] == "poller.codegen_unavailable"]


def listing(status: str) -> Answer:
    return ok({"items": [{**RUN, "status": status}], "total": 1, "page": 1, "size": 100, "pages": 1})


async def test_long_outage_is_polled_once_a_minute(clock: Clock) -> None:
    assert await outages(clock, *[no(500)] * (8 * TRIES)) == [*OUTAGE_DELAYS, 60.0, 60.0, 60.0]


async def test_second_outage_restarts_the_delays(clock: Clock) -> None:
    outage = [no(500)] * TRIES
    assert await outages(clock, *outage, *outage, listing("RUNNING"), *outage) == [2.0, 5.0, 2.0]


@pytest.mark.parametrize(("status", "kind"), [(401, ErrorKind.UNAUTHORIZED), (403, ErrorKind.FORBIDDEN)])
async def test_unauthorized_fails_all_waiters(
    watcher: RunWatcher, emulator: CodegenEmulator, status: int, kind: ErrorKind
) -> None:
    begin(emulator, 2)
    emulator.control.fault(path="/agent/runs", status=status)
    errors = await asyncio.gather(watcher.finished(1), watcher.finished(2), return_exceptions=True)
    assert [error.kind for error in errors if isinstance(error, UpstreamError)] == [kind, kind]


async def test_missing_run_fails_its_waiters_only(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 1)
    there, gone = asyncio.create_task(watcher.finished(1)), asyncio.create_task(watcher.finished(99))
    with pytest.raises(UpstreamError) as caught:
        await gone
    assert caught.value.kind is ErrorKind.NOT_FOUND
    emulator.finish(1)
    await step.next()
    assert (await there).succeeded


# Leaving


async def test_finished_timeout(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 1)
    patient = asyncio.create_task(watcher.finished(1))
    await step.asleep()
    with pytest.raises(TimeoutError):
        await watcher.finished(1, timeout=0.01)
    emulator.finish(1)
    await step.next()
    assert (await patient).succeeded


async def test_cancelled_waiter_disturbs_no_other(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 2)
    leaving, staying = asyncio.create_task(watcher.finished(1)), asyncio.create_task(watcher.finished(2))
    await step.asleep()
    leaving.cancel()
    emulator.finish(1)
    emulator.finish(2)
    await step.next()
    assert (await staying).succeeded
    assert leaving.cancelled()


async def test_aclose_ends_polling(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 1)
    wait = asyncio.create_task(watcher.finished(1))
    await step.asleep()
    assert len(watching()) == 1
    await watcher.aclose()
    await watcher.aclose()
    assert watching() == []
    wait.cancel()
    await asyncio.gather(wait, return_exceptions=True)
    assert wait.cancelled()
