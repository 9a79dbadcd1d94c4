"""Several workers on one PostgreSQL: what becomes of a turn when its worker dies, freezes, is cut off or stopped."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.agents.turn_texts import SESSION_ON_OTHER_MACHINE
from bot.agents.worker import GIVEN_UP
from bot.storage.agent_models import StoredRun
from tests.harness import TIMEOUT
from tests.harness.agent_workers import (
    AS_STARTED,
    Workers,
    agent_workers,
)
from tests.harness.command_lines import command_lines, unique_number, until_gone, until_running, until_seen
from tests.harness.connections import Link

EDIT = {"edit": "app/checkout.py", "append": "# Edited.\n"}
REMEMBER = {"remember": "the tax"}
RECALL = {"recall": True}


def wait_once(sleep: str) -> dict[str, str]:
    """A step that lasts until it is killed, and nothing when the session goes on.

    :param sleep: the fixture of this name
    """
    return {"run": f"test -e ~/second || {{ touch ~/second; {sleep}; }}"}


@pytest.fixture
def sleep() -> str:
    """A command that lasts until it is killed, and that no other test has."""
    return f"sleep {unique_number()}"


@pytest.fixture
async def workers(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Workers]:
    async with agent_workers(postgresql_url, tmp_path) as workers:
        yield workers


async def finished_once(workers: Workers, run_id: int) -> StoredRun:
    """Waits for a run's end; it has opened one pull request."""
    run = await workers.ended(run_id)
    assert run.status == "COMPLETE", run.result
    assert [each.number for each in run.pull_requests] == workers.pull_requests(run_id)
    assert len(run.pull_requests) == 1
    return run


async def test_session_goes_on_after_a_kill(workers: Workers, sleep: str) -> None:
    """On the same machine, where the run's files are."""
    first = await workers.start()
    run = await workers.ask(REMEMBER, EDIT, wait_once(sleep), RECALL)
    await until_running(sleep)
    await workers.start()

    await first.kill()

    await until_gone(sleep)
    done = await finished_once(workers, run)
    assert "the tax" in (done.result or "")


async def test_other_machine_begins_anew_and_says_so(workers: Workers, sleep: str) -> None:
    first = await workers.start(machine="one")
    run = await workers.ask(EDIT, {"recall": True}, wait_once(sleep))
    await until_running(sleep)
    other = await workers.start(machine="other")

    await first.kill()

    # The killed worker's process may be there for a moment.
    async with asyncio.timeout(TIMEOUT):
        while SESSION_ON_OTHER_MACHINE not in await workers.log(run):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.05)
    await until_running(sleep)
    await other.stop()
    # The folder is still there for a third one, on the second machine.
    await workers.start(machine="other")
    await finished_once(workers, run)


async def test_frozen_worker_changes_nothing_when_it_thaws(workers: Workers, sleep: str) -> None:
    """Its agent ends before another worker continues in the same folder."""
    first = await workers.start()
    run = await workers.ask(REMEMBER, EDIT, wait_once(sleep), RECALL)
    await until_running(sleep)
    first.freeze()
    second = await workers.start()

    await second.log.until("turn.taken_over")
    assert command_lines(sleep) == []
    done = await finished_once(workers, run)
    assert "the tax" in (done.result or "")
    workers.github.control.journal.clear()
    first.thaw()
    await first.log.until("turn.lost")

    assert [entry.path for entry in workers.github.control.journal if entry.method != "GET"] == []
    assert await workers.run(run) == done
    # It goes on with other turns.
    await second.stop()
    await finished_once(workers, await workers.ask(EDIT))


async def test_worker_without_its_database_stops_its_agent(workers: Workers, sleep: str, postgresql_url: str) -> None:
    async with Link(postgresql_url).serving() as link:
        first = await workers.start(database_url=link.url)
        run = await workers.ask(REMEMBER, EDIT, wait_once(sleep), RECALL)
        await until_running(sleep)
        link.cut()
        second = await workers.start()

        await second.log.until("turn.taken_over")
        assert command_lines(sleep) == []
        done = await finished_once(workers, run)
        assert "the tax" in (done.result or "")

        link.heal()
        await second.stop()
        await finished_once(workers, await workers.ask(EDIT))
        assert await first.stop() == 0


async def test_stopped_worker_finishes_its_turn(workers: Workers) -> None:
    worker = await workers.start(drain_seconds=600)
    marker = f": {unique_number()}"
    wait = f"for i in $(seq 600); do sleep 0.1; test -e ~/go && break; done; {marker}"
    run = await workers.ask(EDIT, {"run": wait})
    await until_seen(marker)
    stopping = asyncio.create_task(worker.stop())
    await worker.log.until("worker.draining")
    other = await workers.ask(EDIT)

    (workers.folder / "machine" / "runs" / str(run) / "home" / "go").touch()

    assert await stopping == 0
    await finished_once(workers, run)
    assert (await workers.run(other)).status == "PENDING"


