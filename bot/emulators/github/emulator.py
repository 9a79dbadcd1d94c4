"""The GitHub emulator, and its control: in-process, and below ``/_emulator/``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.emulators import control
from bot.emulators.control import PREFIX
from bot.emulators.github.access import ANONYMOUS, HOURLY, Access, Limiter, Tokens
from bot.emulators.github.apps import AccountOperations, AppOperations, RepositoryHookOperations
from bot.emulators.github.comments import CommentOperations
from bot.emulators.github.commits import NO_COMMIT, ChangedFile
from bot.emulators.github.git import Git
from bot.emulators.github.git_repositories import HEADS, Update
from bot.emulators.github.git_server import GitServer
from bot.emulators.github.manifests import ManifestOperations, ManifestPages, Manifests
from bot.emulators.github.model import (
    ACTIONS_LOGIN,
    APP_SLUG,
    BOT_LOGIN,
    DEFAULT_BRANCH,
    RANK,
    REPOSITORY,
    Account,
    CheckRun,
    Comment,
    Kind,
    OtherRepository,
    Role,
    Thread,
)
from bot.emulators.github.pull_requests import PullRequestOperations
from bot.emulators.github.repository import CodeOperations, ThreadOperations
from bot.emulators.github.requests import Call, Operations, body_fields, invalid, not_found
from bot.emulators.github.reviews import ReviewOperations
from bot.emulators.github.shapes import Shapes
from bot.emulators.github.webhooks import Delivery, Webhooks, delivery_json
from bot.emulators.github.world import World
from bot.emulators.operations import created, operation, routes
from bot.emulators.server import EmulatorServer

ACTIONS_APP = "github-actions"

CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out", None)
LONGEST_LOG = 1_000_000
"""Characters of a log set by control; more than a request holds."""

CONTROL_HELP = f"""\
The repository octo/shop has pull request 1 and issue 2. Users: alice (admin), bob (write), carol (read) and dave (no
role). The token as-alice acts as alice, and so on; bot-token acts as the bot, which is App 1 with installation 1. Users
write comments and set labels by GitHub's own API with their tokens.

The repositories can be cloned, fetched and pushed to: git clone http://x-access-token:as-alice@HOST:PORT/octo/shop.git

More Apps are created from manifests on the pages /settings/apps/new and /organizations/octo/settings/apps/new, and
installed on the page /apps/NAME/installations/new. Each has its own webhook, and only the permissions it asked for.
The API is at the root, and at /api/v3 as on GitHub Enterprise Server.

Beyond GitHub's own API, under /_emulator/:

\b
GET    webhooks                   every delivery: what was sent, when, and the response
POST   deliveries/ID/redeliver    sends one again, under the same GUID
POST   webhook-target             {{"url": "...", "secret": "..."}}: the address of webhooks from now on
POST   push                       {{"number": 1}}: a new commit on a pull request
POST   people                     {{"login": "erin", "role": "write"}}: adds a user, or changes a role
POST   repository                 {{"private": false}}: makes octo/shop public
POST   files                      {{"path": "...", "text": "...", "ref": "main"}}; without a text it is deleted;
                                  with "organization": true it is one of octo/.github
POST   protection                 {{"branch": "main", "protected": true}}: refuses pushes to a branch
POST   check-runs                 {{"number": 1, "name": "test", "conclusion": "failure", "output": {{"text": "..."}},
                                   "app": "github-actions", "log": "..."}}; the log is the job's
