"""What a scripted model does, one step a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Say:
    """Ends the agent's turn with this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """Has a shell command run."""

    command: str


@dataclass(frozen=True, slots=True)
class Read:
    """Has a file read, without which some agents refuse to edit it.

    :param path: absolute, as the agent sees it
    """

    path: str


@dataclass(frozen=True, slots=True)
class Write:
    """Has a file written: by the agent's own tool, or by the shell where it has none.

    :param path: absolute, as the agent sees it
    """

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Has a piece of a file replaced: by the agent's own tool, or by the shell where it has none.

    :param path: absolute, as the agent sees it
    :param old: occurs once in the file
    """

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Answers with an error.

    :param times: how many requests are failed before the next step; None: all from now on
    """

    status: int
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Closes the connection without an answer.

    :param times: as in `Fail`
    """

    times: int | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """Begins to stream a text and then sends nothing more, with the connection open.

    :param times: as in `Fail`
    """

    text: str = "Let me "
    times: int | None = None


Reply = Say | Run | Read | Write | Edit
Fault = Fail | Drop | Stall
Step = Reply | Fault
