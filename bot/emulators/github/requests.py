"""What every operation of the API needs: its request, refusals in GitHub's form, pages of lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.emulators.github.model import Account, Thread
from bot.emulators.github.shapes import Shapes
from bot.emulators.github.webhooks import Webhooks
from bot.emulators.github.world import World
from bot.emulators.operations import Refused

REPO = "/repos/{owner}/{repo}"

THREADS_READ = "issues=read; pull_requests=read"
THREADS_WRITE = "issues=write; pull_requests=write"

COMMENT_LIMIT = 65_536


def refused(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Refused:
    """GitHub's own kind of error."""
    document = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return Refused(status, document | more, headers)


def not_found(message: str = "Not Found") -> Refused:
    return refused(404, message)


def invalid(resource: str, name: str, code: str, message: str = "") -> Refused:
    error = {"resource": resource, "field": name, "code": code} | ({"message": message} if message else {})
    return refused(422, "Validation Failed", errors=[error])


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an operation. `given`: the fields of its body."""

    request: web.Request
    account: Account
    given: dict[str, Any]

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    @property
    def repository(self) -> str:
        """The repository of the path, in lower case."""
        return f"{self.part('owner')}/{self.part('repo')}".lower()

    def number(self, name: str = "number") -> int:
        """A number in the path.

        :raises Refused: 404 if it is none
        """
        if not (text := self.part(name)).isdecimal():
            raise not_found()
        return int(text)

    def text(self, name: str, resource: str, *, most: int = COMMENT_LIMIT) -> str:
        """A required text that is not blank.

        :raises Refused: 422 naming the resource and the field
        """
        value = self.given.get(name)
        if not isinstance(value, str) or not value.strip():
            raise invalid(resource, name, "missing_field")
        if len(value) > most:
            raise invalid(resource, name, "unprocessable", f"{name} is too long (maximum is {most} characters)")
        return value

    def query_number(self, name: str, default: int) -> int:
        """A number of the query, at least 1."""
        text = self.request.query.get(name, "")
        return max(int(text), 1) if text.isdecimal() else default

    @property
    def page_size(self) -> int:
        return min(self.query_number("per_page", 30), 100)

    def page(self, items: Sequence[Any], *, key: str | None = None) -> web.Response:
        """A page of a list with its Link header.

        :param key: of the list if the response is an object
        """
        size, number = self.page_size, self.query_number("page", 1)
        last = max(-(-len(items) // size), 1)
        targets = {"next": number + 1, "last": last} if number < last else {}
        targets |= {"prev": number - 1, "first": 1} if number > 1 else {}
        links = [f'<{self.request.url.update_query(page=target)}>; rel="{rel}"' for rel, target in targets.items()]
        shown = list(items[(number - 1) * size : number * size])
        document = shown if key is None else {"total_count": len(items), key: shown}
        return web.json_response(document, headers={"Link": ", ".join(links)} if links else {})


async def body_fields(request: web.Request) -> dict[str, Any]:
    """:raises Refused: 400 if the body is not a JSON object"""
    try:
        document = json.loads(await request.read() or b"{}")
    except ValueError:
        raise refused(400, "Problems parsing JSON") from None
    if not isinstance(document, dict):
        raise refused(400, "Body should be a JSON object")
    return document


@dataclass(frozen=True, slots=True)
class Operations:
    """The base of all operations."""

    world: World
    shapes: Shapes
    webhooks: Webhooks

    def thread(self, call: Call) -> Thread:
        """:raises Refused: 404 if there is no such issue or pull request"""
        thread = self.world.threads.get(call.number())
        if thread is None:
            raise not_found()
        return thread

    def pull_request(self, call: Call) -> Thread:
        thread = self.thread(call)
        if not thread.is_pull_request:
            raise not_found()
        return thread
