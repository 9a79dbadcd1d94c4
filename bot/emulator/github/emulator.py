"""The GitHub emulator as a whole, with users who act in-process for tests and the demo."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from bot.emulator.control import PREFIX, Control
from bot.emulator.github.answers import Access, answers
from bot.emulator.github.apps import AppOperations
from bot.emulator.github.code import CodeOperations
from bot.emulator.github.comments import CommentOperations
from bot.emulator.github.controls import Controls
from bot.emulator.github.faulty_answers import KINDS
from bot.emulator.github.limits import HOURLY, Limiter
from bot.emulator.github.manifest_pages import ManifestPages
from bot.emulator.github.manifests import Manifests
from bot.emulator.github.shapes import Shapes
from bot.emulator.github.threads import ThreadOperations
from bot.emulator.github.tokens import Tokens
from bot.emulator.github.webhooks import Delivery, Webhooks
from bot.emulator.github.world import ACTIONS_LOGIN, BOT_LOGIN, Comment, Neighbour, Role, Thread, World
from bot.emulator.server import Changes, EmulatorServer


class GitHubEmulator(EmulatorServer):
    """The part of GitHub that the bot uses, on a local port. The API is at the root, and also below ``/api/v3``, as on
    GitHub Enterprise Server.

    :param webhook_url: where webhooks go; None: nowhere
    :param limits: whether too many requests are refused
    :param hourly: requests per account and hour
    :param clock: seconds, for the limits
    :param now: for timestamps
    """

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
        super().__init__()
        self._changes = Changes()
        self.world = World(changed=self._changes.notify, now=now)
        self.webhooks = Webhooks(self.world, url=webhook_url, secret=webhook_secret, changed=self._changes.notify)
        self.tokens = Tokens(self.world)
        self._limiter = Limiter(clock=clock, enabled=limits, hourly=hourly)
        self.control = Control(reset=self._reset, changed=self._changes.notify, kinds=KINDS)
        access = Access(self.world, self.tokens, self._limiter)
        self.app = web.Application(middlewares=[self.control.middleware, answers(self._limiter)])
        self.permissions = access.permissions
        self.manifests = Manifests(self.world)
        pages = ManifestPages(self.world, self.manifests)
        for part in (self.control, Controls(self.world, self.webhooks, self.tokens), pages):
            self.app.add_routes(part.routes())
        routes = pages.api_routes()
        for operations in (
            CommentOperations(access, self.webhooks),
            ThreadOperations(access, self.webhooks),
            CodeOperations(access),
            AppOperations(access, self.webhooks),
        ):
            routes += operations.routes()
        self.app.add_routes([*routes, *_of_a_server(routes)])

    def _reset(self) -> None:
        self.world.reset()
        self.webhooks.reset()
        self.tokens.reset()
        self.permissions.reset()
        self.manifests.reset()
        self._limiter.reset()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        await super().start(host, port)
        await self.webhooks.start()

    async def stop(self) -> None:
        await self.webhooks.stop()
        await super().stop()

    @property
    def _shapes(self) -> Shapes:
        return Shapes(self.world, self.url)

    # Users' actions; each sends its webhook

    def comment(self, login: str, number: int, text: str) -> Comment:
        comment = self.world.write(login, number, text)
        self.webhooks.issue_comment(self._shapes, comment, "created", comment.account, None)
        return comment

    def review_comment(
        self, login: str, number: int, text: str, *, path: str = "app/checkout.py", line: int = 3
    ) -> Comment:
        comment = self.world.write(login, number, text, kind="review-comment", path=path, line=line)
        self.webhooks.review_comment(self._shapes, comment, "created", comment.account, None)
        return comment

    def review(self, login: str, number: int, text: str) -> Comment:
        comment = self.world.write(login, number, text, kind="review")
        self.webhooks.review(self._shapes, comment, "submitted", comment.account, None)
        return comment

    def edit(self, comment: Comment, text: str, *, login: str | None = None) -> None:
        """:param login: of the editor; None: the author"""
        before = comment.body
        self.world.edit(comment, text)
        send = {
            "issue-comment": self.webhooks.issue_comment,
            "review-comment": self.webhooks.review_comment,
            "review": self.webhooks.review,
        }[comment.kind]
        send(self._shapes, comment, "edited", self.world.accounts[login or comment.author], before)

    def delete(self, comment: Comment) -> None:
        self.webhooks.issue_comment(self._shapes, comment, "deleted", comment.account, None)
        del self.world.comments[comment.id]
        self._changes.notify()

    def open_issue(self, login: str, title: str, body: str | None) -> Thread:
        thread = self.world.open_thread(login, title, body)
        self.webhooks.opened(self._shapes, thread, thread.account)
        return thread

    def label(self, login: str, number: int, name: str) -> None:
        thread = self.world.threads[number]
        if self.world.label(thread, name):
            label = self.world.labels[name.lower()]
            self.webhooks.labelled(self._shapes, thread, label, "labeled", self.world.accounts[login])

    def unlabel(self, login: str, number: int, name: str) -> None:
        thread = self.world.threads[number]
        if self.world.unlabel(thread, name):
            label = self.world.labels[name.lower()]
            self.webhooks.labelled(self._shapes, thread, label, "unlabeled", self.world.accounts[login])

    def add_person(self, login: str, role: Role) -> None:
        self.world.add_account(login, role=role)

    def add_bot(self, login: str, role: Role = "write") -> None:
        self.world.add_account(login, role=role, kind="Bot")

    def add_repository(self, name: str, roles: dict[str, Role], *, files: dict[str, str] | None = None) -> None:
        """Adds another repository of the owner's; the bot may write there.

        :param roles: by login
        :param files: on its default branch
        """
        self.world.neighbours[name.lower()] = Neighbour(
            {BOT_LOGIN: "write", ACTIONS_LOGIN: "write", **roles}, files or {}
        )

    # State

    def comments(self, number: int) -> list[Comment]:
        """A thread's comments, oldest first."""
        return self.world.of_thread(number, "issue-comment")

    def labels(self, number: int) -> list[str]:
        return list(self.world.threads[number].labels)

    @property
    def deliveries(self) -> list[Delivery]:
        return self.webhooks.deliveries

    def deliver_by_another_hook(self, comment: Comment) -> None:
        """Delivers the comment once more, under another GUID."""
        self.webhooks.issue_comment(self._shapes, comment, "created", comment.account, None)

    def redeliver(self, delivery: Delivery) -> Delivery:
        return self.webhooks.redeliver(delivery)

    async def until(self, predicate: Callable[[], object], *, seconds: float | None = 10.0) -> None:
        """:raises TimeoutError: if it does not become true in time"""
        await self._changes.until(predicate, seconds=seconds)

    async def idle(self) -> None:
        """Waits until every webhook has been answered."""
        await self.until(lambda: self.webhooks.idle)


def _of_a_server(routes: list[web.RouteDef]) -> list[web.RouteDef]:
    """The same routes with GitHub Enterprise Server's prefix."""
    return [
        web.RouteDef(each.method, _server_path(each.path), each.handler, each.kwargs)
        for each in routes
        if not each.path.startswith(PREFIX)
    ]


def _server_path(path: str) -> str:
    return "/api/graphql" if path == "/graphql" else f"/api/v3{path}"
