"""A call of every method of the client, in a world where each of them finds something.

Pull request 1 has a comment, a remark on a line, and a check with a log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from bot.github.client import GitHub
from bot.github.hooks import DeliveryLog
from bot.github.models import CommentKind, Label, Reaction

SHOP = "octo/shop"
LABEL = Label("area/shop", "5319e7", "Starts an agent")

Ask = Callable[[GitHub, int, int], Awaitable[Any]]
"""Takes the client, an issue comment's number, and a review comment's."""


async def read_all(pages: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in pages]


async def _job_log(github: GitHub) -> str | None:
    """Of the one check that there is; the client is then sent on to a store, which is none of GitHub's API."""
    (check,) = await github.check_runs(SHOP, "fix-checkout")
    return await github.job_log(SHOP, check.id)


async def _react(github: GitHub, comment: int, remark: int, *, off: bool) -> None:
    act = github.unreact if off else github.react
    await act(SHOP, kind=CommentKind.ISSUE_COMMENT, comment_id=comment, content=Reaction.EYES)
    await act(SHOP, kind=CommentKind.REVIEW_COMMENT, comment_id=remark, content=Reaction.EYES)


ASKS: dict[str, Ask] = {
    "me": lambda github, *_: github.me(),
    "permission": lambda github, *_: github.permission(SHOP, "codegen-bot[bot]"),
    "comment": lambda github, *_: github.comment(SHOP, 1, "Hello"),
    "edit_comment": lambda github, comment, _: github.edit_comment(SHOP, comment, "Hello again"),
    "delete_comment": lambda github, comment, _: github.delete_comment(SHOP, comment),
    "get_comment": lambda github, comment, _: github.get_comment(SHOP, comment),
    "comments": lambda github, *_: read_all(github.comments(SHOP, 1, since=datetime(2026, 1, 1, tzinfo=UTC))),
    "react": lambda github, comment, remark: _react(github, comment, remark, off=False),
    "reacted": lambda github, comment, _: github.reacted(SHOP, comment, Reaction.PLUS_ONE),
    "unreact": lambda github, comment, remark: _react(github, comment, remark, off=True),
    "thread": lambda github, *_: github.thread(SHOP, 1),
    "threads_labelled": lambda github, *_: github.threads_labelled(SHOP, "codegen:starred"),
    "labels": lambda github, *_: github.labels(SHOP, 1),
    "repository_labels": lambda github, *_: github.repository_labels(SHOP),
    "add_labels": lambda github, *_: github.add_labels(SHOP, 1, ["area/shop", "bug"]),
    "remove_label": lambda github, *_: github.remove_label(SHOP, 1, "area/shop"),
    "create_label": lambda github, *_: github.create_label(SHOP, LABEL),
    "pull_request": lambda github, *_: github.pull_request(SHOP, 1),
    "own_permission": lambda github, *_: github.own_permission(SHOP),
    "is_private": lambda github, *_: github.is_private(SHOP),
    "default_branch": lambda github, *_: github.default_branch(SHOP),
    "file": lambda github, *_: github.file(SHOP, "app/checkout.py", ref="main"),
    "shows_files": lambda github, *_: github.shows_files(SHOP),
    "check_runs": lambda github, *_: github.check_runs(SHOP, "fix-checkout"),
    "job_log": lambda github, *_: _job_log(github),
}


SHOP_LOG, APP_LOG = DeliveryLog(SHOP, 1), DeliveryLog()


async def _redeliver(github: GitHub, log: DeliveryLog) -> None:
    failed = await read_all(github.hooks.deliveries(log, status="failure"))
    await github.hooks.redeliver(log, failed[0].id)


HOOK_ASKS: dict[str, Callable[[GitHub], Awaitable[Any]]] = {
    "of_repository": lambda github: github.hooks.of_repository(SHOP),
    "app": lambda github: github.hooks.app(),
    "installations": lambda github: github.hooks.installations(),
    "deliveries": lambda github: read_all(github.hooks.deliveries(SHOP_LOG)),
    "deliveries of the App": lambda github: read_all(github.hooks.deliveries(APP_LOG, status="success")),
    "redeliver": lambda github: _redeliver(github, SHOP_LOG),
    "redeliver for the App": lambda github: _redeliver(github, APP_LOG),
    "comments_since": lambda github: read_all(github.hooks.comments_since(SHOP, datetime(2026, 1, 1, tzinfo=UTC))),
}
