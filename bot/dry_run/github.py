"""Fake GitHub for dry runs: everyone has all permissions, there is no config file, and one check has failed."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp

from bot.dry_run.known import UNREAD, Known
from bot.dry_run.recorder import Asked, Narrator

STORE = "https://store.invalid/address-that-github-names"
"""URL of a job's log, to which GitHub would redirect. No such host can exist."""

_BOT = {"login": "dry-run[bot]", "type": "Bot"}
_HEAD = "0" * 40


@dataclass(frozen=True, slots=True)
class Answered:
    """Implements `bot.github.session.Response` with a ready response."""

    document: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json; charset=utf-8"})

    @property
    def content(self) -> Answered:
        return self

    async def read(self) -> bytes:
        if self.document is None:
            return b""
        return self.document.encode() if isinstance(self.document, str) else json.dumps(self.document).encode()

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        whole = await self.read()
        for start in range(0, len(whole), n):
            yield whole[start : start + n]


_GONE = Answered(status=204)
_ABSENT = Answered({"message": "Not Found"}, status=404)


class DryGitHub:
    """Implements `bot.github.session.Session` without a network. What is written during the run can be read again."""

    def __init__(self, teller: Narrator, known: Known, *, now: Callable[[], datetime]) -> None:
        self._teller = teller
        self._known = known
        self._now = now
        self._comments: dict[int, tuple[tuple[str, int], dict[str, Any]]] = {}
        repo = r"/repos/([^/]+/[^/]+)"
        comment = r"(?:issues|pulls)/comments/(\d+)"
        self._routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("GET", rf"{repo}/contents/", lambda *_: []),
            ("GET", rf"{repo}/contents/.+", lambda *_: _ABSENT),
            ("GET", r"/user", lambda _asked: _BOT),
            ("GET", r"/app", lambda _asked: {"slug": "dry-run"}),
            ("POST", r"/graphql", lambda _asked: {"data": {"viewer": _BOT}}),
            ("GET", rf"{repo}/installation", lambda _asked, _repository: {"id": 1}),
            ("POST", r"/app/installations/(\d+)/access_tokens", self._installation_token),
            ("GET", rf"{repo}", lambda _asked, _repository: {"default_branch": "main", "private": False}),
            ("GET", rf"{repo}/collaborators/[^/]+/permission", lambda *_: {"permission": "admin"}),
            ("GET", rf"{repo}/issues", self._labelled),
            ("GET", rf"{repo}/issues/(\d+)", self._thread),
            ("GET", rf"{repo}/pulls/(\d+)", self._pull_request),
            ("GET", rf"{repo}/issues/(\d+)/comments", self._comments_of),
            ("POST", rf"{repo}/issues/(\d+)/comments", self._write_comment),
            ("GET", rf"{repo}/{comment}", self._comment),
            ("PATCH", rf"{repo}/{comment}", self._edit_comment),
            ("DELETE", rf"{repo}/{comment}", self._delete_comment),
            ("GET", rf"{repo}/{comment}/reactions", lambda *_: [{"user": {"login": self._known.login}}]),
            ("POST", rf"{repo}/{comment}/reactions", lambda *_: {"id": 1}),
            ("DELETE", rf"{repo}/{comment}/reactions/\d+", lambda *_: _GONE),
            ("GET", rf"{repo}/issues/(\d+)/labels", self._labels_of),
            ("POST", rf"{repo}/issues/(\d+)/labels", self._add_labels),
            ("DELETE", rf"{repo}/issues/(\d+)/labels/([^/]+)", self._remove_label),
            ("GET", rf"{repo}/labels", lambda _asked, _repository: []),
            ("POST", rf"{repo}/labels", lambda asked, _repository: asked.body),
            ("GET", rf"{repo}/labels/([^/]+)", lambda _asked, _repository, name: _label(unquote(name))),
            ("GET", rf"{repo}/commits/[^/]+/check-runs", self._check_runs),
            ("GET", rf"{repo}/actions/jobs/\d+/logs", lambda *_: Answered(status=302, headers={"location": STORE})),
        )

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - a session's
        data: bytes = b"",
        timeout: aiohttp.ClientTimeout,  # noqa: ARG002, ASYNC109 - a session's
        allow_redirects: bool = True,  # noqa: ARG002 - a session's
    ) -> AsyncIterator[Answered]:
        """Prints the request, and answers it."""
        asked = Asked(method, url, data)
        self._teller.tell(asked)
        yield self._answer(asked)

    def _answer(self, asked: Asked) -> Answered:
        if asked.url == STORE:
            return Answered(f"##[error]{UNREAD}")
        for method, pattern, answer in self._routes:
            # At the end, after any path of the base URL.
            found = re.search(f"{pattern}$", asked.path)
            if method == asked.method and found:
                said = answer(asked, *found.groups())
                return said if isinstance(said, Answered) else Answered(said)
        return _ABSENT

    def _installation_token(self, _asked: Asked, _number: str) -> dict[str, Any]:
        return {"token": "dry-run", "expires_at": (self._now() + timedelta(days=1)).isoformat()}

    # Threads

    def _thread(self, asked: Asked, repository: str, number: str) -> dict[str, Any]:
        """A pull request, unless it is known to be an issue: most commands are about one."""
        self._known.saw(repository, int(number))
        thread = self._known.thread(repository, int(number))
        return {
            "number": int(number),
            "title": thread.title if thread else UNREAD,
            "body": thread.body if thread else UNREAD,
            "html_url": thread.url if thread else f"{_web(asked)}/{repository}/pull/{number}",
            "user": {"login": thread.author} if thread else None,
            "pull_request": {} if thread is None or thread.is_pull_request else None,
        }

    def _pull_request(self, asked: Asked, repository: str, number: str) -> dict[str, Any]:
        return {
            **self._thread(asked, repository, number),
            "state": "open",
            "head": {"ref": "head-branch", "sha": _HEAD, "repo": {"full_name": repository}},
            "base": {"ref": "main", "sha": _HEAD, "repo": {"full_name": repository}},
        }

    def _labelled(self, _asked: Asked, repository: str) -> list[Any]:
        place, number = self._known.place
        return [{"number": number if place.lower() == repository.lower() else 1}]

    @staticmethod
    def _check_runs(asked: Asked, repository: str) -> dict[str, Any]:
        check = {
            "id": 1,
            "name": UNREAD,
            "status": "completed",
            "conclusion": "failure",
            "html_url": f"{_web(asked)}/{repository}/actions",
            "app": {"slug": "github-actions"},
        }
        return {"total_count": 1, "check_runs": [check]}

    # Comments

    def _comments_of(self, _asked: Asked, repository: str, number: str) -> list[Any]:
        self._known.saw(repository, int(number))
        here = (repository.lower(), int(number))
        return [comment for place, comment in self._comments.values() if place == here]

    def _write_comment(self, asked: Asked, repository: str, number: str) -> dict[str, Any]:
        identifier = max(self._comments, default=0) + 1
        url = f"{_web(asked)}/{repository}/issues/{number}#issuecomment-{identifier}"
        comment = self._a_comment(identifier, asked.body["body"], url)
        self._comments[identifier] = ((repository.lower(), int(number)), comment)
        return comment

    def _comment(self, asked: Asked, repository: str, identifier: str) -> dict[str, Any]:
        _, number = self._known.place
        url = f"{_web(asked)}/{repository}/issues/{number}#issuecomment-{identifier}"
        unread = self._a_comment(int(identifier), UNREAD, url)
        return self._comments.setdefault(int(identifier), ((repository.lower(), number), unread))[1]

    def _edit_comment(self, asked: Asked, repository: str, identifier: str) -> dict[str, Any]:
        comment = self._comment(asked, repository, identifier)
        comment["body"] = asked.body["body"]
        return comment

    def _delete_comment(self, _asked: Asked, _repository: str, identifier: str) -> Answered:
        self._comments.pop(int(identifier), None)
        return _GONE

    def _a_comment(self, identifier: int, body: str, url: str) -> dict[str, Any]:
        about = {"id": identifier, "html_url": url, "user": _BOT, "created_at": self._now().isoformat()}
        return {**about, "body": body}

    # Labels

    def _labels_of(self, _asked: Asked, repository: str, number: str) -> list[Any]:
        return [_label(name) for name in self._known.labels(repository, int(number))]

    def _add_labels(self, asked: Asked, repository: str, number: str) -> list[Any]:
        for name in asked.body["labels"]:
            self._known.put_on(repository, int(number), name)
        return self._labels_of(asked, repository, number)

    def _remove_label(self, asked: Asked, repository: str, number: str, name: str) -> list[Any]:
        self._known.take_off(repository, int(number), unquote(name))
        return self._labels_of(asked, repository, number)


def _label(name: str) -> dict[str, Any]:
    return {"name": name, "color": "ededed", "description": UNREAD}


def _web(asked: Asked) -> str:
    """The base URL of GitHub's pages, derived from the API's, also for GitHub Enterprise."""
    parts = urlsplit(asked.url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{'github.com' if host == 'api.github.com' else host}"
