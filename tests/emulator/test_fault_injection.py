"""Fault injection: a share of all requests goes wrong, in every way there is, and the same seed makes the same of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from tests.emulator.github.people import App

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
    """The status, or what went wrong."""
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


async def test_a_fifth_of_all_requests_goes_wrong(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    inject_faults = codegen.control.inject_faults(rate=0.2, seed=1, delay=0.0)
    found = await _faults(codegen, http, 400)
    assert 50 <= sum(fault is not None for fault in found) <= 110
    assert sum(inject_faults.hits.values()) == sum(fault is not None for fault in found)
    assert {*inject_faults.hits} == {*inject_faults.known} - {"quota"}


async def test_the_same_seed_makes_the_same_faults(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    found = []
    for seed in (7, 7, 8):
        codegen.control.inject_faults(seed=seed, delay=0.0)
        found.append(await _faults(codegen, http, 60))
    assert found[0] == found[1] != found[2]


async def test_a_burst_hits_one_request_after_the_other(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    codegen.control.inject_faults(rate=0.2, seed=3, burst=10, kinds=["503"])
    found = "".join("x" if fault else "." for fault in await _faults(codegen, http, 300))
    bursts = [burst for burst in found.split(".") if burst]
    assert all(len(burst) % 10 == 0 for burst in bursts[:-1])
    assert 20 <= found.count("x") <= 120


async def test_it_goes_wrong_so_often_in_a_row_and_not_more(
    codegen: CodegenEmulator, http: aiohttp.ClientSession
) -> None:
    codegen.control.inject_faults(rate=1.0, kinds=["500"], most_in_a_row=3)
    assert await _faults(codegen, http, 8) == ["500", "500", "500", None, "500", "500", "500", None]


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("limited", 429),
        ("limited-unsaid", 429),
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
async def test_each_kind_is_seen_as_what_it_is(
    codegen: CodegenEmulator, http: aiohttp.ClientSession, kind: str, seen: int | str
) -> None:
    codegen.control.inject_faults(rate=1.0, kinds=[kind], delay=0.01)
    assert await _ask(http, f"{codegen.url}{RUN}", CODEGEN, "POST") == seen


async def test_the_work_may_have_been_done_before(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    codegen.control.inject_faults(rate=1.0, kinds=["reset"])
    for _ in range(40):
        await _ask(http, f"{codegen.url}{RUN}", CODEGEN, "POST")
    assert 8 <= len(codegen.runs) <= 32


@pytest.mark.parametrize(("kind", "header"), [("secondary", "2"), ("secondary-unsaid", None)])
async def test_githubs_secondary_limit_says_how_long_or_does_not(
    github: GitHubEmulator, http: aiohttp.ClientSession, kind: str, header: str | None
) -> None:
    github.control.inject_faults(rate=1.0, kinds=[kind], retry_after=2)
    async with http.get(f"{github.url}/repos/octo/shop", headers=BOT) as answer:
        assert answer.status == 403
        assert "secondary rate limit" in (await answer.json())["message"]
        assert answer.headers.get("Retry-After") == header


async def _installation_token(github: GitHubEmulator, http: aiohttp.ClientSession) -> dict[str, str]:
    url = f"{github.url}/app/installations/1/access_tokens"
    async with http.post(url, headers={"Authorization": f"Bearer {App().token()}"}) as answer:
        assert answer.status == 201
        return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def test_a_token_expires_that_was_fine_and_stays_so(github: GitHubEmulator, http: aiohttp.ClientSession) -> None:
    token, url = await _installation_token(github, http), f"{github.url}/repos/octo/shop"
    github.control.inject_faults(rate=1.0, kinds=["expired-token"], method="GET")
    assert [await _ask(http, url, token) for _ in range(3)] == [200, 401, 401]
    assert await _ask(http, url, await _installation_token(github, http)) == 200
    assert await _ask(http, url, BOT) == 200


async def test_all_tokens_can_be_ended(github: GitHubEmulator, http: aiohttp.ClientSession) -> None:
    token, url = await _installation_token(github, http), f"{github.url}/repos/octo/shop"
    async with http.delete(f"{github.url}/_emulator/tokens") as answer:
        assert await answer.json() == {"expired": 1}
    assert await _ask(http, url, token) == 401


async def test_it_is_made_told_and_ended_by_request(codegen: CodegenEmulator, http: aiohttp.ClientSession) -> None:
    url = f"{codegen.url}/_emulator/fault-plan"
    async with http.post(url, json={"rate": 1.0, "kinds": ["500"]}) as answer:
        assert answer.status == 201
    assert await _ask(http, f"{codegen.url}{USERS}", CODEGEN) == 500
    async with http.get(url) as answer:
        told = await answer.json()
    assert (told["plan"]["rate"], told["hits"]) == (1.0, {"500": 1})
    assert "quota" in told["kinds"]
    async with http.delete(url) as answer:
        assert answer.status == 204
    assert await _ask(http, f"{codegen.url}{USERS}", CODEGEN) == 200


@pytest.mark.parametrize("wrong", [{"rate": 2}, {"kinds": ["frogs"]}, {"path": "("}, {"burst": 0}, {"mood": "bad"}])
async def test_what_is_no_fault_plan_is_refused(
    codegen: CodegenEmulator, http: aiohttp.ClientSession, wrong: dict[str, object]
) -> None:
    async with http.post(f"{codegen.url}/_emulator/fault-plan", json=wrong) as answer:
        assert answer.status == 422
    assert codegen.control.fault_injector is None
