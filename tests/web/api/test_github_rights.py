"""What the bot does on GitHub for somebody who calls the API: no more than they might do there themselves."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.web.api.house import ORG, House

RUN = f"{ORG}/agent/run"
READER = "sk-org1-carol"
"""A token of somebody who may read on GitHub."""


def written(house: House) -> list[str]:
    return [f"{entry.method} {entry.path}" for entry in house.github.control.journal if entry.method != "GET"]


@pytest.mark.parametrize(
    "mark",
    [
        {"repository": "octo/shop", "number": 2, "identity": "issue-comment-1-0", "command": "run"},
        {"repository": "../../../user", "number": 2},
        {"repository": "octo/shop/issues/2/labels?", "number": 2},
    ],
)
async def test_star_forged_mark_reaches_no_thread(house: House, mark: dict[str, Any]) -> None:
    house.codegen.start_elsewhere("Fix it.", metadata={"codegen_bot": mark})

    on = await house.post("/starred-runs", {"agent_run_id": 1, "starred": True})
    off = await house.post("/starred-runs", {"agent_run_id": 1, "starred": False})

    assert (on.status, on.document, off.document) == (200, {"agent_run_ids": [1]}, {"agent_run_ids": []})
    assert house.github.control.journal == []


async def test_star_of_a_reader_sets_no_label(house: House) -> None:
    house.codegen.start_elsewhere("Fix it.")
    house.codegen.finish(1, pull_request="octo/shop#1")

    said = await house.post("/starred-runs", {"agent_run_id": 1, "starred": True}, token=READER)
    assert (said.status, said.document, written(house)) == (200, {"agent_run_ids": [1]}, [])

    house.github.world.threads[1].labels.append("codegen:starred")
    said = await house.post("/starred-runs", {"agent_run_id": 1, "starred": False}, token=READER)
    assert (said.status, house.github.labels(1), written(house)) == (200, ["codegen:starred"], [])


@pytest.mark.parametrize("action", ["ban-all-checks", "unban-all-checks", "remove-codegen-from-pr"])
async def test_ban_of_a_reader_writes_nothing_on_github(house: House, action: str) -> None:
    """Codegen decides what its token may do at Codegen."""
    house.codegen.start_elsewhere("Fix it.")
    house.codegen.finish(1, pull_request="octo/shop#1")

    said = await house.post(f"{RUN}/1/{action}", {"reason": "Because I say so."}, token=READER)

    assert (said.status, written(house)) == (200, [])
    assert house.github.comments(1) == []


async def test_ban_of_a_reader_says_what_was_left_out(house: House) -> None:
    house.codegen.start_elsewhere("Fix it.")
    house.codegen.finish(1, pull_request="octo/shop#1")

    said = await house.post(f"{RUN}/1/ban-all-checks", {"reason": "Because I say so."}, token=READER)

    assert said.document["message"] == snapshot("""\
Codegen reacts no longer to the checks of [octo/shop#1](https://github.com/octo/shop/pull/1) ([run 1](https://codegen.com/agent/trace/1)); its agents there are stopped.

The label could not be changed on octo/shop#1: the bot or whoever asked may not write there, or it is gone.

Undo: `/codegen unban-checks 1`

The reason was not written on a pull request: there is none on which both the bot and the GitHub account of your Codegen token may write.\
""")


@pytest.mark.parametrize("status", [404, 403])
async def test_ban_without_known_permission_writes_nothing(house: House, status: int) -> None:
    house.codegen.start_elsewhere("Fix it.")
    house.codegen.finish(1, pull_request="octo/shop#1")
    house.github.control.fault(path="/permission$", status=status, body={"message": "No."}, times=50)

    said = await house.post(f"{RUN}/1/ban-all-checks", {"reason": "Too eager."})

    assert (said.status, written(house)) == (200, [])
