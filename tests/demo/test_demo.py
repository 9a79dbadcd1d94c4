"""The demo plays through, and its page takes part in the conversation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.demo import demo
from bot.demo.playground import Playground
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.errors import SettingsError


async def test_once_prints_the_story_and_ends() -> None:
    said: list[str] = []

    async with asyncio.timeout(30):
        await demo.play(say=said.append, once=True, port=0, run_seconds=0.3, stop=asyncio.Event(), api_port=0)

    story = "\n".join(said)
    places = [story.index(words) for words in ("Accepted.", "Started:", "Finished in", "may not do this", "`staus`")]
    assert places == sorted(places)
    assert "octo/shop#3" in story
    assert "failed after" in story
    assert "<!--" not in story


async def test_without_once_it_stays_until_it_is_stopped() -> None:
    said: list[str] = []
    stop = asyncio.Event()
    page_is_up = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        if "the dashboard: " in line:
            page_is_up.set()

    async with asyncio.timeout(30):
        playing = asyncio.create_task(demo.play(say=say, once=False, port=0, run_seconds=0.1, stop=stop, api_port=0))
        await page_is_up.wait()
        [url] = [line.split()[0] for line in said if "the playground: " in line]
        async with aiohttp.ClientSession(url) as page:
            text = "/codegen help status"
            async with page.post("/comments", json={"login": "bob", "number": 1, "body": text}) as answer:
                assert answer.status == 201
            async for state in _states(page):
                thread = state["threads"][0]
                if (
                    thread["comments"][-1]["bot"]
                    and "<code>/codegen status [RUN]</code>" in thread["comments"][-1]["html"]
                ):
                    break
        stop.set()
        await playing


async def _states(page: aiohttp.ClientSession) -> AsyncIterator[dict[str, Any]]:
    async with page.get("/state") as stream:
        async for line in stream.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


@asynccontextmanager
async def _playground() -> AsyncIterator[tuple[aiohttp.ClientSession, GitHubEmulator, CodegenEmulator]]:
    async with (
        GitHubEmulator() as github,
        CodegenEmulator(run_seconds=None) as codegen,
        Playground(github, codegen, port=0) as url,
        aiohttp.ClientSession(url) as page,
    ):
        yield page, github, codegen


async def test_a_label_button_puts_a_label_on_and_takes_it_off() -> None:
    async with _playground() as (page, github, _):
        for on, labels in ((True, ["bug"]), (False, [])):
            async with page.post("/labels", json={"login": "alice", "number": 1, "name": "bug", "on": on}) as answer:
                assert answer.status == 204
            assert github.labels(1) == labels


async def test_the_stream_shows_what_others_write() -> None:
    async with _playground() as (page, github, _):
        states = _states(page)
        assert (await anext(states))["threads"][0]["comments"] == []
        github.comment("alice", 1, "**Hello**")
        assert (await anext(states))["threads"][0]["comments"][0]["html"] == "<p><strong>Hello</strong></p>\n"
        await states.aclose()  # type: ignore[attr-defined]  # a generator


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/comments", {"login": "nobody", "number": 1, "body": "x"}, "There is nobody called nobody."),
        ("/comments", {"login": "bob", "number": 9, "body": "x"}, "There is no issue or pull request 9."),
        ("/comments", {"login": "bob", "number": 1, "body": ""}, "body: String should have at least 1 character"),
        ("/next-run", {"outcome": "luck"}, "outcome: Input should be 'success'"),
    ],
)
async def test_what_cannot_be_is_told_in_one_sentence(path: str, body: dict[str, Any], sentence: str) -> None:
    async with _playground() as (page, _, _), page.post(path, json=body) as answer:
        assert answer.status == 422
        assert (await answer.text()).startswith(sentence)


async def test_another_page_of_the_browser_cannot_write() -> None:
    """A form or a plain request from elsewhere can send text, but not JSON."""
    async with _playground() as (page, github, _):
        async with page.post("/comments", data='{"login": "bob", "number": 1, "body": "x"}') as answer:
            assert answer.status == 415
        assert github.comments(1) == []


async def test_the_page_lets_nothing_run_that_stands_in_a_comment() -> None:
    async with _playground() as (page, _, _), page.get("/") as answer:
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "playground.js" in await answer.text()


async def test_a_taken_port_is_reported_by_its_flag() -> None:
    async with GitHubEmulator() as github, CodegenEmulator(run_seconds=None) as codegen:
        port = int(github.url.rpartition(":")[2])
        with pytest.raises(SettingsError, match=rf"--port: {port} cannot be used"):
            async with Playground(github, codegen, port=port):
                pass
