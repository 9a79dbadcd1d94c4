"""The operations on comments and reactions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.emulators.github.documents import Document
from bot.emulators.github.model import RANK, Comment, Kind, Reaction
from bot.emulators.github.requests import (
    REPO,
    THREADS_READ,
    THREADS_WRITE,
    Call,
    Operations,
    invalid,
    not_found,
    refused,
)
from bot.emulators.github.shapes import REACTIONS
from bot.emulators.operations import created, operation

ISSUE_COMMENT = f"{REPO}/issues/comments/{{comment_id}}"
REVIEW_COMMENT = f"{REPO}/pulls/comments/{{comment_id}}"

_RESOURCES: dict[Kind, str] = {
    "issue-comment": "IssueComment",
    "review-comment": "PullRequestReviewComment",
    "review": "PullRequestReview",
}


class CommentOperations(Operations):
    # Comments on threads and on lines of a diff

    @operation(f"GET {REPO}/issues/comments", permission=THREADS_READ)
    @operation(f"GET {REPO}/pulls/comments", permission="pull_requests=read")
    def list_all(self, call: Call) -> web.Response:
        kind = _kind(call)
        return self._page(call, [each for each in self.world.comments.values() if each.kind == kind])

    @operation(f"GET {REPO}/issues/{{number}}/comments", permission=THREADS_READ)
    def list_issue_comments(self, call: Call) -> web.Response:
        return self._page(call, self.world.of_thread(self.thread(call).number, "issue-comment"))

    @operation(f"GET {ISSUE_COMMENT}", permission=THREADS_READ)
    @operation(f"GET {REVIEW_COMMENT}", permission="pull_requests=read")
    def get(self, call: Call) -> Document:
        return self.shapes.comment(self._comment(call))

    @operation(f"POST {REPO}/issues/{{number}}/comments", permission=THREADS_WRITE)
    def create(self, call: Call) -> web.Response:
        return self._create(call, self.thread(call).number, "issue-comment")

    @operation(f"POST {REPO}/pulls/{{number}}/comments", permission="pull_requests=write")
    def create_review_comment(self, call: Call) -> web.Response:
        thread = self.pull_request(call)
        path, line = call.text("path", "PullRequestReviewComment"), call.given.get("line")
        if call.given.get("commit_id") not in self.world.commits:
            raise invalid("PullRequestReviewComment", "commit_id", "invalid")
        if not isinstance(line, int) or line < 1:
            raise invalid("PullRequestReviewComment", "line", "invalid")
        return self._create(call, thread.number, "review-comment", path=path, line=line)

    @operation(f"POST {REPO}/pulls/{{number}}/comments/{{comment_id}}/replies", permission="pull_requests=write")
    def reply(self, call: Call) -> web.Response:
        above = self._comment(call)
        if above.number != call.number():
            raise not_found()
        place = {"path": above.path, "line": above.line, "in_reply_to": above.id}
        return self._create(call, above.number, "review-comment", **place)

    @operation(f"PATCH {ISSUE_COMMENT}", permission=THREADS_WRITE)
    @operation(f"PATCH {REVIEW_COMMENT}", permission="pull_requests=write")
    def edit(self, call: Call) -> Document:
        comment = self._own_comment(call)
        before = comment.body
        self.world.edit(comment, call.text("body", _RESOURCES[comment.kind]))
        self.webhooks.comment(comment, "edited", call.account, before=before)
        return self.shapes.comment(comment)

    @operation(f"DELETE {ISSUE_COMMENT}", permission=THREADS_WRITE)
    def delete(self, call: Call) -> None:
        comment = self._own_comment(call)
        self.webhooks.comment(comment, "deleted", call.account)
        self.world.delete(comment)

    # Reactions

    @operation(f"GET {ISSUE_COMMENT}/reactions", permission="issues=read")
    @operation(f"GET {REPO}/issues/{{number}}/reactions", permission="issues=read")
    def list_reactions(self, call: Call) -> web.Response:
        wanted = call.request.query.get("content")
        reactions = [each for each in self._reactions(call) if wanted in {None, each.content}]
        return call.page([self.shapes.reaction(each) for each in reactions])

    @operation(f"POST {ISSUE_COMMENT}/reactions", permission="issues=write")
    @operation(f"POST {REVIEW_COMMENT}/reactions", permission="pull_requests=write")
    @operation(f"POST {REPO}/issues/{{number}}/reactions", permission="issues=write")
    def react(self, call: Call) -> web.Response:
        content = call.given.get("content")
        if content not in REACTIONS:
            raise invalid("Reaction", "content", "invalid")
        reaction, is_new = self.world.react(self._reactions(call), call.account, content)
        return web.json_response(self.shapes.reaction(reaction), status=201 if is_new else 200)

    @operation(f"DELETE {ISSUE_COMMENT}/reactions/{{reaction_id}}", permission="issues=write")
    @operation(f"DELETE {REVIEW_COMMENT}/reactions/{{reaction_id}}", permission="pull_requests=write")
    @operation(f"DELETE {REPO}/issues/{{number}}/reactions/{{reaction_id}}", permission="issues=write")
    def unreact(self, call: Call) -> None:
        reactions, reaction_id = self._reactions(call), call.number("reaction_id")
        found = [each for each in reactions if each.id == reaction_id and each.account is call.account]
        if not found:
            raise not_found()
        reactions.remove(found[0])
        self.world.changed()

    def _reactions(self, call: Call) -> list[Reaction]:
        return self._comment(call).reactions if "comment_id" in call.request.match_info else self.thread(call).reactions

    # Shared

    def _create(self, call: Call, number: int, kind: Kind, **place: Any) -> web.Response:
        text = call.text("body", _RESOURCES[kind])
        comment = self.world.write(call.account.login, number, text, kind=kind, **place)
        self.webhooks.comment(comment, "created", call.account)
        return created(self.shapes.comment(comment))

    def _page(self, call: Call, comments: Iterable[Comment]) -> web.Response:
        """Those changed at or after the requested time, if one is given."""
        if text := call.request.query.get("since"):
            try:
                since = datetime.fromisoformat(text)
            except ValueError:
                raise invalid("IssueComment", "since", "invalid") from None
            since = since if since.tzinfo else since.replace(tzinfo=UTC)
            comments = [each for each in comments if each.updated_at.replace(microsecond=0) >= since]
        return call.page([self.shapes.comment(each) for each in comments])

    def _comment(self, call: Call) -> Comment:
        comment = self.world.comments.get(call.number("comment_id"))
        if comment is None or comment.kind != _kind(call):
            raise not_found()
        return comment

    def _own_comment(self, call: Call) -> Comment:
        """:raises Refused: 403 if it is another account's, which takes write access to change"""
        comment = self._comment(call)
        if comment.account is not call.account and RANK[call.account.role] < RANK["write"]:
            raise refused(403, "Must have write access to change another user's comment.")
        return comment


def _kind(call: Call) -> Kind:
    return "review-comment" if "/pulls/" in call.request.path else "issue-comment"
