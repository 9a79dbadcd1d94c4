"""Invented tokens cost Codegen nearly nothing, and do not delay callers with a valid one."""

from __future__ import annotations

import asyncio
from collections import Counter
from http import HTTPStatus
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from inline_snapshot import snapshot

from bot.web.api.failed_tokens import (
    CONCURRENCY,
    MOST_IN_TOTAL,
    MOST_PER_ADDRESS,
    MOST_REFUSALS,
    FailedTokens,
    address_of,
)
from bot.web.problems import Problem
from tests.harness.clock import Clock
from tests.harness.server import ApiServer

MOST_TRIED = MOST_PER_ADDRESS + CONCURRENCY - 1
"""Those that are at Codegen already when the limit is reached have to come back."""

REFUSAL = Problem(HTTPStatus.UNAUTHORIZED, "No.")


def refused_by_codegen(api_server: ApiServer) -> int:
    """Tokens that got there: the server asks the same for its own."""
    return sum(entry.status == HTTPStatus.UNAUTHORIZED for entry in api_server.upstream("/v1/organizations"))


def made_up(count: int) -> list[str]:
    return [f"made-up-{number}" for number in range(count)]


async def test_invented_tokens_reach_codegen_up_to_limit(api_server: ApiServer) -> None:
    assert (await api_server.get("/current-user", token="sk-org1-known")).status == 200

    response = [await api_server.get("/current-user", token=token) for token in made_up(100)]

    assert Counter(each.status for each in response) == {401: MOST_PER_ADDRESS, 429: 100 - MOST_PER_ADDRESS}
    assert refused_by_codegen(api_server) == MOST_PER_ADDRESS
    assert 1 <= int(response[-1].headers["Retry-After"]) <= 60
    assert response[-1].detail.replace(response[-1].headers["Retry-After"], "N") == snapshot(
        "Too many tokens were refused recently; new ones are accepted again in N seconds."
    )
    # Whoever was let in before goes on; so does everybody at another address.
    assert (await api_server.get("/current-user", token="sk-org1-known")).status == 200
    assert (await api_server.get("/current-user", token="sk-org1-new")).status == 429
    assert await status_from("127.0.0.2", api_server, "sk-org1-new") == 200


async def status_from(address: str, api_server: ApiServer, token: str) -> int:
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get(f"{api_server.url}/current-user", headers=headers) as answer,
    ):
        return answer.status


async def test_concurrent_invented_tokens_reach_codegen_up_to_limit(api_server: ApiServer) -> None:
    response = await asyncio.gather(*(api_server.get("/current-user", token=token) for token in made_up(100)))

    assert {each.status for each in response} == {401, 429}
    assert refused_by_codegen(api_server) <= MOST_TRIED


async def test_forwarded_addresses_are_ignored(api_server: ApiServer) -> None:
    response = [
        await api_server.get("/current-user", token=token, X_Forwarded_For=f"192.0.2.{number}", Forwarded="for=[::1]")
        for number, token in enumerate(made_up(MOST_PER_ADDRESS + 5))
    ]

    assert response[-1].status == 429


async def test_refused_token_counts_once(api_server: ApiServer) -> None:
    response = [await api_server.get("/current-user", token="made-up") for _ in range(MOST_PER_ADDRESS + 5)]

    assert {each.status for each in response} == {401}
    assert refused_by_codegen(api_server) == 1
    assert (await api_server.get("/current-user", token="sk-org1-new")).status == 200


async def test_missing_token_is_no_failure(api_server: ApiServer) -> None:
    for _ in range(MOST_PER_ADDRESS + 5):
        assert (await api_server.get("/current-user", token=None)).status == 401

    assert (await api_server.get("/current-user", token="sk-org1-new")).status == 200


async def test_token_that_codegen_cannot_check_is_failure(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path="/v1/organizations$", status=409, times=None)

    response = [
        await api_server.get("/current-user", token=f"sk-org1-{number}") for number in range(MOST_PER_ADDRESS + 5)
    ]

    assert Counter(each.status for each in response) == {422: MOST_PER_ADDRESS, 429: 5}


async def fail(failed: FailedTokens, key: str, address: str) -> int:
    """The status with which an invalid token is refused."""

    async def attempt() -> None:
        async with failed.attempt(key, address):
            failed.remember(key, REFUSAL)
            raise REFUSAL

    with pytest.raises(Problem) as refused:
        await attempt()
    return refused.value.status


async def test_failed_token_is_tried_again_after_a_minute() -> None:
    clock = Clock()
    failed = FailedTokens(clock=clock)
    for number in range(MOST_PER_ADDRESS):
        assert await fail(failed, str(number), "a") == 401
        clock.now += 1
    with pytest.raises(Problem) as refused:
        failed.check("good", "a")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, str(60 - MOST_PER_ADDRESS))
    with pytest.raises(Problem) as refused:
        failed.check("0", "a")
    assert refused.value.status == 401

    clock.now += 60 - MOST_PER_ADDRESS
    failed.check("0", "a")
    failed.check("good", "a")


async def test_total_limit_leaves_room_for_new_addresses() -> None:
    failed = FailedTokens(clock=Clock())
    for number in range(MOST_IN_TOTAL):
        assert await fail(failed, str(number), f"address-{number % 4}") == 401
    assert await fail(failed, "more", "address-0") == 429

    for number in range(MOST_IN_TOTAL):
        failed.check("good", f"new-{number}")
        assert await fail(failed, f"new-{number}", f"new-{number}") == 401
        assert await fail(failed, f"again-{number}", f"new-{number}") == 429
    with pytest.raises(Problem) as refused:
        failed.check("good", "newest")
    assert refused.value.status == 429


async def test_accepted_token_is_no_failure() -> None:
    failed = FailedTokens(clock=Clock())
    for _ in range(2 * MOST_PER_ADDRESS):
        async with failed.attempt("good", "a"):
            pass

    failed.check("good", "a")


async def test_refusals_in_memory_are_bounded() -> None:
    failed = FailedTokens(clock=Clock())
    for number in range(MOST_REFUSALS + 1):
        failed.remember(str(number), REFUSAL)

    failed.check("0", "a")
    with pytest.raises(Problem):
        failed.check("1", "a")


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        (None, "local"),
    ],
)
def test_address_of_peer(peer: str | None, counted: str) -> None:
    class Peer(web.Request):
        @property
        def remote(self) -> str | None:
            return peer

    request: Any = make_mocked_request("GET", "/")
    request.__class__ = Peer

    assert address_of(request) == counted
