"""A reply: a stage, a text and its runs. Rendering adds the hidden marker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bot.commands.table import SET_LATEST
from bot.replies.markers import Marker, Stage, write
from bot.replies.reason import Reason
from bot.replies.untrusted import cut

COMMENT_LIMIT = 65_536
"""Characters that GitHub accepts in one comment."""

MARKER_ROOM = 1_000
"""Characters reserved for the marker: an identity of at most 120 and some dozen run ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One state of the answer to a command.

    :param text: Markdown as users read it, without the marker
    :param runs: the agent runs' ids, in the order of their creation
    :param reason: why it ended so, for scripts; None: derived from the stage and the runs
    :param data: the result for scripts: models, or lists of them; None if there is only the text
    :param waits_for: whose confirmation is awaited
    :param confirms: the identities of the commands that this confirms
    """

    stage: Stage
    text: str
    runs: tuple[int, ...] = ()
    reason: Reason | None = None
    data: Any = None
    waits_for: str | None = None
    confirms: tuple[str, ...] = ()

    def holding(self, data: Any) -> Reply:
        """The same reply with a result for scripts: models, or lists of them."""
        return replace(self, data=data)


def render(reply: Reply, *, identity: str, command: str, worker: str | None = None) -> str:
    """The comment's whole body, within GitHub's limit.

    Its marker names the runs only if they become the thread's latest: a user who may only view a run must not choose
    the run that the next command on the thread selects.

    :param worker: what executes the command, if a later worker must know
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
