"""Which tokens the server accepts: those of its own organization and of the configured ones."""

from __future__ import annotations

from pathlib import Path

from inline_snapshot import snapshot

from bot.web.api.routes import ENDPOINTS, STREAMS
from tests.harness.server import ApiServer, api_server_at

FOREIGN = "sk-org2-heidi"
"""Codegen takes it, for another organization."""

BOTH = "sk-both"


def filled(path: str, org_id: int) -> str:
    return path.format(org_id=org_id, user_id=4, agent_run_id=1, multi_run_id="http-0")


async def test_token_of_unserved_organization_is_refused(api_server: ApiServer) -> None:
    api_server.codegen.start_elsewhere("Fix it.", org_id=2)
    places = [(each.method, each.path) for each in ENDPOINTS] + [("GET", each.path) for each in STREAMS]

    response = [
        (path, await api_server.request(method, filled(path, org_id), {"prompt": "x"}, token=FOREIGN))
        for method, path in places
        for org_id in (1, 2)
    ]

    assert [(path, each.status) for path, each in response if each.status != 403] == []
    assert {each.detail for _, each in response} == snapshot(
        {
            "This server serves no organization that this token sees. Its setting API_ORGANIZATIONS names those that it serves besides its own."
        }
    )
    # Once: what was refused is not asked for again.
    assert [entry.path for entry in api_server.codegen.control.journal] == ["/v1/organizations"]


async def test_unserved_organization_of_token_with_both(api_server: ApiServer) -> None:
    response = await api_server.get("/organizations", token=BOTH)
    assert [each["id"] for each in response.document["items"]] == [1]
    assert (await api_server.get("/organizations/1/users", token=BOTH)).status == 200
    before = len(api_server.codegen.control.journal)

    for path, body in (
        ("/organizations/2/agent/run", {"prompt": "x"}),
        ("/organizations/2/multi-run", {"prompt": "x"}),
        ("/starred-runs", {"agent_run_id": 1, "starred": True, "org_id": 2}),
        ("/setup-commands", {"repo_id": 201, "org_id": 2}),
        ("/sandbox/analyze-logs", {"sandbox_id": 1, "org_id": 2}),
    ):
        response = await api_server.post(path, body, token=BOTH)
        assert (response.status, response.detail) == snapshot(
            (
                403,
                "This server does not serve organization 2. Its setting API_ORGANIZATIONS names those that it serves besides its own.",
            )
        )
    assert (await api_server.get("/organizations/2/multi-run/http-0/stream", token=BOTH)).status == 403
    assert (await api_server.get("/organizations/2/overview", token=BOTH)).status == 403
    assert len(api_server.codegen.control.journal) == before


async def test_token_without_organization_is_refused(api_server: ApiServer) -> None:
    nothing = {"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    api_server.codegen.control.fault(path="/v1/organizations$", status=200, body=nothing)

    assert (await api_server.get("/current-user")).status == 403


async def test_configured_organizations_are_served(tmp_path: Path) -> None:
    async with api_server_at(tmp_path, api_organizations=" 2 , 7 ") as api_server:
        assert (await api_server.get("/organizations/2/users", token=FOREIGN)).status == 200
        assert (await api_server.get("/organizations/1/users")).status == 200
        response = await api_server.get("/organizations", token=BOTH)
        assert [each["id"] for each in response.document["items"]] == [1, 2]
