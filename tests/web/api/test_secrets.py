"""Responses of the HTTP API contain no secrets: neither known ones nor a repository's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.codegen.models import MARK
from tests.harness.server import ORG, ApiServer
from tests.text.redaction.secret_table import TOKENS

TOKEN = TOKENS["GitHub, classic"]
SAYS = f"It is {TOKEN}, and <pin>acme-1234."
RUN = f"{ORG}/agent/run"
CONFIG = "secret-patterns: ['<pin>acme-[0-9]{4}']\n"


def begin(api_server: ApiServer, *, metadata: dict[str, Any] | None = None) -> None:
    """Run 1's texts contain both secrets; octo/shop has a pattern for the second."""
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG
    api_server.codegen.script(run_seconds=None)
    run = api_server.codegen.start_elsewhere(f"Fix it with {TOKEN}.")
    run.metadata = {MARK: {"repository": "octo/shop"}} if metadata is None else metadata
    api_server.codegen.add_log(run.id, thought=SAYS, tool_input={"env": {"DB_PASSWORD": "s3cret"}})
    api_server.codegen.finish(run.id, result=SAYS, summary=SAYS)


@pytest.mark.parametrize("path", [f"{RUN}/1", f"{RUN}s", f"{RUN}s?sort=created_at", f"{RUN}/1/logs"])
async def test_answers_contain_no_secrets(path: str, api_server: ApiServer) -> None:
    begin(api_server)

    response = await api_server.get(path)

    assert response.status == 200
    assert [word for word in (TOKEN, "acme-1234", "s3cret") if word in str(response.document)] == []
    assert "It is [redacted], and [redacted]." in str(response.document)


async def test_patterns_come_from_pull_requests_repository(api_server: ApiServer) -> None:
    begin(api_server, metadata={})
    api_server.codegen.finish(1, result=SAYS, pull_request="octo/shop#12")

    response = await api_server.get(f"{RUN}/1")

    assert response.document["result"] == "It is [redacted], and [redacted]."
    assert response.document["github_pull_requests"][0]["url"].endswith("/octo/shop/pull/12")


def begin_with_owners_patterns(api_server: ApiServer, metadata: dict[str, Any]) -> None:
    begin(api_server, metadata=metadata)
    api_server.github.world.files.pop(("main", ".github/codegen-bot.yml"))
    api_server.github.world.organization_files["codegen-bot.yml"] = CONFIG


async def test_run_without_repository_has_owners_patterns(api_server: ApiServer) -> None:
    """Also if no request has named one of the owner's repositories before."""
    begin_with_owners_patterns(api_server, metadata={})

    response = await api_server.get(f"{RUN}/1")

    assert response.document["result"] == "It is [redacted], and [redacted]."


async def test_foreign_repository_removes_no_patterns(api_server: ApiServer) -> None:
    begin_with_owners_patterns(api_server, metadata={MARK: {"repository": "mallory/evil", "works_in": "hexa/api"}})

    response = await api_server.get(f"{RUN}/1")

    assert response.document["result"] == "It is [redacted], and [redacted]."
    asked = [entry.path for entry in api_server.github.control.journal]
    assert [path for path in asked if "mallory" in path or "hexa" in path] == []
    assert any("/octo/.github/" in path for path in asked)


async def test_texts_are_withheld_while_repositories_are_unknown(api_server: ApiServer) -> None:
    begin(api_server)
    api_server.codegen.control.fault(path="/repos", status=503, times=None)

    response = await api_server.get(f"{RUN}/1")

    assert (response.document["status"], response.document["result"]) == snapshot(
        ("COMPLETE", "[withheld: the config file with the secret-patterns cannot be read just now]")
    )


async def test_patterns_apply_to_no_other_run(api_server: ApiServer) -> None:
    begin(api_server)
    other = api_server.codegen.start_elsewhere("Fix that.")
    api_server.codegen.finish(other.id, result="<pin>acme-1234")

    response = await api_server.get(f"{RUN}s")

    assert [run["result"] for run in response.document["items"]] == [
        "<pin>acme-1234",
        "It is [redacted], and [redacted].",
    ]


async def test_texts_are_withheld_while_patterns_are_unknown(api_server: ApiServer) -> None:
    begin(api_server)
    api_server.github.control.fault(path="/contents/", status=503, times=None)

    response = await api_server.get(f"{RUN}/1")

    assert (response.document["status"], response.document["result"]) == snapshot(
        ("COMPLETE", "[withheld: the config file with the secret-patterns cannot be read just now]")
    )


async def test_etag_is_that_of_redacted_answer(api_server: ApiServer) -> None:
    begin(api_server)
    first = await api_server.get(f"{RUN}/1")

    again = await api_server.get(f"{RUN}/1", If_None_Match=first.headers["ETag"])

    assert (again.status, again.headers["ETag"]) == (304, first.headers["ETag"])


async def test_multi_run_answer_contains_no_secrets(api_server: ApiServer) -> None:
    asked = {"prompt": "Make it fast.", "concurrency": 2}
    request = asyncio.create_task(api_server.post(f"{ORG}/multi-run?wait=true", asked))
    await api_server.codegen.run_created(2)
    api_server.codegen.finish(1, result=SAYS)
    api_server.codegen.finish(2, result=SAYS)
    synthesis = await api_server.codegen.run_created(3)
    api_server.codegen.finish(3, result=SAYS, summary=SAYS)
    response = await request

    assert (response.status, response.document["final"]) == (200, "It is [redacted], and <pin>acme-1234.")
    assert TOKEN not in str(response.document)
    assert TOKEN not in synthesis.prompt
