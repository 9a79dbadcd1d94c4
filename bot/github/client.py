"""GitHub's REST API, one method for each thing that the bot does there."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import aiohttp
from gidgethub.aiohttp import GitHubAPI

from bot.errors import Kind, UpstreamError
from bot.github.auth import Auth
from bot.github.cache import BoundedCache
from bot.github.limits import WriteBudget
from bot.github.models import (
    CheckRun,
    CommentKind,
    Label,
    Permission,
    Person,
    PostedComment,
    PullRequest,
    Reaction,
)
from bot.github.transport import Transport

T = TypeVar("T")

USER_AGENT = "codegen-bot"

_REACTION_PATHS = {
    CommentKind.ISSUE_COMMENT: "/repos/{repository}/issues/comments/{comment_id}/reactions",
    CommentKind.REVIEW_COMMENT: "/repos/{repository}/pulls/comments/{comment_id}/reactions",
}
"""A review has no reactions in GitHub's API."""


class GitHub:
    """One GitHub, as one account or App. `repository` is always ``owner/name``.

    Every method raises `bot.errors.UpstreamError` and nothing else. Reads are tried again, writes only where they
    surely did not arrive.

    :param session: shared by all calls, owned by the caller (`bot.github.transport.new_session`)
    :param sleep: waits before another try, in seconds
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        auth: Auth,
        *,
        base_url: str = "https://api.github.com",
        budget: WriteBudget | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        cache: MutableMapping[str, tuple[str | None, str | None, Any, str | None]] = BoundedCache(500)
        self._api = GitHubAPI(session, USER_AGENT, base_url=base_url, cache=cache)
        self._auth = auth
        self._transport = Transport(budget=budget, sleep=sleep)
        self._me: Person | None = None

    # Comments and reactions

    async def comment(self, repository: str, number: int, body: str) -> PostedComment:
        """Writes a comment on an issue or a pull request."""
        path = f"/repos/{repository}/issues/{number}/comments"
        return await self._post("comment", repository, path, {"body": body}, _posted)

    async def edit_comment(self, repository: str, comment_id: int, body: str) -> PostedComment:
        path = f"/repos/{repository}/issues/comments/{comment_id}"
        return await self._write(
            "edit_comment",
            repository,
            lambda token: self._api.patch(path, {}, data={"body": body}, oauth_token=token),
            _posted,
        )

    async def comments(
        self, repository: str, number: int, *, since: datetime | None = None
    ) -> AsyncIterator[PostedComment]:
        """A thread's comments, oldest first.

        :param since: only those changed at or after this moment
        """
        query = f"&since={since.strftime('%Y-%m-%dT%H:%M:%SZ')}" if since else ""
        path = f"/repos/{repository}/issues/{number}/comments?per_page=100{query}"
        for document in await self._list("comments", repository, path):
            yield _posted(document)

    async def react(self, repository: str, *, kind: CommentKind, comment_id: int, content: Reaction) -> None:
        """Puts a reaction under a comment; does nothing where GitHub has no address for it. Doing it twice is one."""
        if kind not in _REACTION_PATHS:
            return
        path = _REACTION_PATHS[kind].format(repository=repository, comment_id=comment_id)
        await self._post("react", repository, path, {"content": content.value}, _nothing)

    # People

    async def me(self) -> Person:
        """The bot itself. Asked once."""
        if self._me is None:
            login = await self._transport.read("me", lambda: self._auth.login(self._api))
            self._me = Person(login, is_bot=login.endswith("[bot]"))
        return self._me

    async def permission(self, repository: str, login: str) -> Permission:
        """What somebody may do. NONE also where GitHub knows nobody of that name."""
        path = f"/repos/{repository}/collaborators/{login}/permission"
        try:
            return await self._get("permission", repository, path, _permission)
        except UpstreamError as error:
            if error.kind is Kind.NOT_FOUND:
                return Permission.NONE
            raise

    # Labels

    async def labels(self, repository: str, number: int) -> list[Label]:
        path = f"/repos/{repository}/issues/{number}/labels?per_page=100"
        return [_label(document) for document in await self._list("labels", repository, path)]

    async def add_labels(self, repository: str, number: int, names: Sequence[str]) -> None:
        path = f"/repos/{repository}/issues/{number}/labels"
        await self._post("add_labels", repository, path, {"labels": list(names)}, _nothing)

    async def remove_label(self, repository: str, number: int, name: str) -> None:
        """Takes a label off; one that is not on is no error."""
        path = f"/repos/{repository}/issues/{number}/labels/{{name}}"
        try:
            await self._write(
                "remove_label",
                repository,
                lambda token: self._api.delete(path, {"name": name}, oauth_token=token),
                _nothing,
            )
        except UpstreamError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise

    async def create_label(self, repository: str, label: Label) -> None:
        """:raises UpstreamError: of kind INVALID where there is one of that name"""
        body = {"name": label.name, "color": label.color, "description": label.description}
        await self._post("create_label", repository, f"/repos/{repository}/labels", body, _nothing)

    # Code

    async def pull_request(self, repository: str, number: int) -> PullRequest:
        return await self._get("pull_request", repository, f"/repos/{repository}/pulls/{number}", _pull_request)

    async def default_branch(self, repository: str) -> str:
        return await self._get(
            "default_branch", repository, f"/repos/{repository}", lambda document: str(document["default_branch"])
        )

    async def file(self, repository: str, path: str, *, ref: str | None = None) -> str | None:
        """A file's text; None where there is no such file.

        :param ref: a branch, tag or commit; None: the default branch
        """
        address = f"/repos/{repository}/contents/{{+path}}{{?ref}}"
        try:
            variables = {"path": path} | ({"ref": ref} if ref else {})
            return await self._get("file", repository, address, _file_text, variables)
        except UpstreamError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise

    async def check_runs(self, repository: str, ref: str) -> list[CheckRun]:
        """The latest check runs of a commit."""
        path = f"/repos/{repository}/commits/{ref}/check-runs?per_page=100"
        documents = await self._list("check_runs", repository, path, key="check_runs")
        return [_check_run(document) for document in documents]

    # How all of them are sent

    async def _get(
        self,
        operation: str,
        repository: str,
        address: str,
        read: Callable[[Any], T],
        variables: Mapping[str, str] | None = None,
    ) -> T:
        async def work() -> T:
            token = await self._auth.token(self._api, repository)
            return read(await self._api.getitem(address, variables or {}, oauth_token=token))

        return await self._transport.read(operation, work)

    async def _list(self, operation: str, repository: str, address: str, *, key: str = "items") -> list[Any]:
        async def work() -> list[Any]:
            token = await self._auth.token(self._api, repository)
            pages = self._api.getiter(address, {}, oauth_token=token, iterable_key=key)
            return [document async for document in pages]

        return await self._transport.read(operation, work)

    async def _post(self, operation: str, repository: str, address: str, body: Any, read: Callable[[Any], T]) -> T:
        return await self._write(
            operation,
            repository,
            lambda token: self._api.post(address, {}, data=body, oauth_token=token),
            read,
        )

    async def _write(
        self, operation: str, repository: str, send: Callable[[str], Awaitable[Any]], read: Callable[[Any], T]
    ) -> T:
        # The token apart, because getting it is a read: when that fails, nothing has been written.
        token = await self._transport.read("token", lambda: self._auth.token(self._api, repository))

        async def work() -> T:
            return read(await send(token))

        return await self._transport.write(operation, work)


def _nothing(document: Any) -> None:
    """For answers that nobody needs."""


def _person(document: Any) -> Person:
    return (
        Person(document["login"], is_bot=document.get("type") == "Bot") if document else Person("ghost", is_bot=False)
    )


def _posted(document: Any) -> PostedComment:
    return PostedComment(
        id=document["id"],
        body=document.get("body") or "",
        author=_person(document["user"]),
        url=document["html_url"],
        created_at=datetime.fromisoformat(document["created_at"]),
    )


def _permission(document: Any) -> Permission:
    """`role_name` tells triage and maintain apart; a custom role counts as the permission that GitHub maps it to."""
    for word in (document.get("role_name"), document["permission"]):
        if isinstance(word, str) and word.upper() in Permission.__members__:
            return Permission[word.upper()]
    return Permission.NONE


def _pull_request(document: Any) -> PullRequest:
    head = document["head"]
    return PullRequest(
        number=document["number"],
        title=document["title"],
        body=document.get("body") or "",
        url=document["html_url"],
        state=document["state"],
        is_draft=bool(document.get("draft")),
        head_branch=head["ref"],
        head_sha=head["sha"],
        head_repository=head["repo"]["full_name"] if head.get("repo") else None,
        base_branch=document["base"]["ref"],
    )


def _label(document: Any) -> Label:
    return Label(document["name"], document["color"], document.get("description") or "")


def _file_text(document: Any) -> str:
    """:raises ValueError: where the path is a folder or the file is no UTF-8"""
    if not isinstance(document, dict) or document.get("encoding") != "base64":
        raise ValueError("it is no file of text")
    return base64.b64decode(document["content"]).decode()


def _check_run(document: Any) -> CheckRun:
    return CheckRun(
        id=document["id"],
        name=document["name"],
        status=document["status"],
        conclusion=document["conclusion"],
        url=document.get("html_url"),
    )
