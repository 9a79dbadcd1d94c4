"""Turns an event into invocations."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from bot.commands.analyze_logs import AnalyzeLogs
from bot.commands.ban_checks import BanChecks, Remove, UnbanChecks
from bot.commands.fix_checks import FixChecks
from bot.commands.multi_run import MultiRun
from bot.commands.parsing.comment import ParsedCommand, given_text_since, mentions_prefix, new_since, read
from bot.commands.registry import Command
from bot.commands.run import Run
from bot.commands.star import Star, Unstar
from bot.commands.usage import InvalidCommand
from bot.errors import WorkLimitError
from bot.execution.config_texts import invalid_config_notice
from bot.execution.effective_config import EffectiveConfig, InvalidConfig
from bot.execution.invocation import ABOUT_CONFIG, Authority, CommandInvocation, LabelChange
from bot.execution.phrases import added_text
from bot.execution.prefilter import is_own
from bot.execution.repository_config.model import LabelRole, RepositoryConfig
from bot.github.events import ChecksFailed, CommentEdited, CommentPosted, Event, LabelChanged
from bot.github.models import CommentKind, Person
from bot.text.markdown import split_first_line
from bot.text.offload.pool import WorkerPool

READING_LIMIT = 3.0
"""Seconds that parsing one comment may take in a worker: GitHub waits ten for its answer."""

LONGEST_MESSAGE = 100_000
"""Characters of a commit's message that are read."""

_TOO_SLOW = (
    "This comment took too long to parse, so none of its commands was executed.\n\n"
    "Next: give the command in a comment of its own."
)


async def invocations(
    event: Event, *, effective: EffectiveConfig, now: Callable[[], datetime], offload: WorkerPool
) -> list[CommandInvocation]:
    """The invocations in an event, each with its identity; empty for nearly every event.

    A comment that takes too long to parse yields an invocation too, so that its author is informed. An identity is
    derived from what the signature covers, never from a delivery's headers: whoever has one signed body could send it
    again under any of them.

    :param effective: the repository's config; an invalid config file is reported once, where it is first met
    :param offload: parses long comments
    :raises OffloadError: if none of its workers can parse it
    """
    if isinstance(event, ChecksFailed):
        return _by_failed_checks(event, effective, now())
    found = (
        _by_label(event, effective.config, now())
        if isinstance(event, LabelChanged)
        else await _by_comment(event, effective.config, now(), offload)
    )
    if found and effective.invalid is not None:
        found.append(_about_config(found[0], effective.invalid))
    return found


async def _by_comment(
    event: CommentPosted | CommentEdited, config: RepositoryConfig, requested_at: datetime, offload: WorkerPool
) -> list[CommandInvocation]:
    if is_own(event.comment):
        return []
    parsed = await _parsed(event, config, offload)
    found = [
        CommandInvocation(
            identity=identity(event, each),
            command=each.command,
            thread=event.thread,
            comment=event.comment,
            person=event.comment.author,
            requested_at=requested_at,
            prefix=config.prefix,
            named_prompt=each.named_prompt,
            other_commands=len(parsed) - 1,
        )
        for each in parsed
    ]
    return [*found, *await _by_added_text(event, config, requested_at, offload)]


async def _by_added_text(
    event: CommentPosted | CommentEdited, config: RepositoryConfig, requested_at: datetime, offload: WorkerPool
) -> list[CommandInvocation]:
    """For each command that an edit gave more text, an invocation that says so in its reply."""
    comment = event.comment
    # GitHub lists neither reviews nor their comments among a thread's.
    if not isinstance(event, CommentEdited) or comment.kind is not CommentKind.ISSUE_COMMENT or comment.author.is_bot:
        return []
    if not mentions_prefix(event.before, prefix=config.prefix) or not _is_its_authors(event):
        return []
    reading = partial(given_text_since, event.before, comment.body, prefix=config.prefix, prompts=config.prompts)
    try:
        given = await offload.run(reading, limit=READING_LIMIT)
    except WorkLimitError:
        # The command that takes too long is answered already.
        return []
    edit = hashlib.sha256(comment.body.encode(errors="surrogatepass")).hexdigest()[:12]
    return [
        CommandInvocation(
            identity=f"{identity(event, each)}-{edit}",
            command=InvalidCommand(added_text(config.prefix), each.name),
            thread=event.thread,
            comment=comment,
            person=comment.author,
            requested_at=requested_at,
            prefix=config.prefix,
            adds_to=identity(event, each),
        )
        for each in given
    ]


def _by_label(event: LabelChanged, config: RepositoryConfig, requested_at: datetime) -> list[CommandInvocation]:
    role = config.labels.role_of(event.label)
    if role is None:
        return []
    command = command_of(role, on=event.on, is_pull_request=event.thread.is_pull_request)
    if command is None:
        return []
    return [
        CommandInvocation(
            identity=label_identity(event),
            command=command,
            thread=event.thread,
            comment=None,
            person=event.sender,
            requested_at=requested_at,
            prefix=config.prefix,
            label=LabelChange(role=role, name=event.label, on=event.on),
        )
    ]


