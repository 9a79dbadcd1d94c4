"""The hidden marker at the end of every reply: the command that it answers, its stage, its runs.

A replayed step finds its comment by it, and an entry point without a database finds the runs of a thread. It is trusted
only in comments of the bot itself, of other GitHub Apps and of users who may write (`bot.execution.runs_of_thread`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

VERSION = 1
_BEGIN = "<!-- codegen-bot "
_END = " -->"


class Stage(StrEnum):
    """The progress of a command."""

    ACCEPTED = "accepted"
    STARTED = "started"
    WORKING = "working"
    FINISHED = "finished"
    FAILED = "failed"
    REFUSED = "refused"


FINAL_STAGES = frozenset({Stage.FINISHED, Stage.FAILED, Stage.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A reply's metadata.

    :param identity: the command's identity
    :param command: the command's name
    :param runs: the ids of the agent runs that the command started or gave a follow-up, in the order of creation
    :param worker: what executes it, if the entry point has no database to record that: the workflow run
    :param waits_for: the login whose confirmation is awaited
    :param confirms: the identities of the commands that this reply confirms
    """

    identity: str
    command: str
    stage: Stage
    runs: tuple[int, ...] = ()
    worker: str | None = None
    waits_for: str | None = None
    confirms: tuple[str, ...] = ()


def write(marker: Marker) -> str:
    """The marker as one line of hidden HTML."""
    document = {
        "v": VERSION,
        "id": marker.identity,
        "command": marker.command,
        "state": marker.stage.value,
        "runs": list(marker.runs),
    }
    # Left out if empty, which keeps most replies short.
    more = {"by": marker.worker, "waits_for": marker.waits_for, "confirms": list(marker.confirms)}
    document |= {name: value for name, value in more.items() if value}
    # Neither a name nor an id can end the comment: JSON may write ">" as an escape.
    return f"{_BEGIN}{json.dumps(document).replace('>', chr(92) + 'u003e')}{_END}"


def find(body: str) -> Marker | None:
    """The marker in a comment, or None if there is none that this version can read."""
    written = _last(body)
    if written is None:
        return None
    try:
        document = json.loads(written)
        return Marker(
            identity=str(document["id"]),
            command=str(document["command"]),
            stage=Stage(document["state"]),
            runs=tuple(int(run) for run in document["runs"]),
            worker=_word(document.get("by")),
            waits_for=_word(document.get("waits_for")),
            confirms=tuple(str(identity) for identity in document.get("confirms", ())),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def insert_before(body: str, text: str) -> str:
    """A reply with one more paragraph, above its marker."""
    begin = body.rfind(f"{_BEGIN}{{")
    return f"{body[:begin].rstrip()}\n\n{text}\n\n{body[begin:]}"


def _last(body: str) -> str | None:
    """The JSON of the last marker. A regular expression would take quadratic time on beginnings without an end."""
    for line in reversed(body.split("\n")):
        begin, end = line.find(f"{_BEGIN}{{"), line.rfind(f"}}{_END}")
        if 0 <= begin < end:
            return line[begin + len(_BEGIN) : end + 1]
    return None


def _word(value: object) -> str | None:
    return None if value is None else str(value)
