"""The bot's own client and Codegen's official ones, unmodified, against the agents' API."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from codegen_api_client.api_client import ApiClient
from codegen_api_client.configuration import Configuration
from codegen_api_client.exceptions import ForbiddenException, NotFoundException, UnauthorizedException

from bot.codegen.client import Codegen
from bot.codegen.models import State
from bot.codegen.transport import new_http
from bot.errors import ErrorKind, UpstreamError
from bot.execution.run_marks import mark_of
from tests.agents.api.served import NOW, Served
from tests.agents.api.test_runs import MARK, a_pull_request, end_turn
from tests.codegen.test_requests_are_valid import CALLS
from tests.emulators.codegen.test_official_client import ARGUMENTS, Official, methods

SDK = "codegen==0.57.0"


@asynccontextmanager
async def codegen_of(api: Served, *, org_id: int = 1, token: str = "") -> AsyncIterator[Codegen]:
    async with new_http() as http:
        yield Codegen(token or api.alice, org_id=org_id, base_url=api.url, http=http)


@pytest.fixture
async def codegen(api: Served) -> AsyncIterator[Codegen]:
    async with codegen_of(api) as found:
        yield found


class TestBotsClient:
    @pytest.mark.parametrize("method", CALLS)
    async def test_every_method_is_answered(self, api: Served, codegen: Codegen, method: str) -> None:
        await api.create()
        for _ in range(7):
            api.api.store.add_sandbox(1, repository="octo/shop", log="pip: not found", at=NOW)
        for call in CALLS[method]:
            await call(codegen)

    async def test_run_from_start_to_end(self, api: Served, codegen: Codegen) -> None:
        started = await codegen.create_run("Fix it", metadata={"codegen_bot": MARK})
        assert (started.state, started.web_url) == (State.QUEUED, "https://bot.example/runs/1")
        found = await codegen.find_run("c-1", since=NOW)
        assert found is not None
        assert (found.id, mark_of(found)) == (started.id, mark_of(started))
        assert await codegen.find_run("c-2", since=NOW) is None
        assert await codegen.find_run("c-1", since=NOW + timedelta(hours=1)) is None
        end_turn(api, pull_requests=[a_pull_request(12)])
        run = await codegen.run(started.id)
        assert (run.state, run.result) == (State.SUCCEEDED, "Done.")
        [pull_request] = run.github_pull_requests
        assert (await codegen.edit_pull_request(pull_request.id, "closed")).success
        resumed = await codegen.resume_run(run.id, "More (c-3)")
        assert not resumed.finished
        entries = (await codegen.logs_page(run.id, limit=100, reverse=True)).logs
        assert [entry.observation for entry in entries] == ["More (c-3)", "Fix it"]
        await codegen.remove_from_pr(run.id)
        assert (await codegen.run(run.id)).state is State.CANCELLED

    async def test_all_runs_are_listed_over_pages(self, api: Served, codegen: Codegen) -> None:
        for number in range(105):
            await api.create(f"Run {number}")
        assert [run.id async for run in codegen.runs()] == [*range(105, 0, -1)]

    async def test_errors_are_the_clients_own(self, api: Served, codegen: Codegen) -> None:
        calls: list[tuple[Codegen, Callable[[Codegen], Any], ErrorKind]] = []
        async with codegen_of(api, org_id=2) as elsewhere, codegen_of(api, token="cgb_wrong") as stranger:
            calls.append((elsewhere, lambda client: client.create_run("Hi"), ErrorKind.FORBIDDEN))
            calls.append((stranger, lambda client: client.me(), ErrorKind.UNAUTHORIZED))
            calls.append((codegen, lambda client: client.run(9), ErrorKind.NOT_FOUND))
            calls.append((codegen, lambda client: client.create_run("Hi", agent_type="gpt"), ErrorKind.INVALID))
            for client, call, kind in calls:
                with pytest.raises(UpstreamError) as caught:
                    await call(client)
                assert caught.value.kind is kind
        with pytest.raises(UpstreamError, match=r"There are: claude, codegen, my-fixer, opencode\."):
            await codegen.create_run("Hi", agent_type="gpt")


class TestOfficialClient:
    @pytest.fixture
    async def official(self, api: Served) -> AsyncIterator[Official]:
        with ApiClient(Configuration(host=api.url)) as client:
            yield Official(client, api.alice)
            client.rest_client.pool_manager.clear()

    @pytest.mark.parametrize(("kind", "name"), methods(), ids=lambda value: value if isinstance(value, str) else "")
    async def test_methods_are_all_answered(self, api: Served, official: Official, kind: type[Any], name: str) -> None:
        await api.create("Write the docs")
        answer = await official.call(getattr(kind(official.client), name), *ARGUMENTS[name.partition("_v1_")[0]])
        if name.endswith("_without_preload_content"):
            assert answer.status == 200
        elif name.endswith("_with_http_info"):
            assert (answer.status_code, answer.data is not None) == (200, True)
        else:
            assert answer.to_dict()

    async def test_run_is_followed_to_its_end(self, api: Served, official: Official) -> None:
        run = await official.create(1, "Fix the flaky test of octo/shop")
        assert (run.id, run.status) == (1, "PENDING")
        end_turn(api)
        run = await official.run(1, 1)
        assert (run.status, run.result) == ("COMPLETE", "Done.")

    async def test_refusals_are_understood(self, api: Served, official: Official) -> None:
        with pytest.raises(ForbiddenException):
            await official.create(2, "Hello")
        with pytest.raises(NotFoundException):
            await official.run(1, 9)
        with pytest.raises(UnauthorizedException):
            await Official(official.client, "cgb_wrong").users(1)
        assert (await official.users(1)).total == 3
        assert api.turns == 0


PROGRAM = """
import json, sys
from codegen import Agent

agent = Agent(token=sys.argv[2], org_id=1, base_url=sys.argv[1])
task = agent.run(prompt="Fix the flaky test of octo/shop")
print(json.dumps([task.id, task.status, task.web_url]), flush=True)
sys.stdin.readline()
task.refresh()
print(json.dumps([task.status, task.result]))
print(json.dumps(agent.get_status()))
"""


@pytest.mark.slow
async def test_sdk_runs_an_agent(api: Served, tmp_path: Path) -> None:
    """Its metadata asks for Python 3.12 and thirty packages; `Agent` needs neither."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed")
    install = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-requires-python")
    installed = await asyncio.to_thread(
        subprocess.run, [*install, "--target", str(tmp_path / "sdk"), SDK], capture_output=True, text=True, check=False
    )
    if installed.returncode:
        pytest.skip(f"{SDK} cannot be installed here: {installed.stderr.strip().splitlines()[-1]}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, api.url, api.alice),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "sdk")},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    first = await process.stdout.readline()
    if first:
        end_turn(api)
    out, errors = await process.communicate(b"\n")
    assert process.returncode == 0, errors.decode()
    assert first == b'[1, "PENDING", "https://bot.example/runs/1"]\n'
    assert out.splitlines()[0] == b'["COMPLETE", "Done."]'
    assert b'"status": "COMPLETE"' in out
    run = api.api.store.run(1)
    assert run is not None
    assert run.repository == "octo/shop"
