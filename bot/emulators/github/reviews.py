"""The operations on reviews of pull requests, with their comments on lines of the diff."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.emulators.github.documents import Document
from bot.emulators.github.model import Comment, Thread
from bot.emulators.github.pull_requests import PullRequestOperations
from bot.emulators.github.requests import REPO, Call, invalid, not_found, refused
from bot.emulators.operations import operation

REVIEWS = f"{REPO}/pulls/{{number}}/reviews"

_STATES = {"COMMENT": "commented", "APPROVE": "approved", "REQUEST_CHANGES": "changes_requested"}

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class ReviewOperations(PullRequestOperations):
    @operation(f"GET {REVIEWS}", permission="pull_requests=read")
    def list_reviews(self, call: Call) -> web.Response:
        found = self.world.of_thread(self.pull_request(call).number, "review")
        return call.page([self.shapes.comment(each) for each in found])

    @operation(f"GET {REPO}/pulls/{{number}}/comments", permission="pull_requests=read")
    def list_review_comments(self, call: Call) -> web.Response:
        found = self.world.of_thread(self.pull_request(call).number, "review-comment")
        return call.page([self.shapes.comment(each) for each in found])

    @operation(f"POST {REVIEWS}", permission="pull_requests=write")
    async def create_review(self, call: Call) -> Document:
        """Creates a submitted review: pending ones, with `event` left out, are not supported."""
        thread = self.pull_request(call)
        event, text = call.given.get("event"), str(call.given.get("body") or "")
        if event not in _STATES:
            raise invalid("PullRequestReview", "event", "invalid")
        if event != "APPROVE" and not text.strip():
            raise invalid("PullRequestReview", "body", "missing_field")
        if event != "COMMENT" and call.account is thread.account:
            raise refused(422, "Unprocessable Entity: it is your own pull request.")
        places = await self._places(thread, call.given.get("comments") or [])
        review = self.world.write(call.account.login, thread.number, text, kind="review")
        review.state = _STATES[event]
        for body, place in places:
            self.world.write(
                call.account.login, thread.number, body, kind="review-comment", review_id=review.id, **place
            )
        self.webhooks.comment(review, "submitted", call.account)
        for comment in self._comments_of(review):
            self.webhooks.comment(comment, "created", call.account)
        return self.shapes.comment(review)

    @operation(f"PUT {REVIEWS}/{{review_id}}", permission="pull_requests=write")
    def edit_review(self, call: Call) -> Document:
        review = self.world.comments.get(call.number("review_id"))
        if review is None or review.kind != "review" or review.number != self.pull_request(call).number:
            raise not_found()
        if review.account is not call.account:
            raise refused(403, "Must be the author of the review to change it.")
        before = review.body
        self.world.edit(review, call.text("body", "PullRequestReview"))
        self.webhooks.comment(review, "edited", call.account, before=before)
        return self.shapes.comment(review)

    def _comments_of(self, review: Comment) -> list[Comment]:
        return [each for each in self.world.of_thread(review.number, "review-comment") if each.review_id == review.id]

    async def _places(self, thread: Thread, comments: list[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        """:raises Refused: 422 if one of the lines is not in the diff; nothing is written then"""
        if not comments:
            return []
        await self.git.sync()
        files = await self.changed_files(thread)
        lines = {(file.path, *each) for file in files for each in _lines(file.patch)}
        places = []
        for comment in comments:
            side = comment.get("side", "RIGHT")
            if (comment.get("path"), side, comment.get("line")) not in lines:
                raise refused(422, "Unprocessable Entity", errors=["Line could not be resolved"])
            place = {"path": comment["path"], "line": comment["line"], "side": side}
            places.append((str(comment.get("body") or ""), place))
        return places


def _lines(patch: str) -> list[tuple[str, int]]:
    """The lines of a diff's hunks, each with its side: those that a comment may be on."""
    found: list[tuple[str, int]] = []
    before = after = 0
    for line in patch.splitlines():
        if begin := _HUNK.match(line):
            before, after = int(begin[1]), int(begin[2])
            continue
        if line[:1] in {" ", "-", ""}:
            found.append(("LEFT", before))
            before += 1
        if line[:1] in {" ", "+", ""}:
            found.append(("RIGHT", after))
            after += 1
    return found
