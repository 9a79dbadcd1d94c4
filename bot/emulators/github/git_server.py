"""Clone, fetch and push over HTTP, as on github.com: one ``git http-backend`` for each request.

https://git-scm.com/docs/http-protocol
https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.emulators.control import JOURNAL_ENTRY
from bot.emulators.github import push_rules
from bot.emulators.github.access import ANONYMOUS, Tokens, allows
from bot.emulators.github.git import Git
from bot.emulators.github.git_repositories import Update
from bot.emulators.github.model import DEFAULT_BRANCH, RANK, REPOSITORY, Account
from bot.emulators.github.world import World
from bot.emulators.operations import Refused

CHUNK = 64 * 1024

UPLOAD, RECEIVE = "git-upload-pack", "git-receive-pack"
"""Git's names of fetch and push, from the server's side."""

_PUSHED = "EMULATOR_PUSHED"
"""The environment variable of the file to which the ``post-receive`` hook writes."""

_FORBIDDEN = "Permission to {name}.git denied to {login}."

OnPush = Callable[[str, Account, list[Update]], Awaitable[None]]


class GitServer:
    """Serves the repositories at ``/OWNER/NAME.git``, and without the ending.

    :param on_push: called with the repository, who pushed, and what changed, before the client learns of its success
    """

    def __init__(self, world: World, tokens: Tokens, git: Git, on_push: OnPush) -> None:
        self._world = world
        self._tokens = tokens
        self._git = git
        self._on_push = on_push
        self._running: dict[asyncio.subprocess.Process, asyncio.Task[Any]] = {}

    async def stop(self) -> None:
        """Ends what is left of the requests, once the server has ended; no git is running then any more."""
        for process in self._running:
            _kill(process)
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def routes(self) -> list[web.RouteDef]:
        path = "/{owner}/{name:[^/]+?}{ending:(?:[.]git)?}"
        return [
            web.get(f"{path}/info/refs", self._advertise),
            web.post(f"{path}/{UPLOAD}", self._serve(UPLOAD)),
            web.post(f"{path}/{RECEIVE}", self._serve(RECEIVE)),
        ]

    async def _advertise(self, request: web.Request) -> web.StreamResponse:
        service = request.query.get("service", "")
        if service not in {UPLOAD, RECEIVE}:
            return web.Response(status=403, text="Please upgrade your git client.\n")
        return await self._answer(request, service, "info/refs")

    def _serve(self, service: str) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, service, service)

        return serve

    async def _answer(self, request: web.Request, service: str, path: str) -> web.StreamResponse:
        name = f"{request.match_info['owner']}/{request.match_info['name']}".lower()
        account = self._admitted(request, name, is_push=service == RECEIVE)
        if isinstance(account, web.Response):
            return account
        await self._git.sync(name)
        if path != RECEIVE:
            return await self._run(request, name, path, account, {})
        with tempfile.TemporaryDirectory(prefix="push-", dir=self._git.root) as folder:
            return await self._receive(request, name, account, Path(folder))

    def _admitted(self, request: web.Request, name: str, *, is_push: bool) -> Account | web.Response:
        """Who makes the request, or the refusal, with the text that git shows."""
        entry, full_name = request[JOURNAL_ENTRY], self._world.full_name(name)
        entry.permission = f"contents={'write' if is_push else 'read'}"
        if "Authorization" not in request.headers:
            is_public = RANK[self._world.role(ANONYMOUS, name)] >= RANK["read"] and self._world.exists(name)
            return ANONYMOUS if is_public and not is_push else _challenge("Repository not found.")
        try:
            account = self._tokens.account(request)
        except Refused:
            return _challenge("Invalid username or token. Password authentication is not supported for Git operations.")
        entry.actor = account.login
        role, app = self._world.role(account, name), self._tokens.installed_app(request)
        if RANK[role] < RANK["read"]:
            return web.Response(status=404, text="Repository not found.")
        if app is not None and not allows(app.permissions, "contents=read"):
            return web.Response(status=403, text="Write access to repository not granted.")
        if is_push and (RANK[role] < RANK["write"] or not (app is None or allows(app.permissions, entry.permission))):
            return web.Response(status=403, text=_FORBIDDEN.format(name=full_name, login=account.login))
        if is_push and self._world.is_archived(name):
            return web.Response(status=403, text="This repository was archived so it is read-only.")
        return account

    async def _receive(self, request: web.Request, name: str, account: Account, folder: Path) -> web.StreamResponse:
        app, pushed = self._tokens.installed_app(request), folder / "pushed"
        rules = {
            "protected": sorted(self._world.protected) if name == REPOSITORY else [],
            "default": DEFAULT_BRANCH,
            "largest": self._world.largest_file,
            "workflows": app is None or allows(app.permissions, "workflows=write"),
        }
        environment = {
            **self._git.environment(_hooks(folder)),
            push_rules.RULES: json.dumps(rules),
            _PUSHED: str(pushed),
        }

        async def ended() -> None:
            lines = pushed.read_text().splitlines() if pushed.exists() else []
            updates = [Update(*line.split(" ", 2)) for line in lines]
            if updates:
                await self._on_push(name, account, updates)

        return await self._run(request, name, RECEIVE, account, environment, ended)

    async def _run(
        self,
        request: web.Request,
        name: str,
        path: str,
        account: Account,
        environment: dict[str, str],
        ended: Callable[[], Awaitable[None]] | None = None,
    ) -> web.StreamResponse:
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**self._git.environment(), **environment, **_cgi(request, self._git.root, name, path, account)},
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101 - a pipe
        assert process.stdout is not None  # noqa: S101 - a pipe
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler runs in one
        self._running[process] = task
        feeding = asyncio.create_task(_feed(request, process.stdin), name="git request")
        try:
            response = await _begin(process.stdout)
            if request[JOURNAL_ENTRY].fault is not None:
                # A scripted fault may need to replace the whole response, after the work.
                body = b"".join([chunk async for chunk in _chunks(process.stdout)])
                await process.wait()
                if ended is not None:
                    await ended()
                return web.Response(status=response.status, headers=response.headers, body=body)
            # A client may leave before the answer begins, too.
            with contextlib.suppress(ConnectionError):
                await response.prepare(request)
            # The end is sent after `ended`: a client that has seen it finds the pull requests changed.
            held = b""
            async for chunk in _chunks(process.stdout):
                await _write(response, held)
                held = chunk
            await process.wait()
            if ended is not None:
                await ended()
            await _write(response, held)
            with contextlib.suppress(ConnectionError):
                await response.write_eof()
            return response
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            _kill(process)
            # The pipe is only closed when it has been read to its end.
            async for _ in _chunks(process.stdout):
                pass
            await process.wait()
            del self._running[process]


def _challenge(text: str) -> web.Response:
    return web.Response(status=401, text=text, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})


def _hooks(folder: Path) -> Path:
    """Writes the hooks of a push."""
    scripts = {
        "proc-receive": f"exec {shlex.quote(sys.executable)} -I {shlex.quote(push_rules.__file__)}",
        "post-receive": f'cat > "${_PUSHED}"',
    }
    hooks = folder / "hooks"
    hooks.mkdir()
    for name, script in scripts.items():
        (hooks / name).write_text(f"#!/bin/sh\n{script}\n")
        (hooks / name).chmod(0o700)
    return hooks


def _cgi(request: web.Request, root: Path, name: str, path: str, account: Account) -> dict[str, str]:
    """The variables that describe the request to a CGI program."""
    variables = {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{name}.git/{path}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": account.login,
        "REMOTE_ADDR": request.remote or "",
    }
    length = request.headers.get("Content-Length")
    return variables | ({"CONTENT_LENGTH": length} if length else {})


async def _feed(request: web.Request, stdin: asyncio.StreamWriter) -> None:
    """Passes the request's body on; git may end before it has read all of it."""
    with contextlib.suppress(ConnectionError):
        async for chunk in request.content.iter_any():
            stdin.write(chunk)
            await stdin.drain()
        stdin.close()


async def _begin(stdout: asyncio.StreamReader) -> web.StreamResponse:
    """The response with the status and the headers from git."""
    response, status = web.StreamResponse(), "200"
    while line := (await stdout.readline()).decode().strip():
        key, _, value = line.partition(":")
        if key == "Status":
            status = value.split()[0]
        else:
            response.headers[key] = value.strip()
    response.set_status(int(status))
    return response


def _kill(process: asyncio.subprocess.Process) -> None:
    """With all that it has started. Once it has ended, its number may be another's."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _chunks(stdout: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await stdout.read(CHUNK):
        yield chunk


async def _write(response: web.StreamResponse, chunk: bytes) -> None:
    """A client that is gone does not stop what it has begun."""
    if chunk:
        with contextlib.suppress(ConnectionError):
            await response.write(chunk)
