"""Turns an event into command invocations: from a comment's commands, or from a label."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from bot.commands.by_label import command_of
from bot.commands.comment_parser import ParsedCommand, may_speak, new_since, read, split_first_line
from bot.commands.named import Named
from bot.commands.usage import InvalidCommand
from bot.errors import WorkLimitError
from bot.github.events import CommentEdited, CommentPosted, Event, LabelChanged
from bot.github.models import Person
from bot.handlers.effective_config import EffectiveConfig, InvalidConfig
from bot.handlers.invocation import ABOUT_CONFIG, CommandInvocation, LabelChange, NamedUse
from bot.offload.pool import WorkerPool
from bot.prefilter import is_own
from bot.replies.config_texts import config_is_wrong
from bot.replies.failures import took_too_long_to_read
from bot.repository_config.model import RepositoryConfig

READING_LIMIT = 3.0
"""Seconds that parsing one comment may take in a worker: GitHub waits ten for its answer."""


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
    found = (
        _by_label(event, effective.config, now())
        if isinstance(event, LabelChanged)
        else await _by_comment(event, effective.config, now(), offload)
    )
    if found and effective.wrong is not None:
        found.append(_about_config(found[0], effective.wrong))
    return found


async def _by_comment(
    event: CommentPosted | CommentEdited, config: RepositoryConfig, asked_at: datetime, offload: WorkerPool
) -> list[CommandInvocation]:
    all_said = [] if is_own(event.comment) else await _said(event, config, offload)
    return [replace(_invocation(event, said, config, asked_at), siblings=len(all_said) - 1) for said in all_said]


def _invocation(
    event: CommentPosted | CommentEdited, said: ParsedCommand, config: RepositoryConfig, asked_at: datetime
) -> CommandInvocation:
    command, named = said.command, None
    if isinstance(command, Named):
        named = NamedUse(name=command.name, template=command.template, rest=command.rest)
        command = command.command
    return CommandInvocation(
        identity=identity(event, said),
        command=command,
        thread=event.thread,
        comment=event.comment,
        person=event.comment.author,
        asked_at=asked_at,
        prefix=config.prefix,
        named=named,
    )


def _by_label(event: LabelChanged, config: RepositoryConfig, asked_at: datetime) -> list[CommandInvocation]:
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
            asked_at=asked_at,
            prefix=config.prefix,
            label=LabelChange(role=role, name=event.label, on=event.on),
        )
    ]


def _about_config(invocation: CommandInvocation, wrong: InvalidConfig) -> CommandInvocation:
    """The notice about an invalid config file. Its identity is the file version's, so that it is posted once."""
    problems = [str(problem) for problem in wrong.problems.problems]
    return replace(
        invocation,
        identity=f"config-{wrong.digest}",
        command=InvalidCommand(config_is_wrong(wrong.path, problems, wrong.holds), ABOUT_CONFIG),
        comment=None,
        label=None,
        named=None,
    )


async def _said(
    event: CommentPosted | CommentEdited, config: RepositoryConfig, offload: WorkerPool
) -> list[ParsedCommand]:
    if not may_speak(event.comment.body, prefix=config.prefix) or not _is_its_authors(event):
        return []
    try:
        return await offload.run(_reading(event, config), limit=READING_LIMIT)
    except WorkLimitError:
        # A redelivery would take as long. Every edit has the same identity: one notice per comment.
        return [ParsedCommand(InvalidCommand(took_too_long_to_read(), "unknown"), source="")]


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


def identity(event: CommentPosted | CommentEdited, said: ParsedCommand) -> str:
    """The same for every delivery of the same command, and for the same text after an edit around it.

    Derived from the comment and the text, not from the position: a command inserted before another moves positions.
    """
    digest = hashlib.sha256(said.source.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{event.comment.kind.value}-{event.comment.id}-{digest}-{said.occurrence}"


def label_identity(event: LabelChanged) -> str:
    """The same for every delivery of the same change; another for the next time that the label is added or removed.

    Two equal changes within one second count as one: GitHub's timestamps are in seconds.
    """
    thread = f"{event.thread.repository.lower()}#{event.thread.number}"
    change = [thread, event.label.lower(), event.on, event.at.astimezone(UTC).isoformat()]
    return f"label-{hashlib.sha256(json.dumps(change).encode()).hexdigest()[:32]}"
