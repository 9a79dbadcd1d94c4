"""While Codegen fails, a person waits for a few seconds at most, and old data are shown as such."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from inline_snapshot import snapshot

from bot.errors import ErrorKind, Service, UpstreamError
from bot.upstream import call_delay, giving_up_after, patient, time_left
from bot.web.api import cache as api_cache
from bot.web.api import run_index
from bot.web.api import runs as api_runs
from bot.web.api.cache import STALE_RETRY, STALE_TTL, TokenCache
from tests.harness.clock import Clock
from tests.harness.server import ORG, ApiServer

KEY = ("token", 1, "runs")

DOWN = UpstreamError(Service.CODEGEN, ErrorKind.NETWORK, "runs_page", detail="connection refused")
REFUSED = UpstreamError(Service.CODEGEN, ErrorKind.UNAUTHORIZED, "runs_page", 401)


@pytest_asyncio.fixture
async def impatient(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiServer]:
    """Nothing is cached for longer than the request."""
    monkeypatch.setattr(api_runs, "RUN_TTL", 0.0)
    monkeypatch.setattr(api_cache, "STALE_RETRY", 0.0)
    monkeypatch.setattr(run_index, "NEWS_INTERVAL", 0.0)
    monkeypatch.setattr(run_index, "STALE_RETRY", 0.0)
    yield api_server


def fail(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path=".*", status=503, times=None)


@pytest.mark.parametrize("path", ["/agent/runs", "/agent/run/1", "/agent/runs?status=queued", "/overview", "/users"])
async def test_old_data_are_marked(impatient: ApiServer, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_cache, "TTL", 0.0)
    impatient.start_run()
    before = await impatient.get(f"{ORG}{path}")
    fail(impatient)
    stale = await impatient.get(f"{ORG}{path}")

    assert (before.status, stale.status) == (200, 200)
    assert "X-Stale-Since" not in before.headers
    assert datetime.fromisoformat(stale.headers["X-Stale-Since"]) <= datetime.now(UTC)
    assert stale.headers["X-Stale-Reason"] == snapshot("Codegen failed (503). A scripted fault.")
    if path != "/overview":
        assert "id" in str(stale.document)

    impatient.codegen.control.faults.clear()
    assert "X-Stale-Since" not in (await impatient.get(f"{ORG}{path}")).headers


async def test_without_old_data_the_failure_is_said(impatient: ApiServer) -> None:
    await impatient.get(f"{ORG}/users")
    fail(impatient)
    response = await impatient.get(f"{ORG}/agent/runs")
    assert (response.status, response.detail) == snapshot((502, "Codegen failed (503). A scripted fault."))
    assert "X-Stale-Since" not in response.headers


async def test_token_that_is_refused_gets_no_old_data(impatient: ApiServer) -> None:
    await impatient.get(f"{ORG}/agent/runs")
    impatient.codegen.control.fault(path=".*", status=401, times=None)
    response = await impatient.get(f"{ORG}/agent/runs")
    assert (response.status, response.detail) == (401, "Your token is no longer valid. Sign in again.")


async def test_cache_uses_an_old_value_only_while_codegen_fails() -> None:
    clock = Clock()
    cache, outcomes, reads = TokenCache(clock=clock), list[int | UpstreamError](), 0

    async def fetch() -> int:
        nonlocal reads
        reads += 1
        outcome = outcomes.pop(0)
        if isinstance(outcome, UpstreamError):
            raise outcome
        return outcome

    ages: list[float] = []

    async def get() -> int:
        return await cache.get(KEY, fetch, ttl=2.0, on_stale=lambda age, _failure: ages.append(age))

    outcomes += [1, DOWN]
    assert await get() == 1
    clock.now += 3
    assert (await get(), ages) == (1, [3])
    # For a while it is not asked again.
    clock.now += STALE_RETRY / 2
    assert (await get(), ages, reads) == (1, [3, 3 + STALE_RETRY / 2], 2)
    clock.now += STALE_RETRY
    outcomes += [2]
    assert (await get(), len(ages)) == (2, 2)
    clock.now += 3
    outcomes += [REFUSED]
    with pytest.raises(UpstreamError):
        await get()
    clock.now += STALE_TTL
    outcomes += [DOWN]
    with pytest.raises(UpstreamError):
        await get()


async def test_cache_drops_old_values_in_the_end() -> None:
    clock = Clock()
    cache = TokenCache(clock=clock)

    async def fetch() -> int:
        return 1

    await cache.get(KEY, fetch, ttl=2.0, on_stale=lambda _age, _failure: None)
    clock.now += 3
    assert cache.drop_expired()
    clock.now += STALE_TTL
    assert not cache.drop_expired()


def test_calls_are_not_retried_later_than_a_person_waits() -> None:
    assert (call_delay(DOWN, 1, max_wait=90), call_delay(DOWN, 4, max_wait=90)) == (0.5, 15.0)
    with giving_up_after(8):
        assert (call_delay(DOWN, 1, max_wait=90), call_delay(DOWN, 4, max_wait=90)) == (0.5, None)
        with giving_up_after(90):
            assert call_delay(DOWN, 4, max_wait=90) is None
        assert patient().run(call_delay, DOWN, 4, max_wait=90) == 15.0
    with giving_up_after(0):
        assert time_left() == 0.0
    assert time_left() is None
