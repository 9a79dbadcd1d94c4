"""Multi-runs by HTTP: started once, shown while they run, continued after a restart."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from inline_snapshot import snapshot

from bot.commands.multi_run import MultiRun
from bot.execution.invocation import CommandInvocation
from bot.github.models import Person
from bot.web.api.multi_run_work import MOST_PER_TOKEN, MultiRuns
from bot.web.problems import Problem
from tests.harness import TIMEOUT
from tests.harness.server import ORG, ApiServer, api_server_at

MULTI_RUN = f"{ORG}/multi-run"


async def ended(api_server: ApiServer, path: str, *, token: str = "sk-org1-caller") -> Any:
    """Polls until it has ended."""
    async with asyncio.timeout(TIMEOUT):
        # What happens behind HTTP sets no event here.
        while (response := await api_server.get(path, token=token)).document["status"] == "running":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return response.document


async def test_create_multi_run_is_shown_to_its_end(api_server: ApiServer) -> None:
    body = {"prompt": "Make it fast.", "concurrency": 2, "metadata": {"ticket": 7}, "synthesis_prompt": "Be brief."}
    response = await api_server.post(MULTI_RUN, body)

    assert (response.status, response.document["status"]) == (202, "running")
    place = response.headers["Location"]
    assert place == f"{MULTI_RUN}/{response.document['id']}"

    await api_server.codegen.run_created(2)
    api_server.codegen.finish(1, result="With a cache.", pull_request="octo/shop#1")
    api_server.codegen.finish(2, result="With an index.")
    await api_server.codegen.run_created(3)
    api_server.codegen.finish(3, result="Both.", summary="Took the best of both.")
    document = await ended(api_server, place)

    assert (document["status"], document["final"]) == ("completed", "Both.")
    assert [(each["number"], each["agent_run_id"], each["result"]) for each in document["candidates"]] == [
        (1, 1, "With a cache."),
        (2, 2, "With an index."),
    ]
    assert document["candidates"][0]["pull_request_urls"] == ["https://github.com/octo/shop/pull/1"]
    assert [run["id"] for run in document["agent_runs"]] == [1, 2, 3]
    metadata = api_server.codegen.runs[1].metadata or {}
    assert (metadata["ticket"], "temperature" in metadata, "synthesis_temperature" in metadata) == (7, False, False)
    assert "Be brief." in api_server.codegen.runs[3].prompt


async def test_create_multi_run_with_wait_returns_end(api_server: ApiServer) -> None:
    asking = asyncio.create_task(
        api_server.post(f"{MULTI_RUN}?wait=true", {"prompt": "Make it fast.", "concurrency": 1})
    )
    await api_server.codegen.run_created(1)
    api_server.codegen.finish(1, result="Done.")
    response = await asking

    assert (response.status, response.document["status"], response.document["final"]) == (200, "completed", "Done.")


async def test_multi_run_whose_attempts_fail(api_server: ApiServer) -> None:
    response = await api_server.post(MULTI_RUN, {"prompt": "Make it fast.", "concurrency": 2})
    await api_server.codegen.run_created(2)
    api_server.codegen.fail(1, result="No idea.")
    api_server.codegen.fail(2)
    document = await ended(api_server, response.headers["Location"])

    assert (document["status"], document["final"], len(api_server.codegen.runs)) == ("failed", None, 2)
    assert [each["succeeded"] for each in document["candidates"]] == [False, False]


async def test_multi_run_timeout(api_server: ApiServer) -> None:
    response = await api_server.post(MULTI_RUN, {"prompt": "Make it fast.", "concurrency": 1, "timeout": 0.5})
    document = await ended(api_server, response.headers["Location"])

    assert document["status"] == "failed"


async def test_same_key_is_same_multi_run(api_server: ApiServer) -> None:
    body = {"prompt": "Make it fast.", "concurrency": 2}
    response = await asyncio.gather(*(api_server.post(MULTI_RUN, body, Idempotency_Key="a") for _ in range(4)))
    await api_server.codegen.run_created(2)
    for number in (1, 2):
        api_server.codegen.finish(number)
    await api_server.codegen.run_created(3)
    api_server.codegen.finish(3)
    await ended(api_server, response[0].headers["Location"])
    again = await api_server.post(MULTI_RUN, body, Idempotency_Key="a")

    assert len({each.document["id"] for each in response}) == 1
    assert (again.status, again.document["status"], len(api_server.codegen.runs)) == (200, "completed", 3)


async def test_same_key_with_other_body_is_refused(tmp_path: Path) -> None:
    """Also after a restart."""
    async with api_server_at(tmp_path) as api_server:
        body = {"prompt": "Make it fast.", "concurrency": 1, "metadata": {"ticket": [7, None, 0.5]}}
        first = await api_server.post(MULTI_RUN, body, Idempotency_Key="a")
        await api_server.stop()
        await api_server.start()
        others = [
            await api_server.post(MULTI_RUN, {**body, **other}, Idempotency_Key="a")
            for other in ({"prompt": "Make it small."}, {"timeout": 5}, {"temperature": 1}, {"metadata": None})
        ]
        again = await api_server.post(MULTI_RUN, body, Idempotency_Key="a")

        assert {each.status for each in others} == {422}
        assert (again.status, again.document["id"]) == (202, first.document["id"])


async def test_restart_continues_multi_run_on_request(tmp_path: Path) -> None:
    """With the token of that request: none is stored."""
    async with api_server_at(tmp_path) as api_server:
        response = await api_server.post(MULTI_RUN, {"prompt": "Make it fast.", "concurrency": 2})
        place = response.headers["Location"]
        await api_server.codegen.run_created(2)
        await api_server.stop()
        for number in (1, 2):
            api_server.codegen.finish(number, result=f"Number {number}.")
        await api_server.start()

        assert (await api_server.get(place, token="sk-org1-other")).document["status"] == "running"
        await api_server.codegen.run_created(3)
        api_server.codegen.finish(3, result="Both.")
        document = await ended(api_server, place)
        assert (document["final"], len(api_server.codegen.runs)) == ("Both.", 3)

        await api_server.stop()
        await api_server.start()
        known, repos = len(api_server.codegen.control.journal), len(api_server.upstream("/repos"))
        assert (await api_server.get(place)).document == document
        # Who asks is checked, and the repositories are listed; of the multi-run nothing is asked any more.
        assert (len(api_server.codegen.control.journal), len(api_server.upstream("/repos"))) == (known + 2, repos + 1)
        stored = (tmp_path / "bot.sqlite").read_bytes()
        assert b"sk-org1" not in stored


async def test_shutdown_does_not_wait_for_multi_run(tmp_path: Path) -> None:
    """A waiting caller gets its address."""
    async with api_server_at(tmp_path) as api_server:
        body = {"prompt": "Make it fast.", "concurrency": 1}
        asking = asyncio.create_task(api_server.post(f"{MULTI_RUN}?wait=true", body))
        await api_server.codegen.run_created(1)
        async with asyncio.timeout(TIMEOUT):
            await api_server.stop()
        response = await asking
        assert (response.status, response.document["status"]) == (202, "running")

        await api_server.start()
        api_server.codegen.finish(1, result="Done.")
        assert (await ended(api_server, response.headers["Location"]))["final"] == "Done."


async def test_multi_run_whose_end_was_not_stored_continues(api_server: ApiServer, tmp_path: Path) -> None:
    response = await api_server.post(MULTI_RUN, {"prompt": "Make it fast.", "concurrency": 1})
    await api_server.codegen.run_created(1)
    with sqlite3.connect(tmp_path / "bot.sqlite") as database:
        database.execute(
            "CREATE TRIGGER broken BEFORE UPDATE ON codegen_bot_multi_runs BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
    asking = asyncio.create_task(
        api_server.post(f"{MULTI_RUN}?wait=true", {"prompt": "Make it small.", "concurrency": 1})
    )
    await api_server.codegen.run_created(2)
    for number in (1, 2):
        api_server.codegen.finish(number, result="Done.")
    waited = await asking
    assert (waited.status, waited.document["status"]) == (202, "running")
    with sqlite3.connect(tmp_path / "bot.sqlite") as database:
        database.execute("DROP TRIGGER broken")

    for place in (response.headers["Location"], waited.headers["Location"]):
        assert (await ended(api_server, place))["final"] == "Done."
    assert len(api_server.codegen.runs) == 2


def stored(folder: Path) -> list[tuple[str, str]]:
    """The requests and responses in the database."""
    with sqlite3.connect(folder / "bot.sqlite") as database:
        return database.execute("SELECT request, response FROM codegen_bot_multi_runs").fetchall()


async def test_multi_run_without_attempt_stores_nothing(api_server: ApiServer, tmp_path: Path) -> None:
    api_server.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "No."}, times=None)
    body = {"prompt": "Make it fast.", "metadata": {"ticket": "x" * 10_000}}
    response = await api_server.post(MULTI_RUN, body, Idempotency_Key="a")
    document = await ended(api_server, response.headers["Location"])

    assert (document["status"], document["agent_runs"]) == ("failed", [])
    assert stored(tmp_path) == []
    # The address goes on telling so, and the key still stands for it.
    assert (await api_server.get(response.headers["Location"])).document == document
    assert (await api_server.post(MULTI_RUN, body, Idempotency_Key="a")).document == document
    assert (await api_server.post(MULTI_RUN, {"prompt": "Other."}, Idempotency_Key="a")).status == 422
    assert stored(tmp_path) == []


async def test_ended_multi_run_stores_its_response_only(api_server: ApiServer, tmp_path: Path) -> None:
    body = {"prompt": "Make it fast.", "concurrency": 1, "metadata": {"ticket": "secret-of-mine"}}
    response = await api_server.post(MULTI_RUN, body, Idempotency_Key="a")
    await api_server.codegen.run_created(1)
    [(asked, _)] = stored(tmp_path)
    assert "Make it fast." in asked
    api_server.codegen.finish(1, result="Done.")
    document = await ended(api_server, response.headers["Location"])

    [(asked, answer)] = stored(tmp_path)
    assert "Make it fast." not in asked
    assert "secret-of-mine" not in asked
    assert "Done." in answer
    # Also after a restart it is known what came under the key.
    await api_server.stop()
    await api_server.start()
    assert (await api_server.post(MULTI_RUN, body, Idempotency_Key="a")).document == document
    assert (await api_server.post(MULTI_RUN, {**body, "metadata": None}, Idempotency_Key="a")).status == 422


async def test_concurrent_multi_runs_per_token_are_limited(api_server: ApiServer, tmp_path: Path) -> None:
    """A refused one is not stored; a repeated request for one in progress does not count."""
    body = {"prompt": "Make it fast.", "concurrency": 1}
    response = await asyncio.gather(
        *(api_server.post(MULTI_RUN, body, Idempotency_Key=str(number)) for number in range(MOST_PER_TOKEN + 5))
    )
    begun = [number for number, each in enumerate(response) if each.status == 202]
    refused = [each for each in response if each.status != 202]

    assert (len(begun), {each.status for each in refused}) == (MOST_PER_TOKEN, {429})
    assert refused[0].detail == snapshot("10 multi-runs at once is the limit per token: wait until one has ended.")
    assert refused[0].headers["Retry-After"] == "30"
    assert len(stored(tmp_path)) == MOST_PER_TOKEN
    assert (await api_server.post(MULTI_RUN, body, Idempotency_Key=str(begun[0]))).status == 202
    assert (await api_server.post(MULTI_RUN, body, token="sk-org1-other")).status == 202

    await api_server.codegen.run_created(MOST_PER_TOKEN + 1)
    api_server.codegen.finish(1)
    identity = (api_server.codegen.runs[1].metadata or {})["multi_run_id"]
    [first] = [each for each in response if each.document.get("id") == identity]
    await ended(api_server, first.headers["Location"])
    assert (await api_server.post(MULTI_RUN, body)).status == 202


async def test_concurrent_multi_runs_in_total_are_limited() -> None:
    class Forgetful:
        """A store that several requests find empty before the first of them has written."""

        def __init__(self) -> None:
            self.rows: dict[str, dict[str, Any]] = {}

        async def remember(self, org_id: int, identity: str, invocation: dict[str, Any], *, at: Any) -> bool:
            await asyncio.sleep(0)
            self.rows[identity] = invocation
            return True

        async def find(self, org_id: int, identity: str) -> tuple[dict[str, Any], None] | None:
            await asyncio.sleep(0)
            return (self.rows[identity], None) if identity in self.rows else None

        async def forget(self, org_id: int, identity: str) -> None:
            del self.rows[identity]

        async def end(self, org_id: int, identity: str, answer: Any, *, request: Any) -> None: ...

    class Access:
        async def execute(self, *_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

    database = Forgetful()
    multi_runs = MultiRuns(database, most=3)

    async def start(number: int) -> int:
        caller: Any = SimpleNamespace(key=str(number), access=Access(), in_progress=0)
        try:
            await multi_runs.start(caller, 1, an_invocation(str(number)), run_timeout=1)
        except Problem as problem:
            assert caller.in_progress == 0
            return problem.status
        return 202

    statuses = await asyncio.gather(*(start(number) for number in range(5)))

    assert sorted(statuses) == [202, 202, 202, 503, 503]
    assert len(database.rows) == 3
    await multi_runs.aclose()
    assert multi_runs.in_progress == 0


def an_invocation(identity: str) -> CommandInvocation:
    return CommandInvocation(
        identity=identity,
        command=MultiRun(prompt="Make it fast."),
        thread=None,
        comment=None,
        person=Person("the HTTP API", is_bot=False),
        requested_at=datetime.now(UTC),
        prefix="/codegen",
    )


async def test_multi_run_long_results_are_cut(api_server: ApiServer, tmp_path: Path) -> None:
    response = await api_server.post(MULTI_RUN, {"prompt": "Make it fast.", "concurrency": 1})
    await api_server.codegen.run_created(1)
    api_server.codegen.finish(1, result="x" * 1_000_000, summary="y" * 1_000_000)
    document = await ended(api_server, response.headers["Location"])

    assert len(document["final"]) == len(document["agent_runs"][0]["summary"]) == 100_000
    [(_, answer)] = stored(tmp_path)
    assert len(answer) < 600_000


async def test_get_multi_run_missing(api_server: ApiServer) -> None:
    response = await api_server.get(f"{MULTI_RUN}/http-nothing")

    assert (response.status, response.detail) == (404, "The organization has no multi-run of this id.")


async def test_get_multi_run_of_other_organization(shared_server: ApiServer) -> None:
    response = await shared_server.post(
        "/organizations/2/multi-run", {"prompt": "x", "concurrency": 1}, token="sk-org2-insider"
    )
    identity = response.document["id"]

    assert (await shared_server.get(f"{MULTI_RUN}/{identity}")).status == 404
    assert (await shared_server.get(f"/organizations/2/multi-run/{identity}")).status == 404
