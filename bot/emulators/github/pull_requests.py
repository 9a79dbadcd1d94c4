"""The operations on pull requests and branches, whose commits are git's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bot.emulators.github.commits import ChangedFile
from bot.emulators.github.documents import Document
from bot.emulators.github.git import Git
from bot.emulators.github.git_repositories import HEADS, Update
from bot.emulators.github.model import RANK, REPOSITORY, Thread
from bot.emulators.github.requests import REPO, Call, Operations, invalid, not_found, refused
from bot.emulators.github.shapes import REPOSITORY_PAGE
from bot.emulators.operations import created, operation

_FORMAT = re.compile(r"application/vnd\.github(?:\.v3)?\.(diff|patch)(?:\+json)?")
"""The media types of a pull request's diff and of its commits as patches."""

_STATUS = {"A": "added", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}


@dataclass(frozen=True, slots=True)
class PullRequestOperations(Operations):
    git: Git

    @operation(f"GET {REPO}/branches/{{branch:.+}}", permission="contents=read")
    async def branch(self, call: Call) -> Document:
        await self.git.sync()
        name = call.part("branch")
        sha = (await self.git.heads(REPOSITORY)).get(name)
        if sha is None:
            raise not_found("Branch not found")
        (commit,) = await self.git.commits(REPOSITORY, "--max-count=1", sha)
        return self.shapes.branch(name, commit, is_protected=name in self.world.protected)

    @operation(f"DELETE {REPO}/git/refs/heads/{{branch:.+}}", permission="contents=write")
    async def delete_branch(self, call: Call) -> web.Response:
        """Open pull requests of the branch are closed, as after a push that deletes it."""
        await self.git.sync()
        name = call.part("branch")
        sha = (await self.git.heads(REPOSITORY)).get(name)
        if sha is None:
            raise refused(422, "Reference does not exist")
        ref = f"{HEADS}{name}"
        await self.git.run(REPOSITORY, "update-ref", "-d", ref, sha)
        await self.git.pushed(REPOSITORY, [Update(sha, "0" * 40, ref)])
        return web.Response(status=204)

    @operation(f"GET {REPO}/pulls", permission="pull_requests=read")
    def list_pulls(self, call: Call) -> web.Response:
        """Newest first. As on GitHub, a `head` without its owner is ignored."""
        query = call.request.query
        head, base = query.get("head", ""), query.get("base")
        found = [
            thread
            for thread in reversed(self.world.pull_requests())
            if query.get("state", "open") in {"all", thread.state}
            and (":" not in head or head.lower() == self._label(thread).lower())
            and base in {None, "", thread.base_branch}
        ]
        if query.get("direction") == "asc":
            found.reverse()
        return call.page([self.shapes.pull_request(thread) for thread in found])

    @operation(f"POST {REPO}/pulls", permission="pull_requests=write")
    async def open_pull(self, call: Call) -> web.Response:
        await self.git.sync()
        title = call.text("title", "PullRequest", most=256)
        head, base = call.text("head", "PullRequest"), call.text("base", "PullRequest")
        repository, branch = self._head_of(call, head)
        heads = await self.git.heads(repository)
        base_sha = (await self.git.heads(REPOSITORY)).get(base)
        if branch not in heads:
            raise invalid("PullRequest", "head", "invalid")
        if base_sha is None:
            raise invalid("PullRequest", "base", "invalid")
        if repository == REPOSITORY and RANK[call.account.role] < RANK["write"]:
            raise refused(403, "Must have write access to Repository.")
        for thread in self.world.pull_requests():
            place = (thread.head_repository, thread.branch, thread.base_branch)
            if thread.state == "open" and place == (repository, branch, base):
                raise _impossible(f"A pull request already exists for {self._label(thread)}.")
        await self.git.bring(repository, heads[branch])
        if await self.git.contains(REPOSITORY, base_sha, heads[branch]):
            raise _impossible(f"No commits between {base} and {head}")
        body = call.text("body", "PullRequest") if call.given.get("body") else None
        thread = self.world.open_thread(
            call.account.login,
            title,
            body,
            branch=branch,
            head_sha=heads[branch],
            head_repository=repository,
            base_branch=base,
            is_draft=call.given.get("draft") is True,
        )
        await self.git.sync()
        self.webhooks.thread(thread, "opened", call.account)
        return created(await self._full(thread))

    def _head_of(self, call: Call, head: str) -> tuple[str, str]:
        """The repository and the branch that a `head` means: ``branch``, or ``owner:branch`` for a fork too."""
        owner, colon, branch = head.rpartition(":")
        if not colon or owner.lower() == call.part("owner").lower():
            return REPOSITORY, branch
        fork = f"{owner}/{call.part('repo')}".lower()
        if self.world.parent(fork) != REPOSITORY or RANK[self.world.role(call.account, fork)] < RANK["read"]:
            raise invalid("PullRequest", "head", "invalid")
        return fork, branch

    def _label(self, thread: Thread) -> str:
        label: str = self.shapes.pull_request(thread)["head"]["label"]
        return label

    @operation(f"GET {REPO}/pulls/{{number}}", permission="pull_requests=read")
    async def get_pull(self, call: Call) -> Document | web.Response:
        """Also as a diff or as patches, by the media type that is accepted."""
        thread = self.pull_request(call)
        form = _FORMAT.search(call.request.headers.get("Accept", ""))
        if form is None:
            return await self._full(thread)
        await self.git.sync()
        range_ = await self._range(thread)
        arguments = ("diff", range_) if form[1] == "diff" else ("format-patch", "--stdout", range_.replace("...", ".."))
        text = await self.git.run(REPOSITORY, *arguments)
        return web.Response(body=text, content_type=f"application/vnd.github.{form[1]}", charset="utf-8")

    @operation(f"PATCH {REPO}/pulls/{{number}}", permission="pull_requests=write")
    async def edit_pull(self, call: Call) -> Document:
        thread = self.pull_request(call)
        if thread.account is not call.account and RANK[call.account.role] < RANK["write"]:
            raise refused(403, "Must have write access to Repository.")
        state, before = call.given.get("state", thread.state), (thread.title, thread.body)
        if state not in {"open", "closed"}:
            raise invalid("PullRequest", "state", "invalid")
        if state == "open" and thread.state == "closed" and not await self._branch_exists(thread):
            message = f"state cannot be changed. The {thread.branch} branch has been deleted."
            raise invalid("PullRequest", "state", "invalid", message)
        if "title" in call.given:
            thread.title = call.text("title", "PullRequest", most=256)
        if "body" in call.given:
            thread.body = str(call.given["body"]) if call.given["body"] else None
        if (thread.title, thread.body) != before:
            self.world.touch(thread)
            old = {"title": {"from": before[0]}, "body": {"from": before[1]}}
            changes = {name: old[name] for name, same in _pairs(thread, before) if not same}
            self.webhooks.thread(thread, "edited", call.account, changes=changes)
        if state != thread.state:
            self.world.set_state(thread, state)
            self.webhooks.thread(thread, "closed" if state == "closed" else "reopened", call.account)
        return await self._full(thread)

    async def _branch_exists(self, thread: Thread) -> bool:
        if not self.git.is_used or thread.head_repository is None:
            return thread.head_repository is not None
        return thread.branch in await self.git.heads(thread.head_repository)

    @operation(f"GET {REPO}/pulls/{{number}}/files", permission="pull_requests=read")
    async def list_files(self, call: Call) -> web.Response:
        thread = self.pull_request(call)
        await self.git.sync()
        files = await self.changed_files(thread)
        return call.page([self._file(file, thread.head_sha) for file in files])

    async def changed_files(self, thread: Thread) -> list[ChangedFile]:
        return await self.git.changed_files(REPOSITORY, await self._range(thread))

    def _file(self, file: ChangedFile, head: str) -> Document:
        path = quote(file.path)
        document: dict[str, Any] = {
            "sha": file.sha,
            "filename": file.path,
            "status": _STATUS.get(file.status, "modified"),
            "additions": file.additions,
            "deletions": file.deletions,
            "changes": file.additions + file.deletions,
            "blob_url": f"{REPOSITORY_PAGE}/blob/{head}/{path}",
            "raw_url": f"{REPOSITORY_PAGE}/raw/{head}/{path}",
            "contents_url": f"{self.shapes.repo_url}/contents/{path}?ref={head}",
        }
        if file.patch:
            document["patch"] = file.patch
        return document | ({"previous_filename": file.previous_path} if file.previous_path else {})

    async def _full(self, thread: Thread) -> Document:
        """The whole document; its counts are git's once there is any."""
        if self.git.is_used:
            await self.git.sync()
        document = self.shapes.full_pull_request(thread)
        if not self.git.is_used:
            return document
        range_ = await self._range(thread)
        files = await self.git.changed_files(REPOSITORY, range_)
        commits = await self.git.run(REPOSITORY, "rev-list", "--count", range_.replace("...", ".."))
        return document | {
            "commits": int(commits),
            "additions": sum(file.additions for file in files),
            "deletions": sum(file.deletions for file in files),
            "changed_files": len(files),
        }

    async def _range(self, thread: Thread) -> str:
        """From where the branch left its base to its head."""
        base = (await self.git.heads(REPOSITORY)).get(thread.base_branch)
        return f"{base or self.world.base_sha}...{thread.head_sha}"


def _pairs(thread: Thread, before: tuple[str, str | None]) -> list[tuple[str, bool]]:
    return [("title", thread.title == before[0]), ("body", thread.body == before[1])]


def _impossible(message: str) -> Exception:
    error = {"resource": "PullRequest", "code": "custom", "message": message}
    return refused(422, "Validation Failed", errors=[error])
