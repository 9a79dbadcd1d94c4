"""``GET /openapi.json`` and ``GET /docs``: the API's description for programs and for people, without authentication.

The page is complete without its script, which only sends requests from it. It loads nothing from elsewhere, and is
usable by keyboard and on phones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from aiohttp import web

from bot.web.api.examples import example_json
from bot.web.api.models import BIGGEST_ID
from bot.web.api.openapi import document
from bot.web.static import inline_policy, static_route, style_sheet

Json = dict[str, Any]

_USUAL = frozenset({"401", "403", "404", "408", "413", "415", "422", "429", "500", "502", "503", "400", "304"})
"""The statuses that the table of errors explains once for all endpoints."""

_USUAL_HEADERS = frozenset({"X-Request-Id", "If-None-Match", "Idempotency-Key"})
"""The same of request headers."""

_PREFIX = "/organizations/{org_id}"


def routes() -> list[web.RouteDef]:
    """All are rendered once per process, when its first server starts."""
    description, page = _rendered()
    policy = inline_policy(_style(), has_scripts=True)
    script = files("bot.web.api").joinpath("page", "docs.js").read_bytes()
    return [
        static_route("/openapi.json", description, "application/json", {}),
        static_route("/docs", page, "text/html", {"Content-Security-Policy": policy}),
        static_route("/docs/docs.js", script, "text/javascript", {"Content-Security-Policy": policy}),
    ]


@cache
def _rendered() -> tuple[bytes, bytes]:
    """The OpenAPI document as JSON and as an HTML page."""
    description = document()
    return json.dumps(description, ensure_ascii=False, indent=1).encode(), _page(description).encode()


def _page(description: Json) -> str:
    info, components = description["info"], description["components"]
    contents, sections = [], []
    for tag in description["tags"]:
        operations = [
            (method, path, operation)
            for path, methods in description["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation["tags"]
        ]
        links = "".join(_contents_line(*each) for each in operations)
        contents.append(f"<b>{escape(tag['name'])}</b><ul>{links}</ul>")
        sections.append(f"<h2>{escape(tag['name'])}</h2>")
        sections += [_operation(components, *each) for each in operations]
    schemas = [
        f'<details class="model"><summary><code>{name}</code></summary>'
        f'<div id="{name}" class="content">{_model(each)}</div></details>'
        for name, each in components["schemas"].items()
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])}: the HTTP API</title>
<style>{_style()}</style>
<script type="module" src="/docs/docs.js"></script>
</head>
<body>
<a class="skip" href="#endpoints">To the endpoints</a>
<div class="columns">
<nav aria-label="Endpoints"><p><a href="/">codegen-bot</a></p>{"".join(contents)}<b>Reference</b><ul>
<li><a href="#errors">Errors</a></li><li><a href="#headers">Headers</a></li>
<li><a href="#models">Models</a></li></ul></nav>
<main id="endpoints" tabindex="-1">
<h1>{escape(info["title"])}: the HTTP API <small>{escape(info["version"])}</small></h1>
{_paragraphs(info["description"])}
<p>Authenticate with your own token: <code>Authorization: Bearer ...</code>, or <code>?api_key=...</code> where headers
cannot be set. The examples take the server's address from <code>$API</code> and the token from <code>$TOKEN</code>. The
same for programs: <a href="/openapi.json">/openapi.json</a>, OpenAPI {escape(description["openapi"])}.</p>
<div id="token" hidden></div>
{"".join(sections)}
<h2 id="errors">Errors</h2>
<p>Every error is <code>application/problem+json</code>, a <a href="#ProblemDocument">ProblemDocument</a>.</p>
{_errors(components)}
<h2 id="headers">Headers</h2>
{_headers(components)}
<h2 id="models">Models</h2>
{"".join(schemas)}
</main>
</div>
</body>
</html>
"""


def _contents_line(method: str, path: str, operation: Json) -> str:
    short = escape(path.removeprefix(_PREFIX) or path).replace("/", "<wbr>/")
    title = escape(f"{operation['summary']} {path}")
    return f'<li><a href="#{operation["operationId"]}" title="{title}">{_method(method)}<code>{short}</code></a></li>'


def _operation(components: Json, method: str, path: str, operation: Json) -> str:
    name, left, right = operation["operationId"], [], []
    left.append(_paragraphs(operation.get("description", "")))
    parameters = [_resolved(components, each) for each in operation.get("parameters", ())]
    shown = [each for each in parameters if each["name"] not in _USUAL_HEADERS]
    if shown:
        rows = [_row(each["name"], {**each["schema"], **each}, each["in"]) for each in shown]
        left += ["<h4>Parameters</h4>", _table(("name", "in", "type", "", "description"), rows)]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        left += ["<h4>Body</h4>", _model(_resolved(components, content["schema"]))]
    left += ["<h4>Responses</h4>", _responses(components, operation["responses"])]
    right += [
        f'<h4>curl</h4><pre tabindex="0"><code>{escape(sample["source"])}</code></pre>'
        for sample in operation.get("x-codeSamples", ())
    ]
    right.append(_example(components, operation["responses"]))
    trial = _trial(method, path, parameters, operation)
    head = f"{_method(method)}<code>{escape(path)}</code><span>{_prose(operation['summary'])}</span>"
    return (
        f'<details class="operation"><summary>{head}</summary><div id="{name}" class="content"{trial}>'
        f"<div>{''.join(left)}</div><div>{''.join(right)}</div></div></details>"
    )


