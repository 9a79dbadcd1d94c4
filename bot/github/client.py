"""GitHub's REST API, one method for each operation that the bot uses.

https://docs.github.com/en/rest
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from copy import copy
from datetime import UTC, datetime

from bot.api_path import Segments
from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.auth import Auth
from bot.github.calls import Calls
from bot.github.hooks import Hooks
from bot.github.limits import ContentBudget, WritePriority
from bot.github.models import (
    CheckRun,
    CommentKind,
    Label,
    Permission,
    Person,
    PostedComment,
    PullRequest,
    Reaction,
    Thread,
)
from bot.github.session import Session
from bot.github.shapes import (
    CHECK_RUN,
    CONTENT,
    IDENTIFIED,
    ISSUE_COMMENT,
    LABEL,
    LABELS,
    NOTHING,
    NUMBERED,
    PERMISSION,
    PULL_REQUEST,
    REACTED,
    REPOSITORY,
    RIGHTS,
    THREAD,
    VISIBILITY,
    person,
)
from bot.observer import NOBODY, Observer

LARGEST_LOG = 5 * 2**20
"""Bytes of a job's log that are kept; whatever precedes them is dropped."""


class GitHub:
    """GitHub, as one account or App. `repository` is always ``owner/name``.

    Every method raises `bot.errors.UpstreamError` and nothing else, except `edit_comment`. Reads are retried, writes
    only if they were certainly not executed. All may wait, for the account's write budget or for a limit to pass.

    :param session: shared by all calls, owned by the caller (`bot.github.transport.new_session`)
    :param clock: seconds since the epoch
    :param sleep: waits, in seconds
    :param new_budget: creates the write budget of one account
    :param observer: called for every request, and for every wait for a limit
    """

    def __init__(
        self,
        session: Session,
        auth: Auth,
        *,
        base_url: str = "https://api.github.com",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        new_budget: Callable[[], ContentBudget] | None = None,
        observer: Observer = NOBODY,
    ) -> None:
        self._calls = Calls(
            session, auth, base_url=base_url, clock=clock, sleep=sleep, new_budget=new_budget, observer=observer
        )
        self.hooks = Hooks(self._calls)
        self._me: Person | None = None

    def yielding(self) -> GitHub:
        """The same, with writes that yield to all others: for people without write access."""
        github = copy(self)
        github._calls = self._calls.yielding()  # noqa: SLF001 - its own class
        return github

    # People

    async def me(self) -> Person:
        """The bot's own account. Requested once."""
        if self._me is None:
            self._me = await self._calls.me()
        return self._me

    async def permission(self, repository: str, login: str) -> Permission:
        """A user's permission. NONE also if GitHub has no user of that name."""
        segments = ("collaborators", login, "permission")
        try:
            return (await self._calls.read("permission", repository, segments, PERMISSION)).model()
        except UpstreamError as error:
            if _is_absent(error, "permission"):
                return Permission.NONE
            raise

    # Comments and reactions

    async def comment(
        self, repository: str, number: int, body: str, *, urgency: WritePriority = WritePriority.ORDINARY
    ) -> PostedComment:
        """Writes a comment on an issue or a pull request.

        :param body: at most 65,536 characters
        """
        segments, data = ("issues", number, "comments"), {"body": body}
        answer = await self._calls.write(
            "comment", repository, "POST", segments, ISSUE_COMMENT, data=data, urgency=urgency
        )
        return answer.model()

    async def edit_comment(
        self, repository: str, comment_id: int, body: str, *, urgency: WritePriority = WritePriority.ORDINARY
    ) -> PostedComment:
        """:raises DroppedError: if it is progress, and the budget has no room for it; nothing was sent then"""
        segments, data = ("issues", "comments", comment_id), {"body": body}
        answer = await self._calls.write(
            "edit_comment", repository, "PATCH", segments, ISSUE_COMMENT, data=data, urgency=urgency
        )
        return answer.model()

    async def delete_comment(self, repository: str, comment_id: int) -> None:
        """Deletes a comment; one that is gone already is no error."""
        await self._remove("delete_comment", repository, ("issues", "comments", comment_id))

    async def get_comment(self, repository: str, comment_id: int) -> PostedComment:
        segments = ("issues", "comments", comment_id)
        return (await self._calls.read("get_comment", repository, segments, ISSUE_COMMENT)).model()

    async def comments(
        self, repository: str, number: int, *, since: datetime | None = None
    ) -> AsyncIterator[PostedComment]:
        """A thread's comments, oldest first, without review comments and reviews.

        :param since: only those changed at or after this time, which has a time zone
        """
        query = {"since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if since else None
        segments = ("issues", number, "comments")
        async for answer in self._calls.read_pages("comments", repository, segments, ISSUE_COMMENT, query=query):
            yield answer.model()

    async def react(self, repository: str, *, kind: CommentKind, comment_id: int, content: Reaction) -> None:
        """Adds a reaction to a comment; idempotent. Does nothing where GitHub has no endpoint for it: reviews."""
        segments = _reactions(kind, comment_id)
        if segments is not None:
            await self._calls.write(
                "react", repository, "POST", segments, NOTHING, data={"content": content.value}, repeatable=True
            )

    async def reacted(self, repository: str, comment_id: int, content: Reaction) -> list[str]:
        """The logins of those who have reacted to a comment of the thread in this way."""
        segments = ("issues", "comments", comment_id, "reactions")
        pages = self._calls.read_pages("reacted", repository, segments, REACTED, query={"content": content.value})
        return [person(answer.user).login async for answer in pages]

    async def unreact(self, repository: str, *, kind: CommentKind, comment_id: int, content: Reaction) -> None:
        """Removes the bot's own reaction, if there is one."""
        segments = _reactions(kind, comment_id)
        if segments is None:
            return
        # Reacting once more returns the own reaction's id without needing a list or the own login.
        data = {"content": content.value}
        reaction = await self._calls.write(
            "unreact", repository, "POST", segments, IDENTIFIED, data=data, repeatable=True
        )
        await self._remove("unreact", repository, (*segments, reaction.id))

    # Threads

    async def thread(self, repository: str, number: int) -> Thread:
        """An issue or a pull request."""
        found = await self._calls.read("thread", repository, ("issues", number), THREAD)
        return found.model(repository, is_private=await self.is_private(repository))

    async def threads_labelled(self, repository: str, name: str) -> list[int]:
        """The numbers of the issues and pull requests with a label, open or closed, the last changed first."""
        query = {"labels": name, "state": "all", "sort": "updated"}
        pages = self._calls.read_pages("threads_labelled", repository, ("issues",), NUMBERED, query=query)
        return [answer.number async for answer in pages]

    # Labels

    async def labels(self, repository: str, number: int) -> list[Label]:
        """The labels of an issue or a pull request."""
        pages = self._calls.read_pages("labels", repository, ("issues", number, "labels"), LABEL)
        return [answer.model() async for answer in pages]

    async def repository_labels(self, repository: str) -> list[Label]:
        """All labels of the repository."""
        pages = self._calls.read_pages("repository_labels", repository, ("labels",), LABEL)
        return [answer.model() async for answer in pages]

    async def add_labels(self, repository: str, number: int, names: Sequence[str]) -> list[Label]:
        """Adds labels, creating those that the repository lacks, and returns the labels that are set now."""
        segments = ("issues", number, "labels")
        data = {"labels": [*names]}
        answers = await self._calls.write(
            "add_labels", repository, "POST", segments, LABELS, data=data, repeatable=True
        )
        return [answer.model() for answer in answers]

    async def remove_label(self, repository: str, number: int, name: str) -> None:
        """Removes a label; one that is not set is no error."""
        await self._remove("remove_label", repository, ("issues", number, "labels", name))

    async def create_label(self, repository: str, label: Label) -> Label:
        """Creates a label, or returns the existing one of that name, whatever its colour."""
        data = {"name": label.name, "color": label.color, "description": label.description}
        try:
            answer = await self._calls.write(
                "create_label", repository, "POST", ("labels",), LABEL, data=data, repeatable=True
            )
            return answer.model()
        except UpstreamError as refusal:
            if refusal.kind is not ErrorKind.INVALID:
                raise
            segments = ("labels", label.name)
            try:
                return (await self._calls.read("create_label", repository, segments, LABEL)).model()
            except UpstreamError as error:
                raise (refusal if error.kind is ErrorKind.NOT_FOUND else error) from None

    # Code

    async def pull_request(self, repository: str, number: int) -> PullRequest:
        return (await self._calls.read("pull_request", repository, ("pulls", number), PULL_REQUEST)).model()

    async def own_permission(self, repository: str) -> Permission:
        """The account's own permission there. A fine-grained token may be granted less than its account has."""
        return (await self._calls.read("own_permission", repository, "", RIGHTS)).model()

    async def is_private(self, repository: str) -> bool:
        """Whether reading it needs permission."""
        return (await self._calls.read("is_private", repository, (), VISIBILITY)).private

    async def default_branch(self, repository: str) -> str:
        return (await self._calls.read("default_branch", repository, "", REPOSITORY)).default_branch

    async def file(self, repository: str, path: str, *, ref: str | None = None) -> str | None:
        """A file's text; None if there is no such file.

        :param ref: a branch, tag or commit; None: the default branch
        :raises UpstreamError: of kind INVALID if it is over 1 MB or not UTF-8
        """
        parts = path.strip("/").split("/")
        if not {"", ".", ".."}.isdisjoint(parts):
            return None
        segments = ("contents", *parts)
        try:
            found = await self._calls.read("file", repository, segments, CONTENT, query={"ref": ref} if ref else None)
        except UpstreamError as error:
            if _is_absent(error, "file"):
                return None
            raise
        if isinstance(found, list) or found.type != "file":
            return None
        text = found.text()
        if text is None:
            raise UpstreamError(
                Service.GITHUB, ErrorKind.INVALID, "file", detail=f"{path} is over 1 MB or no UTF-8 text"
            )
        return text

    async def shows_files(self, repository: str) -> bool:
        """Whether the account can read the default branch's files. If not, GitHub responds as if there were none; an
        empty repository it reports as empty."""
        try:
            await self._calls.read("shows_files", repository, ("contents",), NOTHING, is_folder=True)
        except UpstreamError as error:
            if _is_absent(error, "shows_files"):
                return "empty" in error.detail.lower()
            raise
        return True

    async def check_runs(self, repository: str, ref: str) -> list[CheckRun]:
        """The latest run of each check on a commit, branch or tag."""
        segments = ("commits", ref, "check-runs")
        pages = self._calls.read_pages("check_runs", repository, segments, CHECK_RUN, key="check_runs")
        return [answer.model() async for answer in pages]

    async def job_log(self, repository: str, job_id: int) -> str | None:
        """The log of a GitHub Actions job, only the end of a very long one; None if there is none, or no longer.

        :param job_id: which is also its check run's
        """
        try:
            return await self._calls.download(
                "job_log", repository, ("actions", "jobs", job_id, "logs"), limit=LARGEST_LOG
            )
        except UpstreamError as error:
            if _is_absent(error, "job_log"):
                return None
            raise

    async def _remove(self, operation: str, repository: str, segments: Segments) -> None:
        try:
            await self._calls.write(operation, repository, "DELETE", segments, NOTHING, repeatable=True)
        except UpstreamError as error:
            if not _is_absent(error, operation):
                raise


def _reactions(kind: CommentKind, comment_id: int) -> Segments | None:
    match kind:
        case CommentKind.ISSUE_COMMENT:
            return ("issues", "comments", comment_id, "reactions")
        case CommentKind.REVIEW_COMMENT:
            return ("pulls", "comments", comment_id, "reactions")
        case CommentKind.REVIEW:
            return None


def _is_absent(error: UpstreamError, operation: str) -> bool:
    """Whether the thing itself does not exist. A 404 of the App's installation has another meaning."""
    return error.kind is ErrorKind.NOT_FOUND and error.operation == operation
