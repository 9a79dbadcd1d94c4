"""Errors of the API are sentences for people, without Markdown."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.web.api.failures import plain
from tests.harness.server import ORG, ApiServer

RUN = f"{ORG}/agent/run"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "prompt is required."),
        ({"prompt": ""}, "prompt must not be empty."),
        ({"prompt": " "}, "prompt must not be empty."),
        ({"prompt": 7}, "prompt must be text."),
        ({"prompt": "x" * 100_001}, "prompt must have at most 100000 characters."),
        ({"prompt": "x", "modle": "fast"}, "modle is not a field; did you mean model?"),
        ({"prompt": "x", "temperature": 3}, "temperature must be at most 2.0."),
        ({"prompt": "x", "temperature": "hot"}, "temperature must be a number."),
        ({"prompt": "x", "model": "a b"}, "model contains characters that it may not contain."),
        ({"prompt": "x", "repo_id": "shop"}, "repo_id must be a whole number."),
        ({"prompt": "x", "images": ["http://x/y.png"]}, "images.0 must be a data: URL of an image."),
        ({"prompt": " ", "repo_id": 0}, "prompt must not be empty; repo_id must be at least 1."),
    ],
)
async def test_invalid_body(api_server: ApiServer, body: dict[str, Any], detail: str) -> None:
    response = await api_server.post(RUN, body)
    assert (response.status, response.detail) == (422, detail)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=1000", "limit must be at most 100."),
        ("limit=all", "limit must be a whole number."),
        ("autor=alice", "autor is not a parameter; did you mean author?"),
        ("starred=perhaps", "starred must be true or false."),
        ("created_after=yesterday", "created_after must be a time, such as 2026-05-04T12:00:00Z."),
        ("sort=age", "sort must be 'created_at', '-created_at', 'status' or '-status'."),
    ],
)
async def test_invalid_query(api_server: ApiServer, query: str, detail: str) -> None:
    response = await api_server.get(f"{ORG}/agent/runs?{query}")
    assert (response.status, response.detail) == (422, detail)


async def test_unknown_field_without_a_likeness_names_all(api_server: ApiServer) -> None:
    response = await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": True, "zzz": 1})
    assert response.detail == snapshot("zzz is not a field; there are agent_run_id, starred, org_id.")


async def test_missing_run_is_said_in_the_same_words_everywhere(api_server: ApiServer) -> None:
    shown = await api_server.get(f"{RUN}/99")
    starred = await api_server.post("/starred-runs", {"agent_run_id": 99, "starred": True})
    assert (starred.status, starred.detail) == (shown.status, shown.detail)


def test_plain_text_of_a_reply() -> None:
    reply = "[Run 1](https://codegen.com/x) has no `pull` request\\.\n\n> Codegen: @\u200bocto\n\nNext: write again."
    assert plain(reply) == "Run 1 has no pull request. Codegen: @octo"
