"""Who may call: the caller's own token decides, and nothing tells what it does not see."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from inline_snapshot import snapshot

from bot.codegen.models import Organization
from bot.web.api.authentication import Callers
from bot.web.problems import Problem
from tests.web.api.api_server import ORG, ApiServer, running_api_server


async def test_without_a_token_nothing_is_answered(api_server: ApiServer) -> None:
    said = await api_server.get("/current-user", token=None)

    assert (said.status, said.detail) == snapshot(
        (401, "A Codegen token is required: `Authorization: Bearer ...`, or the query parameter api_key.")
    )
    assert said.headers["WWW-Authenticate"] == 'Bearer realm="codegen"'
    assert said.document["request_id"] == said.headers["X-Request-Id"]
    assert api_server.codegen.control.journal == []


async def test_a_token_that_codegen_refuses_is_refused(api_server: ApiServer) -> None:
    """For a minute without asking again."""
    api_server.codegen.control.fault(path="/organizations$", status=401, body={"message": "Invalid token"})
    for _ in range(3):
        said = await api_server.get("/current-user")

        assert (said.status, said.detail) == (401, "Codegen does not accept this token.")
        assert "WWW-Authenticate" in said.headers
    assert len(api_server.upstream("/v1/organizations")) == 1
    assert (await api_server.get("/current-user", token="sk-org1-other")).status == 200


async def test_a_token_may_stand_in_the_query(api_server: ApiServer) -> None:
    """Browsers can set no header on a WebSocket. It is repeated nowhere."""
    said = await api_server.get(f"{ORG}/users?api_key=sk-org1-query&limit=1", token=None)

    assert said.status == 200
    assert "api_key" not in said.headers["Link"]
    assert "sk-org1-query" not in str(said.document)


async def test_the_header_comes_first(api_server: ApiServer) -> None:
    said = await api_server.get(f"{ORG}/users?api_key=sk-org2-other", token="sk-org1-caller")

    assert said.status == 200


async def test_the_servers_own_token_is_never_lent(tmp_path: Path) -> None:
    """It could not even be used: Codegen refuses it, and callers do not notice."""
    async with running_api_server(tmp_path, codegen_api_token="none-of-codegens") as api_server:
        assert (await api_server.get(f"{ORG}/users")).status == 200
        assert (await api_server.post(f"{ORG}/agent/run", {"prompt": "Fix it."})).status == 200
        assert (await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": True})).status == 200

        assert {entry.status for entry in api_server.codegen.control.journal} == {200}


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
async def test_an_organization_that_is_not_seen_is_as_one_that_is_not_there(shared_house: ApiServer, path: str) -> None:
    """Also where another caller has just been told all of it, and without asking upstream: no time tells them apart."""
    assert (await shared_house.get(path.format(org=2), token="sk-org2-insider")).status in {200, 404}
    await shared_house.get("/current-user")
    known = len(shared_house.codegen.control.journal)
    other = await shared_house.get(path.format(org=2))
    missing = await shared_house.get(path.format(org=99))

    assert (other.status, missing.status) == (404, 404)
    assert other.detail == "This token sees no organization 2."
    assert missing.detail == "This token sees no organization 99."
    assert len(shared_house.codegen.control.journal) == known


async def test_nobody_starts_anything_elsewhere(shared_house: ApiServer) -> None:
    for path, body in (
        ("/organizations/2/agent/run", {"prompt": "x"}),
        ("/organizations/2/multi-run", {"prompt": "x"}),
        ("/starred-runs", {"agent_run_id": 1, "starred": True, "org_id": 2}),
        ("/setup-commands", {"repo_id": 201, "org_id": 2}),
        ("/sandbox/analyze-logs", {"sandbox_id": 1, "org_id": 2}),
    ):
        assert (await shared_house.post(path, body)).status == 404

    assert [entry for entry in shared_house.codegen.control.journal if entry.method == "POST"] == []


async def test_stars_of_another_organization_are_not_shown(shared_house: ApiServer) -> None:
    run = (await shared_house.post("/organizations/2/agent/run", {"prompt": "x"}, token="sk-org2-insider")).document[
        "id"
    ]
    await shared_house.post(
        "/starred-runs", {"agent_run_id": run, "starred": True, "org_id": 2}, token="sk-org2-insider"
    )

    assert (await shared_house.get("/starred-runs")).document == {"agent_run_ids": []}
    assert (await shared_house.get("/starred-runs", token="sk-org2-insider")).document == {"agent_run_ids": [run]}


async def test_a_token_is_checked_once_however_many_requests_come(api_server: ApiServer) -> None:
    await asyncio.gather(*(api_server.get(f"{ORG}/users") for _ in range(50)))

    assert len(api_server.upstream("/v1/organizations")) == 1


async def test_which_organization_is_meant_has_to_be_said_where_several_are_possible(tmp_path: Path) -> None:
    """The server's own serves where the token sees it."""
    async with running_api_server(tmp_path, api_organizations="2") as api_server:
        assert (await api_server.get("/starred-runs", token="sk-both")).status == 200
    async with running_api_server(tmp_path, codegen_org_id=3, api_organizations="1, 2") as api_server:
        said = await api_server.get("/starred-runs", token="sk-both")
        assert (said.status, said.detail) == snapshot(
            (422, "This token sees several organizations (1, 2): name one by org_id.")
        )
        assert said.document["errors"][0]["field"] == "org_id"
        assert (await api_server.get("/starred-runs?org_id=2", token="sk-both")).status == 200
        assert (await api_server.get("/starred-runs", token="sk-org2-caller")).status == 200


