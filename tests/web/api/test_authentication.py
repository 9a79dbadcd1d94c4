"""Authentication: the caller's own token decides, and nothing reveals what it does not see."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from inline_snapshot import snapshot

from bot.codegen.models import Organization
from bot.errors import ErrorKind, Service, UpstreamError
from bot.web.api.authentication import Callers
from bot.web.problems import Problem
from tests.harness.clock import Clock
from tests.harness.server import ORG, ApiServer, api_server_at


async def test_request_without_token_is_refused(api_server: ApiServer) -> None:
    response = await api_server.get("/current-user", token=None)

    assert (response.status, response.detail) == snapshot(
        (401, "A token is required: the header Authorization: Bearer ..., or the query parameter api_key.")
    )
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="codegen"'
    assert response.document["request_id"] == response.headers["X-Request-Id"]
    assert api_server.codegen.control.journal == []


async def test_token_refused_by_codegen_is_refused(api_server: ApiServer) -> None:
    """For a minute without another request to Codegen."""
    api_server.codegen.control.fault(path="/organizations$", status=401, body={"message": "Invalid token"})
    for _ in range(3):
        response = await api_server.get("/current-user")

        assert (response.status, response.detail) == (401, "This token is not valid.")
        assert "WWW-Authenticate" in response.headers
    assert len(api_server.upstream("/v1/organizations")) == 1
    assert (await api_server.get("/current-user", token="sk-org1-other")).status == 200


async def test_token_in_query(api_server: ApiServer) -> None:
    """Browsers cannot set headers on a WebSocket. The token is not repeated anywhere."""
    response = await api_server.get(f"{ORG}/users?api_key=sk-org1-query&limit=1", token=None)

    assert response.status == 200
    assert "api_key" not in response.headers["Link"]
    assert "sk-org1-query" not in str(response.document)


async def test_token_in_header_precedes_query(api_server: ApiServer) -> None:
    response = await api_server.get(f"{ORG}/users?api_key=sk-org2-other", token="sk-org1-caller")

    assert response.status == 200


async def test_server_token_is_never_used_for_callers(tmp_path: Path) -> None:
    """Codegen refuses it in this test. Only the list of repositories is read with it, and then the token is checked."""
    async with api_server_at(tmp_path, codegen_api_token="none-of-codegens") as api_server:
        assert (await api_server.get(f"{ORG}/users")).status == 200
        assert (await api_server.post(f"{ORG}/agent/run", {"prompt": "Fix it."})).status == 200
        assert (await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": True})).status == 200

        asked = {(entry.path, entry.status) for entry in api_server.codegen.control.journal}
        assert {path for path, status in asked if status != 200} <= {"/v1/organizations/1/repos", "/v1/users/me"}


@pytest.mark.parametrize(
    "path",
    [
        "/organizations/{org}/users",
        "/organizations/{org}/users/1",
        "/organizations/{org}/repos",
        "/organizations/{org}/integrations",
        "/organizations/{org}/agent/runs",
        "/organizations/{org}/agent/runs?starred=true",
        "/organizations/{org}/agent/run/1",
        "/organizations/{org}/agent/run/1/logs",
        "/organizations/{org}/multi-run/http-0",
        "/starred-runs?org_id={org}",
    ],
)
async def test_unseen_organization_looks_like_missing_one(shared_server: ApiServer, path: str) -> None:
    """Also if another caller has just read it, and without a request upstream: response times do not differ."""
    assert (await shared_server.get(path.format(org=2), token="sk-org2-insider")).status in {200, 404}
    await shared_server.get("/current-user")
    known = len(shared_server.codegen.control.journal)
    other = await shared_server.get(path.format(org=2))
    missing = await shared_server.get(path.format(org=99))

    assert (other.status, missing.status) == (404, 404)
    assert other.detail == "This token sees no organization 2."
    assert missing.detail == "This token sees no organization 99."
    assert len(shared_server.codegen.control.journal) == known


async def test_writes_in_unseen_organization_start_nothing(shared_server: ApiServer) -> None:
    for path, body in (
        ("/organizations/2/agent/run", {"prompt": "x"}),
        ("/organizations/2/multi-run", {"prompt": "x"}),
        ("/starred-runs", {"agent_run_id": 1, "starred": True, "org_id": 2}),
        ("/setup-commands", {"repo_id": 201, "org_id": 2}),
        ("/sandbox/analyze-logs", {"sandbox_id": 1, "org_id": 2}),
    ):
        assert (await shared_server.post(path, body)).status == 404

    assert [entry for entry in shared_server.codegen.control.journal if entry.method == "POST"] == []


async def test_stars_of_unseen_organization_are_not_shown(shared_server: ApiServer) -> None:
    run = (await shared_server.post("/organizations/2/agent/run", {"prompt": "x"}, token="sk-org2-insider")).document[
        "id"
    ]
    await shared_server.post(
        "/starred-runs", {"agent_run_id": run, "starred": True, "org_id": 2}, token="sk-org2-insider"
    )

    assert (await shared_server.get("/starred-runs")).document == {"agent_run_ids": []}
    assert (await shared_server.get("/starred-runs", token="sk-org2-insider")).document == {"agent_run_ids": [run]}


async def test_token_is_checked_once_for_concurrent_requests(api_server: ApiServer) -> None:
    await asyncio.gather(*(api_server.get(f"{ORG}/users") for _ in range(50)))

    assert len(api_server.upstream("/v1/organizations")) == 1


async def test_org_id_is_required_with_several_organizations(tmp_path: Path) -> None:
    """The server's own organization is the default if the token sees it."""
    async with api_server_at(tmp_path, api_organizations="2") as api_server:
        assert (await api_server.get("/starred-runs", token="sk-both")).status == 200
    async with api_server_at(tmp_path, codegen_org_id=3, api_organizations="1, 2") as api_server:
        response = await api_server.get("/starred-runs", token="sk-both")
        assert (response.status, response.detail) == snapshot(
            (422, "This token sees several organizations (1, 2): name one by org_id.")
        )
        assert response.document["errors"][0]["field"] == "org_id"
        assert (await api_server.get("/starred-runs?org_id=2", token="sk-both")).status == 200
        assert (await api_server.get("/starred-runs", token="sk-org2-caller")).status == 200


