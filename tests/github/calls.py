"""A call of every method of the client, in a world where each of them finds something.

Pull request 1 has a comment, a remark on a line, and a check with a log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from bot.errors import UpstreamError
from bot.github.client import GitHub
from bot.github.hooks import DeliveryLog
from bot.github.models import CommentKind, Label, LineComment, Reaction, Review

SHOP = "octo/shop"
LABEL = Label("area/shop", "5319e7", "Starts an agent")

Call = Callable[[GitHub, int, int], Awaitable[Any]]
"""Takes the client, an issue comment's number, and a review comment's."""


async def read_all(pages: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in pages]


async def _job_log(github: GitHub) -> str | None:
    """Of the one check that there is; the client is then sent on to a store, which is none of GitHub's API."""
    (check,) = await github.check_runs(SHOP, "fix-checkout")
    return await github.job_log(SHOP, check.id)


async def _job_name(github: GitHub) -> str:
    (check,) = await github.check_runs(SHOP, "fix-checkout")
    return await github.job_name(SHOP, check.id)


async def _react(github: GitHub, comment: int, remark: int) -> None:
    await github.react(SHOP, kind=CommentKind.ISSUE_COMMENT, comment_id=comment, content=Reaction.EYES)
    await github.react(SHOP, kind=CommentKind.REVIEW_COMMENT, comment_id=remark, content=Reaction.EYES)


async def _create_review(github: GitHub) -> Review:
    comment = LineComment(path="app/checkout.py", line=2, body="Rounded twice.")
    return await github.create_review(SHOP, 1, commit="0" * 40, body="Not yet.", comments=[comment])


async def _edit_review(github: GitHub) -> Review:
    try:
        review_id = (await _create_review(github)).id
    except UpstreamError:
        # Without the permission for that, the other request is to be refused, whatever it is about.
        review_id = 1
    return await github.edit_review(SHOP, 1, review_id, "Now it is fine.")


async def _set_draft(github: GitHub, *_: int) -> None:
    """To a draft and back, whatever it is before."""
    for is_draft in (False, True, False):
        await github.set_draft(SHOP, 1, is_draft=is_draft)


CALLS: dict[str, Call] = {
    "me": lambda github, *_: github.me(),
    "account": lambda github, *_: github.account(),
    "permission": lambda github, *_: github.permission(SHOP, "codegen-bot[bot]"),
    "comment": lambda github, *_: github.comment(SHOP, 1, "Hello"),
    "edit_comment": lambda github, comment, _: github.edit_comment(SHOP, comment, "Hello again"),
    "delete_comment": lambda github, comment, _: github.delete_comment(SHOP, comment),
    "comments": lambda github, *_: read_all(github.comments(SHOP, 1, since=datetime(2026, 1, 1, tzinfo=UTC))),
    "react": _react,
    "reacted": lambda github, comment, _: github.reacted(SHOP, comment, Reaction.PLUS_ONE),
    "thread": lambda github, *_: github.thread(SHOP, 1),
    "threads_labelled": lambda github, *_: github.threads_labelled(SHOP, "codegen:starred"),
    "labels": lambda github, *_: github.labels(SHOP, 1),
    "repository_labels": lambda github, *_: github.repository_labels(SHOP),
    "add_labels": lambda github, *_: github.add_labels(SHOP, 1, ["area/shop", "bug"]),
    "remove_label": lambda github, *_: github.remove_label(SHOP, 1, "area/shop"),
    "create_label": lambda github, *_: github.create_label(SHOP, LABEL),
    "pull_request": lambda github, *_: github.pull_request(SHOP, 1),
    "pull_request_files": lambda github, *_: github.pull_request_files(SHOP, 1, most=300),
    "delete_branch": lambda github, *_: github.delete_branch(SHOP, "codegen-bot/not-there-1"),
    "reviews": lambda github, *_: read_all(github.reviews(SHOP, 1)),
    "review_comments": lambda github, *_: read_all(github.review_comments(SHOP, 1)),
    "create_review": lambda github, *_: _create_review(github),
    "edit_review": lambda github, *_: _edit_review(github),
    "edit_review_comment": lambda github, _, remark: github.edit_review_comment(SHOP, remark, "Look again"),
    "find_pull_request": lambda github, *_: github.find_pull_request(SHOP, "fix-checkout", base="main"),
    "create_pull_request": lambda github, *_: github.create_pull_request(
        SHOP, title="Fix it", body="Once more.", head="fix-checkout", base="main"
    ),
    "edit_pull_request": lambda github, *_: github.edit_pull_request(SHOP, 1, title="Fix it", state="open"),
    "set_draft": _set_draft,
    "user": lambda github, *_: github.user(SHOP, "bob"),
    "repository": lambda github, *_: github.repository(SHOP),
    "repositories": lambda github, *_: github.repositories(),
    "own_permission": lambda github, *_: github.own_permission(SHOP),
    "is_private": lambda github, *_: github.is_private(SHOP),
    "default_branch": lambda github, *_: github.default_branch(SHOP),
    "file": lambda github, *_: github.file(SHOP, "app/checkout.py", ref="main"),
    "shows_files": lambda github, *_: github.shows_files(SHOP),
    "check_runs": lambda github, *_: github.check_runs(SHOP, "fix-checkout"),
    "job_name": lambda github, *_: _job_name(github),
    "job_log": lambda github, *_: _job_log(github),
}


SHOP_LOG, APP_LOG = DeliveryLog(SHOP, 1), DeliveryLog()


async def _redeliver(github: GitHub, log: DeliveryLog) -> None:
    failed = await read_all(github.hooks.deliveries(log, status="failure"))
    await github.hooks.redeliver(log, failed[0].id)


HOOK_CALLS: dict[str, Callable[[GitHub], Awaitable[Any]]] = {
    "of_repository": lambda github: github.hooks.of_repository(SHOP),
    "app": lambda github: github.hooks.app(),
    "installations": lambda github: github.hooks.installations(),
    "deliveries": lambda github: read_all(github.hooks.deliveries(SHOP_LOG)),
    "deliveries of the App": lambda github: read_all(github.hooks.deliveries(APP_LOG, status="success")),
    "redeliver": lambda github: _redeliver(github, SHOP_LOG),
    "redeliver for the App": lambda github: _redeliver(github, APP_LOG),
    "comments_since": lambda github: read_all(github.hooks.comments_since(SHOP, datetime(2026, 1, 1, tzinfo=UTC))),
}
