"""``review``: an agent reads the pull request's diff, and its answer becomes a review with comments on lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import TypeAdapter

from bot.commands import review_texts
from bot.commands.review_findings import FORMAT
from bot.commands.review_texts import EarlierComment, ReviewDraft
from bot.commands.run import ANY_AGENT_TYPE, read_agent_types, read_models
from bot.commands.usage import Flag, Flags, ParseError, Usage
from bot.errors import ErrorKind, UpstreamError, UserError
from bot.execution import prompts
from bot.execution.agent_runs import prompt_context, wait_for_end
from bot.execution.context import CommandContext
from bot.execution.reply import Reply
from bot.execution.run_texts import left, outcome
from bot.github.models import Review as PostedReview
from bot.text import markers
from bot.text.diff_lines import DiffLines, diff_lines

LONGEST_PROMPT = 20_000

MOST_FILES = 3_000
"""Of a pull request, as many as GitHub lists."""


@dataclass(frozen=True, slots=True)
class Review:
    """:param prompt: what to look at; None: everything
    :param model: a model's name; None: the default
    :param agent_type: an agent's name, not checked yet; None: the default
    """

    USAGE: ClassVar[Usage] = Usage(
        "review",
        "Reviews this pull request: comments on lines of its diff, never an approval.",
        flags=(
            Flag("--model", "-m", "M", "The model to use."),
            Flag("--agent-type", "-a", ANY_AGENT_TYPE, "The kind of agent."),
        ),
        arguments="[PROMPT]",
        example_arguments="look at the error handling",
    )

    prompt: str | None = None
    model: str | None = None
    agent_type: str | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:
        """:raises ParseError: if a flag's value is invalid or the prompt is too long"""
        prompt = rest.strip()
        if len(prompt) > LONGEST_PROMPT:
            raise ParseError(f"`review` takes a prompt of {LONGEST_PROMPT:,} characters at most.")
        return cls(
            prompt or None,
            model=next(iter(read_models(flags)), None),
            agent_type=next(iter(read_agent_types(flags)), None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is reviewed.

    :param lines: those that the diff shows, by the files' paths
    :param earlier: the findings of earlier reviews that held until now
    """

    sha: str
    lines: dict[str, DiffLines]
    earlier: tuple[EarlierComment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """:param is_update: whether an earlier review was updated"""

    url: str
    is_update: bool


_SUBJECT = TypeAdapter(Subject)
_PUBLISHED = TypeAdapter(Published)


async def review(command: Review, ctx: CommandContext) -> Reply:
    if not ctx.invocation.require_thread().is_pull_request:
        raise UserError(
            "`review` reads a pull request's diff, and this is an issue.\n\nNext: give the command on a pull request."
        )
    context = await prompt_context(ctx)
    assert context.pull_request is not None  # noqa: S101 - the thread is one
    sha = context.pull_request.head_sha
    subject = await ctx.record("review-subject", _SUBJECT, lambda: _subject(sha, ctx))
    if not subject.lines:
        return review_texts.nothing_to_review()
    await ctx.charge(1)
    await ctx.show(review_texts.accepted(sha))
    earlier = await ctx.redact(subject.earlier)
    started = await ctx.runs.create(
        prompts.review_prompt(
            command.prompt, context, [(each.id, each.path, each.line, each.text) for each in earlier], form=FORMAT
        ),
        model=command.model or ctx.config.defaults.model,
        agent_type=command.agent_type or ctx.config.defaults.agent_type,
        changes_nothing=True,
    )
    prefix = ctx.invocation.prefix
    if not ctx.invocation.waits:
        return left(started.run, prefix=prefix)
    ended = await wait_for_end(started, ctx)
    if not ended.run.succeeded:
        return await ctx.render(outcome, ended, prefix=prefix)
    draft = await ctx.render(review_texts.draft, ended.run, sha=sha, lines=subject.lines, earlier=subject.earlier)
    published = await ctx.record(
        "publish-review", _PUBLISHED, lambda: _Publishing(draft, ended.run.id, sha, ctx).once()
    )
    return await ctx.render(
        review_texts.reviewed,
        ended,
        review=draft,
        url=published.url,
        is_update=published.is_update,
        sha=sha,
        prefix=prefix,
    )


async def _subject(sha: str, ctx: CommandContext) -> Subject:
    thread = ctx.invocation.require_thread()
    files = await ctx.github.pull_request_files(thread.repository, thread.number, most=MOST_FILES)
    comments = [
        EarlierComment(id=each.id, path=each.path, line=each.line, text=each.body)
        async for each in ctx.github.review_comments(thread.repository, thread.number)
        if review_texts.is_open_finding(each.body) and await ctx.is_own(each.author.login)
    ]
    return Subject(sha=sha, lines={each.path: diff_lines(each.patch or "") for each in files}, earlier=tuple(comments))


class _Publishing:
    """Writes a review once: what an interrupted attempt has written is found by its marker."""

    def __init__(self, draft: ReviewDraft, run_id: int, sha: str, ctx: CommandContext) -> None:
        self._draft = draft
        self._run_id = run_id
        self._sha = sha
        self._github = ctx.github
        self._ctx = ctx
        thread = ctx.invocation.require_thread()
        self._repository, self._number = thread.repository, thread.number

    async def once(self) -> Published:
        """:raises UpstreamError: if GitHub refuses it, or cannot be reached"""
        identity = self._ctx.invocation.identity
        earlier = await self._own_reviews()
        if identity in earlier:
            review = earlier[identity]
            return Published(url=review.url, is_update=len(earlier) > 1)
        if not earlier:
            posted = await self._create(identity, self._draft.body)
            return Published(url=posted.url, is_update=False)
        first = next(iter(earlier.values()))
        added = f"{identity}/added"
        if self._draft.comments and added not in earlier:
            await self._create(added, review_texts.more_found(len(self._draft.comments), first.url))
        for comment_id, text in self._draft.edits.items():
            await self._github.edit_review_comment(self._repository, comment_id, text)
        body = self._marked(self._draft.body, identity)
        updated = await self._github.edit_review(self._repository, self._number, first.id, body)
        return Published(url=updated.url, is_update=True)

    async def _own_reviews(self) -> dict[str, PostedReview]:
        """The bot's own reviews by this command, by the identities in their markers, oldest first."""
        found: dict[str, PostedReview] = {}
        async for each in self._github.reviews(self._repository, self._number):
            marker = markers.find(each.body)
            if marker is not None and marker.command == Review.USAGE.name and await self._ctx.is_own(each.author.login):
                found[marker.identity] = each
        return found

    async def _create(self, identity: str, body: str) -> PostedReview:
        try:
            return await self._submit(identity, body, with_lines=True)
        except UpstreamError as error:
            if error.kind is ErrorKind.INVALID:
                # The pull request was changed while the agent read it, and the lines are not in its diff any more.
                return await self._submit(identity, review_texts.without_lines(self._draft), with_lines=False)
            if error.may_have_happened and (found := (await self._own_reviews()).get(identity)):
                return found
            raise

    async def _submit(self, identity: str, body: str, *, with_lines: bool) -> PostedReview:
        return await self._github.create_review(
            self._repository,
            self._number,
            commit=self._sha,
            body=self._marked(body, identity),
            comments=self._draft.comments if with_lines else (),
        )

    def _marked(self, body: str, identity: str) -> str:
        return review_texts.with_marker(body, identity=identity, run_id=self._run_id)