async def test_a_caller_has_so_many_requests_a_minute(tmp_path: Path) -> None:
    """Others have their own."""
    async with running_api_server(tmp_path, api_requests_per_minute=3) as api_server:
        said = [await api_server.get("/current-user") for _ in range(4)]
        other = await api_server.get("/current-user", token="sk-org1-other")

    assert [each.status for each in said] == [200, 200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in said] == ["2", "1", "0", "0"]
    assert said[3].detail == "3 requests a minute is the limit per token."
    assert 1 <= int(said[3].headers["Retry-After"]) <= 60
    assert other.status == 200


async def test_other_pages_may_not_call_unless_they_are_configured(tmp_path: Path) -> None:
    async with running_api_server(tmp_path, api_cors_origins="https://tools.example.com") as api_server:
        known = await api_server.get("/current-user", Origin="https://tools.example.com")
        strange = await api_server.get("/current-user", Origin="https://evil.example.com")
        asked = await api_server.ask(
            "OPTIONS",
            "/current-user",
            headers={"Origin": "https://tools.example.com", "Access-Control-Request-Method": "GET"},
        )

    assert known.headers["Access-Control-Allow-Origin"] == "https://tools.example.com"
    assert "Access-Control-Allow-Origin" not in strange.headers
    assert asked.status == 204
    assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]


async def test_a_request_keeps_the_name_that_it_came_with(api_server: ApiServer) -> None:
    said = await api_server.get("/current-user", X_Request_Id="abc-1")
    odd = await api_server.get("/current-user", X_Request_Id="a b\tc")

    assert said.headers["X-Request-Id"] == "abc-1"
    assert odd.headers["X-Request-Id"] != "a b\tc"


class _Fake:
    """What a token reaches: nothing but the question for its organizations."""

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


async def test_made_up_tokens_push_nobody_out() -> None:
    """Nor does anybody push out those for whom a multi-run is at work."""
    answers, opened = asyncio.Event(), dict[str, _Fake]()

    def open_(token: str) -> Any:
        opened[token] = _Fake(answers)
        return opened[token]

    callers = Callers(open_, serves={1}, requests_a_minute=100, most=3)
    answers.set()
    works, _ = await callers.of(_asks("works"))
    works.at_work += 1
    known, _ = await callers.of(_asks("known"))
    answers.clear()
    made_up = [asyncio.create_task(callers.of(_asks(f"made-up-{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    assert (await callers.of(_asks("known")))[0] is known
    answers.set()
    await asyncio.gather(*made_up)

    for number in range(5):
        await callers.of(_asks(f"other-{number}"))
    assert (await callers.of(_asks("works")))[0] is works
    assert (await callers.of(_asks("known")))[0] is not known
    assert not opened["works"].is_closed
    await callers.aclose()


async def test_a_check_that_takes_too_long_is_reported() -> None:
    """Also to those who wait behind others of the same token."""
    fake: Any = _Fake(asyncio.Event())
    callers = Callers(lambda _: fake, serves={1}, requests_a_minute=100, patience=0.02)
    said = await asyncio.gather(*(callers.of(_asks("a")) for _ in range(3)), return_exceptions=True)

    assert [each.status for each in said if isinstance(each, Problem)] == [503] * 3
    await callers.aclose()