async def test_stopped_worker_hands_over_what_takes_longer(workers: Workers, sleep: str) -> None:
    first = await workers.start(drain_seconds=0.2)
    run = await workers.ask(REMEMBER, EDIT, wait_once(sleep), RECALL)
    await until_running(sleep)

    assert await first.stop() == 0

    assert command_lines(sleep) == []
    assert (await workers.run(run)).status == "ACTIVE"
    second = await workers.start()
    done = await finished_once(workers, run)
    assert "the tax" in (done.result or "")
    # It does not count as a worker that vanished.
    assert any("turn.started" in line for line in second.log.lines)


async def test_cancelled_turn_keeps_its_slot_until_its_processes_are_gone(workers: Workers) -> None:
    await workers.start(concurrency=2, concurrency_per_repository=1)
    stubborn, patient = f": {unique_number()}", f": {unique_number()}"
    endless = f"trap '' TERM INT HUP; while :; do sleep 0.1; done; {stubborn}"
    first = await workers.ask({"ignore_cancel": True}, {"run": endless})
    await until_seen(stubborn)
    second = await workers.ask({"run": f"until [ -e ~/go ]; do sleep 0.1; done; {patient}"}, EDIT)

    await workers.cancel(first)

    await until_seen(patient)
    assert command_lines(stubborn) == []
    (workers.folder / "machine" / "runs" / str(second) / "home" / "go").touch()
    assert (await workers.ended(first)).status == "CANCELLED"
    await finished_once(workers, second)


async def test_turn_that_kills_its_workers_is_given_up(workers: Workers, sleep: str) -> None:
    run = await workers.ask(EDIT, {"run": sleep})
    for _ in range(3):
        worker = await workers.start()
        await until_running(sleep)
        await worker.kill()
        await until_gone(sleep)
    await workers.start()

    done = await workers.ended(run)

    assert (done.status, done.result) == ("FAILED", GIVEN_UP)
    assert workers.pull_requests(run) == []


async def test_others_start_although_one_has_asked_for_forty_turns(workers: Workers, sleep: str) -> None:
    """Alice's turns would last for ever, and her limit leaves a slot."""
    await workers.start(concurrency=3, concurrency_per_person=2)
    for _ in range(40):
        await workers.ask({"run": sleep}, person="alice")
    await until_running(sleep)

    bob, carol = [await workers.ask(EDIT, person=person) for person in ("bob", "carol")]

    for run in (bob, carol):
        await finished_once(workers, run)


async def test_stopped_worker_ends_although_its_database_does_not_respond(
    workers: Workers, sleep: str, postgresql_url: str
) -> None:
    async with Link(postgresql_url).serving() as link:
        worker = await workers.start(module=AS_STARTED, database_url=link.url, drain_seconds=0)
        await workers.ask({"run": sleep})
        await until_running(sleep)
        link.cut()

        assert await worker.stop() == 1

        await until_gone(sleep)


async def test_worker_serves_its_health_and_its_metrics(workers: Workers) -> None:
    worker = await workers.start(module=AS_STARTED, settings={"METRICS_PORT": "0"})
    port = next(found[1] for line in worker.log.lines if (found := re.search(r"metrics\.listening.*port=(\d+)", line)))
    await finished_once(workers, await workers.ask(EDIT, {"fetch": "http://elsewhere.example/"}))

    async with aiohttp.ClientSession() as http:

        async def shown(path: str) -> str:
            async with http.get(f"http://127.0.0.1:{port}{path}") as response:
                assert response.status == 200
                return await response.text()

        assert json.loads(await shown("/healthz")) == {"status": "ok"}
        assert json.loads(await shown("/readyz")) == {"status": "ready"}
        # The turn is counted after the database has its end, and the queue is NaN while that does not respond.
        counted = (
            'codegen_bot_agent_turns_ended_total{agent="scripted",status="complete"} 1.0',
            "codegen_bot_agent_turns_queued 0.0",
        )
        metrics = await shown("/metrics")
        async with asyncio.timeout(TIMEOUT):
            while not all(each in metrics for each in counted):
                await asyncio.sleep(0.02)
                metrics = await shown("/metrics")
    assert 'codegen_bot_agent_incidents_total{agent="scripted",incident="sandbox-failed"} 0.0' in metrics
    assert 'incident="egress-refused"} 1.0' in metrics
    assert 'codegen_bot_upstream_calls_total{operation="create_pull_request",service="github"' in metrics
