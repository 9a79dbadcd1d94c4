"""A cheap pre-filter: most GitHub events contain no command, and must cost next to nothing.

Separate from `bot.dispatch`, so that the Action can filter without importing what executes commands.
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
# A JSON string, or a line of one, that begins like a command; also if it is written with escapes.
_ORDER = re.compile(rb'(?:"|' + _NEWLINE + rb")" + _BLANK + rb"{0,3}(?:\\?/|\\u002[fF])" + _LETTER)
_LABEL_CHANGE = re.compile(rb'"action"\s*:\s*"(?:un)?labeled"')

# Substrings without which the patterns cannot match, found at memory speed: nearly every body contains none.
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
    """Checks a delivery's raw body, without parsing it: parsing the JSON costs more than everything else together.

    :param event_name: the ``X-GitHub-Event`` header
    :returns: False if the body certainly contains no command
    """
    if event_name in _COMMENT_EVENTS:
        return any(sign in body for sign in _ORDER_SIGNS) and _ORDER.search(body) is not None
    return event_name in _LABEL_EVENTS and _LABEL_SIGN in body and _LABEL_CHANGE.search(body) is not None


def is_relevant(event: Event) -> bool:
    """False if an event certainly contains no command, whatever the repository's config."""
    match event:
        case LabelChanged():
            return True
        case CommentPosted() | CommentEdited():
            return looks_like_command(event.comment.body) and not is_own(event.comment)


def is_own(comment: Comment) -> bool:
    """Whether this is the bot's own reply. None contains a command, so this only saves the parsing."""
    return comment.author.is_bot and find(comment.body) is not None
