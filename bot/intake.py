"""From an event to orders: which of its words are commands, and who gave them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from bot.commands.reading import Said, may_speak, new_since, read
from bot.github.events import CommentEdited, CommentPosted, Event
from bot.handlers.order import Order
from bot.replies.markers import find


def orders(event: Event, *, prefix: str, now: Callable[[], datetime]) -> list[Order]:
    """The commands of an event, each with its identity; empty for nearly every event, at next to no cost."""
    comment = event.comment
    if not may_speak(comment.body, prefix=prefix) or _is_own(event):
        return []
    return [
        Order(
            identity=identity(event, said),
            command=said.command,
            thread=event.thread,
            comment=comment,
            person=comment.author,
            asked_at=now(),
            prefix=prefix,
        )
        for said in _said(event, prefix)
    ]


def _said(event: Event, prefix: str) -> list[Said]:
    match event:
        case CommentPosted():
            return read(event.comment.body, prefix=prefix)
        case CommentEdited():
            # Whoever may edit comments may put words into somebody's mouth: only the author's own edits are orders.
            if event.sender.login != event.comment.author.login:
                return []
            return new_since(event.before, event.comment.body, prefix=prefix)


def identity(event: Event, said: Said) -> str:
    """The same for every delivery of the same command, and for the same words after an edit around them.

    Made of the comment and the words, not of the position: an edit that puts a command before another moves positions.
    """
    digest = hashlib.sha256(said.source.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{event.comment.kind.value}-{event.comment.id}-{digest}-{said.occurrence}"


def _is_own(event: Event) -> bool:
    """A reply of the bot's own. No reply holds a line that is read as a command; this spares the reading."""
    return event.comment.author.is_bot and find(event.comment.body) is not None
