"""The API's description: /openapi.json for programs, /docs for people."""

from __future__ import annotations

import asyncio
import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from bot.web.api.examples import example_json
from bot.web.api.openapi import document
from bot.web.api.routes import ENDPOINTS, STREAMS
from tests.harness.server import ApiServer, Response


async def read(api_server: ApiServer, path: str, *, if_none_match: str = "") -> Response:
    """The answer as text."""
    headers = {"If-None-Match": if_none_match} if if_none_match else {}
    async with aiohttp.request("GET", f"{api_server.url}{path}", headers=headers) as response:
        return Response(response.status, await response.text(), response.headers)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return document()


def test_description_is_openapi_3_1(description: dict[str, Any]) -> None:
    validate(description)
    assert description["openapi"].startswith("3.1.")


def test_description_has_every_endpoint(description: dict[str, Any]) -> None:
    described = {
        (method.upper(), path): operation["operationId"]
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert {(each.method, each.path): each.name for each in ENDPOINTS}.items() <= described.items()
    assert {("GET", each.path): each.name for each in STREAMS}.items() <= described.items()
    assert len({*described.values()}) == len(described)


async def test_description_has_every_server_path(api_server: ApiServer, description: dict[str, Any]) -> None:
    """Also the dashboard, the webhook and the operators' paths."""
    for path, methods in description["paths"].items():
        address = re.sub(r"{\w+}", "1", path)
        answer = await api_server.request("PUT", address)
        assert answer.status == 405, path
        assert {*answer.headers["Allow"].split(", ")} - {"HEAD"} == {method.upper() for method in methods}


def test_optional_parameter_is_not_nullable(description: dict[str, Any]) -> None:
    parameters = description["paths"]["/organizations/{org_id}/agent/runs"]["get"]["parameters"]
    schemas = {each["name"]: each["schema"] for each in parameters if each.get("in") == "query"}
    assert schemas["status"] == {"type": "string", "maxLength": 40}
    assert schemas["created_after"] == {"type": "string", "format": "date-time"}


def test_answer_fields_are_all_required(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    assert {*schemas["AgentRun"]["required"]} == {*schemas["AgentRun"]["properties"]}
    assert schemas["AgentRunRequest"]["required"] == ["prompt"]
    assert schemas["AgentRunRequest"]["properties"]["temperature"]["default"] is None


async def test_description_and_docs_need_no_token_and_have_etags(api_server: ApiServer) -> None:
    for path, kind in (("/openapi.json", "application/json"), ("/docs", "text/html")):
        first = await read(api_server, path)
        assert (first.status, first.headers["Content-Type"].partition(";")[0]) == (200, kind)
        assert first.headers["X-Request-Id"]
        again = await read(api_server, path, if_none_match=first.headers["ETag"])
        assert (again.status, again.document) == (304, "")


async def test_websocket_handshake_has_request_id(api_server: ApiServer) -> None:
    """Written by hand, because clients do not show a handshake's headers."""
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
    """Collects what a page would fetch, its links and its anchors."""

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


async def test_docs_page_fetches_its_script_only(api_server: ApiServer) -> None:
    answer = await read(api_server, "/docs")
    page = _Page()
    page.feed(answer.document)

    assert (page.fetched, page.scripts) == (["/docs/docs.js"], 1)
    assert "url(" not in answer.document
    assert "@import" not in answer.document
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'" in policy
    script = await read(api_server, "/docs/docs.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.document)


async def test_docs_page_links_resolve(api_server: ApiServer) -> None:
    page = _Page()
    page.feed((await read(api_server, "/docs")).document)

    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json", "/"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= {*page.places}
    assert len(page.places) == len({*page.places})
    assert {endpoint.name for endpoint in ENDPOINTS} <= {*page.places}


def test_examples_are_valid_responses(description: dict[str, Any]) -> None:
    """What `/docs` shows of a response is one that the document describes."""
    components = description["components"]["schemas"]
    shown = 0
    for methods in description["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                schema = response.get("content", {}).get("application/json", {}).get("schema")
                if not status.startswith("2") or schema is None:
                    continue
                example = json.loads(example_json(schema, components))
                whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
                whole |= {"components": {"schemas": components}}
                Draft202012Validator(whole).validate(example)
                shown += 1
    assert shown > 20
