"""The operations on issues, pull requests and labels."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from bot.emulator.github.answers import Access, fields, number, page, text_field
from bot.emulator.github.refusals import invalid, not_found
from bot.emulator.github.shapes import Shapes
from bot.emulator.github.webhooks import Webhooks
from bot.emulator.github.world import RANK, Account, Label, Thread


class ThreadOperations:
    def __init__(self, access: Access, webhooks: Webhooks) -> None:
        self._access = access
        self._world = access.world
        self._webhooks = webhooks

    def routes(self) -> list[web.RouteDef]:
        repo = "/repos/{owner}/{repo}"
        return [
            web.get(f"{repo}/issues", self.list_issues),
            web.post(f"{repo}/issues", self.open_issue),
            web.get(f"{repo}/issues/{{number}}", self.get_issue),
            web.get(f"{repo}/issues/{{number}}/labels", self.list_labels_on),
            web.post(f"{repo}/issues/{{number}}/labels", self.add_labels),
            web.delete(f"{repo}/issues/{{number}}/labels/{{name}}", self.remove_label),
            web.get(f"{repo}/labels", self.list_labels),
            web.post(f"{repo}/labels", self.create_label),
            web.get(f"{repo}/labels/{{name}}", self.get_label),
            web.patch(f"{repo}/labels/{{name}}", self.update_label),
            web.get(f"{repo}/pulls", self.list_pulls),
            web.get(f"{repo}/pulls/{{number}}", self.get_pull),
            web.get(f"{repo}/pulls/{{number}}/files", self.list_files),
        ]

    async def list_issues(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        shapes = self._shapes(request)
        return page(request, [shapes.issue(thread) for thread in self._matching(request)])

    async def open_issue(self, request: web.Request) -> web.Response:
        account = self._access.writer(request)
        given = await fields(request)
        title = text_field(given, "title", "Issue", most=256)
        body = text_field(given, "body", "Issue") if given.get("body") else None
        names = _names(given.get("labels", []))
        thread = self._world.open_thread(account.login, title, body)
        # As on GitHub, labels from those who may not set them are silently ignored.
        for name in names if RANK[account.role] >= RANK["triage"] else ():
            self._world.label(thread, name)
        shapes = self._shapes(request)
        self._webhooks.opened(shapes, thread, account)
        return web.json_response(shapes.issue(thread), status=201)

    async def get_issue(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return web.json_response(self._shapes(request).issue(self._thread(request)))

    # Labels

    async def list_labels_on(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return page(request, self._shapes(request).labels(self._thread(request)))

    async def add_labels(self, request: web.Request) -> web.Response:
        account = self._access.writer(request, "triage")
        thread = self._thread(request)
        names = _names((await fields(request)).get("labels"))
        for name in names:
            if self._world.label(thread, name):
                self._tell(request, thread, name, "labeled", account)
        return web.json_response(self._shapes(request).labels(thread))

    async def remove_label(self, request: web.Request) -> web.Response:
        account = self._access.writer(request, "triage")
        thread = self._thread(request)
        name = request.match_info["name"]
        if not self._world.unlabel(thread, name):
            raise not_found("Label does not exist")
        self._tell(request, thread, name, "unlabeled", account)
        return web.json_response(self._shapes(request).labels(thread))

    def _tell(self, request: web.Request, thread: Thread, name: str, action: str, account: Account) -> None:
        label = self._world.labels[name.lower()]
        self._webhooks.labelled(self._shapes(request), thread, label, action, account)

    async def list_labels(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        shapes = self._shapes(request)
        return page(request, [shapes.label(label) for label in self._world.labels.values()])

    async def create_label(self, request: web.Request) -> web.Response:
        self._access.writer(request, "write")
        given = await fields(request)
        name = text_field(given, "name", "Label", most=50)
        if name.lower() in self._world.labels:
            raise invalid("Label", "name", "already_exists")
        label = self._world.add_label(name, _color(given.get("color", "ededed")), _description(given))
        return web.json_response(self._shapes(request).label(label), status=201)

    async def get_label(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return web.json_response(self._shapes(request).label(self._label(request)))

    async def update_label(self, request: web.Request) -> web.Response:
        self._access.writer(request, "write")
        label = self._label(request)
        given = await fields(request)
        label.color = _color(given.get("color", label.color))
        label.description = _description(given) if "description" in given else label.description
        return web.json_response(self._shapes(request).label(label))

    # Pull requests

    async def list_pulls(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        shapes = self._shapes(request)
        pulls = [thread for thread in self._matching(request) if thread.is_pull_request]
        if head := request.query.get("head"):
            pulls = [thread for thread in pulls if thread.branch == head.rpartition(":")[2]]
        return page(request, [shapes.pull_request(thread) for thread in pulls])

    async def get_pull(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return web.json_response(self._shapes(request).full_pull_request(self._pull_request(request)))

    async def list_files(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        thread = self._pull_request(request)
        main, branch = (
            {path: text for (ref, path), text in self._world.files.items() if ref == name}
            for name in ("main", thread.branch)
        )
        shapes = self._shapes(request)
        changed = [path for path, text in branch.items() if main.get(path) != text]
        return page(request, [shapes.changed_file(path, thread) for path in changed])

    # Shared

    def _shapes(self, request: web.Request) -> Shapes:
        return Shapes(self._world, str(request.url.origin()))

    def _matching(self, request: web.Request) -> list[Thread]:
        state = request.query.get("state", "open")
        wanted = {name.strip().lower() for name in request.query.get("labels", "").split(",") if name.strip()}
        return [
            thread
            for thread in reversed(self._world.threads.values())
            if state in {"all", thread.state} and wanted <= {name.lower() for name in thread.labels}
        ]

    def _thread(self, request: web.Request) -> Thread:
        thread = self._world.threads.get(number(request, "number"))
        if thread is None:
            raise not_found()
        return thread

    def _pull_request(self, request: web.Request) -> Thread:
        thread = self._thread(request)
        if not thread.is_pull_request:
            raise not_found()
        return thread

    def _label(self, request: web.Request) -> Label:
        label = self._world.labels.get(request.match_info["name"].lower())
        if label is None:
            raise not_found()
        return label


def _names(value: object) -> list[str]:
    """:raises Refused: if it is not a list of labels"""
    named = [each.get("name") if isinstance(each, dict) else each for each in value] if isinstance(value, list) else []
    names = [name for name in named if isinstance(name, str) and name.strip()]
    if not isinstance(value, list) or len(names) != len(value):
        raise invalid("Label", "labels", "invalid")
    return names


def _description(given: dict[str, Any]) -> str | None:
    value = given.get("description")
    return None if value is None else text_field(given, "description", "Label", most=100)


def _color(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-fA-F]{6}", value):
        raise invalid("Label", "color", "invalid")
    return value
