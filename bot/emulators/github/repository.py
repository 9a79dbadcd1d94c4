"""The operations on the repository: its files, checks, issues, pull requests and labels."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.emulators.control import PREFIX
from bot.emulators.github.documents import Document
from bot.emulators.github.git import Git
from bot.emulators.github.git_repositories import TreeEntry
from bot.emulators.github.model import DEFAULT_BRANCH, RANK, Label, Thread
from bot.emulators.github.requests import (
    REPO,
    THREADS_READ,
    THREADS_WRITE,
    Call,
    Operations,
    invalid,
    not_found,
    refused,
)
from bot.emulators.github.shapes import REPOSITORY_PAGE
from bot.emulators.operations import created, operation

MOST_LABELS = 100
"""On one issue or pull request."""

LARGEST_SHOWN = 1024 * 1024
"""Bytes of a file beyond which its content is not in the response."""


_TYPES = {"tree": "dir", "commit": "submodule"}
"""What GitHub calls git's types."""


@dataclass(frozen=True, slots=True)
class CodeOperations(Operations):
    git: Git

    @operation(f"GET {REPO}", permission="metadata=read", any_repository=True)
    def repository(self, call: Call) -> Document:
        return self.shapes.repository(call.account, call.repository)

    @operation(
        f"GET {REPO}/collaborators/{{username}}/permission",
        permission="metadata=read",
        role="write",
        any_repository=True,
    )
    def permission(self, call: Call) -> Document:
        """As on GitHub, an App's account is not accepted as a user here."""
        login = call.part("username")
        account = self.world.account(login)
        if account is None or account.type != "User":
            raise not_found(f"{login} is not a user")
        return self.shapes.permission(account, self.world.role(account, call.repository))

    @operation(f"GET {REPO}/contents/{{path:.*}}", permission="contents=read", any_repository=True)
    async def contents(self, call: Call) -> Any:
        path, ref = call.part("path").strip("/"), call.request.query.get("ref", DEFAULT_BRANCH)
        if self.git.is_used:
            return await self._committed(call.repository, path, ref)
        ref = self._branch(ref)
        files = {name: text.encode() for name, text in self.world.files_on(ref, call.repository).items()}
        if path in files:
            return self._file(TreeEntry(path, "blob", _blob_sha(files[path]), len(files[path])), files[path], ref)
        if not path and not files:
            raise refused(404, "This repository is empty.")
        start = path + "/" * bool(path)
        names = {start + name.removeprefix(start).partition("/")[0] for name in files if name.startswith(start)}
        if not names:
            raise not_found()
        entries = [
            TreeEntry(
                name, "blob" if name in files else "tree", _blob_sha(files.get(name, b"")), len(files.get(name, ""))
            )
            for name in sorted(names)
        ]
        return [self._entry(entry, ref) for entry in entries]

    async def _committed(self, repository: str, path: str, ref: str) -> Any:
        """The same of a commit of git's."""
        await self.git.sync(repository)
        heads = await self.git.heads(repository)
        if not heads:
            raise refused(404, "This repository is empty.")
        commit = heads.get(ref) or await self.git.commit(repository, ref)
        if commit is None:
            raise refused(404, f"No commit found for the ref {ref}")
        entries = await self.git.entries(repository, commit, path)
        if not entries:
            raise not_found()
        if (entries[0].path, entries[0].kind) == (path, "blob"):
            (content,) = await self.git.blobs(repository, [entries[0].sha])
            return self._file(entries[0], content, ref)
        return [self._entry(entry, ref) for entry in entries]

    def _file(self, entry: TreeEntry, data: bytes, ref: str) -> Document:
        shown = len(data) <= LARGEST_SHOWN
        content = base64.encodebytes(data).decode() if shown else ""
        return self._entry(entry, ref) | {"encoding": "base64" if shown else "none", "content": content}

    def _entry(self, entry: TreeEntry, ref: str) -> Document:
        store, path = "blob" if entry.kind == "blob" else "tree", entry.path
        links = {
            "self": f"{self.shapes.repo_url}/contents/{path}?ref={ref}",
            "git": f"{self.shapes.repo_url}/git/{store}s/{entry.sha}",
            "html": f"{REPOSITORY_PAGE}/{store}/{ref}/{path}",
        }
        return {
            "type": _TYPES.get(entry.kind, "file"),
            "size": entry.size,
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": entry.sha,
            "url": links["self"],
            "git_url": links["git"],
            "html_url": links["html"],
            "download_url": f"{REPOSITORY_PAGE}/raw/{ref}/{path}" if entry.kind == "blob" else None,
            "_links": links,
        }

    def _branch(self, ref: str) -> str:
        for thread in self.world.threads.values():
            if thread.branch and ref in {thread.branch, thread.head_sha, f"refs/pull/{thread.number}/head"}:
                return thread.branch
        return ref.removeprefix("refs/heads/")

    # Checks

    @operation(f"GET {REPO}/commits/{{ref}}/check-runs", permission="checks=read")
    def check_runs(self, call: Call) -> web.Response:
        """:raises Refused: 422 if there is no such commit, branch or tag"""
        ref = call.part("ref")
        sha = self.world.real_sha(self.world.head(ref.removeprefix("heads/")) or ref)
        if sha not in self.world.commits:
            raise refused(422, f"No commit found for SHA: {ref}")
        checks = [check for check in self.world.check_runs.values() if check.head_sha == sha]
        return call.page([self.shapes.check_run(check) for check in checks], key="check_runs")

    @operation(f"GET {REPO}/actions/jobs/{{check_run_id}}", permission="actions=read")
    def job(self, call: Call) -> web.Response:
        """Every check is a job too."""
        check = self.world.check_runs.get(call.number("check_run_id"))
        if check is None:
            raise not_found()
        return web.json_response(self.shapes.job(check))

    @operation(f"GET {REPO}/actions/jobs/{{check_run_id}}/logs", permission="actions=read")
    def job_logs(self, call: Call) -> web.Response:
        """Redirects to a store, which needs no token."""
        if call.number("check_run_id") not in self.world.check_runs:
            raise not_found()
        location = f"{call.request.url.origin()}{PREFIX}job-logs/{call.number('check_run_id')}"
        return web.Response(status=302, headers={"Location": location})


