"""The texts of a review on GitHub, and of the replies about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.codegen.models import AgentRun
from bot.commands.review_findings import Finding, read_answer
from bot.execution.phrases import count, duration, facts_of, paragraphs, run_link
from bot.execution.reply import Reply
from bot.execution.run_texts import Ended
from bot.github.models import LineComment
from bot.text import markers
from bot.text.diff_lines import DiffLines
from bot.text.markers import Marker, Stage
from bot.text.untrusted import cut, inert, inert_words, inline_code

MOST_COMMENTS = 40
"""Comments on lines in one review; further findings are in its text."""

FINDING_LIMIT = 8_000
SUMMARY_LIMIT = 16_000
BODY_LIMIT = 60_000
"""Characters; GitHub takes 65,536."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierComment:
    """A comment on a line by an earlier review of the bot's.

    :param line: None if the comment is outdated
    """

    id: int
    path: str
    line: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDraft:
    """What is to be written on GitHub.

    :param body: of the review, without its marker
    :param comments: new ones
    :param edits: the new texts of earlier comments, by their ids
    :param kept: the number of earlier comments that still hold
    :param gone: the number of those that do not
    :param others: the number of findings in the text of the review
    """

    body: str
    comments: tuple[LineComment, ...]
    edits: Mapping[int, str]
    kept: int
    gone: int
    others: int


def draft(run: AgentRun, *, sha: str, lines: Mapping[str, DiffLines], earlier: Sequence[EarlierComment]) -> ReviewDraft:
    """The review of a run's answer.

    :param lines: those of the diff, by the files' paths
    """
    answer = read_answer(run.result or run.summary or "")
    left = {each.id: each for each in earlier}
    comments: list[LineComment] = []
    edits: dict[int, str] = {}
    others: list[Finding] = []
    kept = 0
    for finding in answer.findings:
        known = _same(finding, left)
        if known is not None:
            del left[known.id]
            kept += 1
            if (text := comment_text(finding)) != known.text:
                edits[known.id] = text
        elif _is_on_line(finding, lines) and len(comments) < MOST_COMMENTS:
            comments.append(_line_comment(finding))
        else:
            others.append(finding)
    edits |= {each.id: no_longer_found(each.text, sha) for each in left.values()}
    summary = cut(inert(answer.summary), SUMMARY_LIMIT) or "The agent left no summary."
    on_lines = len(comments) + kept
    body = paragraphs(
        f"Review of {inline_code(sha[:7])} by {run_link(run)}: {count(on_lines + len(others), 'finding')}"
        f"{f', {on_lines} on lines of the diff' if on_lines else ''}.",
        summary,
        _list(others),
        f"{count(answer.unread, 'finding')} could not be read; the run's page has the whole answer."
        if answer.unread
        else "",
    )
    return ReviewDraft(
        body=cut(body, BODY_LIMIT),
        comments=tuple(comments),
        edits=edits,
        kept=kept,
        gone=len(left),
        others=len(others),
    )


def _same(finding: Finding, earlier: Mapping[int, EarlierComment]) -> EarlierComment | None:
    """The earlier comment that a finding repeats: the one that it names, or one on the same line."""
    if finding.same_as is not None and finding.same_as in earlier:
        return earlier[finding.same_as]
    on_line = (each for each in earlier.values() if each.line is not None)
    return next((each for each in on_line if (each.path, each.line) == (finding.path, finding.line)), None)


def _is_on_line(finding: Finding, lines: Mapping[str, DiffLines]) -> bool:
    if finding.path is None or finding.line is None or finding.path not in lines:
        return False
    return lines[finding.path].has(finding.line, is_before=finding.side == "before")


def _line_comment(finding: Finding) -> LineComment:
    assert finding.path is not None  # noqa: S101 - checked by the caller
    assert finding.line is not None  # noqa: S101 - as above
    return LineComment(
        path=finding.path, line=finding.line, is_before=finding.side == "before", body=comment_text(finding)
    )


