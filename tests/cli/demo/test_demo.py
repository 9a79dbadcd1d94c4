"""The demo plays through, and its page takes part in the conversation."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.cli.demo import demo
from bot.cli.demo.history import add_history
from bot.cli.demo.playground import playground
from bot.commands.registry import COMMANDS
from bot.emulators.github import GitHubEmulator
from bot.errors import SettingsError
from bot.execution.repository_config.reading import read
from bot.storage.agents import AgentStore
from bot.storage.database import open_engine
from tests.harness import TIMEOUT
from tests.harness.databases import migrated_sqlite


async def test_demo_once_prints_the_conversation() -> None:
    printed: list[str] = []

    async with asyncio.timeout(TIMEOUT):
        await demo.play(say=printed.append, once=True, port=0, api_port=0)

    conversation = "\n".join(printed)
    # What lies between may be left out: progress gives way where it would come too soon.
    in_order = ("Accepted.", "Finished in", "needs `write` access", "`staus`", "Sending the follow-up to run 1")
    places = [conversation.index(words) for words in in_order]
    assert places == sorted(places)
    assert "Finished in" in conversation[places[-1] :]
    assert "octo/shop#4" in conversation
    assert "<!--" not in conversation


async def test_history_has_two_weeks_of_runs(tmp_path: Path) -> None:
    url = migrated_sqlite(tmp_path / "demo.sqlite")
    now = datetime(2026, 11, 20, 15, 42, tzinfo=UTC)
    await add_history(url, agent="scripted", login="alice", now=now)
    engine = open_engine(url)
    runs, total = AgentStore(engine).runs(limit=200)
    engine.dispose()
    assert total == len(runs) > 80
    assert all(run.is_finished and run.created_at < now and run.worked > 0 for run in runs)
    assert (now - runs[-1].created_at).days in {13, 14}
    assert sum(run.status == "COMPLETE" for run in runs) > 0.8 * total
    assert {(run.metadata or {}).get("multi_run_index") for run in runs} >= {1, 2, 3, 4}
    assert max(run.log_entries for run in runs) > 10


async def test_demo_stays_until_it_is_cancelled() -> None:
    printed: list[str] = []
    page_is_up = asyncio.Event()

    def say(line: str) -> None:
        printed.append(line)
        if "the dashboard: " in line:
            page_is_up.set()

    async with asyncio.timeout(TIMEOUT):
        playing = asyncio.create_task(demo.play(say=say, once=False, port=0, api_port=0))
        await page_is_up.wait()
        [url] = [line.split()[0] for line in printed if "the playground: " in line]
        async with aiohttp.ClientSession(url) as page:
            text = "/codegen help status"
            async with page.post("/comments", json={"login": "bob", "number": 1, "body": text}) as answer:
                assert answer.status == 201
            async for state in _states(page):
                replies = [comment["html"] for comment in state["threads"][0]["comments"] if comment["bot"]]
                if any("<code>/codegen status [RUN]</code>" in html for html in replies):
                    break
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing


async def _states(page: aiohttp.ClientSession) -> AsyncIterator[dict[str, Any]]:
    async with page.get("/state") as stream:
        async for line in stream.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


@asynccontextmanager
async def _playground() -> AsyncIterator[tuple[aiohttp.ClientSession, GitHubEmulator]]:
    async with (
        GitHubEmulator() as github,
        playground(github, port=0) as url,
        aiohttp.ClientSession(url) as page,
    ):
        yield page, github


async def test_playground_adds_and_removes_labels() -> None:
    async with _playground() as (page, github):
        for on, labels in ((True, ["bug"]), (False, [])):
            async with page.post("/labels", json={"login": "alice", "number": 1, "name": "bug", "on": on}) as answer:
                assert answer.status == 204
            assert github.labels(1) == labels


async def test_playground_streams_comments() -> None:
    async with _playground() as (page, github):
        states = _states(page)
        assert (await anext(states))["threads"][0]["comments"] == []
        github.comment("alice", 1, "**Hello**")
        assert (await anext(states))["threads"][0]["comments"][0]["html"] == "<p><strong>Hello</strong></p>\n"
        await states.aclose()  # type: ignore[attr-defined]  # a generator


async def test_playground_comments_on_a_line() -> None:
    async with _playground() as (page, github):
        body = {"login": "bob", "body": "Why?", "path": "app/checkout.py", "line": 3}
        async with page.post("/comments", json=body | {"number": 1}) as answer:
            assert answer.status == 201
        assert [comment.line for comment in github.world.of_thread(1, "review-comment")] == [3]
        assert (await anext(_states(page)))["threads"][0]["comments"][0]["on"] == "app/checkout.py, line 3"
        async with page.post("/comments", json=body | {"number": 2}) as answer:
            assert answer.status == 422


async def test_playground_reports_checks() -> None:
    async with _playground() as (page, _):
        for fails, conclusion in ((True, "failure"), (False, "success")):
            async with page.post("/checks", json={"login": "alice", "number": 1, "fails": fails}) as answer:
                assert answer.status == 204
            thread = (await anext(_states(page)))["threads"][0]
            assert thread["checks"] == [{"name": "test", "conclusion": conclusion}]


def test_playground_offers_a_valid_config_file() -> None:
    script = (files("bot.cli.demo") / "page" / "playground.js").read_text(encoding="utf-8")
    (text,) = re.findall(r"const CONFIG = `(.*?)`;", script, re.DOTALL)

    assert read(text, commands=COMMANDS).prompts.keys() == {"explain"}


async def test_playground_commits_config_file() -> None:
    async with _playground() as (page, github):
        for text in ("prefix: /bot\n", ""):
            async with page.post("/config", json={"login": "alice", "text": text}) as answer:
                assert answer.status == 204
            async with page.get("/config") as answer:
                assert await answer.json() == {"path": ".github/codegen-bot.yml", "text": text}
        await github.changed_files(1)
        async with page.post("/config", json={"login": "alice", "text": "prefix: /bot\n"}) as answer:
            assert answer.status == 204
        assert github.world.files["main", ".github/codegen-bot.yml"] == "prefix: /bot\n"


async def test_playground_has_the_address_of_a_thread() -> None:
    async with _playground() as (page, _), page.get("/octo/shop/pull/1", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/#1")


async def test_playground_shows_what_a_pull_request_changes() -> None:
    async with _playground() as (page, github):
        await github.open_pull_request("bob", "Add tax", "tax", {"tax.py": "RATE = 0.2\n"})
        async with page.get("/threads/3/files") as answer:
            (file,) = await answer.json()
        assert (file["path"], file["additions"], file["deletions"]) == ("tax.py", 1, 0)
        assert file["patch"] == "@@ -0,0 +1 @@\n+RATE = 0.2"
        before = github.world.threads[3].head_sha
        states = _states(page)
        assert (await anext(states))["threads"][2]["head"] == before
        after = await github.push("bob", "tax", {"tax.py": "RATE = 0.25\n"})
        assert (await anext(states))["threads"][2]["head"] == after
        await states.aclose()  # type: ignore[attr-defined]  # a generator
        for number in ("2", "9", "x"):
            async with page.get(f"/threads/{number}/files") as answer:
                assert answer.status == 404


async def test_playground_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    async with _playground() as (page, _), page.get("/threads/1/files") as answer:
        assert (answer.status, await answer.text()) == (503, "The changes cannot be shown: git is not installed.")


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/comments", {"login": "nobody", "number": 1, "body": "x"}, "There is no user nobody."),
        ("/comments", {"login": "bob", "number": 9, "body": "x"}, "There is no issue or pull request 9."),
        ("/comments", {"login": "bob", "number": 1, "body": ""}, "body: String should have at least 1 character"),
    ],
)
async def test_playground_refuses_invalid_input(path: str, body: dict[str, Any], sentence: str) -> None:
    async with _playground() as (page, _), page.post(path, json=body) as answer:
        assert answer.status == 422
        assert (await answer.text()).startswith(sentence)


async def test_playground_refuses_cross_site_requests() -> None:
    """A form or a plain request from elsewhere can send text, but not JSON."""
    async with _playground() as (page, github):
        async with page.post("/comments", data='{"login": "bob", "number": 1, "body": "x"}') as answer:
            assert answer.status == 415
        assert github.comments(1) == []


async def test_playground_page_has_a_content_security_policy() -> None:
    async with _playground() as (page, _), page.get("/") as answer:
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "playground.js" in await answer.text()


async def test_playground_on_taken_port() -> None:
    async with GitHubEmulator() as github:
        port = int(github.url.rpartition(":")[2])
        with pytest.raises(SettingsError, match=rf"--port: {port} cannot be used"):
            async with playground(github, port=port):
                pass
