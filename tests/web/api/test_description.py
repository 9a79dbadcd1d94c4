"""What the API says of itself: /openapi.json for programs, /docs for people."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from openapi_spec_validator import validate

from bot.web.api.openapi import document
from bot.web.api.routes import ENDPOINTS
from bot.web.api.streams.routes import STREAMS
from tests.web.api.api_server import ApiServer, ParsedCommand


async def read(api_server: ApiServer, path: str, *, if_none_match: str = "") -> ParsedCommand:
    """The answer as text."""
    headers = {"If-None-Match": if_none_match} if if_none_match else {}
    async with aiohttp.request("GET", f"{api_server.url}{path}", headers=headers) as response:
        return ParsedCommand(response.status, await response.text(), response.headers)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return document(ENDPOINTS, STREAMS)


def test_it_is_openapi_3_1(description: dict[str, Any]) -> None:
    validate(description)
    assert description["openapi"].startswith("3.1.")


def test_every_endpoint_is_in_it(description: dict[str, Any]) -> None:
    described = {
        (method.upper(), path): operation["operationId"]
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert {(each.method, each.path): each.name for each in ENDPOINTS}.items() <= described.items()
    assert {("GET", each.path): each.name for each in STREAMS}.items() <= described.items()
    assert len({*described.values()}) == len(described)


async def test_every_address_of_the_server_is_in_it(api_server: ApiServer, description: dict[str, Any]) -> None:
    """The page, the webhook and what operators look at as well."""
    for path, methods in description["paths"].items():
        address = re.sub(r"{\w+}", "1", path)
        answer = await api_server.ask("PUT", address)
        assert answer.status == 405, path
        assert {*answer.headers["Allow"].split(", ")} - {"HEAD"} == {method.upper() for method in methods}


def test_a_field_that_may_be_none_is_no_parameter_that_may_be_null(description: dict[str, Any]) -> None:
    """Who means nothing leaves a parameter out."""
    parameters = description["paths"]["/organizations/{org_id}/agent/runs"]["get"]["parameters"]
    schemas = {each["name"]: each["schema"] for each in parameters}
    assert schemas["status"] == {"type": "string", "maxLength": 40}
    assert schemas["created_after"] == {"type": "string", "format": "date-time"}


def test_an_answer_leaves_nothing_out_and_a_body_may(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    assert {*schemas["AgentRun"]["required"]} == {*schemas["AgentRun"]["properties"]}
    assert schemas["AgentRunRequest"]["required"] == ["prompt"]
    assert schemas["AgentRunRequest"]["properties"]["temperature"]["default"] == 0.7


async def test_both_are_there_without_a_token_and_are_sent_once(api_server: ApiServer) -> None:
    for path, kind in (("/openapi.json", "application/json"), ("/docs", "text/html")):
        first = await read(api_server, path)
        assert (first.status, first.headers["Content-Type"].partition(";")[0]) == (200, kind)
        assert first.headers["X-Request-Id"]
        again = await read(api_server, path, if_none_match=first.headers["ETag"])
        assert (again.status, again.document) == (304, "")


async def test_an_open_websocket_has_a_name_as_well(api_server: ApiServer) -> None:
    """By hand, because clients keep the headers of a handshake to themselves."""
    made = await api_server.post("/organizations/1/agent/run", {"prompt": "Try."})
    address = urlsplit(api_server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    path = f"/organizations/1/agent/run/{made.document['id']}/logs/stream?api_key=sk-org1-caller"
    key = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        + "A" * 22
        + "=="
    )
    writer.write(f"GET {path} HTTP/1.1\r\nHost: bot\r\nX-Request-Id: mine\r\n{key}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()

    assert head.startswith("HTTP/1.1 101 ")
    assert "\r\nX-Request-Id: mine\r\n" in head


class _Page(HTMLParser):
    """Collects what a page would fetch, where its links lead, and which places it has."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts = 0
        self.links: list[str] = []
        self.places: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.scripts += tag == "script" or any(name.startswith("on") for name in given)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "srcset"} or tag == "link"]
        self.links += [given["href"] or ""] if tag == "a" else []
        self.places += [value or "" for name, value in attrs if name == "id"]


async def test_the_page_fetches_nothing_and_runs_nothing(api_server: ApiServer) -> None:
    answer = await read(api_server, "/docs")
    page = _Page()
    page.feed(answer.document)

    assert (page.fetched, page.scripts) == ([], 0)
    assert "url(" not in answer.document
    assert "@import" not in answer.document
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


async def test_every_link_of_the_page_leads_somewhere(api_server: ApiServer) -> None:
    page = _Page()
    page.feed((await read(api_server, "/docs")).document)

    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= {*page.places}
    assert len(page.places) == len({*page.places})
    assert {endpoint.name for endpoint in ENDPOINTS} <= {*page.places}
