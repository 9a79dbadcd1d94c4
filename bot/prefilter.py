"""A cheap first look at an event: most that happens on GitHub holds no command, and must cost next to nothing.

Apart from `bot.dispatch`, so that the Action can look without importing what carries commands out.
"""

from __future__ import annotations

import re

from bot.commands.comment_parser import looks_like_command
from bot.github.events import CommentEdited, CommentPosted, Event, LabelChanged
from bot.github.models import Comment
from bot.replies.markers import find

_NEWLINE = rb"(?:\\[nr]|\\u000[aAdD])"
_BLANK = rb"(?: |\\u0020)"
_LETTER = rb"(?:[A-Za-z]|\\u00[4-7])"
# A JSON string, or a line of one, that begins as an order does; also where it is written with escapes.
_ORDER = re.compile(rb'(?:"|' + _NEWLINE + rb")" + _BLANK + rb"{0,3}(?:\\?/|\\u002[fF])" + _LETTER)
_LABEL_CHANGE = re.compile(rb'"action"\s*:\s*"(?:un)?labeled"')

# What is found at the speed of memory, and without which the patterns find nothing: nearly every body has none of it.
_ORDER_SIGNS = (
    *(begin + b" " * blanks + b"/" for begin in (b'"', b"\\n", b"\\r") for blanks in range(4)),
    b"\\/",
    b"\\u000",
    b"\\u002",
)
_LABEL_SIGN = b'labeled"'

_COMMENT_EVENTS = {"issue_comment", "pull_request_review_comment", "pull_request_review"}
_LABEL_EVENTS = {"issues", "pull_request"}


def might_contain_command(event_name: str, body: bytes) -> bool:
    """The cheapest look, at a delivery's raw body. Reading the JSON costs more than all else that a delivery takes.

    :param event_name: the ``X-GitHub-Event`` header
    :returns: False where reading it would surely find nothing
    """
    if event_name in _COMMENT_EVENTS:
        return any(sign in body for sign in _ORDER_SIGNS) and _ORDER.search(body) is not None
    return event_name in _LABEL_EVENTS and _LABEL_SIGN in body and _LABEL_CHANGE.search(body) is not None


def is_relevant(event: Event) -> bool:
    """False where an event surely asks for nothing, whatever the repository's config says."""
    match event:
        case LabelChanged():
            return True
        case CommentPosted() | CommentEdited():
            return looks_like_command(event.comment.body) and not is_own(event.comment)


def is_own(comment: Comment) -> bool:
    """A reply of the bot's own. No reply holds a line that is read as a command; this spares the reading."""
    return comment.author.is_bot and find(comment.body) is not None