POST   check-runs/ID/log          {{"log": "..."}}: replaces the log of a check's job
POST   check-suites               {{"number": 1, "app": "github-actions"}}: the App's checks have ended; announces it
{control.CONTROL_HELP}"""


@dataclass(frozen=True, slots=True)
class _Controls(Operations):
    """Control endpoints, which the real GitHub does not have.

    :param end_checks: announces the end of an App's checks on a pull request
    """

    end_checks: Callable[[int, str], Awaitable[None]]

    @operation(f"GET {PREFIX}webhooks")
    def list_deliveries(self, _: Call) -> list[dict[str, Any]]:
        return [delivery_json(delivery) | {"payload": delivery.payload} for delivery in self.webhooks.deliveries]

    @operation(f"POST {PREFIX}deliveries/{{delivery_id}}/redeliver")
    def redeliver(self, call: Call) -> web.Response:
        delivery = self.webhooks.find(call.number("delivery_id"))
        if delivery is None:
            raise not_found()
        return created(delivery_json(self.webhooks.redeliver(delivery)))

    @operation(f"POST {PREFIX}webhook-target")
    def set_target(self, call: Call) -> None:
        self.webhooks.url = call.text("url", "Webhook")
        self.webhooks.secret = str(call.given.get("secret", self.webhooks.secret))

    @operation(f"POST {PREFIX}push")
    def push(self, call: Call) -> web.Response:
        thread = self._numbered(call)
        if not thread.is_pull_request:
            raise not_found()
        before = thread.head_sha
        self.world.push(thread.number)
        self.webhooks.thread(thread, "synchronize", thread.account, before=before, after=thread.head_sha)
        return created({"head_sha": thread.head_sha})

    @operation(f"POST {PREFIX}people")
    def add_person(self, call: Call) -> web.Response:
        login, role = call.text("login", "Person", most=39), call.given.get("role", "none")
        if role not in RANK:
            raise invalid("Person", "role", "invalid")
        account = self.world.add_account(login, role=role)
        return created(self.shapes.permission(account, self.world.role(account)))

    @operation(f"POST {PREFIX}repository")
    def set_visibility(self, call: Call) -> None:
        self.world.private = call.given.get("private") is not False

    @operation(f"POST {PREFIX}files")
    def set_file(self, call: Call) -> None:
        path, text = call.text("path", "File"), call.given.get("text")
        key = (str(call.given.get("ref", DEFAULT_BRANCH)), path)
        if call.given.get("organization") is True:
            self.world.organization_files[path] = str(text or "")
        elif isinstance(text, str):
            self.world.files[key] = text
        else:
            self.world.files.pop(key, None)

    @operation(f"POST {PREFIX}protection")
    def set_protection(self, call: Call) -> None:
        branch = call.text("branch", "Branch")
        if call.given.get("protected") is False:
            self.world.protected.discard(branch)
        else:
            self.world.protected.add(branch)

    @operation(f"POST {PREFIX}check-runs")
    def add_check_run(self, call: Call) -> web.Response:
        conclusion = call.given.get("conclusion", "success")
        if conclusion not in CONCLUSIONS:
            raise invalid("CheckRun", "conclusion", "invalid")
        check = self.world.add_check_run(
            call.text("name", "CheckRun"),
            self._numbered(call).head_sha,
            conclusion=conclusion,
            output=call.given.get("output"),
            app=str(call.given.get("app", APP_SLUG)),
            log=call.text("log", "CheckRun", most=LONGEST_LOG) if "log" in call.given else None,
        )
        return created(self.shapes.check_run(check))

    @operation(f"POST {PREFIX}check-runs/{{check_run_id}}/log")
    def set_log(self, call: Call) -> None:
        self._check(call).log = call.text("log", "CheckRun", most=LONGEST_LOG)

    @operation(f"POST {PREFIX}check-suites")
    async def end_check_suite(self, call: Call) -> None:
        thread = self._numbered(call)
        if not thread.is_pull_request:
            raise not_found()
        await self.end_checks(thread.number, str(call.given.get("app", ACTIONS_APP)))

    @operation(f"GET {PREFIX}job-logs/{{check_run_id}}")
    def stored_log(self, call: Call) -> web.Response:
        """Where GitHub's own address of a job's log redirects to."""
        check = self._check(call)
        output = check.output or {}
        return web.Response(
            text=check.log if check.log is not None else output.get("text") or output.get("summary") or ""
        )

    def _numbered(self, call: Call) -> Thread:
        thread = self.world.threads.get(call.given.get("number", 1))
        if thread is None:
            raise not_found()
        return thread

    def _check(self, call: Call) -> CheckRun:
        check = self.world.check_runs.get(call.number("check_run_id"))
        if check is None:
            raise not_found()
        return check


class GitHubEmulator(EmulatorServer):
    """The part of GitHub that the bot uses, on a local port. The API is at the root, and also below ``/api/v3``, as on
    GitHub Enterprise Server.

    :param webhook_url: where webhooks go; None: nowhere
    :param limits: whether too many requests are refused
    :param hourly: requests per account and hour
    :param clock: seconds, for the limits
    :param now: for timestamps
    """

    new_webhooks: type[Webhooks] = Webhooks
    """Tests replace it by webhooks that fail."""

    def __init__(
        self,
        *,
        webhook_url: str | None = None,
        webhook_secret: str = "",
        limits: bool = True,
        hourly: int = HOURLY,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(reset=self._reset)
        self.world = World(changed=self.changed, now=now)
        self._shapes = Shapes(self.world)
        self.webhooks = self.new_webhooks(self.world, self._shapes, url=webhook_url, secret=webhook_secret)
        self.tokens = Tokens(self.world)
        self._limiter = Limiter(clock=clock, enabled=limits, hourly=hourly)
        self.manifests = Manifests(self.world)
        self.git = Git(self.world)
        access = Access(self.world, self.tokens, self._limiter)
        self._git_server = GitServer(self.world, self.tokens, self.git, self._on_push)
        self.add_application(access.complete, [*self._routes(access), *self._git_server.routes()])

    def _routes(self, access: Access) -> Iterator[web.RouteDef]:
        parts = (self.world, self._shapes, self.webhooks)
        yield from routes(_Controls(*parts, self.end_checks), _open_call)
        yield from routes(ManifestPages(self.world, self.manifests), _request)
        api = [
            *routes(ManifestOperations(self._shapes, self.manifests), _request),
            *routes(CommentOperations(*parts), access.call),
            *routes(ThreadOperations(*parts), access.call),
            *routes(CodeOperations(*parts, self.git), access.call),
            *routes(PullRequestOperations(*parts, self.git), access.call),
            *routes(ReviewOperations(*parts, self.git), access.call),
            *routes(RepositoryHookOperations(*parts), access.call),
            *routes(AccountOperations(*parts, self.tokens), access.call),
            *routes(AppOperations(*parts, self.tokens), access.app_call),
        ]
        yield from api
        yield from _of_enterprise_server(api)

    def _reset(self) -> None:
        for part in (self.world, self.git, self.webhooks, self.tokens, self.manifests, self._limiter):
            part.reset()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        await super().start(host, port)
        self._shapes.api = self.url
        await self.webhooks.start()

    async def stop(self) -> None:
        await self.webhooks.stop()
        await super().stop()
        await self._git_server.stop()
        self.git.reset()

    def show_threads_at(self, url: str) -> None:
        """Sets the site to which the addresses of issues, pull requests and comments point, in place of github.com."""
        self._shapes.page = f"{url.rstrip('/')}/{REPOSITORY}"

    # Users' actions; each sends its webhook

    def comment(self, login: str, number: int, text: str) -> Comment:
        return self._write("created", login, number, text, "issue-comment")

    def review_comment(
        self, login: str, number: int, text: str, *, path: str = "app/checkout.py", line: int | None = 3, **place: Any
    ) -> Comment:
        """:param place: the other fields of `Comment` that say which lines it is on"""
        return self._write("created", login, number, text, "review-comment", path=path, line=line, **place)

    def review(self, login: str, number: int, text: str) -> Comment:
        return self._write("submitted", login, number, text, "review")

    def _write(self, action: str, login: str, number: int, text: str, kind: Kind, **place: Any) -> Comment:
        comment = self.world.write(login, number, text, kind=kind, **place)
        self.webhooks.comment(comment, action, comment.account)
        return comment

    def edit(self, comment: Comment, text: str, *, login: str | None = None) -> None:
        """:param login: of the editor; None: the author"""
        before = comment.body
        self.world.edit(comment, text)
        self.webhooks.comment(comment, "edited", self.world.accounts[login or comment.author], before=before)

    def delete(self, comment: Comment) -> None:
        self.webhooks.comment(comment, "deleted", comment.account)
        self.world.delete(comment)

    def open_issue(self, login: str, title: str, body: str | None) -> Thread:
        thread = self.world.open_thread(login, title, body)
        self.webhooks.thread(thread, "opened", thread.account)
        return thread

    def label(self, login: str, number: int, name: str) -> None:
        thread = self.world.threads[number]
        if self.world.label(thread, name):
            self.webhooks.label(thread, name, "labeled", self.world.accounts[login])

    def unlabel(self, login: str, number: int, name: str) -> None:
        thread = self.world.threads[number]
        if self.world.unlabel(thread, name):
            self.webhooks.label(thread, name, "unlabeled", self.world.accounts[login])

    def add_person(self, login: str, role: Role) -> None:
        self.world.add_account(login, role=role)

    def add_bot(self, login: str, role: Role = "write") -> None:
        self.world.add_account(login, role=role, kind="Bot")

    def add_repository(self, name: str, roles: dict[str, Role], *, files: dict[str, str] | None = None) -> None:
        """Adds another repository of the owner's; the bot may write there.

        :param roles: by login
        :param files: on its default branch
        """
        everyone: dict[str, Role] = {BOT_LOGIN: "write", ACTIONS_LOGIN: "write", **roles}
        other = OtherRepository(self.world.next_id(), name, everyone, dict(files or {}))
        self.world.other_repositories[name.lower()] = other

    def protect(self, branch: str) -> None:
        """Refuses all pushes to a branch of the one repository."""
        self.world.protected.add(branch)

    async def push(self, login: str, branch: str, files: dict[str, str | None], *, message: str | None = None) -> str:
        """Pushes a commit to a branch of the one repository; to a new one, on top of the default branch.

        :param files: the new texts; None deletes a file
        :param message: the commit's; None: the usual one
        :returns: the commit
        """
        await self.git.sync()
        before = self.world.head(branch) or NO_COMMIT
        after = await self.git.commit_files(REPOSITORY, branch, files, self.world.accounts[login], message)
        await self._on_push(REPOSITORY, self.world.accounts[login], [Update(before, after, f"{HEADS}{branch}")])
        return after

    async def end_checks(self, number: int, app: str = ACTIONS_APP) -> None:
        """Announces that an App's checks on a pull request's head have ended."""
        await self.git.sync()
        thread = self.world.threads[number]
        (commit,) = await self.git.commits(thread.head_repository or REPOSITORY, "--max-count=1", thread.head_sha)
        self.webhooks.check_suite(thread, app, commit)

    async def open_pull_request(
        self, login: str, title: str, branch: str, files: dict[str, str], *, body: str | None = None, fork: bool = False
    ) -> Thread:
        """Opens a pull request for a new branch.

        :param files: those that differ from the default branch
        :param fork: whether the branch is in a fork of the author's
        """
        base = self.world.texts(REPOSITORY).get(DEFAULT_BRANCH, {})
        repository = f"{login}/{REPOSITORY.partition('/')[2]}" if fork else REPOSITORY
        if not fork:
            self.world.set_texts(REPOSITORY, branch, base | files)
        elif (known := self.world.other_repositories.get(repository.lower())) is not None:
            known.branches[branch] = base | files
        else:
            everyone: dict[str, Role] = {login: "admin", BOT_LOGIN: "read", ACTIONS_LOGIN: "read"}
            self.world.other_repositories[repository.lower()] = OtherRepository(
                self.world.next_id(),
                repository,
                everyone,
                dict(base),
                {branch: base | files},
                private=self.world.private,
                parent=REPOSITORY,
            )
        thread = self.world.open_thread(login, title, body, branch=branch, head_repository=repository.lower())
        if self.git.is_used:
            await self.git.sync()
        self.webhooks.thread(thread, "opened", thread.account)
        return thread

    async def _on_push(self, repository: str, account: Account, updates: list[Update]) -> None:
        moved = await self.git.pushed(repository, updates)
        if repository == REPOSITORY:
            for update in updates:
                self.webhooks.push(await self.git.details(repository, update), account)
        for thread, before in moved:
            if thread.state == "closed":
                self.webhooks.thread(thread, "closed", account)
            else:
                self.webhooks.thread(thread, "synchronize", account, before=before, after=thread.head_sha)

    # State

    def comments(self, number: int) -> list[Comment]:
        """A thread's comments, oldest first."""
        return self.world.of_thread(number, "issue-comment")

    async def changed_files(self, number: int) -> list[ChangedFile]:
        """What a pull request changes, since its branch left its base."""
        await self.git.sync()
        thread = self.world.threads[number]
        base = self.world.head(thread.base_branch) or self.world.base_sha
        return await self.git.changed_files(REPOSITORY, f"{base}...{thread.head_sha}")

    def labels(self, number: int) -> list[str]:
        return list(self.world.threads[number].labels)

    @property
    def deliveries(self) -> list[Delivery]:
        return self.webhooks.deliveries

    def deliver_by_another_hook(self, comment: Comment) -> None:
        """Delivers the comment once more, under another GUID."""
        self.webhooks.comment(comment, "created", comment.account)

    def redeliver(self, delivery: Delivery) -> Delivery:
        return self.webhooks.redeliver(delivery)

    async def idle(self) -> None:
        """Waits until every webhook has been answered."""
        await self.until(lambda: self.webhooks.idle)


async def _open_call(request: web.Request) -> Call:
    """A control request, which needs no token."""
    return Call(request, ANONYMOUS, await body_fields(request))


async def _request(request: web.Request) -> web.Request:
    return request


def _of_enterprise_server(routes: Iterable[web.RouteDef]) -> Iterator[web.RouteDef]:
    """The same routes with GitHub Enterprise Server's prefix."""
    for each in routes:
        path = "/api/graphql" if each.path == "/graphql" else f"/api/v3{each.path}"
        yield web.RouteDef(each.method, path, each.handler, each.kwargs)
