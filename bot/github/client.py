"""GitHub's REST API, one method for each operation that the bot uses.

https://docs.github.com/en/rest
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.auth import Auth
from bot.github.limits import ContentBudget, WritePriority
from bot.github.models import (
    ChangedFile,
    CheckRun,
    CommentKind,
    Installation,
    Label,
    LineComment,
    Permission,
    Person,
    PostedComment,
    PullRequest,
    Reacted,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    Thread,
    User,
    ignore,
    moment_of,
    read_file,
    read_own_permission,
    read_role,
    reader,
)
from bot.github.requester import Requester
from bot.github.session import Session
from bot.github.transport import Endpoint, Transport
from bot.observer import NO_OBSERVER, Observer
from bot.upstream import Segments

if TYPE_CHECKING:
    from bot.github.hooks import Hooks

T = TypeVar("T")
D = TypeVar("D")

MAX_LOG_SIZE = 5 * 2**20
"""Bytes of a job's log that are read: its end."""


class GitHub:
    """GitHub, as one account or App. `repository` is always ``owner/name``.

    Every method raises `bot.errors.UpstreamError` and nothing else, except `edit_comment`. Reads are retried, writes
    only if they were certainly not executed. All may wait, for the account's write budget or for a limit to pass.

    :param session: shared by all calls, owned by the caller (`bot.github.session.new_session`)
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
        observer: Observer = NO_OBSERVER,
    ) -> None:
        transport = Transport(session, base_url=base_url, clock=clock, observer=observer)
        self._api = Requester(transport, auth, sleep=sleep, new_budget=new_budget, observer=observer)
        self._me: Person | None = None

    @cached_property
    def hooks(self) -> Hooks:
        """The webhooks; only the server and the doctor read them."""
        from bot.github.hooks import Hooks  # noqa: PLC0415 - not paid by commands

        return Hooks(self._api)

    def yielding(self) -> GitHub:
        """The same, with writes that yield to all others: for people without write access."""
        github = copy(self)
        github._api = self._api.yielding()  # noqa: SLF001 - its own class
        return github

    # People

    async def me(self) -> Person:
        """The bot's own account. Requested once."""
        if self._me is None:
            self._me = await self._api.me()
        return self._me

    async def account(self) -> Person:
        """The same, requested every time."""
        self._me = await self._api.me()
        return self._me

    async def permission(self, repository: str, login: str) -> Permission:
        """A user's permission. NONE also if GitHub has no user of that name."""
        endpoint = Endpoint("permission", repository, ("collaborators", login, "permission"))
        return await _unless_absent(endpoint, self._api.read(endpoint, read_role), Permission.NONE)

    async def user(self, repository: str, login: str) -> User | None:
        """A public profile; None if there is no such account.

        :param repository: whose credential is used; an App itself may read no profiles
        """
        endpoint = Endpoint("user", repository, ("users", login), is_global=True)
        return await _unless_absent(endpoint, self._api.read(endpoint, reader(User)), None)

    # Repositories

    async def repository(self, repository: str) -> Repository:
        return await self._api.read(Endpoint("repository", repository, ()), reader(Repository))

    async def repositories(self) -> list[Repository]:
        """All repositories that the account can see, or that the App is installed on."""
        read = reader(Repository)
        if self._api.is_app:
            installations = Endpoint("installations", "", ("app", "installations"))
            found = await self._api.read_all(installations, reader(Installation))
            listed = [self._installed(each) for each in found if not each.is_suspended]
            return [one for endpoint in listed for one in await self._api.read_all(endpoint, read, key="repositories")]
        try:
            return await self._api.read_all(Endpoint("repositories", "", ("user", "repos")), read)
        except UpstreamError as error:
            if error.kind is not ErrorKind.FORBIDDEN:
                raise
        # An installation's token, such as a workflow's GITHUB_TOKEN, may not call this.
        return await self._api.read_all(self._installed(None), read, key="repositories")

    @staticmethod
    def _installed(installation: Installation | None) -> Endpoint:
        return Endpoint("repositories", "", ("installation", "repositories"), installation=installation)

    async def git_token(self, repository: str, *, rejected: str = "") -> str:
        """A token for git over HTTPS: the password of the user ``x-access-token``. It is valid for some minutes at
        least.

        :param rejected: the previous one if GitHub does not accept it any more
        """
        return await self._api.token(repository, rejected=rejected)

    # Comments and reactions

    async def comment(
        self, repository: str, number: int, body: str, *, priority: WritePriority = WritePriority.ORDINARY
    ) -> PostedComment:
        """Writes a comment on an issue or a pull request.

        :param body: at most 65,536 characters
        """
        endpoint, data = Endpoint("comment", repository, ("issues", number, "comments")), {"body": body}
        return await self._api.write("POST", endpoint, reader(PostedComment), data=data, priority=priority)

    async def edit_comment(
        self, repository: str, comment_id: int, body: str, *, priority: WritePriority = WritePriority.ORDINARY
    ) -> PostedComment:
        """:raises DroppedError: if it is progress, and the budget has no room for it; nothing was sent then"""
        endpoint, data = Endpoint("edit_comment", repository, ("issues", "comments", comment_id)), {"body": body}
        return await self._api.write("PATCH", endpoint, reader(PostedComment), data=data, priority=priority)

    async def delete_comment(self, repository: str, comment_id: int) -> None:
        """Deletes a comment; one that is gone already is no error."""
        await self._remove(Endpoint("delete_comment", repository, ("issues", "comments", comment_id)))

    def comments(self, repository: str, number: int, *, since: datetime | None = None) -> AsyncIterator[PostedComment]:
        """A thread's comments, oldest first, without review comments and reviews.

        :param since: only those changed at or after this time, which has a time zone
        """
        query = {"since": moment_of(since)} if since else {}
        endpoint = Endpoint("comments", repository, ("issues", number, "comments"), query)
        return self._api.read_pages(endpoint, reader(PostedComment))

    async def react(self, repository: str, *, kind: CommentKind, comment_id: int, content: Reaction) -> None:
        """Adds a reaction to a comment; idempotent. Does nothing where GitHub has no endpoint for it: reviews."""
        segments = _reactions(kind, comment_id)
        if segments is not None:
            endpoint, data = Endpoint("react", repository, segments), {"content": content.value}
            await self._api.write("POST", endpoint, ignore, data=data, repeatable=True)

    async def reacted(self, repository: str, comment_id: int, content: Reaction) -> list[str]:
        """The logins of those who have reacted to a comment of the thread in this way."""
        segments, query = ("issues", "comments", comment_id, "reactions"), {"content": content.value}
        found = await self._api.read_all(Endpoint("reacted", repository, segments, query), reader(Reacted))
        return [each.user.login for each in found]

    # Reviews

    def reviews(self, repository: str, number: int) -> AsyncIterator[Review]:
        """The submitted reviews of a pull request, oldest first."""
        return self._api.read_pages(Endpoint("reviews", repository, ("pulls", number, "reviews")), reader(Review))

    def review_comments(self, repository: str, number: int) -> AsyncIterator[ReviewComment]:
        """The comments on lines of a pull request's diff, oldest first."""
        endpoint = Endpoint("review_comments", repository, ("pulls", number, "comments"))
        return self._api.read_pages(endpoint, reader(ReviewComment))

    async def create_review(
        self, repository: str, number: int, *, commit: str, body: str, comments: Sequence[LineComment]
    ) -> Review:
        """Submits a review that neither approves nor requests changes.

        :param commit: the full SHA of the commit whose diff the lines are of
        :param body: 1 to 65,536 characters
        :raises UpstreamError: of kind INVALID if a line is not in the diff; nothing was written then
        """
        data = {
            "commit_id": commit,
            "body": body,
            "event": "COMMENT",
            "comments": [
                {"path": each.path, "line": each.line, "side": "LEFT" if each.is_before else "RIGHT", "body": each.body}
                for each in comments
            ],
        }
        endpoint = Endpoint("create_review", repository, ("pulls", number, "reviews"))
        return await self._api.write("POST", endpoint, reader(Review), data=data)

    async def edit_review(self, repository: str, number: int, review_id: int, body: str) -> Review:
        """Replaces the text of a review; its comments on lines stay."""
        endpoint = Endpoint("edit_review", repository, ("pulls", number, "reviews", review_id))
        return await self._api.write("PUT", endpoint, reader(Review), data={"body": body}, repeatable=True)

    async def edit_review_comment(self, repository: str, comment_id: int, body: str) -> None:
        endpoint = Endpoint("edit_review_comment", repository, ("pulls", "comments", comment_id))
        await self._api.write("PATCH", endpoint, ignore, data={"body": body}, repeatable=True)

    # Threads

    async def thread(self, repository: str, number: int) -> Thread:
        """An issue or a pull request."""
        about = {"full_name": repository, "private": await self.is_private(repository)}

        def read(issue: Any) -> Thread:
            return reader(Thread)({**reader(dict[str, Any])(issue), "repository": about})

        return await self._api.read(Endpoint("thread", repository, ("issues", number)), read)

    async def threads_labelled(self, repository: str, name: str) -> list[int]:
        """The numbers of the issues and pull requests with a label, open or closed, the last changed first."""
        query = {"labels": name, "state": "all", "sort": "updated"}
        endpoint = Endpoint("threads_labelled", repository, ("issues",), query)
        return await self._api.read_all(endpoint, reader(int, "number"))

    # Labels

    async def labels(self, repository: str, number: int) -> list[Label]:
        """The labels of an issue or a pull request."""
        return await self._api.read_all(Endpoint("labels", repository, ("issues", number, "labels")), reader(Label))

    async def repository_labels(self, repository: str) -> list[Label]:
        """All labels of the repository."""
        return await self._api.read_all(Endpoint("repository_labels", repository, ("labels",)), reader(Label))

    async def add_labels(self, repository: str, number: int, names: Sequence[str]) -> list[Label]:
        """Adds labels, creating those that the repository lacks, and returns the labels that are set now."""
        endpoint, data = Endpoint("add_labels", repository, ("issues", number, "labels")), {"labels": [*names]}
        return await self._api.write("POST", endpoint, reader(list[Label]), data=data, repeatable=True)

    async def remove_label(self, repository: str, number: int, name: str) -> None:
        """Removes a label; one that is not set is no error."""
        await self._remove(Endpoint("remove_label", repository, ("issues", number, "labels", name)))

    async def create_label(self, repository: str, label: Label) -> Label:
        """Creates a label, or returns the existing one of that name, whatever its colour."""
        data = {"name": label.name, "color": label.color, "description": label.description}
        try:
            endpoint = Endpoint("create_label", repository, ("labels",))
            return await self._api.write("POST", endpoint, reader(Label), data=data, repeatable=True)
        except UpstreamError as refusal:
            if refusal.kind is not ErrorKind.INVALID:
                raise
            endpoint = Endpoint("create_label", repository, ("labels", label.name))
            try:
                return await self._api.read(endpoint, reader(Label))
            except UpstreamError as error:
                raise (refusal if error.kind is ErrorKind.NOT_FOUND else error) from None

    # Code

    async def pull_request(self, repository: str, number: int) -> PullRequest:
        return await self._api.read(Endpoint("pull_request", repository, ("pulls", number)), reader(PullRequest))

    async def pull_request_files(self, repository: str, number: int, *, most: int) -> list[ChangedFile]:
        """The first files that it changes, in GitHub's order, which lists at most 3,000.

        :param most: how many
        """
        endpoint = Endpoint("pull_request_files", repository, ("pulls", number, "files"))
        files: list[ChangedFile] = []
        pages = self._api.read_pages(endpoint, reader(ChangedFile))
        async with aclosing(pages) as found:
            async for file in found:
                files.append(file)
                if len(files) >= most:
                    break
        return files

    async def delete_branch(self, repository: str, branch: str) -> None:
        """Deletes a branch; one that is gone already is no error."""
        try:
            await self._remove(Endpoint("delete_branch", repository, ("git", "refs", "heads", *branch.split("/"))))
        except UpstreamError as refusal:
            # No 404: https://docs.github.com/en/rest/git/refs#delete-a-reference
            if refusal.kind is not ErrorKind.INVALID or "does not exist" not in refusal.detail:
                raise

    async def find_pull_request(self, repository: str, branch: str, *, base: str | None = None) -> PullRequest | None:
        """The open pull request of a branch of the repository itself, the newest if there are several.

        :param base: the branch that it is to be merged into; None: any
        """
        query = {"head": f"{repository.partition('/')[0]}:{branch}"} | ({"base": base} if base else {})
        endpoint = Endpoint("find_pull_request", repository, ("pulls",), query)
        async for found in self._api.read_pages(endpoint, reader(PullRequest)):
            # GitHub ignores a "head" that it cannot read.
            if found.head_branch == branch and not found.is_fork:
                return found
        return None

    async def create_pull_request(
        self, repository: str, *, title: str, body: str, head: str, base: str, is_draft: bool = False
    ) -> PullRequest:
        """Opens a pull request, or returns the open one of these branches.

        :param title: at most 256 characters
        :param body: at most 65,536 characters
        :param head: the branch, of the repository itself
        :raises UpstreamError: of kind INVALID if a branch is missing, or if there is nothing to merge
        """
        data = {"title": title, "body": body, "head": head, "base": base, "draft": is_draft}
        endpoint = Endpoint("create_pull_request", repository, ("pulls",))
        try:
            return await self._api.write("POST", endpoint, reader(PullRequest), data=data)
        except UpstreamError as error:
            if error.kind is not ErrorKind.INVALID and not error.may_have_happened:
                raise
            found = await self.find_pull_request(repository, head, base=base)
            if found is None:
                raise
            return found

    async def edit_pull_request(
        self,
        repository: str,
        number: int,
        *,
        title: str | None = None,
        body: str | None = None,
        state: Literal["open", "closed"] | None = None,
    ) -> PullRequest:
        """Changes a pull request; what is None stays as it is."""
        given = {"title": title, "body": body, "state": state}
        data = {name: value for name, value in given.items() if value is not None}
        endpoint = Endpoint("edit_pull_request", repository, ("pulls", number))
        return await self._api.write("PATCH", endpoint, reader(PullRequest), data=data, repeatable=True)

    async def set_draft(self, repository: str, number: int, *, is_draft: bool) -> PullRequest:
        """Makes a pull request a draft, or ready for review; one that is so already is no error."""
        endpoint = Endpoint("set_draft", repository, ("pulls", number))
        found = await self._api.read(endpoint, reader(PullRequest))
        if found.is_draft is not is_draft:
            mutation = "convertPullRequestToDraft" if is_draft else "markPullRequestReadyForReview"
            query = f"mutation($id: ID!) {{ {mutation}(input: {{pullRequestId: $id}}) {{ clientMutationId }} }}"
            await self._api.mutate(endpoint, query, {"id": found.node_id})
        return replace(found, is_draft=is_draft)

    async def own_permission(self, repository: str) -> Permission:
        """The account's own permission there. A fine-grained token may be granted less than its account has."""
        return await self._api.read(Endpoint("own_permission", repository, ()), read_own_permission)

    async def is_private(self, repository: str) -> bool:
        """Whether reading it needs permission."""
        return await self._api.read(Endpoint("is_private", repository, ()), reader(bool, "private"))

    async def default_branch(self, repository: str) -> str:
        return await self._api.read(Endpoint("default_branch", repository, ()), reader(str, "default_branch"))

    async def file(self, repository: str, path: str, *, ref: str | None = None) -> str | None:
        """A file's text; None if there is no such file.

        :param ref: a branch, tag or commit; None: the default branch
        :raises UpstreamError: of kind INVALID if it is over 1 MB, not UTF-8, or no file (but a folder, say)
        """
        parts = path.strip("/").split("/")
        if not {"", ".", ".."}.isdisjoint(parts):
            return None
        endpoint = Endpoint("file", repository, ("contents", *parts), {"ref": ref} if ref else {})
        try:
            text = await self._api.read(endpoint, read_file)
        except UpstreamError as error:
            if _is_absent(error, "file"):
                return None
            raise
        if text is None:
            detail = f"{path} is over 1 MB, or no file of UTF-8 text"
            raise UpstreamError(Service.GITHUB, ErrorKind.INVALID, "file", detail=detail)
        return text

    async def shows_files(self, repository: str) -> bool:
        """Whether the account can read the default branch's files. If not, GitHub responds as if there were none; an
        empty repository it reports as empty."""
        try:
            await self._api.read(Endpoint("shows_files", repository, ("contents",), is_folder=True), ignore)
        except UpstreamError as error:
            if _is_absent(error, "shows_files"):
                return "empty" in error.detail.lower()
            raise
        return True

    async def check_runs(self, repository: str, ref: str) -> list[CheckRun]:
        """The latest run of each check on a commit, branch or tag."""
        endpoint = Endpoint("check_runs", repository, ("commits", ref, "check-runs"))
        return await self._api.read_all(endpoint, reader(CheckRun), key="check_runs")

    async def job_name(self, repository: str, job_id: int) -> str:
        """The full name of a GitHub Actions job: behind those of the jobs that call its workflow, if any do.

        :param job_id: which is also its check run's
        """
        endpoint = Endpoint("job_name", repository, ("actions", "jobs", job_id))
        return await self._api.read(endpoint, reader(str, "name"))

    async def job_log(self, repository: str, job_id: int) -> str | None:
        """The log of a GitHub Actions job, only the end of a very long one; None if there is none, or no longer.

        :param job_id: which is also its check run's
        """
        endpoint = Endpoint("job_log", repository, ("actions", "jobs", job_id, "logs"))
        return await _unless_absent(endpoint, self._api.download(endpoint, limit=MAX_LOG_SIZE), None)

    async def _remove(self, endpoint: Endpoint) -> None:
        await _unless_absent(endpoint, self._api.write("DELETE", endpoint, ignore, repeatable=True), None)


def _reactions(kind: CommentKind, comment_id: int) -> Segments | None:
    match kind:
        case CommentKind.ISSUE_COMMENT:
            return ("issues", "comments", comment_id, "reactions")
        case CommentKind.REVIEW_COMMENT:
            return ("pulls", "comments", comment_id, "reactions")
        case CommentKind.REVIEW:
            return None


async def _unless_absent(endpoint: Endpoint, request: Awaitable[T], absent: D) -> T | D:
    """The result of a request; the given value if there is no such thing."""
    try:
        return await request
    except UpstreamError as error:
        if not _is_absent(error, endpoint.operation):
            raise
        return absent


def _is_absent(error: UpstreamError, operation: str) -> bool:
    """Whether the thing itself does not exist. A 404 of the App's installation has another meaning."""
    return error.kind is ErrorKind.NOT_FOUND and error.operation == operation
