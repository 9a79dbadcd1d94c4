"""The playground: a page that shows the emulated conversations live and lets users take part.

What is written here becomes a comment on the emulated GitHub, whose signed webhook reaches the bot like any other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.resources import files
from types import TracebackType
from typing import Any, Literal, TypeVar

from aiohttp import web
from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.commands.labels import LabelRole, label_of
from bot.emulator.codegen import CodegenEmulator, RunScript
from bot.emulator.github import Comment, GitHubEmulator
from bot.emulator.github.world import BOT_LOGIN, REPOSITORY, Thread
from bot.errors import SettingsError, os_reason
from bot.repository_config.model import Labels

M = TypeVar("M", bound=BaseModel)

LOOPBACK = "127.0.0.1"

KEEP_ALIVE = 15.0
"""Seconds of silence after which a stream sends a keep-alive."""

_LABELS = [label_of(role, Labels()).name for role in LabelRole]

OUTCOMES = ("success", "failure", "timeout", "out-of-tokens", "slow", "stuck", "quota")

_PAGE = {
    "/": ("playground.html", "text/html"),
    "/playground.css": ("playground.css", "text/css"),
    "/playground.js": ("playground.js", "text/javascript"),
}

# Comments are rendered with their HTML, as on GitHub: so nothing in them may run or be loaded.
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'none'"


class _Write(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: str
    number: int
    body: str = Field(min_length=1, max_length=65_536)


class _Label(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: str
    number: int
    name: str = Field(min_length=1, max_length=50)
    on: bool


class _NextRun(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: Literal["success", "failure", "timeout", "out-of-tokens", "slow", "stuck", "quota"]


class Playground:
    """Serves the page on loopback.

    :param port: 0 for a free one
    :param dashboard: the bot's URL, for links to runs; empty if there is no bot
    :param token: for signing in there
    """

    def __init__(
        self, github: GitHubEmulator, codegen: CodegenEmulator, *, port: int, dashboard: str = "", token: str = ""
    ) -> None:
        self._github = github
        self._codegen = codegen
        self._port = port
        self._dashboard = {"dashboard": dashboard, "token": token}
        self._markdown = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
        application = web.Application(middlewares=[_only_from_this_page])
        application.add_routes([web.get(path, _file(*named)) for path, named in _PAGE.items()])
        application.add_routes(
            [
                web.get("/state", self._stream),
                web.post("/comments", self._write),
                web.post("/labels", self._label),
                web.post("/next-run", self._script),
            ]
        )
        self._runner = web.AppRunner(
            application, access_log=None, auto_decompress=False, handle_signals=False, shutdown_timeout=0.2
        )

    async def __aenter__(self) -> str:
        """:raises SettingsError: if the port is taken"""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, LOOPBACK, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(f"--port: {self._port} cannot be used: {os_reason(error)}.") from None
        return f"http://{LOOPBACK}:{self._runner.addresses[0][1]}/"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    # State

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Streams the whole state, again after each change (server-sent events)."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        shown: list[str] = [""]

        def changed() -> bool:
            return self._state() != shown[-1]

        # Closing the page ends the stream.
        with suppress(ConnectionResetError):
            while True:
                try:
                    await self._github.until(changed, seconds=KEEP_ALIVE)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                shown[:] = [self._state()]
                await response.write(f"data: {shown[-1]}\n\n".encode())
        return response

    def _state(self) -> str:
        world = self._github.world
        people = [account.login for account in world.accounts.values() if account.type == "User"]
        return json.dumps(
            {
                "repository": REPOSITORY,
                **self._dashboard,
                "people": [{"login": login, "role": world.accounts[login].role} for login in people],
                "labels": [*dict.fromkeys([*_LABELS, *(label.name for label in world.labels.values())])],
                "outcomes": OUTCOMES,
                "threads": [self._thread(thread) for thread in world.threads.values()],
            }
        )

    def _thread(self, thread: Thread) -> dict[str, Any]:
        return {
            "number": thread.number,
            "title": thread.title,
            "author": thread.account.login,
            "kind": "pull request" if thread.is_pull_request else "issue",
            "html": self._markdown.render(thread.body or ""),
            "labels": thread.labels,
            "comments": [self._comment(comment) for comment in self._github.comments(thread.number)],
        }

    def _comment(self, comment: Comment) -> dict[str, Any]:
        return {
            "id": comment.id,
            "author": comment.author,
            "bot": comment.author == BOT_LOGIN,
            "html": self._markdown.render(comment.body),
            "edited": len(comment.versions) - 1,
            "reactions": [reaction.content for reaction in comment.reactions],
        }

    # Actions

    async def _write(self, request: web.Request) -> web.Response:
        given = await _read(request, _Write)
        self._check(given.login, given.number)
        comment = self._github.comment(given.login, given.number, given.body)
        return web.json_response({"id": comment.id}, status=201)

    async def _label(self, request: web.Request) -> web.Response:
        given = await _read(request, _Label)
        self._check(given.login, given.number)
        change = self._github.label if given.on else self._github.unlabel
        change(given.login, given.number, given.name)
        return web.Response(status=204)

    async def _script(self, request: web.Request) -> web.Response:
        given = await _read(request, _NextRun)
        self._codegen.script(**RunScript(outcome=given.outcome).model_dump(exclude_defaults=True))
        return web.Response(status=204)

    def _check(self, login: str, number: int) -> None:
        if login not in self._github.world.accounts:
            raise web.HTTPUnprocessableEntity(text=f"There is nobody called {login}.")
        if number not in self._github.world.threads:
            raise web.HTTPUnprocessableEntity(text=f"There is no issue or pull request {number}.")


async def _read(request: web.Request, model: type[M]) -> M:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors()[0]
        raise web.HTTPUnprocessableEntity(text=f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _file(name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def get(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(files("bot.demo").joinpath("page", name).read_text, encoding="utf-8")
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type=content_type, headers=headers)

    return get


@web.middleware
async def _only_from_this_page(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """CSRF protection: another page in the same browser cannot send JSON without a CORS preflight."""
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Only application/json is read here.")
    return await handler(request)
