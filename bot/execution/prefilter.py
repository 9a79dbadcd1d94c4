"""A cheap pre-filter: most events contain no command.

It imports little: for such an event the Action loads nothing else of this package.
"""

from __future__ import annotations

import re

from bot.github.events import CHECKS, ChecksFailed, CommentEdited, CommentPosted, Event, LabelChanged
from bot.github.models import Comment
from bot.text.markers import find
from bot.text.unseen import BEFORE_A_COMMAND, BLANKS, INVISIBLE

_NEWLINE = rb"(?:\\[nr]|\\u000[aAdD])"
# Any character that is not ASCII, or is written as an escape, may be an unseen one (`bot.text.unseen`).
_BLANK = rb"(?: |\\u[0-9a-fA-F]{4}|[\x80-\xff])"
_LETTER = rb"(?:[A-Za-z]|\\u00[4-7])"
# A JSON string, or a line of one, that begins like a command; also if it is written with escapes.
_COMMAND = re.compile(rb'(?:"|' + _NEWLINE + rb")" + _BLANK + rb"{0,33}(?:\\?/|\\u002[fF])" + _LETTER)
_LABEL_CHANGE = re.compile(rb'"action"\s*:\s*"(?:un)?labeled"')

# Substrings without which the patterns cannot match, found at memory speed: nearly every body contains none.
_COMMAND_SIGNS = (
    *(begin + b" " * blanks + b"/" for begin in (b'"', b"\\n", b"\\r") for blanks in range(4)),
    b"\\/",
    b"\\u000",
    b"\\u002",
)
# The beginnings of the unseen characters.
_UNSEEN = sorted({letter.encode()[:2] for letter in BLANKS + INVISIBLE})
_ESCAPED = sorted({way % (ord(letter) >> 4) for letter in BLANKS + INVISIBLE for way in (rb"\u%03x", rb"\u%03X")})
_LABEL_SIGN = b'labeled"'

_COMPLETED = re.compile(rb'"action"\s*:\s*"completed"')
_FAILED = re.compile(rb'"conclusion"\s*:\s*"(?:failure|timed_out|startup_failure)"')
_FAILED_SIGNS = (b'"failure"', b'"timed_out"', b'"startup_failure"')

_COMMENT_EVENTS = {"issue_comment", "pull_request_review_comment", "pull_request_review"}
_LABEL_EVENTS = {"issues", "pull_request"}


def might_contain_command(event_name: str, body: bytes) -> bool:
    """Checks a delivery's raw body, without parsing it: parsing the JSON costs more than everything else together.

    :param event_name: the ``X-GitHub-Event`` header
    :returns: False if the body certainly contains no command
    """
    if event_name in _COMMENT_EVENTS:
        return _has_sign(body) and _COMMAND.search(body) is not None
    return event_name in _LABEL_EVENTS and _LABEL_SIGN in body and _LABEL_CHANGE.search(body) is not None


def might_be_failed_checks(event_name: str, body: bytes) -> bool:
    """The same about the end of checks on a commit, which only a server with agents of its own deals with.

    :returns: False if none of them has certainly failed
    """
    return (
        event_name == CHECKS
        and any(sign in body for sign in _FAILED_SIGNS)
        and _COMPLETED.search(body) is not None
        and _FAILED.search(body) is not None
    )


def _has_sign(body: bytes) -> bool:
    return (
        any(sign in body for sign in _COMMAND_SIGNS)
        or (not body.isascii() and any(sign in body for sign in _UNSEEN))
        or (b"\\u" in body and any(sign in body for sign in _ESCAPED))
    )


def is_relevant(event: Event) -> bool:
    """False if an event certainly contains no command, whatever the repository's config."""
    match event:
        case LabelChanged() | ChecksFailed():
            return True
        case CommentPosted() | CommentEdited():
            return looks_like_command(event.comment.body) and not is_own(event.comment)


def looks_like_command(text: str) -> bool:
    """False if a comment certainly contains no command: every prefix starts a line with a slash."""
    return _SLASH.search(text) is not None


# A lone carriage return ends a line too, for the parser of Markdown.
_SLASH = re.compile(rf"(?:^|\r){BEFORE_A_COMMAND}/[A-Za-z]", re.MULTILINE)


def is_own(comment: Comment) -> bool:
    """Whether this is the bot's own reply. None contains a command, so this only saves the parsing."""
    return comment.author.is_bot and find(comment.body) is not None