def _responses(components: Json, responses: Mapping[str, Json]) -> str:
    """Those of its own; the errors that many endpoints have are explained once."""
    own = [status for status in responses if status not in _USUAL or responses[status].get("$ref") is None]
    rows = []
    for status in own:
        response = _resolved(components, responses[status])
        types = [_type(content["schema"]) for content in response.get("content", {}).values()]
        rows.append((status, _prose(response["description"]), "<br>".join(types)))
    others = ", ".join(status for status in responses if status not in own)
    usual = f'<p class="quiet">Also {others}: see <a href="#errors">errors</a>.</p>' if others else ""
    return _table(("status", "description", "body"), rows) + usual


def _example(components: Json, responses: Mapping[str, Json]) -> str:
    """The body of its success."""
    for status in responses:
        content = _resolved(components, responses[status]).get("content", {})
        if status.startswith("2") and "application/json" in content:
            text = example_json(content["application/json"]["schema"], components["schemas"])
            return f'<h4>Response <small>{status}</small></h4><pre tabindex="0"><code>{escape(text)}</code></pre>'
    return ""


def _trial(method: str, path: str, parameters: Iterable[Json], operation: Json) -> str:
    """The attributes from which the script makes a form; none for streams and signed deliveries."""
    if (operation["tags"] == ["Server"] and method == "post") or path.endswith("/stream"):
        return ""
    query = [each["name"] for each in parameters if each["in"] == "query"]
    sample = next((each["source"] for each in operation.get("x-codeSamples", ())), "")
    body = re.search(r"--json '(.*)'$", sample)
    given = {"method": method.upper(), "path": path, "query": query, "body": body[1] if body else None}
    return f' data-trial="{escape(json.dumps(given))}"'


def _errors(components: Json) -> str:
    numbers = {each.name: each.value for each in HTTPStatus}
    rows = [
        (
            str(numbers[name]),
            _prose(each["description"]),
            ", ".join(f"<code>{header}</code>" for header in each["headers"]),
        )
        for name, each in sorted(components["responses"].items(), key=lambda item: numbers[item[0]])
    ]
    return _table(("status", "meaning", "headers"), rows)


def _headers(components: Json) -> str:
    sent = [each for each in components["parameters"].values() if each["in"] == "header"]
    rows = [
        *((each["name"], "request", _prose(each["description"])) for each in sent),
        *((name, "response", _prose(each["description"])) for name, each in components["headers"].items()),
    ]
    return _table(
        ("header", "of", "description"), [(f"<code>{name}</code>", where, text) for name, where, text in rows]
    )


def _model(schema: Json) -> str:
    required = schema.get("required", ())
    fields = schema.get("properties", {}).items()
    rows = [_row(name, {**each, "required": name in required}) for name, each in fields]
    table = _table(("field", "type", "", "description"), rows) if rows else ""
    return _paragraphs(schema.get("description", "")) + table


def _row(name: str, field: Json, *more: str) -> tuple[str, ...]:
    default = field.get("default")
    presence = "" if default is None else f"default <code>{escape(json.dumps(default))}</code>"
    if field.get("required"):
        presence = '<span class="needed">required</span>'
    return f"<code>{escape(name)}</code>", *more, _type(field), presence, _prose(field.get("description", ""))


def _type(schema: Json) -> str:
    """``integer, 1 or more``, ``list of AgentRun``, ``"a" or "b"``."""
    match schema:
        case {"$ref": reference}:
            name = escape(reference.rpartition("/")[2])
            return f'<a href="#{name}">{name}</a>'
        case {"anyOf": options}:
            return " or ".join(map(_type, options))
        case {"enum": values}:
            return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
        case {"type": "array"}:
            most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
            return f"list of {_type(schema.get('items', {}))}{most}"
    limits = [
        text.format(escape(limit) if isinstance(limit, str) else limit)
        for name, text in _LIMITS.items()
        if (limit := schema.get(name)) is not None and limit != BIGGEST_ID
    ]
    return ", ".join([schema.get("format") or schema.get("type") or "anything", *limits])


_LIMITS = {
    "minimum": "at least {:,}",
    "exclusiveMinimum": "more than {:,}",
    "maximum": "at most {:,}",
    "minLength": "at least {:,} characters",
    "maxLength": "at most {:,} characters",
    "pattern": "matches <code>{}</code>",
}


def _resolved(components: Json, found: Json) -> Json:
    if "$ref" not in found:
        return found
    kind, name = found["$ref"].split("/")[-2:]
    resolved: Json = components[kind][name]
    return resolved


def _style() -> str:
    return style_sheet("bot.web.api", "docs.css")


def _method(method: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_prose(part)}</p>" for part in text.split("\n\n") if part)


def _prose(text: str) -> str:
    """Of Markdown, the document uses only backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """A table that scrolls horizontally by itself if too wide, also by keyboard."""
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{each}</td>" for each in others)}</tr>'
        for first, *others in rows
    )
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
