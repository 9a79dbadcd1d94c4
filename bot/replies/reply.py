"""What the bot answers: a stage, a text and the runs it is about. Rendering adds the hidden marker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bot.commands.table import SET_LATEST
from bot.replies.markers import Marker, Stage, write
from bot.replies.reason import Reason
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
    :param reason: why it ended so, for scripts; None: what the stage and the runs tell
    :param data: what was asked for, for scripts: models, or lists of them; None where the text is all there is
    :param waits_for: whose second word is awaited
    :param confirms: the identities of the commands that this is the second word for
    """

    stage: Stage
    text: str
    runs: tuple[int, ...] = ()
    reason: Reason | None = None
    data: Any = None
    waits_for: str | None = None
    confirms: tuple[str, ...] = ()

    def holding(self, data: Any) -> Reply:
        """The same with what was asked for: models, or lists of them."""
        return replace(self, data=data)


def render(reply: Reply, *, identity: str, command: str, worker: str | None = None) -> str:
    """The comment's whole body, within GitHub's limit.

    Its marker names the runs only where they become the thread's latest: whoever may look at a run must not choose what
    the next command on the thread means.

    :param worker: who is at it, where a later one must know
    """
    marker = write(
        Marker(
            identity=identity,
            command=command,
            stage=reply.stage,
            runs=reply.runs if command in SET_LATEST else (),
            worker=worker,
            waits_for=reply.waits_for,
            confirms=reply.confirms,
        )
    )
    return f"{cut(reply.text, COMMENT_LIMIT - MARKER_ROOM)}\n\n{marker}"
