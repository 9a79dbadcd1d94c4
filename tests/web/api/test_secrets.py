"""What the HTTP API answers holds no secrets: neither known ones nor a repository's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.codegen.client import MARK
from tests.replies.secret_table import TOKENS
from tests.web.api.api_server import ORG, ApiServer

TOKEN = TOKENS["GitHub, classic"]
SAYS = f"It is {TOKEN}, and <pin>acme-1234."
RUN = f"{ORG}/agent/run"
CONFIG = "secret-patterns: ['<pin>acme-[0-9]{4}']\n"


def begin(api_server: ApiServer, *, metadata: dict[str, Any] | None = None) -> None:
    """Run 1 has said both; octo/shop has a pattern for the second."""
    api_server.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG
    api_server.codegen.script(run_seconds=None)
    run = api_server.codegen.start_elsewhere(f"Fix it with {TOKEN}.")
    run.metadata = {MARK: {"repository": "octo/shop"}} if metadata is None else metadata
    api_server.codegen.add_log(run.id, thought=SAYS, tool_input={"env": {"DB_PASSWORD": "s3cret"}})
    api_server.codegen.finish(run.id, result=SAYS, summary=SAYS)


@pytest.mark.parametrize("path", [f"{RUN}/1", f"{RUN}s", f"{RUN}s?sort=created_at", f"{RUN}/1/logs"])
async def test_answers_hold_no_secrets(path: str, api_server: ApiServer) -> None:
    begin(api_server)

    said = await api_server.get(path)

    assert said.status == 200
    assert [word for word in (TOKEN, "acme-1234", "s3cret") if word in str(said.document)] == []
    assert "It is [redacted], and [redacted]." in str(said.document)


async def test_a_runs_patterns_are_those_of_its_pull_requests_repository(api_server: ApiServer) -> None:
    begin(api_server, metadata={})
    api_server.codegen.finish(1, result=SAYS, pull_request="octo/shop#12")

    said = await api_server.get(f"{RUN}/1")

    assert said.document["result"] == "It is [redacted], and [redacted]."
    assert said.document["github_pull_requests"][0]["url"].endswith("/octo/shop/pull/12")


async def test_a_run_of_no_known_repository_has_the_owners_patterns(api_server: ApiServer) -> None:
    """Those of the owners whose repositories the server has met."""
    begin(api_server, metadata={})
    before = await api_server.get(f"{RUN}/1")
    api_server.github.world.organisation_files["codegen-bot.yml"] = CONFIG
    assert (await api_server.get(f"{ORG}/help?repository=octo/shop")).status == 200

    after = await api_server.get(f"{RUN}/1")

    assert (before.document["result"], after.document["result"]) == snapshot(
        ("It is [redacted], and <pin>acme-1234.", "It is [redacted], and [redacted].")
    )


async def test_a_runs_patterns_hold_for_no_other_run(api_server: ApiServer) -> None:
    begin(api_server)
    other = api_server.codegen.start_elsewhere("Fix that.")
    api_server.codegen.finish(other.id, result="<pin>acme-1234")

    said = await api_server.get(f"{RUN}s")

    assert [run["result"] for run in said.document["items"]] == ["<pin>acme-1234", "It is [redacted], and [redacted]."]


async def test_words_are_withheld_while_the_patterns_are_not_known(api_server: ApiServer) -> None:
    begin(api_server)
    api_server.github.control.fault(path="/contents/", status=503, times=None)

    said = await api_server.get(f"{RUN}/1")

    assert (said.document["status"], said.document["result"]) == snapshot(
        ("COMPLETE", "[withheld: the config file with the secret-patterns cannot be read just now]")
    )


async def test_an_answer_without_its_secrets_is_known_by_its_etag(api_server: ApiServer) -> None:
    begin(api_server)
    first = await api_server.get(f"{RUN}/1")

    again = await api_server.get(f"{RUN}/1", If_None_Match=first.headers["ETag"])

    assert (again.status, again.headers["ETag"]) == (304, first.headers["ETag"])


async def test_a_multi_runs_answer_holds_no_secrets(api_server: ApiServer) -> None:
    asked = {"prompt": "Make it fast.", "concurrency": 2}
    asking = asyncio.create_task(api_server.post(f"{ORG}/multi-run?wait=true", asked))
    await api_server.codegen.run_created(2)
    api_server.codegen.finish(1, result=SAYS)
    api_server.codegen.finish(2, result=SAYS)
    synthesis = await api_server.codegen.run_created(3)
    api_server.codegen.finish(3, result=SAYS, summary=SAYS)
    said = await asking

    assert (said.status, said.document["final"]) == (200, "It is [redacted], and <pin>acme-1234.")
    assert TOKEN not in str(said.document)
    assert TOKEN not in synthesis.prompt
