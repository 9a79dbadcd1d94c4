"""GitHub's REST API, one method for each thing that the bot does there.

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
"""Bytes of a job's log that are kept; the rest before them is not."""


class GitHub:
    """GitHub, as one account or App. `repository` is always ``owner/name``.

    Every method raises `bot.errors.UpstreamError` and nothing else, but see `edit_comment`. Reads are tried again,
    writes only where they surely were not done. All of them may wait, for the account's budget of writes or for a limit
    to pass.

    :param session: shared by all calls, owned by the caller (`bot.github.transport.new_session`)
    :param clock: seconds since the epoch
    :param sleep: waits, in seconds
    :param new_budget: makes the budget of one account's writes
    :param observer: hears of every request, and of every wait for a limit
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
        """The same, whose writes wait for everybody else's: for people who may not write."""
        github = copy(self)
        github._calls = self._calls.yielding()  # noqa: SLF001 - its own class
        return github

    # People

    async def me(self) -> Person:
        """The bot itself. Asked once."""
        if self._me is None:
            self._me = await self._calls.me()
        return self._me

    async def permission(self, repository: str, login: str) -> Permission:
        """What somebody may do. NONE also where GitHub knows nobody of that name."""
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
        """:raises GaveWayError: where it is progress, and there is no room for it; nothing was sent then"""
        segments, data = ("issues", "comments", comment_id), {"body": body}
        answer = await self._calls.write(
            "edit_comment", repository, "PATCH", segments, ISSUE_COMMENT, data=data, urgency=urgency
        )
        return answer.model()

    async def delete_comment(self, repository: str, comment_id: int) -> None:
        """Takes a comment away; one that is gone already is no error."""
        await self._remove("delete_comment", repository, ("issues", "comments", comment_id))

    async def get_comment(self, repository: str, comment_id: int) -> PostedComment:
        segments = ("issues", "comments", comment_id)
        return (await self._calls.read("get_comment", repository, segments, ISSUE_COMMENT)).model()

    async def comments(
        self, repository: str, number: int, *, since: datetime | None = None
    ) -> AsyncIterator[PostedComment]:
        """A thread's comments, oldest first, without those on lines and of reviews.

        :param since: only those changed at or after this moment, which knows its time zone
        """
        query = {"since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")} if since else None
        segments = ("issues", number, "comments")
        async for answer in self._calls.read_pages("comments", repository, segments, ISSUE_COMMENT, query=query):
            yield answer.model()

    async def react(self, repository: str, *, kind: CommentKind, comment_id: int, content: Reaction) -> None:
        """Puts a reaction under a comment; twice is once. Nothing where GitHub has no address for it: reviews."""
        segments = _reactions(kind, comment_id)
        if segments is not None:
            await self._calls.write(
                "react", repository, "POST", segments, NOTHING, data={"content": content.value}, repeatable=True
            )

    async def reacted(self, repository: str, comment_id: int, content: Reaction) -> list[str]:
        """The logins of those who have put a reaction under a comment of the thread."""
        segments = ("issues", "comments", comment_id, "reactions")
        pages = self._calls.read_pages("reacted", repository, segments, REACTED, query={"content": content.value})
        return [person(answer.user).login async for answer in pages]

    async def unreact(self, repository: str, *, kind: CommentKind, comment_id: int, content: Reaction) -> None:
        """Takes the bot's own reaction away, if there is one."""
        segments = _reactions(kind, comment_id)
        if segments is None:
            return
        # Reacting once more is the way to the own reaction's id that needs neither a list nor the own name.
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
        """The numbers of the issues and pull requests that carry a label, open or not, the one changed last first."""
        query = {"labels": name, "state": "all", "sort": "updated"}
        pages = self._calls.read_pages("threads_labelled", repository, ("issues",), NUMBERED, query=query)
        return [answer.number async for answer in pages]

    # Labels

    async def labels(self, repository: str, number: int) -> list[Label]:
        """The labels of an issue or a pull request."""
        pages = self._calls.read_pages("labels", repository, ("issues", number, "labels"), LABEL)
        return [answer.model() async for answer in pages]

    async def repository_labels(self, repository: str) -> list[Label]:
        """All that the repository knows."""
        pages = self._calls.read_pages("repository_labels", repository, ("labels",), LABEL)
        return [answer.model() async for answer in pages]

    async def add_labels(self, repository: str, number: int, names: Sequence[str]) -> list[Label]:
        """Puts labels on, makes those that the repository does not know yet, and tells what is on now."""
        segments = ("issues", number, "labels")
        data = {"labels": [*names]}
        answers = await self._calls.write(
            "add_labels", repository, "POST", segments, LABELS, data=data, repeatable=True
        )
        return [answer.model() for answer in answers]

    async def remove_label(self, repository: str, number: int, name: str) -> None:
        """Takes a label off; one that is not on is no error."""
        await self._remove("remove_label", repository, ("issues", number, "labels", name))

    async def create_label(self, repository: str, label: Label) -> Label:
        """Makes a label, or tells of the one that there is of that name, whatever its colour."""
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
        """What the account itself may do there. A fine-grained token may be granted less than its account has."""
        return (await self._calls.read("own_permission", repository, "", RIGHTS)).model()

    async def is_private(self, repository: str) -> bool:
        """Whether not everybody can read it."""
        return (await self._calls.read("is_private", repository, (), VISIBILITY)).private

    async def default_branch(self, repository: str) -> str:
        return (await self._calls.read("default_branch", repository, "", REPOSITORY)).default_branch

    async def file(self, repository: str, path: str, *, ref: str | None = None) -> str | None:
        """A file's text; None where there is no such file.

        :param ref: a branch, tag or commit; None: the default branch
        :raises UpstreamError: of kind INVALID where it is over 1 MB or no UTF-8
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
        """Whether the account sees the default branch's files. Where it does not, GitHub answers as if there were none;
        of an empty repository it says that it is empty."""
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
        """What a job of GitHub Actions wrote, of a very long log its end; None where there is none, or none any more.

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
    """Whether the thing itself is not there. A 404 of the App's installation says something else."""
    return error.kind is ErrorKind.NOT_FOUND and error.operation == operation