async def test_requests_per_minute_are_limited(tmp_path: Path) -> None:
    """Each token has its own limit."""
    async with api_server_at(tmp_path, api_requests_per_minute=3) as api_server:
        response = [await api_server.get("/current-user") for _ in range(4)]
        other = await api_server.get("/current-user", token="sk-org1-other")

    assert [each.status for each in response] == [200, 200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in response] == ["2", "1", "0", "0"]
    assert response[3].detail == "3 requests a minute is the limit per token."
    assert 1 <= int(response[3].headers["Retry-After"]) <= 60
    assert other.status == 200


async def test_cors_allows_configured_origins_only(tmp_path: Path) -> None:
    async with api_server_at(tmp_path, api_cors_origins="https://tools.example.com") as api_server:
        known = await api_server.get("/current-user", Origin="https://tools.example.com")
        strange = await api_server.get("/current-user", Origin="https://evil.example.com")
        asked = await api_server.request(
            "OPTIONS",
            "/current-user",
            headers={"Origin": "https://tools.example.com", "Access-Control-Request-Method": "GET"},
        )

    assert known.headers["Access-Control-Allow-Origin"] == "https://tools.example.com"
    assert "Access-Control-Allow-Origin" not in strange.headers
    assert asked.status == 204
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]


async def test_request_id_of_caller_is_kept(api_server: ApiServer) -> None:
    response = await api_server.get("/current-user", X_Request_Id="abc-1")
    odd = await api_server.get("/current-user", X_Request_Id="a b\tc")

    assert response.headers["X-Request-Id"] == "abc-1"
    assert odd.headers["X-Request-Id"] != "a b\tc"


class _Fake:
    """A token's access: only the list of its organizations."""

    def __init__(self, answers: asyncio.Event) -> None:
        self.is_closed = False
        self._answers = answers

    def codegen(self, _org_id: int) -> Any:
        return self

    async def organizations(self) -> list[Organization]:
        await self._answers.wait()
        return [Organization(id=1, name="Octo")]

    async def aclose(self) -> None:
        self.is_closed = True


def _asks(token: str) -> web.Request:
    return make_mocked_request("GET", "/", headers={"Authorization": f"Bearer {token}"})


async def test_invented_tokens_evict_no_caller() -> None:
    """Nor does anything evict a caller with a multi-run in progress."""
    answers, opened = asyncio.Event(), dict[str, _Fake]()

    def open_(token: str) -> Any:
        opened[token] = _Fake(answers)
        return opened[token]

    callers = Callers(open_, served={1}, requests_a_minute=100, most=3)
    answers.set()
    works = await callers.authenticate(_asks("works"))
    works.in_progress += 1
    known = await callers.authenticate(_asks("known"))
    answers.clear()
    made_up = [asyncio.create_task(callers.authenticate(_asks(f"made-up-{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    assert await callers.authenticate(_asks("known")) is known
    answers.set()
    await asyncio.gather(*made_up)

    for number in range(5):
        await callers.authenticate(_asks(f"other-{number}"))
    assert await callers.authenticate(_asks("works")) is works
    assert await callers.authenticate(_asks("known")) is not known
    assert not opened["works"].is_closed
    await callers.aclose()


async def test_token_check_timeout_is_reported() -> None:
    """Also to those who wait for another check of the same token."""
    fake: Any = _Fake(asyncio.Event())
    callers = Callers(lambda _: fake, served={1}, requests_a_minute=100, timeout=0.02)
    response = await asyncio.gather(*(callers.authenticate(_asks("a")) for _ in range(3)), return_exceptions=True)

    assert [each.status for each in response if isinstance(each, Problem)] == [503] * 3
    await callers.aclose()


@pytest.mark.parametrize(("kind", "status"), [(ErrorKind.UNAUTHORIZED, 401), (ErrorKind.SERVER_FAULT, None)])
async def test_token_of_stream_is_checked_once_for_all(kind: ErrorKind, status: int | None) -> None:
    """A refusal is repeated; an outage is no refusal, and the token is checked again after a minute."""
    clock, asked = Clock(), list[float]()

    class Codegen(_Fake):
        async def organizations(self) -> list[Organization]:
            asked.append(clock.now)
            if len(asked) > 1:
                raise UpstreamError(Service.CODEGEN, kind, "organizations")
            return [Organization(id=1, name="Octo")]

    fake: Any = Codegen(asyncio.Event())
    callers = Callers(lambda _: fake, served={1}, requests_a_minute=100, clock=clock)
    caller = await callers.authenticate(_asks("a"))
    clock.advance(61)
    statuses: list[int | None] = []
    for _ in range(3):
        try:
            await callers.check_access(caller, 1)
            statuses.append(None)
        except Problem as problem:
            statuses.append(problem.status)

    assert statuses == [status] * 3
    assert len(asked) == 2
    await callers.aclose()
