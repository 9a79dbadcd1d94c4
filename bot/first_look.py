"""A cheap first look at an event: most that happens on GitHub holds no command, and must cost next to nothing.

Apart from `bot.intake`, so that the Action can look without importing what carries commands out.
"""

from __future__ import annotations

from bot.commands.reading import looks_like_an_order
from bot.github.events import CommentEdited, CommentPosted, Event, LabelChanged
from bot.github.models import Comment
from bot.replies.markers import find


def concerns_us(event: Event) -> bool:
    """False where an event surely asks for nothing, whatever the repository's config says."""
    match event:
        case LabelChanged():
            return True
        case CommentPosted() | CommentEdited():
            return looks_like_an_order(event.comment.body) and not is_own(event.comment)


def is_own(comment: Comment) -> bool:
    """A reply of the bot's own. No reply holds a line that is read as a command; this spares the reading."""
    return comment.author.is_bot and find(comment.body) is not None
