"""curl examples of the endpoints: for docs/api.md, `/docs`, and the test that runs every line."""

from __future__ import annotations

from collections.abc import Iterable

from bot.web.api.endpoint import Endpoint


def curl_line(endpoint: Endpoint) -> str:
    """One line for a POSIX shell with the variables ``API`` and ``TOKEN``."""
    before = f"{endpoint.example_before}; " if endpoint.example_before else ""
    body = f" --json '{endpoint.example_body}'" if endpoint.example_body else ""
    return f'{before}curl -sS -H "Authorization: Bearer $TOKEN" "$API{endpoint.example}"{body}'


def endpoint_table(endpoints: Iterable[Endpoint]) -> str:
    """The table of docs/api.md."""
    rows = [f"| `{each.method} {each.path}` | {each.summary} |" for each in endpoints]
    return "\n".join(("| endpoint | what it does |", "|---|---|", *rows))


def curl_block(endpoints: Iterable[Endpoint]) -> str:
    """The shell block of docs/api.md: one line for each endpoint."""
    return "\n".join(("```sh", *map(curl_line, endpoints), "```"))
