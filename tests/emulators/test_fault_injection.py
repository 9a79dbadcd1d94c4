"""Fault injection: its rate, its kinds, and its seed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.emulators.fault_injection import inject_faults
from tests.emulators.github.people import App

RUN = "/v1/organizations/1/agent/run"
USERS = "/v1/organizations/1/users"
CODEGEN = {"Authorization": "Bearer sk-org1-faults"}
BOT = {"Authorization": "Bearer bot-token"}


@pytest.fixture
async def codegen() -> AsyncIterator[CodegenEmulator]:
    async with CodegenEmulator(run_seconds=None, limits=False) as codegen:
        yield codegen


@pytest.fixture
async def github() -> AsyncIterator[GitHubEmulator]:
    async with GitHubEmulator(limits=False) as github:
        yield github


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


async def _ask(http: aiohttp.ClientSession, url: str, token: dict[str, str], method: str = "GET") -> int | str:
    """The status, or how it failed."""
    body = {"prompt": "Hello"} if method == "POST" else None
    try:
        async with http.request(method, url, headers=token, json=body) as answer:
            await answer.json()
            return answer.status
    except ValueError:
        return "cut off"
    except (aiohttp.ClientError, TimeoutError):
        return "no answer"


async def _faults(emulator: CodegenEmulator, http: aiohttp.ClientSession, count: int) -> list[str | None]:
    emulator.control.journal.clear()
    for _ in range(count):
        await _ask(http, f"{emulator.url}{USERS}", CODEGEN)
    return [entry.fault for entry in emulator.control.journal]


async def test_rate_is_the_share_of_failed_requests(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    injector = inject_faults(codegen, rate=0.2, seed=1, delay=0.0)
    found = await _faults(codegen, http, 400)
    assert 50 <= sum(fault is not None for fault in found) <= 110
    assert sum(injector.hits.values()) == sum(fault is not None for fault in found)
    assert {*injector.hits} == {*injector.known} - {"quota"}


async def test_same_seed_repeats_the_faults(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    found = []
    for seed in (7, 7, 8):
        inject_faults(codegen, seed=seed, delay=0.0)
        found.append(await _faults(codegen, http, 60))
    assert found[0] == found[1] != found[2]


async def test_burst_hits_consecutive_requests(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    inject_faults(codegen, rate=0.2, seed=3, burst=10, kinds=["503"])
    found = "".join("x" if fault else "." for fault in await _faults(codegen, http, 300))
    bursts = [burst for burst in found.split(".") if burst]
    assert all(len(burst) % 10 == 0 for burst in bursts[:-1])
    assert 20 <= found.count("x") <= 120


async def test_most_in_a_row_limits_consecutive_faults(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    inject_faults(codegen, rate=1.0, kinds=["500"], most_in_a_row=3)
    assert await _faults(codegen, http, 8) == ["500", "500", "500", None, "500", "500", "500", None]


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("limited", 429),
        ("limited-no-hint", 429),
        ("500", 500),
        ("502", 502),
        ("503", 503),
        ("299", 299),
        ("418", 418),
        ("599", 599),
        ("reset", "no answer"),
        ("hang", "no answer"),
        ("truncated", "cut off"),
        ("slow", 200),
        ("quota", 402),
    ],
)
async def test_every_kind_of_fault(
    codegen: CodegenEmulator, http: aiohttp.ClientSession, kind: str, seen: int | str
) -> None:
    inject_faults(codegen, rate=1.0, kinds=[kind], delay=0.01)
    assert await _ask(http, f"{codegen.url}{RUN}", CODEGEN, "POST") == seen


async def test_late_faults_may_follow_the_work(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    inject_faults(codegen, rate=1.0, kinds=["reset"])
    for _ in range(40):
        await _ask(http, f"{codegen.url}{RUN}", CODEGEN, "POST")
    assert 8 <= len(codegen.runs) <= 32


@pytest.mark.parametrize(("kind", "header"), [("secondary", "2"), ("secondary-no-hint", None)])
async def test_secondary_limit_with_and_without_hint(
    github: GitHubEmulator, http: aiohttp.ClientSession, kind: str, header: str | None
) -> None:
    inject_faults(github, rate=1.0, kinds=[kind], retry_after=2)
    async with http.get(f"{github.url}/repos/octo/shop", headers=BOT) as answer:
        assert answer.status == 403
        assert "secondary rate limit" in (await answer.json())["message"]
        assert answer.headers.get("Retry-After") == header


async def _installation_token(github: GitHubEmulator, http: aiohttp.ClientSession) -> dict[str, str]:
    url = f"{github.url}/app/installations/1/access_tokens"
    async with http.post(url, headers={"Authorization": f"Bearer {App().token()}"}) as answer:
        assert answer.status == 201
        return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def test_expired_token_stays_expired(github: GitHubEmulator, http: aiohttp.ClientSession) -> None:
    token, url = await _installation_token(github, http), f"{github.url}/repos/octo/shop"
    inject_faults(github, rate=1.0, kinds=["expired-token"], method="GET")
    assert [await _ask(http, url, token) for _ in range(3)] == [200, 401, 401]
    assert await _ask(http, url, await _installation_token(github, http)) == 200
    assert await _ask(http, url, BOT) == 200


async def test_inject_faults_ends_with_the_injector(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    injector = inject_faults(codegen, rate=1.0, kinds=["500"])
    assert await _ask(http, f"{codegen.url}{USERS}", CODEGEN) == 500
    assert injector.hits == {"500": 1}
    codegen.control.injector = None
    assert await _ask(http, f"{codegen.url}{USERS}", CODEGEN) == 200


@pytest.mark.parametrize("plan", [{"rate": 2}, {"kinds": ["frogs"]}, {"path": "("}, {"burst": 0}])
async def test_inject_faults_refuses_invalid_plans(codegen: CodegenEmulator, plan: dict[str, Any]) -> None:
    with pytest.raises((ValueError, re.error)):
        inject_faults(codegen, **plan)
    assert codegen.control.injector is None
