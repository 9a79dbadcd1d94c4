"""What the bot answers: a stage, a text and the runs it is about. Rendering adds the hidden marker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.replies.markers import Marker, Stage, write
from bot.replies.redaction import redact_patterns
from bot.replies.untrusted import cut

COMMENT_LIMIT = 65_536
"""Characters that GitHub takes in one comment."""

MARKER_ROOM = 1_000
"""Characters kept free for the marker: an identity of at most 120 and some dozen run ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One state of the answer to a command.

    :param text: Markdown as people read it, without the marker
    :param runs: the agent runs' ids, in the order of their creation
    """

    stage: Stage
    text: str
    runs: tuple[int, ...] = ()


def render(reply: Reply, *, identity: str, command: str, secrets: Sequence[str] = ()) -> str:
    """The comment's whole body, within GitHub's limit.

    :param secrets: the repository's own patterns of what must not be shown
    """
    text = redact_patterns(reply.text, secrets)
    marker = write(Marker(identity=identity, command=command, stage=reply.stage, runs=reply.runs))
    return f"{cut(text, COMMENT_LIMIT - MARKER_ROOM)}\n\n{marker}"
