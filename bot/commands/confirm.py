"""``confirm``: confirms the user's own large request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.usage import Usage


@dataclass(frozen=True, slots=True)
class Confirm:
    """Let what waits for its asker's confirmation go on."""

    USAGE: ClassVar[Usage] = Usage(
        name="confirm",
        summary="Confirms your own large multi-run that waits on this thread; a thumbs-up on its comment does too.",
        form="confirm",
        example="confirm",
        permission="write",
    )

    @classmethod
    def read(cls, flags: Mapping[str, Sequence[str]], rest: str) -> Self:  # noqa: ARG003 - it has no flags
        """Any further text belongs to the comment, not to the command."""
        return cls()
