"""The OpenAPI document as an HTML page: no script, no external resources, usable by keyboard and on phones."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import Any

from bot.web.api.schema_rendering import form


def content_security_policy() -> str:
    """Allows nothing but the page's own style, identified by its digest."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def page(description: dict[str, Any]) -> str:
    """:param description: the OpenAPI document"""
    info = description["info"]
    groups = {tag["name"]: _operations(description, tag["name"]) for tag in description["tags"]}
    parts = [
        f"<h2>{escape(group)}</h2>{''.join(_operation(description, *each) for each in operations)}"
        for group, operations in groups.items()
    ]
    schemas = "".join(_schema(name, each) for name, each in description["components"]["schemas"].items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])}: the HTTP API</title>
<style>{_style()}</style>
</head>
<body>
<a class="skip" href="#endpoints">To the endpoints</a>
<h1>{escape(info["title"])}: the HTTP API <small>{escape(info["version"])}</small></h1>
{_prose(info["description"])}
<p>The examples take the server's address from <code>$API</code> and the token from <code>$TOKEN</code>.</p>
<p>The same for programs: <a href="/openapi.json">/openapi.json</a>, OpenAPI {escape(description["openapi"])}.</p>
{_access(description)}
<div class="columns">
<nav aria-label="Endpoints">{_contents(groups)}</nav>
<main id="endpoints">
{"".join(parts)}
<h2 id="models">Models</h2>
{schemas}
</main>
</div>
</body>
</html>
"""


def _style() -> str:
    return files("bot.web.api").joinpath("page", "docs.css").read_text(encoding="utf-8")


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n"))


def _inline(text: str) -> str:
    """Of Markdown, the document uses only backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _plain(text: str) -> str:
    return escape(text.replace("`", ""), quote=False)


def _access(description: dict[str, Any]) -> str:
    rows = [
        (f"<code>{escape(_credential(scheme))}</code>", _inline(scheme["description"]))
        for scheme in description["components"]["securitySchemes"].values()
    ]
    return f"<h2>Who calls</h2>{_table(('say', 'what it is'), rows)}"


def _credential(scheme: dict[str, Any]) -> str:
    return f"?{scheme['name']}=..." if scheme["type"] == "apiKey" else "Authorization: Bearer ..."


_Operation = tuple[str, str, dict[str, Any]]


def _operations(description: dict[str, Any], group: str) -> list[_Operation]:
    return [
        (method, path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if group in operation["tags"]
    ]


def _contents(groups: dict[str, list[_Operation]]) -> str:
    listed = []
    for group, operations in groups.items():
        items = "".join(
            f'<li><a href="#{operation["operationId"]}">{_method(method)}{_plain(operation["summary"])}</a></li>'
            for method, _, operation in operations
        )
        listed.append(f"<b>{escape(group)}</b><ul>{items}</ul>")
    return "".join(listed)


def _method(method: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span>'


def _operation(description: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<h3>{_method(method)}<code>{escape(path)}</code></h3>", _prose(operation["summary"])]
    if "description" in operation:
        parts.append(_prose(operation["description"]))
    if parameters := operation.get("parameters"):
        parts += ["<h4>Parameters</h4>", _parameters(parameters)]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts += [f"<h4>Body <small><code>{media}</code></small></h4>", _body(description, content["schema"])]
    for sample in operation.get("x-codeSamples", ()):
        parts.append(f'<h4>Example</h4><pre tabindex="0"><code>{escape(sample["source"])}</code></pre>')
    parts.append(_answers(description, operation["responses"]))
    return f'<section id="{operation["operationId"]}">{"".join(parts)}</section>'


def _parameters(parameters: Iterable[dict[str, Any]]) -> str:
    rows = [
        (
            f"<code>{escape(each['name'])}</code>",
            each["in"],
            form(each["schema"]),
            _presence(each["schema"], needed=each["required"]),
            _inline(each.get("description", "")),
        )
        for each in parameters
    ]
    return _table(("name", "in", "form", "", "what it is"), rows)


def _presence(schema: dict[str, Any], *, needed: bool) -> str:
    if needed:
        return '<span class="needed">needed</span>'
    default = schema.get("default")
    return "" if default is None else f"default <code>{escape(json.dumps(default))}</code>"


def _body(description: dict[str, Any], schema: dict[str, Any]) -> str:
    named = schema.get("$ref", "").rpartition("/")[2]
    found = description["components"]["schemas"].get(named, schema)
    told = _prose(found["description"]) if "description" in found else ""
    return told + (_fields(found) if "properties" in found else "")


def _fields(schema: dict[str, Any]) -> str:
    rows = [
        (
            f"<code>{escape(name)}</code>",
            form(each),
            _presence(each, needed=name in schema.get("required", ())),
            _inline(each.get("description", "")),
        )
        for name, each in schema["properties"].items()
    ]
    return _table(("field", "form", "", "what it is"), rows)


def _answers(description: dict[str, Any], responses: dict[str, Any]) -> str:
    rows = []
    for status, response in responses.items():
        found = response
        if "$ref" in response:
            found = description["components"]["responses"][response["$ref"].rpartition("/")[2]]
        contents = [
            f"{form(content['schema'])} <small><code>{media}</code></small>"
            for media, content in found.get("content", {}).items()
        ]
        names = ", ".join(f"<code>{name}</code>" for name in found.get("headers", ()))
        rows.append((status, _inline(found["description"]), "<br>".join(contents), names))
    statuses = ", ".join(responses)
    table = _table(("status", "what it means", "body", "headers"), rows)
    return f"<details><summary>Answers: {statuses}</summary>{table}</details>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    told = _prose(schema["description"]) if "description" in schema else ""
    return f'<section id="{name}"><h3><code>{name}</code></h3>{told}{_fields(schema)}</section>'


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """A table that scrolls horizontally by itself if too wide, also by keyboard."""
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{each}</td>" for each in others)}</tr>'
        for first, *others in rows
    )
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
