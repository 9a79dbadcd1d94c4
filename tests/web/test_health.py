"""What a load balancer and a monitor ask for."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.errors import StoreError
from bot.metrics import Metrics
from bot.store.database import open_engine
from bot.store.tables import check
from tests.log_lines import lines, logged
from tests.web.deliveries import Client, FakeEngine, application, deliver, issue_comment, problem


def samples(text: str) -> dict[str, float]:
    """The counters of deliveries and commands, by name and labels."""
    rows = (line.rpartition(" ") for line in text.splitlines() if line.startswith("codegen_bot"))
    counts = {name: float(value) for name, _, value in rows if "ies_total" in name or "taken_total" in name}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_healthy_bot_answers_every_question(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 200
    assert (await client.head(path)).status == 200


async def test_a_database_that_does_not_answer_makes_the_bot_alive_but_not_ready() -> None:
    database = open_engine("postgresql://bot:hunter2@127.0.0.1:1/bot")
    with logged() as log:
        async with TestClient(TestServer(application(FakeEngine(), check=partial(check, database)))) as client:
            assert (await client.get("/healthz")).status == 200
            assert await problem(await client.get("/readyz")) == (503, "The database does not answer.")
    database.dispose()
    assert [line["event"] for line in lines(log)] == ["server.not_ready"]
    assert "hunter2" not in log.getvalue()


async def test_a_database_that_is_back_makes_the_bot_ready_again(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    database = open_engine(f"sqlite:///{path}")
    async with TestClient(TestServer(application(FakeEngine(), check=partial(check, database)))) as client:
        path.unlink()
        path.mkdir()
        assert (await client.get("/readyz")).status == 503
        path.rmdir()
        assert (await client.get("/readyz")).status == 200
    database.dispose()


async def test_a_database_that_is_silent_makes_the_bot_not_ready() -> None:
    """Whoever asks does not wait for ever."""

    async def silent() -> None:
        await asyncio.Event().wait()

    async with TestClient(TestServer(application(FakeEngine(), check=silent, patience=0.01))) as client:
        assert await problem(await client.get("/readyz")) == (503, "The database does not answer.")


async def test_deliveries_and_commands_are_counted(client: Client, engine: FakeEngine) -> None:
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


async def test_what_is_refused_or_fails_is_counted_too(client: Client, engine: FakeEngine) -> None:
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


async def test_an_events_name_does_not_grow_the_metrics_without_end(client: Client) -> None:
    for name in ("x" * 41, "drop-table", "an event", "event2"):
        await deliver(client, {}, name)
    text = await (await client.get("/metrics")).text()
    assert samples(text) == {'codegen_bot_deliveries_total{event="other",outcome="ignored"}': 4}


async def test_each_server_counts_for_itself() -> None:
    """Nothing is kept in the process beside it."""
    metrics = Metrics()
    metrics.taken("run")
    assert samples(Metrics().render().decode()) == {}


async def test_what_the_framework_answers_by_itself_has_a_name_too(client: Client) -> None:
    """It refuses an unknown expectation before any of our code is asked."""
    async with client.get("/healthz", headers={"Expect": "a miracle"}) as answer:
        assert answer.status == 417
        assert answer.headers["X-Request-Id"]