class ThreadOperations(Operations):
    @operation(f"GET {REPO}/issues", permission="issues=read")
    def list_issues(self, call: Call) -> web.Response:
        return call.page([self.shapes.issue(thread) for thread in self._matching(call)])

    @operation(f"POST {REPO}/issues", permission="issues=write")
    def open_issue(self, call: Call) -> web.Response:
        title = call.text("title", "Issue", most=256)
        body = call.text("body", "Issue") if call.given.get("body") else None
        names = _label_names(call.given.get("labels", []))
        thread = self.world.open_thread(call.account.login, title, body)
        # As on GitHub, labels from those who may not set them are silently ignored.
        for name in names if RANK[call.account.role] >= RANK["triage"] else ():
            self.world.label(thread, name)
        self.webhooks.thread(thread, "opened", call.account)
        return created(self.shapes.issue(thread))

    @operation(f"GET {REPO}/issues/{{number}}", permission="issues=read")
    def get_issue(self, call: Call) -> Document:
        return self.shapes.issue(self.thread(call))

    # Labels

    @operation(f"GET {REPO}/issues/{{number}}/labels", permission=THREADS_READ)
    def list_labels_on(self, call: Call) -> web.Response:
        return call.page(self.shapes.labels(self.thread(call)))

    @operation(f"POST {REPO}/issues/{{number}}/labels", permission=THREADS_WRITE, role="triage")
    def add_labels(self, call: Call) -> list[Document]:
        thread, names = self.thread(call), _label_names(call.given.get("labels"))
        if len({name.lower() for name in (*thread.labels, *names)}) > MOST_LABELS:
            raise invalid("Label", "labels", "too_many")
        for name in names:
            if self.world.label(thread, name):
                self.webhooks.label(thread, name, "labeled", call.account)
        return self.shapes.labels(thread)

    @operation(f"DELETE {REPO}/issues/{{number}}/labels/{{name}}", permission=THREADS_WRITE, role="triage")
    def remove_label(self, call: Call) -> list[Document]:
        thread, name = self.thread(call), call.part("name")
        if not self.world.unlabel(thread, name):
            raise not_found("Label does not exist")
        self.webhooks.label(thread, name, "unlabeled", call.account)
        return self.shapes.labels(thread)

    @operation(f"GET {REPO}/labels", permission=THREADS_READ)
    def list_labels(self, call: Call) -> web.Response:
        return call.page([self.shapes.label(label) for label in self.world.labels.values()])

    @operation(f"POST {REPO}/labels", permission=THREADS_WRITE, role="write")
    def create_label(self, call: Call) -> web.Response:
        name = call.text("name", "Label", most=50)
        if name.lower() in self.world.labels:
            raise invalid("Label", "name", "already_exists")
        label = self.world.add_label(name, _color(call.given.get("color", "ededed")), _description(call))
        return created(self.shapes.label(label))

    @operation(f"GET {REPO}/labels/{{name}}", permission=THREADS_READ)
    def get_label(self, call: Call) -> Document:
        return self.shapes.label(self._label(call))

    # Shared

    def _matching(self, call: Call) -> list[Thread]:
        """The threads with the state and the labels of the query, newest first."""
        query = call.request.query
        wanted = {name.strip().lower() for name in query.get("labels", "").split(",") if name.strip()}
        return [
            thread
            for thread in reversed(self.world.threads.values())
            if query.get("state", "open") in {"all", thread.state}
            and wanted <= {name.lower() for name in thread.labels}
        ]

    def _label(self, call: Call) -> Label:
        label = self.world.labels.get(call.part("name").lower())
        if label is None:
            raise not_found()
        return label


def _blob_sha(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def _label_names(value: object) -> list[str]:
    """:raises Refused: if it is not a list of labels"""
    named = [each.get("name") if isinstance(each, dict) else each for each in value] if isinstance(value, list) else []
    names = [name for name in named if isinstance(name, str) and name.strip()]
    if not isinstance(value, list) or len(names) != len(value):
        raise invalid("Label", "labels", "invalid")
    return names


def _description(call: Call) -> str | None:
    return None if call.given.get("description") is None else call.text("description", "Label", most=100)


def _color(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-fA-F]{6}", value):
        raise invalid("Label", "color", "invalid")
    return value