_FINDING_MARKER = "<!-- codegen-bot finding -->"
_GONE_MARKER = "<!-- codegen-bot finding, no longer found -->"


def comment_text(finding: Finding) -> str:
    """A comment on a line."""
    text = cut(inert(finding.text), FINDING_LIMIT)
    return paragraphs(f"**{finding.severity.capitalize()}**" if finding.severity else "", text, _FINDING_MARKER)


def is_open_finding(body: str) -> bool:
    """Whether a comment of the bot's is a finding that held when it was last reviewed."""
    return body.rstrip().endswith(_FINDING_MARKER)


def no_longer_found(body: str, sha: str) -> str:
    text = body.rstrip().removesuffix(_FINDING_MARKER).rstrip()
    return paragraphs(f"**No longer found** in {inline_code(sha[:7])}.", text, _GONE_MARKER)


def with_marker(text: str, *, identity: str, run_id: int) -> str:
    marker = Marker(identity=identity, command="review", stage=Stage.FINISHED, runs=(run_id,))
    return paragraphs(text, markers.write(marker))


def more_found(number: int, url: str) -> str:
    """The text of a review that only adds comments to an earlier one."""
    return f"{count(number, 'new finding')}. [The review]({url}) lists them all."


def without_lines(review: ReviewDraft) -> str:
    """The text of a review whose lines GitHub does not find in the diff any more."""
    findings = [
        f"- {_place(each.path, each.line)}: {inert_words(_plain(each.body), 2_000)}" for each in review.comments
    ]
    return cut(paragraphs(review.body, "\n".join(findings)), BODY_LIMIT)


def _list(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        place = f"{_place(finding.path, finding.line)}: " if finding.path else ""
        severity = f"**{finding.severity.capitalize()}** " if finding.severity else ""
        lines.append(f"- {severity}{place}{inert_words(finding.text, 2_000)}")
    return paragraphs("Not on a line of the diff:", "\n".join(lines)) if lines else ""


def _place(path: str | None, line: int | None) -> str:
    return inline_code(f"{(path or '')[:300]}{'' if line is None else f':{line}'}")


_COMMENT = re.compile(r"<!--[^<>]{0,80}-->")


def _plain(body: str) -> str:
    return _COMMENT.sub("", body)


# Replies


def nothing_to_review() -> Reply:
    return Reply(Stage.FINISHED, "This pull request changes no file, so there is nothing to review.")


def accepted(sha: str) -> Reply:
    return Reply(Stage.ACCEPTED, f"Accepted. Starting an agent that reviews {inline_code(sha[:7])}…")


def reviewed(ended: Ended, *, review: ReviewDraft, url: str, is_update: bool, sha: str, prefix: str) -> Reply:
    """:param url: of the review on GitHub"""
    run = ended.run
    facts = facts_of(run)
    return Reply.of(
        Stage.FINISHED,
        f"Reviewed {inline_code(sha[:7])} in {duration(ended.seconds)}: {run_link(run)}.{f' {facts}' if facts else ''}",
        f"[The review]({url}) {_changed(review) if is_update else _has(review)}.",
        f"To have the findings fixed: `{prefix} run fix what the review found`"
        if review.comments or review.kept or review.others
        else "",
        run=run,
    )


def _has(review: ReviewDraft) -> str:
    parts = [f"{count(len(review.comments), 'comment')} on lines of the diff"] if review.comments else []
    if review.others:
        parts.append(f"{count(review.others, 'finding')} in its text")
    return f"has {' and '.join(parts)}" if parts else "has no findings"


def _changed(review: ReviewDraft) -> str:
    parts = [f"{len(review.comments)} new on lines of the diff"] if review.comments else []
    if review.kept:
        parts.append(f"{review.kept} still found")
    if review.gone:
        parts.append(f"{review.gone} no longer found")
    if review.others:
        parts.append(f"{review.others} in its text")
    return f"is updated: {', '.join(parts)}" if parts else "is updated: no findings"
