"""Health checks and metrics."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.errors import StoreError
from bot.metrics import Metrics
from bot.storage.database import open_engine
from bot.storage.executors import Executors
from bot.storage.queries import run_in_thread
from tests.harness.databases import migrated_sqlite
from tests.harness.log_lines import lines, logged
from tests.web.deliveries import Client, FakeEngine, application, deliver, issue_comment, problem


def samples(text: str) -> dict[str, float]:
    """The counters of deliveries and commands, by name and labels."""
    rows = (line.rpartition(" ") for line in text.splitlines() if line.startswith("codegen_bot"))
    counts = {name: float(value) for name, _, value in rows if "ies_total" in name or "taken_total" in name}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_healthz_readyz_and_metrics(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 200
    assert (await client.head(path)).status == 200


async def test_readyz_fails_without_database() -> None:
    database = open_engine("postgresql://bot:hunter2@127.0.0.1:1/bot")
    touch = partial(Executors(database, lease=1).touch, "me")
    with logged() as log:
        async with TestClient(TestServer(application(FakeEngine(), check=partial(run_in_thread, touch)))) as client:
            assert (await client.get("/healthz")).status == 200
            assert await problem(await client.get("/readyz")) == (503, "The database does not answer.")
    database.dispose()
    assert [line["event"] for line in lines(log)] == ["server.not_ready"]
    assert "hunter2" not in log.getvalue()


async def test_readyz_recovers_with_database(tmp_path: Path) -> None:
    path, away = tmp_path / "bot.sqlite", tmp_path / "away.sqlite"
    database = open_engine(migrated_sqlite(path))
    touch = partial(Executors(database, lease=1).touch, "me")
    async with TestClient(TestServer(application(FakeEngine(), check=partial(run_in_thread, touch)))) as client:
        path.rename(away)
        assert (await client.get("/readyz")).status == 503
        away.rename(path)
        assert (await client.get("/readyz")).status == 200
    database.dispose()


async def test_readyz_fails_on_silent_database() -> None:

    async def silent() -> None:
        await asyncio.Event().wait()

    async with TestClient(TestServer(application(FakeEngine(), check=silent, timeout=0.01))) as client:
        assert await problem(await client.get("/readyz")) == (503, "The database does not answer.")


async def test_metrics_count_deliveries_and_commands(client: Client, engine: FakeEngine) -> None:
    await deliver(client, issue_comment("/codegen run fix it\n/codegen help"))
    await deliver(client, issue_comment("/codegen help"))
    await deliver(client, issue_comment("Looks good."))
    await deliver(client, {"zen": "Keep it logically awesome."}, "ping")

    response = await client.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert samples(await response.text()) == {
        'codegen_bot_deliveries_total{event="issue_comment",outcome="taken"}': 2,
        'codegen_bot_deliveries_total{event="issue_comment",outcome="ignored"}': 1,
        'codegen_bot_deliveries_total{event="ping",outcome="ignored"}': 1,
        'codegen_bot_commands_taken_total{command="run"}': 1,
        'codegen_bot_commands_taken_total{command="help"}': 1,
    }


async def test_metrics_count_refusals_and_failures(client: Client, engine: FakeEngine) -> None:
    await deliver(client, issue_comment("/codegen help"), secret="a guess")
    await deliver(client, {"action": "created"})
    engine.failure = StoreError("disk full")
    await deliver(client, issue_comment("/codegen help"))
    engine.failure = RuntimeError("a fault of ours")
    await deliver(client, issue_comment("/codegen help"))

    assert samples(await (await client.get("/metrics")).text()) == {
        'codegen_bot_deliveries_total{event="issue_comment",outcome="refused"}': 1,
        'codegen_bot_deliveries_total{event="issue_comment",outcome="ignored"}': 1,
        'codegen_bot_deliveries_total{event="issue_comment",outcome="failed"}': 2,
    }


async def test_metrics_bound_event_names(client: Client) -> None:
    for name in ("x" * 41, "drop-table", "an event", "event2"):
        await deliver(client, {}, name)
    text = await (await client.get("/metrics")).text()
    assert samples(text) == {'codegen_bot_deliveries_total{event="other",outcome="ignored"}': 4}


async def test_metrics_are_per_server() -> None:
    """They are not global to the process."""
    metrics = Metrics()
    metrics.taken("run")
    assert samples(Metrics().render().decode()) == {}


async def test_framework_responses_have_request_id(client: Client) -> None:
    """aiohttp refuses an unknown expectation before any handler runs."""
    async with client.get("/healthz", headers={"Expect": "a miracle"}) as answer:
        assert answer.status == 417
        assert answer.headers["X-Request-Id"]
