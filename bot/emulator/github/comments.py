"""The operations on comments, reviews and reactions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.emulator.github.answers import Access, fields, number, page, text_field
from bot.emulator.github.refusals import Refused, invalid, not_found
from bot.emulator.github.shapes import REACTIONS, Shapes
from bot.emulator.github.webhooks import Webhooks
from bot.emulator.github.world import RANK, Account, Comment, Kind, Reaction, Thread


class CommentOperations:
    def __init__(self, access: Access, webhooks: Webhooks) -> None:
        self._access = access
        self._world = access.world
        self._webhooks = webhooks

    def routes(self) -> list[web.RouteDef]:
        repo = "/repos/{owner}/{repo}"
        issue_comment = f"{repo}/issues/comments/{{comment_id}}"
        review_comment = f"{repo}/pulls/comments/{{comment_id}}"
        return [
            web.get(f"{repo}/issues/comments", self._list_all("issue-comment")),
            web.get(f"{repo}/pulls/comments", self._list_all("review-comment")),
            web.get(issue_comment, self.get_issue_comment),
            web.patch(issue_comment, self.edit),
            web.delete(issue_comment, self.delete),
            web.get(f"{repo}/issues/{{number}}/comments", self.list_issue_comments),
            web.post(f"{repo}/issues/{{number}}/comments", self.create),
            web.get(review_comment, self.get_review_comment),
            web.patch(review_comment, self.edit_review_comment),
            web.get(f"{repo}/pulls/{{number}}/comments", self.list_review_comments),
            web.post(f"{repo}/pulls/{{number}}/comments", self.create_review_comment),
            web.post(f"{repo}/pulls/{{number}}/comments/{{comment_id}}/replies", self.reply),
            web.get(f"{repo}/pulls/{{number}}/reviews", self.list_reviews),
            web.post(f"{repo}/pulls/{{number}}/reviews", self.create_review),
            web.get(f"{issue_comment}/reactions", self.list_reactions),
            web.post(f"{issue_comment}/reactions", self.react),
            web.delete(f"{issue_comment}/reactions/{{reaction_id}}", self.unreact),
            web.post(f"{review_comment}/reactions", self.react),
            web.delete(f"{review_comment}/reactions/{{reaction_id}}", self.unreact),
            web.get(f"{repo}/issues/{{number}}/reactions", self.list_reactions),
            web.post(f"{repo}/issues/{{number}}/reactions", self.react),
            web.delete(f"{repo}/issues/{{number}}/reactions/{{reaction_id}}", self.unreact),
        ]

    # Issue comments

    async def list_issue_comments(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        comments = self._world.of_thread(self._thread(request).number, "issue-comment")
        shapes = Shapes(self._world, str(request.url.origin()))
        return page(request, [shapes.issue_comment(each) for each in _since(request, comments)])

    def _list_all(self, kind: Kind) -> Any:
        async def list_all(request: web.Request) -> web.Response:
            self._access.reader(request)
            shapes = Shapes(self._world, str(request.url.origin()))
            shape = shapes.issue_comment if kind == "issue-comment" else shapes.review_comment
            comments = [each for each in self._world.comments.values() if each.kind == kind]
            return page(request, [shape(each) for each in _since(request, comments)])

        return list_all

    async def get_issue_comment(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return self._answer(request, self._comment(request, "issue-comment"))

    async def create(self, request: web.Request) -> web.Response:
        account = self._access.writer(request)
        thread = self._thread(request)
        text = text_field(await fields(request), "body", "IssueComment")
        comment = self._world.write(account.login, thread.number, text)
        return self._tell(request, comment, "created", account)

    async def edit(self, request: web.Request) -> web.Response:
        return await self._edit(request, "issue-comment", "IssueComment")

    async def _edit(self, request: web.Request, kind: Kind, resource: str) -> web.Response:
        account = self._access.writer(request)
        comment = self._comment(request, kind)
        self._check_owner(account, comment)
        before = comment.body
        self._world.edit(comment, text_field(await fields(request), "body", resource))
        return self._tell(request, comment, "edited", account, before=before)

    async def delete(self, request: web.Request) -> web.Response:
        account = self._access.writer(request)
        comment = self._comment(request, "issue-comment")
        self._check_owner(account, comment)
        shapes = Shapes(self._world, str(request.url.origin()))
        self._webhooks.issue_comment(shapes, comment, "deleted", account, None)
        del self._world.comments[comment.id]
        self._world.changed()
        return web.Response(status=204)

    # Reviews and their comments

    async def list_review_comments(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        comments = self._world.of_thread(self._pull_request(request).number, "review-comment")
        shapes = Shapes(self._world, str(request.url.origin()))
        return page(request, [shapes.review_comment(each) for each in _since(request, comments)])

    async def get_review_comment(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        return self._answer(request, self._comment(request, "review-comment"))

    async def edit_review_comment(self, request: web.Request) -> web.Response:
        return await self._edit(request, "review-comment", "PullRequestReviewComment")

    async def create_review_comment(self, request: web.Request) -> web.Response:
        account = self._access.writer(request)
        thread = self._pull_request(request)
        given = await fields(request)
        text = text_field(given, "body", "PullRequestReviewComment")
        path = text_field(given, "path", "PullRequestReviewComment")
        if given.get("commit_id") not in self._world.commits:
            raise invalid("PullRequestReviewComment", "commit_id", "invalid")
        line = given.get("line")
        if not isinstance(line, int) or line < 1:
            raise invalid("PullRequestReviewComment", "line", "invalid")
        comment = self._world.write(account.login, thread.number, text, kind="review-comment", path=path, line=line)
        return self._tell(request, comment, "created", account)

    async def reply(self, request: web.Request) -> web.Response:
        account = self._access.writer(request)
        above = self._comment(request, "review-comment")
        if above.number != number(request, "number"):
            raise not_found()
        text = text_field(await fields(request), "body", "PullRequestReviewComment")
        comment = self._world.write(
            account.login,
            above.number,
            text,
            kind="review-comment",
            path=above.path,
            line=above.line,
            in_reply_to=above.id,
        )
        return self._tell(request, comment, "created", account)

    async def list_reviews(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        reviews = self._world.of_thread(self._pull_request(request).number, "review")
        shapes = Shapes(self._world, str(request.url.origin()))
        return page(request, [shapes.review(each) for each in reviews])

    async def create_review(self, request: web.Request) -> web.Response:
        """Creates a submitted review: pending ones, with `event` left out, are not supported."""
        account = self._access.writer(request)
        thread = self._pull_request(request)
        given = await fields(request)
        event, text = given.get("event"), str(given.get("body") or "")
        if event not in _REVIEW_STATES:
            raise invalid("PullRequestReview", "event", "invalid")
        if event != "APPROVE" and not text.strip():
            raise invalid("PullRequestReview", "body", "missing_field")
        if event != "COMMENT" and account is thread.account:
            raise Refused(422, "Unprocessable Entity: it is your own pull request.")
        review = self._world.write(account.login, thread.number, text, kind="review")
        review.state = _REVIEW_STATES[event]
        return self._tell(request, review, "submitted", account)

    # Reactions

    async def list_reactions(self, request: web.Request) -> web.Response:
        self._access.reader(request)
        shapes = Shapes(self._world, str(request.url.origin()))
        wanted = request.query.get("content")
        reactions = [each for each in self._reactions(request) if wanted in {None, each.content}]
        return page(request, [shapes.reaction(each) for each in reactions])

    async def react(self, request: web.Request) -> web.Response:
        account = self._access.writer(request)
        content = (await fields(request)).get("content")
        if content not in REACTIONS:
            raise invalid("Reaction", "content", "invalid")
        reaction, is_new = self._world.react(self._reactions(request), account, content)
        document = Shapes(self._world, str(request.url.origin())).reaction(reaction)
        return web.json_response(document, status=201 if is_new else 200)

    async def unreact(self, request: web.Request) -> web.Response:
        account = self._access.writer(request)
        reactions = self._reactions(request)
        for reaction in reactions:
            if reaction.id == number(request, "reaction_id") and reaction.account is account:
                reactions.remove(reaction)
                self._world.changed()
                return web.Response(status=204)
        raise not_found()

    def _reactions(self, request: web.Request) -> list[Reaction]:
        if "comment_id" not in request.match_info:
            return self._thread(request).reactions
        return self._comment(request, "review-comment" if "/pulls/" in request.path else "issue-comment").reactions

    # Shared

    def _thread(self, request: web.Request) -> Thread:
        thread = self._world.threads.get(number(request, "number"))
        if thread is None:
            raise not_found()
        return thread

    def _pull_request(self, request: web.Request) -> Thread:
        thread = self._thread(request)
        if not thread.is_pull_request:
            raise not_found()
        return thread

    def _comment(self, request: web.Request, kind: Kind) -> Comment:
        comment = self._world.comments.get(number(request, "comment_id"))
        if comment is None or comment.kind != kind:
            raise not_found()
        return comment

    @staticmethod
    def _check_owner(account: Account, comment: Comment) -> None:
        if comment.account is not account and RANK[account.role] < RANK["write"]:
            raise Refused(403, "You may not change somebody else's comment.")

    def _answer(self, request: web.Request, comment: Comment, status: int = 200) -> web.Response:
        shapes = Shapes(self._world, str(request.url.origin()))
        shape = {
            "issue-comment": shapes.issue_comment,
            "review-comment": shapes.review_comment,
            "review": shapes.review,
        }[comment.kind]
        return web.json_response(shape(comment), status=status)

    def _tell(
        self, request: web.Request, comment: Comment, action: str, account: Account, *, before: str | None = None
    ) -> web.Response:
        """Sends the webhook and responds."""
        shapes = Shapes(self._world, str(request.url.origin()))
        send = {
            "issue-comment": self._webhooks.issue_comment,
            "review-comment": self._webhooks.review_comment,
            "review": self._webhooks.review,
        }[comment.kind]
        send(shapes, comment, action, account, before)
        # GitHub answers a new review with 200, everything else that is new with 201.
        return self._answer(request, comment, 201 if action == "created" else 200)


_REVIEW_STATES = {"COMMENT": "commented", "APPROVE": "approved", "REQUEST_CHANGES": "changes_requested"}


def _since(request: web.Request, comments: Iterable[Comment]) -> list[Comment]:
    """Those changed at or after the requested time, if one is given."""
    text = request.query.get("since")
    if text is None:
        return list(comments)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("IssueComment", "since", "invalid") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return [each for each in comments if each.updated_at.replace(microsecond=0) >= moment]
