"""Limits of request bodies."""

from __future__ import annotations

import json

from inline_snapshot import snapshot

from tests.harness.server import ORG, ApiServer
from tests.web.raw import RawClient, head

MEGABYTE = 2**20
RUN = f"{ORG}/agent/run"


def call(path: str, size: int) -> bytes:
    return head(
        "POST", path, Content_Type="application/json", Authorization="Bearer sk-org1-caller", Content_Length=size
    )


async def declare(api_server: ApiServer, path: str, size: int) -> tuple[int, str]:
    """The answer to a request that has only declared the size of its body."""
    async with await RawClient.connect(api_server.url) as client:
        await client.send(call(path, size))
        answer = await client.answer()
        assert await client.closed() == b""
    return answer.problem


async def test_body_size_is_limited(api_server: ApiServer) -> None:
    assert await declare(api_server, "/setup-commands", 2 * MEGABYTE + 1) == snapshot(
        (413, "The body is larger than 2 MB.")
    )


async def test_body_with_images_has_higher_limit(api_server: ApiServer) -> None:
    assert await declare(api_server, RUN, 10 * MEGABYTE + 1) == snapshot((413, "The body is larger than 10 MB."))
    body = json.dumps({"prompt": "Make it look like this.", "images": ["data:image/png;base64,AAAA"]}).encode()
    padded = body + b" " * (9 * MEGABYTE)
    async with await RawClient.connect(api_server.url) as client:
        await client.send(call(RUN, len(padded)) + padded)
        assert (await client.answer()).status == 200


async def test_body_without_token_is_not_read(api_server: ApiServer) -> None:
    async with await RawClient.connect(api_server.url) as client:
        await client.send(head("POST", RUN, Content_Type="application/json", Content_Length=2 * MEGABYTE))
        answer = await client.answer()
        assert answer.status == 401
        assert answer.headers["connection"] == "close"
        assert await client.closed() == b""


async def test_description_names_body_limits(api_server: ApiServer) -> None:
    document = (await api_server.get("/openapi.json")).document
    refusal = {
        path: operation["post"]["requestBody"]["description"]
        for path, operation in document["paths"].items()
        if "post" in operation and path != "/webhooks/github"
    }
    assert json.dumps(refusal, indent=1) == snapshot("""\
{
 "/organizations/{org_id}/agent/run": "At most 10 MB, not compressed.",
 "/organizations/{org_id}/agent/run/{agent_run_id}/resume": "At most 10 MB, not compressed.",
 "/organizations/{org_id}/agent/run/{agent_run_id}/cancel": "At most 2 MB, not compressed.",
 "/organizations/{org_id}/agent/run/{agent_run_id}/ban-all-checks": "At most 2 MB, not compressed.",
 "/organizations/{org_id}/agent/run/{agent_run_id}/unban-all-checks": "At most 2 MB, not compressed.",
 "/organizations/{org_id}/agent/run/{agent_run_id}/remove-codegen-from-pr": "At most 2 MB, not compressed.",
 "/setup-commands": "At most 2 MB, not compressed.",
 "/sandbox/analyze-logs": "At most 2 MB, not compressed.",
 "/organizations/{org_id}/multi-run": "At most 2 MB, not compressed.",
 "/organizations/{org_id}/multi-run/{multi_run_id}/keep": "At most 2 MB, not compressed.",
 "/starred-runs": "At most 2 MB, not compressed."
}\
""")