_RUN_OF_COMMIT = re.compile(r"^Run ([1-9][0-9]{0,14})(?::|$)", re.MULTILINE | re.ASCII)
"""As in the messages of the commits that the bot makes for a run."""


def _by_failed_checks(
    event: ChecksFailed, effective: EffectiveConfig, requested_at: datetime
) -> list[CommandInvocation]:
    """Of people's commits none, unless the config says so. Whose the commit is in truth is determined later."""
    run = _RUN_OF_COMMIT.search(event.message[:LONGEST_MESSAGE])
    # With a config file that cannot be read, only what an administrator asks for is done.
    if (
        effective.is_closed
        or effective.restricted()
        or (run is None and not effective.config.checks.fix_commits_of_people)
    ):
        return []
    return [
        CommandInvocation(
            identity=f"checks-{event.suite}-{event.sha}",
            command=FixChecks(sha=event.sha, run=int(run[1]) if run else None),
            thread=event.thread,
            comment=None,
            person=event.sender,
            requested_at=requested_at,
            prefix=effective.config.prefix,
            authority=Authority.BOT,
        )
    ]


def _about_config(invocation: CommandInvocation, invalid: InvalidConfig) -> CommandInvocation:
    """The notice about an invalid config file. Its identity is the file version's, so that it is posted once."""
    problems = [str(problem) for problem in invalid.problems.problems]
    return replace(
        invocation,
        identity=f"config-{invalid.digest}",
        command=InvalidCommand(invalid_config_notice(invalid.path, problems, invalid.fallback), ABOUT_CONFIG),
        comment=None,
        label=None,
        named_prompt=None,
    )


async def _parsed(
    event: CommentPosted | CommentEdited, config: RepositoryConfig, offload: WorkerPool
) -> list[ParsedCommand]:
    if not mentions_prefix(event.comment.body, prefix=config.prefix) or not _is_its_authors(event):
        return []
    try:
        return await offload.run(_reading(event, config), limit=READING_LIMIT)
    except WorkLimitError:
        # A redelivery would take as long. Every edit has the same identity: one notice per comment.
        return [ParsedCommand(InvalidCommand(_TOO_SLOW, "unknown"), source="")]


def _is_its_authors(event: CommentPosted | CommentEdited) -> bool:
    """Only the author's own edits count: others who may edit comments must not give commands in the author's name."""
    return isinstance(event, CommentPosted) or event.sender.login == event.comment.author.login


def _reading(event: CommentPosted | CommentEdited, config: RepositoryConfig) -> Callable[[], list[ParsedCommand]]:
    author = event.comment.author
    text = _own_words(event.comment.body, author)
    match event:
        case CommentPosted():
            return partial(read, text, prefix=config.prefix, prompts=config.prompts)
        case CommentEdited():
            before = _own_words(event.before, author)
            return partial(new_since, before, text, prefix=config.prefix, prompts=config.prompts)


def _own_words(text: str, author: Person) -> str:
    """The part of a comment that may contain commands: of a bot's, the first line. The rest may quote others' texts."""
    return split_first_line(text)[0] if author.is_bot else text


def identity(event: CommentPosted | CommentEdited, parsed: ParsedCommand) -> str:
    """The same for every delivery of the same command, and for the same text after an edit around it.

    Derived from the comment and the text, not from the position: a command inserted before another moves positions.
    """
    digest = hashlib.sha256(parsed.source.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{event.comment.kind.value}-{event.comment.id}-{digest}-{parsed.occurrence}"


def label_identity(event: LabelChanged) -> str:
    """The same for every delivery of the same change; another for the next time that the label is added or removed.

    Two equal changes within one second count as one: GitHub's timestamps are in seconds.
    """
    thread = f"{event.thread.repository.lower()}#{event.thread.number}"
    change = [thread, event.label.lower(), event.on, event.at.astimezone(UTC).isoformat()]
    return f"label-{hashlib.sha256(json.dumps(change).encode()).hexdigest()[:32]}"


ON_AN_ISSUE = "Resolve this issue: do what its description asks for."
ON_A_PULL_REQUEST = "Finish this pull request: do what its description asks for and is still missing."
STANDARD_PROMPTS = frozenset({ON_AN_ISSUE, ON_A_PULL_REQUEST})


def command_of(role: LabelRole, *, on: bool, is_pull_request: bool) -> Command | None:
    """The command of a label change; None if removing the label triggers nothing."""
    if role is LabelRole.BAN_CHECKS:
        return BanChecks() if on else UnbanChecks()
    if role is LabelRole.STARRED:
        return Star() if on else Unstar()
    if not on:
        return None
    prompt = ON_A_PULL_REQUEST if is_pull_request else ON_AN_ISSUE
    match role:
        case LabelRole.RUN:
            return Run(prompt)
        case LabelRole.MULTI_RUN:
            return MultiRun(prompt)
        case LabelRole.ANALYZE_LOGS:
            return AnalyzeLogs()
        case LabelRole.REMOVE:
            return Remove()
