"""The playground: a page that shows the emulated conversations live and lets users take part.

What is done here becomes a comment, a label, a check or a commit on the emulated GitHub, whose signed webhook reaches
the bot like any other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from importlib.resources import files
from typing import Any, TypeVar

from aiohttp import web
from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.cli.demo.checks import FAILING_LOG
from bot.commands.labels import is_state, label_of
from bot.emulators.github import Comment, GitHubEmulator
from bot.emulators.github.git_repositories import GitError
from bot.emulators.github.model import BOT_LOGIN, DEFAULT_BRANCH, REPOSITORY, Thread
from bot.execution.config_loader import PATH as CONFIG_PATH
from bot.execution.repository_config.model import LabelRole, Labels
from bot.web.listening import listening
from bot.web.static import style_sheet

M = TypeVar("M", bound=BaseModel)

LOOPBACK = "127.0.0.1"

KEEP_ALIVE = 15.0
"""Seconds of silence after which a stream sends a keep-alive."""

LONGEST_CONFIG = 65_536

_ROLES = {label_of(role, Labels()).name: role for role in LabelRole}

_PAGE = {
    "/": ("playground.html", "text/html"),
    "/playground.css": ("playground.css", "text/css"),
    "/playground.js": ("playground.js", "text/javascript"),
    "/playground_parts.js": ("playground_parts.js", "text/javascript"),
}

# Comments are rendered with their HTML, as on GitHub: so nothing in them may run or be loaded.
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'none'"


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: str
    number: int


class _Write(_Action):
    body: str = Field(min_length=1, max_length=65_536)
    path: str | None = Field(default=None, max_length=1_000)
    """Of a comment on a line of the changes."""
    line: int | None = Field(default=None, ge=1)


class _Label(_Action):
    name: str = Field(min_length=1, max_length=50)
    on: bool


class _Check(_Action):
    fails: bool


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: str
    text: str = Field(max_length=LONGEST_CONFIG)


@asynccontextmanager
async def playground(github: GitHubEmulator, *, port: int, dashboard: str = "", token: str = "") -> AsyncIterator[str]:
    """Serves the page on loopback while the context lasts.

    :param port: 0 for a free one
    :param dashboard: the bot's URL, for links to runs; empty if there is no bot
    :param token: for signing in there
    :returns: its URL
    :raises SettingsError: if the port is taken
    """
    pages = _Playground(github, {"dashboard": dashboard, "token": token})
    application = web.Application(middlewares=[_only_from_this_page])
    application.add_routes([web.get(path, _file(*named)) for path, named in _PAGE.items()])
    application.add_routes(
        [
            web.get("/state", pages.stream),
            web.get("/threads/{number}/files", pages.files),
            web.get("/config", pages.config),
            web.get(f"/{REPOSITORY}/{{kind:issues|pull}}/{{number}}", _as_on_github),
            web.post("/comments", pages.write),
            web.post("/labels", pages.label),
            web.post("/checks", pages.check),
            web.post("/config", pages.save_config),
        ]
    )
    async with listening(application, LOOPBACK, port, named=f"--port: {port}", shutdown_timeout=0.2) as url:
        yield f"{url}/"


class _Playground:
    def __init__(self, github: GitHubEmulator, dashboard: Mapping[str, str]) -> None:
        self._github = github
        self._dashboard = dashboard
        self._markdown = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])

    # State

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Streams the whole state, again after each change (server-sent events)."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        shown = ""
        # Closing the page ends the stream.
        with suppress(ConnectionResetError):
            while True:
                try:
                    await self._github.until(lambda shown=shown: self._state() != shown, seconds=KEEP_ALIVE)  # type: ignore[misc]
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                shown = self._state()
                await response.write(f"data: {shown}\n\n".encode())
        return response

    def _state(self) -> str:
        world = self._github.world
        people = [account.login for account in world.accounts.values() if account.type == "User"]
        return json.dumps(
            {
                "repository": REPOSITORY,
                **self._dashboard,
                "people": [{"login": login, "role": world.accounts[login].role} for login in people],
                "labels": self._labels(),
                "threads": [self._thread(thread) for thread in world.threads.values()],
            }
        )

    def _labels(self) -> list[dict[str, str]]:
        """The bot's own, then the repository's others."""
        own = [
            {
                "name": name,
                "color": (label := label_of(role, Labels())).color,
                "about": label.description,
                "kind": "state" if is_state(role) else "action",
            }
            for name, role in _ROLES.items()
        ]
        others = [label for label in self._github.world.labels.values() if label.name not in _ROLES]
        return own + [
            {"name": label.name, "color": label.color, "about": label.description or "", "kind": "other"}
            for label in others
        ]

    def _thread(self, thread: Thread) -> dict[str, Any]:
        world = self._github.world
        on_code = [each for kind in ("review", "review-comment") for each in world.of_thread(thread.number, kind)]
        comments = [*self._github.comments(thread.number), *on_code]
        return {
            "number": thread.number,
            "title": thread.title,
            "author": thread.account.login,
            "kind": "pull request" if thread.is_pull_request else "issue",
            "state": thread.state,
            "at": thread.created_at.isoformat(),
            "html": self._markdown.render(thread.body or ""),
            "labels": thread.labels,
            "head": thread.head_sha if thread.is_pull_request else None,
            "checks": self._checks(thread),
            "comments": [self._comment(comment) for comment in sorted(comments, key=lambda each: each.id)],
        }

    def _checks(self, thread: Thread) -> list[dict[str, str | None]]:
        """Of a pull request's head; of two with one name, the later."""
        if not thread.is_pull_request:
            return []
        checks = [check for check in self._github.world.check_runs.values() if check.head_sha == thread.head_sha]
        return [
            {"name": name, "conclusion": conclusion}
            for name, conclusion in {check.name: check.conclusion for check in checks}.items()
        ]

    def _comment(self, comment: Comment) -> dict[str, Any]:
        return {
            "id": comment.id,
            "author": comment.author,
            "bot": comment.author == BOT_LOGIN,
            "at": comment.created_at.isoformat(),
            "html": self._markdown.render(comment.body),
            "edited": len(comment.versions) - 1,
            "on": f"{comment.path}, line {comment.line}" if comment.path else None,
            "reactions": [reaction.content for reaction in comment.reactions],
        }

    async def files(self, request: web.Request) -> web.Response:
        """What a pull request changes."""
        number = int(request.match_info["number"]) if request.match_info["number"].isdecimal() else 0
        thread = self._github.world.threads.get(number)
        if thread is None or not thread.is_pull_request:
            raise web.HTTPNotFound(text=f"There is no pull request {number}.")
        try:
            changed = await self._github.changed_files(number)
        except GitError as error:
            raise web.HTTPServiceUnavailable(text=f"The changes cannot be shown: {error}.") from None
        return web.json_response([asdict(file) for file in changed], headers={"Cache-Control": "no-store"})

    async def config(self, _request: web.Request) -> web.Response:
        """The repository's config file."""
        text = self._github.world.files_on(DEFAULT_BRANCH).get(CONFIG_PATH, "")
        return web.json_response({"path": CONFIG_PATH, "text": text}, headers={"Cache-Control": "no-store"})

    # Actions

    async def write(self, request: web.Request) -> web.Response:
        given = await _read(request, _Write)
        thread = self._checked(given.login, given.number)
        if given.path is None:
            comment = self._github.comment(given.login, given.number, given.body)
        elif thread.is_pull_request:
            comment = self._github.review_comment(
                given.login, given.number, given.body, path=given.path, line=given.line
            )
        else:
            raise web.HTTPUnprocessableEntity(text="Only a pull request has lines to comment on.")
        return web.json_response({"id": comment.id}, status=201)

    async def label(self, request: web.Request) -> web.Response:
        given = await _read(request, _Label)
        self._checked(given.login, given.number)
        change = self._github.label if given.on else self._github.unlabel
        change(given.login, given.number, given.name)
        return web.Response(status=204)

    async def check(self, request: web.Request) -> web.Response:
        """Reports a result of the check ``test`` on a pull request's head."""
        given = await _read(request, _Check)
        thread = self._checked(given.login, given.number)
        if not thread.is_pull_request:
            raise web.HTTPUnprocessableEntity(text="Only a pull request has checks.")
        self._github.world.add_check_run(
            "test",
            thread.head_sha,
            conclusion="failure" if given.fails else "success",
            app="github-actions",
            log=FAILING_LOG if given.fails else "3 passed",
        )
        return web.Response(status=204)

    async def save_config(self, request: web.Request) -> web.Response:
        """Commits the repository's config file to the default branch."""
        given = await _read(request, _Config)
        self._checked(given.login)
        text = given.text if given.text.strip() else None
        if self._github.git.is_used:
            try:
                await self._github.push(given.login, DEFAULT_BRANCH, {CONFIG_PATH: text})
            except GitError as error:
                raise web.HTTPServiceUnavailable(text=f"The file cannot be committed: {error}.") from None
        elif text is None:
            self._github.world.files.pop((DEFAULT_BRANCH, CONFIG_PATH), None)
        else:
            self._github.world.files[DEFAULT_BRANCH, CONFIG_PATH] = text
        return web.Response(status=204)

    def _checked(self, login: str, number: int = 1) -> Thread:
        if login not in self._github.world.accounts:
            raise web.HTTPUnprocessableEntity(text=f"There is no user {login}.")
        if number not in self._github.world.threads:
            raise web.HTTPUnprocessableEntity(text=f"There is no issue or pull request {number}.")
        return self._github.world.threads[number]


async def _as_on_github(request: web.Request) -> web.Response:
    """The address that an issue or a pull request would have on GitHub, for links from the dashboard."""
    raise web.HTTPFound(f"/#{request.match_info['number']}")


async def _read(request: web.Request, model: type[M]) -> M:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors()[0]
        raise web.HTTPUnprocessableEntity(text=f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _file(name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def get(_request: web.Request) -> web.Response:
        text = await asyncio.to_thread(_read_file, name)
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type=content_type, headers=headers)

    return get


def _read_file(name: str) -> str:
    if name.endswith(".css"):
        return style_sheet("bot.cli.demo", name)
    return files("bot.cli.demo").joinpath("page", name).read_text(encoding="utf-8")


@web.middleware
async def _only_from_this_page(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """CSRF protection: another page in the same browser cannot send JSON without a CORS preflight."""
    if request.method == "POST" and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="The content type must be application/json.")
    return await handler(request)
