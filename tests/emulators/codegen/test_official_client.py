"""Codegen's own generated client, as published, against the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from codegen_api_client.api.agents_api import AgentsApi
from codegen_api_client.api.organizations_api import OrganizationsApi
from codegen_api_client.api.users_api import UsersApi
from codegen_api_client.api_client import ApiClient
from codegen_api_client.configuration import Configuration
from codegen_api_client.exceptions import (
    ApiException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
    UnprocessableEntityException,
)
from codegen_api_client.models.create_agent_run_input import CreateAgentRunInput

from bot.emulators.codegen import CodegenEmulator
from tests.emulators.codegen.conftest import PACE, TOKEN
from tests.harness import TIMEOUT
from tests.harness.clock import Clock

APIS = (AgentsApi, OrganizationsApi, UsersApi)

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "create_agent_run": (1, CreateAgentRunInput(prompt="Fix the flaky test")),
    "get_agent_run": (1, 1),
    "get_organizations": (),
    "get_users": ("1",),
    "get_user": ("1", "2"),
}
"""By the beginning of the client's long method names. It takes users' numbers as text."""


def methods() -> list[tuple[type[Any], str]]:
    """Every method of the client; it has each operation three times over, in three forms."""
    return [(api, name) for api in APIS for name in vars(api) if "_v1_" in name and not name.startswith("_")]


@asynccontextmanager
async def client_of(emulator: CodegenEmulator, token: str | None = TOKEN) -> AsyncIterator[Official]:
    with ApiClient(Configuration(host=emulator.url)) as client:
        yield Official(client, token)
        client.rest_client.pool_manager.clear()


class Official:
    """The client's operations by their short names, off the loop that the emulator runs on."""

    def __init__(self, client: ApiClient, token: str | None) -> None:
        self.client = client
        self._authorization = None if token is None else f"Bearer {token}"

    async def call(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        given = {**options, "authorization": self._authorization}
        return await asyncio.to_thread(method, *arguments, **given, _request_timeout=TIMEOUT)

    async def create(self, org_id: int, prompt: str) -> Any:
        method = AgentsApi(self.client).create_agent_run_v1_organizations_org_id_agent_run_post
        return await self.call(method, org_id, CreateAgentRunInput(prompt=prompt))

    async def run(self, org_id: int, run_id: int) -> Any:
        method = AgentsApi(self.client).get_agent_run_v1_organizations_org_id_agent_run_agent_run_id_get
        return await self.call(method, org_id=org_id, agent_run_id=run_id)

    async def organizations(self, **page: int) -> Any:
        return await self.call(OrganizationsApi(self.client).get_organizations_v1_organizations_get, **page)

    async def users(self, org_id: int, **page: int) -> Any:
        return await self.call(UsersApi(self.client).get_users_v1_organizations_org_id_users_get, str(org_id), **page)

    async def user(self, org_id: int, user_id: int) -> Any:
        method = UsersApi(self.client).get_user_v1_organizations_org_id_users_user_id_get
        return await self.call(method, org_id=str(org_id), user_id=str(user_id))


@pytest.fixture
async def official(emulator: CodegenEmulator) -> AsyncIterator[Official]:
    async with client_of(emulator) as official:
        yield official


@pytest.mark.parametrize(("api", "name"), methods(), ids=lambda value: value if isinstance(value, str) else "")
async def test_client_methods_are_all_answered(
    emulator: CodegenEmulator, official: Official, api: type[Any], name: str
) -> None:
    emulator.start_elsewhere("Write the docs")
    answer = await official.call(getattr(api(official.client), name), *ARGUMENTS[name.partition("_v1_")[0]])
    if name.endswith("_without_preload_content"):
        assert answer.status == 200
        assert answer.read().startswith(b"{")
    elif name.endswith("_with_http_info"):
        assert answer.status_code == 200
        assert answer.data is not None
    else:
        assert answer.to_dict()
    assert [entry.status for entry in emulator.control.journal] == [200]
    assert emulator.control.journal[0].actor == "alice"


def test_client_has_five_operations() -> None:
    assert {name.partition("_v1_")[0] for _, name in methods()} == set(ARGUMENTS)
    assert len(methods()) == 5 * 3 * 3


async def test_client_follows_a_run_to_its_end(official: Official, clock: Clock) -> None:
    run = await official.create(1, "Fix the flaky test")
    assert (run.id, run.organization_id, run.status, run.result) == (1, 1, "PENDING", None)
    assert run.web_url == "https://codegen.com/agent/trace/1"
    clock.advance(PACE * 0.5)
    assert (await official.run(1, 1)).status == "RUNNING"
    clock.advance(PACE * 0.5)
    run = await official.run(1, 1)
    assert run.status == "COMPLETE"
    assert run.result


async def test_client_pages_users(official: Official) -> None:
    first = await official.users(1, limit=2)
    assert [user.github_username for user in first.items] == ["alice", "bob"]
    assert (first.total, first.page, first.size, first.pages) == (3, 1, 2, 2)
    second = await official.users(1, skip=2, limit=2)
    assert [user.github_username for user in second.items] == ["carol"]
    assert (second.total, second.page) == (3, 2)
    assert (await official.users(1, skip=50)).items == []
    assert (await official.user(1, 2)).email == "bob@example.com"


@pytest.mark.parametrize(
    ("token", "seen"),
    [("sk-org1-alice", [1]), ("sk-org1", [1]), ("sk-org2-heidi", [2]), ("sk-anything", [1, 2]), ("sk-", [1, 2])],
)
async def test_client_sees_the_tokens_organizations(emulator: CodegenEmulator, token: str, seen: list[int]) -> None:
    async with client_of(emulator, token) as official:
        assert [each.id for each in (await official.organizations()).items] == seen
        assert [each.id for each in (await official.organizations(skip=1, limit=1)).items] == seen[1:]
        for org_id in (1, 2):
            if org_id in seen:
                assert (await official.create(org_id, "Hello")).organization_id == org_id
                assert (await official.users(org_id)).total
            else:
                with pytest.raises(ForbiddenException):
                    await official.create(org_id, "Hello")
                with pytest.raises(ForbiddenException):
                    await official.users(org_id)
                with pytest.raises(ForbiddenException):
                    await official.run(org_id, 1)


@pytest.mark.parametrize("token", ["ghp_not-codegens", "", None])
async def test_client_with_unknown_token_is_refused(emulator: CodegenEmulator, token: str | None) -> None:
    async with client_of(emulator, token) as official:
        with pytest.raises(UnauthorizedException):
            await official.organizations()
        with pytest.raises(UnauthorizedException):
            await official.create(1, "Hello")
    assert not emulator.runs
    assert {entry.actor for entry in emulator.control.journal} == {None}


async def test_client_gets_404(emulator: CodegenEmulator, official: Official) -> None:
    """Nor are those of another organization."""
    emulator.start_elsewhere("Of organization 2", org_id=2)
    for number in (1, 99):
        with pytest.raises(NotFoundException):
            await official.run(1, number)
    for number in (4, 99):
        with pytest.raises(NotFoundException):
            await official.user(1, number)


async def test_client_gets_422(official: Official) -> None:
    """The client itself rejects most invalid input; it takes users' numbers as text."""
    method = UsersApi(official.client).get_user_v1_organizations_org_id_users_user_id_get
    for wrong in ({"org_id": "octo"}, {"user_id": "alice"}):
        with pytest.raises(UnprocessableEntityException) as caught:
            await official.call(method, **{"org_id": "1", "user_id": "1", **wrong})
        # The client reads the answer as the description's HTTPValidationError.
        assert caught.value.data is not None
        assert [part.actual_instance for part in caught.value.data.detail[0].loc] == ["path", *wrong]


async def test_client_gets_429(official: Official, clock: Clock) -> None:
    for _ in range(10):
        await official.create(1, "Hello")
    clock.advance(20)
    with pytest.raises(ApiException) as caught:
        await official.create(1, "Hello")
    assert caught.value.status == 429
    assert caught.value.headers is not None
    assert caught.value.headers["Retry-After"] == "40"


async def test_client_gets_402_and_faults(emulator: CodegenEmulator, official: Official) -> None:
    emulator.script(outcome="quota")
    with pytest.raises(ApiException) as caught:
        await official.create(1, "Hello")
    assert caught.value.status == 402
    emulator.control.fault(path="/users", status=503)
    with pytest.raises(ServiceException):
        await official.users(1)
    assert (await official.users(1)).total == 3
