"""Statistics of recent runs, and their completion times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.codegen.completion_times import RunTimes
from bot.codegen.models import AgentRun, RunUsage
from bot.web.api import run_index
from bot.web.api.overview import Totals, Used, overview_of
from tests.harness.server import ORG, ApiServer

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def a_run(number: int, status: str, *, days_ago: int = 0) -> AgentRun:
    return AgentRun(id=number, organization_id=1, status=status, created_at=NOON - timedelta(days=days_ago))


def test_overview_counts_days_statuses_and_times() -> None:
    runs = [
        a_run(1, "COMPLETE"),
        a_run(2, "FAILED"),
        a_run(3, "COMPLETE", days_ago=1),
        a_run(4, "ACTIVE"),
        a_run(5, "COMPLETE", days_ago=3),
    ]
    worked = {1: RunTimes(NOON, 30.0), 2: RunTimes(NOON, 90.0), 4: RunTimes(None, 7.0), 5: RunTimes(NOON, 1.0)}
    overview = overview_of(runs, worked, days=3, now=NOON)

    assert [(day.day, day.by_status) for day in overview.days] == [
        (date(2026, 5, 2), {}),
        (date(2026, 5, 3), {"succeeded": 1}),
        (date(2026, 5, 4), {"working": 1, "succeeded": 1, "failed": 1}),
    ]
    assert overview.by_status == {"working": 1, "succeeded": 2, "failed": 1}
    assert (overview.runs, overview.ended, overview.succeeded) == (4, 3, 2)
    assert overview.success_share == 2 / 3
    times = overview.time_to_finish
    assert (times.known, times.median, times.p90) == (2, 60.0, 90.0)
    assert times.buckets == {32: 1, 128: 1}
    assert not overview.is_cut


def test_overview_compares_with_days_before() -> None:
    used = RunUsage(input_tokens=900, output_tokens=100, cost=0.25, is_estimated=True)
    runs = [
        a_run(1, "COMPLETE").model_copy(update={"usage": used}),
        a_run(2, "FAILED", days_ago=1).model_copy(update={"usage": used}),
        a_run(3, "COMPLETE", days_ago=2),
        a_run(4, "COMPLETE", days_ago=4),
    ]
    overview = overview_of(runs, {3: RunTimes(working_seconds=30.0)}, days=2, now=NOON)

    assert overview.runs == 2
    assert overview.used == Used(known=2, cost=0.5, tokens=2000, is_estimated=True)
    assert overview.previous == Totals(runs=1, ended=1, succeeded=1, success_share=1.0, median=30.0, cost=None)


def test_overview_without_runs() -> None:
    overview = overview_of([], {}, days=1, now=NOON)
    assert overview.success_share is None
    assert overview.used is None
    assert overview.time_to_finish.median is None
    assert overview.days[0].by_status == {}


async def test_overview_reads_requested_days_only(api_server: ApiServer) -> None:
    now = datetime.now(UTC)
    for number in range(1, 251):
        api_server.codegen.start_elsewhere("words").created_at = now - timedelta(days=20 if number <= 200 else 0)
        api_server.codegen.finish(number)
    response = await api_server.get(f"{ORG}/overview?days=2")

    assert response.status == 200
    assert response.document["by_status"] == {"succeeded": 50}
    assert response.document["success_share"] == 1.0
    assert len(api_server.upstream("/agent/runs")) == 1


async def test_run_has_end_that_was_seen(api_server: ApiServer) -> None:
    before = datetime.now(UTC)
    started = await api_server.post(
        f"{ORG}/agent/run", {"prompt": "\n Fix it, token sk-1234567890abcdef1234. \nAll of it."}
    )
    number = started.document["id"]
    shown = await api_server.get(f"{ORG}/agent/run/{number}")
    assert shown.document["ended_at"] is None
    assert shown.document["metadata"]["codegen_bot"]["prompt"].startswith("Fix it, token ")
    assert "sk-1234567890" not in str(shown.document)

    api_server.codegen.finish(number)
    [listed] = (await api_server.get(f"{ORG}/agent/runs?limit=1")).document["items"]
    assert before <= datetime.fromisoformat(listed["ended_at"]) <= datetime.now(UTC)
    # Two, as midnight may have passed.
    overview = await api_server.get(f"{ORG}/overview?days=2")
    assert overview.document["time_to_finish"]["known"] == 1


async def test_end_is_recorded_by_filtered_list(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a multi-run requests its own runs, which nothing polls while it waits for Codegen's rate limit."""
    monkeypatch.setattr(run_index, "NEWS_INTERVAL", 0.0)
    api_server.codegen.start_elsewhere("Make it fast", metadata={"multi_run_id": "one"})
    path = f"{ORG}/agent/runs?multi_run_id=one"
    await api_server.get(path)
    api_server.codegen.finish(1)
    [run] = (await api_server.get(path)).document["items"]
    assert run["ended_at"] is not None


async def test_runs_of_one_multi_run(api_server: ApiServer) -> None:
    api_server.codegen.start_elsewhere("somebody else's")
    begun = await api_server.post(f"{ORG}/multi-run", {"prompt": "Make it fast.", "concurrency": 2})
    await api_server.codegen.run_created(3)
    found = await api_server.get(f"{ORG}/agent/runs?multi_run_id={begun.document['id']}&sort=created_at")
    assert [run["id"] for run in found.document["items"]] == [2, 3]
