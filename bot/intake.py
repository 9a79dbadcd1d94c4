"""From an event to orders: which of its words are commands, what its label asks for, and who gave them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime

from bot.commands.by_label import command_of
from bot.commands.labels import LabelRole
from bot.commands.reading import Said, may_speak, new_since, read
from bot.github.events import CommentEdited, CommentPosted, Event, LabelChanged
from bot.github.models import Comment
from bot.handlers.order import LabelChange, Order
from bot.replies.markers import find


def orders(
    event: Event,
    *,
    delivery: str,
    prefix: str,
    labels: Mapping[str, LabelRole],
    now: Callable[[], datetime],
) -> list[Order]:
    """What an event asks for, each with its identity; empty for nearly every event, at next to no cost.

    :param delivery: the delivery's GUID
    :param labels: what the repository's labels stand for, by their names in lower case
    """
    match event:
        case LabelChanged():
            return _by_label(event, delivery, prefix, labels, now())
        case CommentPosted() | CommentEdited():
            return _by_comment(event, prefix, now())


def _by_comment(event: CommentPosted | CommentEdited, prefix: str, asked_at: datetime) -> list[Order]:
    comment = event.comment
    if not may_speak(comment.body, prefix=prefix) or _is_own(comment):
        return []
    return [
        Order(
            identity=identity(event, said),
            command=said.command,
            thread=event.thread,
            comment=comment,
            person=comment.author,
            asked_at=asked_at,
            prefix=prefix,
        )
        for said in _said(event, prefix)
    ]


def _by_label(
    event: LabelChanged, delivery: str, prefix: str, labels: Mapping[str, LabelRole], asked_at: datetime
) -> list[Order]:
    role = labels.get(event.label.lower())
    if role is None:
        return []
    command = command_of(role, on=event.on, is_pull_request=event.thread.is_pull_request)
    if command is None:
        return []
    # A delivery's GUID is anybody's text until GitHub has signed it; in an identity it has its usual letters.
    guid = re.sub("[^0-9A-Za-z-]", "", delivery)[:64]
    return [
        Order(
            identity=f"label-{guid}",
            command=command,
            thread=event.thread,
            comment=None,
            person=event.sender,
            asked_at=asked_at,
            prefix=prefix,
            label=LabelChange(role=role, name=event.label, on=event.on),
        )
    ]


def _said(event: CommentPosted | CommentEdited, prefix: str) -> list[Said]:
    match event:
        case CommentPosted():
            return read(event.comment.body, prefix=prefix)
        case CommentEdited():
            # Whoever may edit comments may put words into somebody's mouth: only the author's own edits are orders.
            if event.sender.login != event.comment.author.login:
                return []
            return new_since(event.before, event.comment.body, prefix=prefix)


def identity(event: CommentPosted | CommentEdited, said: Said) -> str:
    """The same for every delivery of the same command, and for the same words after an edit around them.

    Made of the comment and the words, not of the position: an edit that puts a command before another moves positions.
    """
    digest = hashlib.sha256(said.source.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{event.comment.kind.value}-{event.comment.id}-{digest}-{said.occurrence}"


def _is_own(comment: Comment) -> bool:
    """A reply of the bot's own. No reply holds a line that is read as a command; this spares the reading."""
    return comment.author.is_bot and find(comment.body) is not None
