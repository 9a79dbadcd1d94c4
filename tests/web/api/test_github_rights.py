"""What the bot does on GitHub for a caller of the API: no more than the caller might do there."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.harness.server import ORG, ApiServer

RUN = f"{ORG}/agent/run"
READER = "sk-org1-carol"
"""A token of somebody who may read on GitHub."""


def written(api_server: ApiServer) -> list[str]:
    return [f"{entry.method} {entry.path}" for entry in api_server.github.control.journal if entry.method != "GET"]


@pytest.mark.parametrize(
    "mark",
    [
        {"repository": "octo/shop", "number": 2, "identity": "issue-comment-1-0", "command": "run"},
        {"repository": "../../../user", "number": 2},
        {"repository": "octo/shop/issues/2/labels?", "number": 2},
    ],
)
async def test_star_with_forged_mark_changes_no_thread(api_server: ApiServer, mark: dict[str, Any]) -> None:
    api_server.codegen.start_elsewhere("Fix it.", metadata={"codegen_bot": mark})

    on = await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": True})
    off = await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": False})

    assert (on.status, on.document, off.document) == (200, {"agent_run_ids": [1]}, {"agent_run_ids": []})
    assert api_server.github.control.journal == []


async def test_star_by_reader_sets_no_label(api_server: ApiServer) -> None:
    api_server.codegen.start_elsewhere("Fix it.")
    api_server.codegen.finish(1, pull_request="octo/shop#1")

    response = await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": True}, token=READER)
    assert (response.status, response.document, written(api_server)) == (200, {"agent_run_ids": [1]}, [])

    api_server.github.world.threads[1].labels.append("codegen:starred")
    response = await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": False}, token=READER)
    assert (response.status, api_server.github.labels(1), written(api_server)) == (200, ["codegen:starred"], [])


@pytest.mark.parametrize("action", ["ban-all-checks", "unban-all-checks", "remove-codegen-from-pr"])
async def test_ban_by_reader_writes_nothing_on_github(api_server: ApiServer, action: str) -> None:
    """What the token may do at Codegen is decided there."""
    api_server.codegen.start_elsewhere("Fix it.")
    api_server.codegen.finish(1, pull_request="octo/shop#1")

    response = await api_server.post(f"{RUN}/1/{action}", {"reason": "Because I say so."}, token=READER)

    assert (response.status, written(api_server)) == (200, [])
    assert api_server.github.comments(1) == []


async def test_ban_by_reader_reports_what_was_left_out(api_server: ApiServer) -> None:
    api_server.codegen.start_elsewhere("Fix it.")
    api_server.codegen.finish(1, pull_request="octo/shop#1")

    response = await api_server.post(f"{RUN}/1/ban-all-checks", {"reason": "Because I say so."}, token=READER)

    assert response.document["message"] == snapshot("""\
Codegen no longer reacts to the checks of [octo/shop#1](https://github.com/octo/shop/pull/1) ([run 1](https://codegen.com/agent/trace/1)); its agents there are stopped.

The label could not be changed on octo/shop#1: the bot or the author of the command may not write there, or it is gone.

Undo: `/codegen unban-checks 1`

The reason was not posted: there is no pull request on which both the bot and the GitHub account of your token may write.\
""")


@pytest.mark.parametrize("status", [404, 403])
async def test_ban_with_unknown_permission_writes_nothing(api_server: ApiServer, status: int) -> None:
    api_server.codegen.start_elsewhere("Fix it.")
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    api_server.github.control.fault(path="/permission$", status=status, body={"message": "No."}, times=50)

    response = await api_server.post(f"{RUN}/1/ban-all-checks", {"reason": "Too eager."})

    assert (response.status, written(api_server)) == (200, [])
