"""The messages of the streams and their close codes: redacted JSON, serialized once for all subscribers of a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from bot.codegen.models import AgentRun, LogEntry
from bot.errors import OffloadError
from bot.text.offload.pool import WorkerPool
from bot.text.redaction.redacting import redacted
from bot.web.api.models import MultiRunResponse
from bot.web.api.streams.entries import entries_json, json_line

S = TypeVar("S", AgentRun, MultiRunResponse)
T = TypeVar("T")

WITHHELD = "[withheld: it could not be searched for secrets in time]"

LONGEST_NAME = 100
"""Characters of a name that is still shown where other texts are withheld."""

AFTER_END = ".end"
"""Suffix of `Last-Event-ID` after the end: a browser that then reconnects is answered with 204, and stops."""


class CloseCode(IntEnum):
    """Why a stream was closed. Server-Sent Events have no close codes; there it is sent in a last event `close`.

    https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2 reserves 4000 to 4999 for applications; the last three digits
    here are those of the HTTP status with the same meaning.
    """

    ENDED = 1000
    RESTART = 1012
    TOKEN_REFUSED = 4001
    NOT_VISIBLE = 4004
    TOO_SLOW = 4008
    BROKEN = 4500
    UPSTREAM_FAILED = 4502

    @property
    def sentence(self) -> str:
        """At most 123 bytes, the limit of a close frame."""
        return _SENTENCES[self]


_SENTENCES = {
    CloseCode.ENDED: "Stream complete.",
    CloseCode.RESTART: "Server restarting; reconnect with from=n.",
    CloseCode.TOKEN_REFUSED: "Your token is no longer valid. Sign in again.",
    CloseCode.NOT_VISIBLE: "The token no longer has access to this.",
    CloseCode.TOO_SLOW: "The client reads too slowly; reconnect with from=n.",
    CloseCode.BROKEN: "Internal error; the bot's log has the details.",
    CloseCode.UPSTREAM_FAILED: "Codegen does not respond, or refused; reconnect later with from=n.",
}

REFUSALS = {
    HTTPStatus.UNAUTHORIZED: CloseCode.TOKEN_REFUSED,
    HTTPStatus.FORBIDDEN: CloseCode.NOT_VISIBLE,
    HTTPStatus.NOT_FOUND: CloseCode.NOT_VISIBLE,
}
"""The close code for a subscriber whose request would now be refused with this status."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message.

    :param event_id: the `Last-Event-ID` for resuming after it, if it advances the log
    """

    type: str
    json: bytes
    event_id: str | None = None


def status(run: AgentRun, patterns: Sequence[str]) -> Frame:
    """A run's status: sent first, and whenever it changes.

    :param patterns: secret patterns for redacting the run's texts, here and below
    """
    return _frame(
        "status",
        patterns,
        agent_run_id=run.id,
        status=run.status,
        state=str(run.state),
        finished=run.finished,
        summary=run.summary,
        result=run.result,
        pull_request_urls=[link.url for link in run.github_pull_requests if link.url],
    )


def log(index: int, entry: bytes) -> Frame:
    """:param entry: serialized by `serialize_entries`"""
    return Frame("log", entry, str(index + 1))


def multi_run_status(state: MultiRunResponse, patterns: Sequence[str]) -> Frame:
    return _frame("multi_run_status", patterns, multi_run_id=state.id, status=state.model_dump(mode="json"))


def error(message: str, code: CloseCode | None = None) -> Frame:
    """:param code: the stream is closed with it afterwards; None: the stream continues"""
    return _frame("error", (), message=message, code=code)


def end(run: AgentRun, patterns: Sequence[str], *, entries: int) -> Frame:
    """The run has ended and its whole log has been read.

    :param entries: their number
    """
    document = {"status": run.status, "state": str(run.state), "result": run.result, "summary": run.summary}
    return Frame("end", _frame("end", patterns, **document).json, f"{entries}{AFTER_END}")


def multi_run_end(state: MultiRunResponse, patterns: Sequence[str]) -> Frame:
    return Frame("end", _frame("end", patterns, status=state.status, result=state.final).json, f"0{AFTER_END}")


def close(code: CloseCode) -> Frame:
    """The last event on a transport without close codes."""
    return _frame("close", (), code=code, reason=code.sentence)


async def serialize(
    offload: WorkerPool, make: Callable[[S, Sequence[str]], T], source: S, patterns: Sequence[str]
) -> T:
    """Makes frames, off the event loop if their texts are long. Texts that take too long to search for secrets are
    withheld: no frame may contain unsearched text.

    :param make: one of the functions above
    """
    try:
        return await offload.run(partial(make, source, patterns), is_slow=bool(patterns))
    except OffloadError:
        return make(_withheld(source), ())


async def serialize_entries(
    offload: WorkerPool, entries: Sequence[LogEntry], patterns: Sequence[str], *, start: int
) -> list[bytes]:
    """The same for a part of a log.

    :param start: index of the first entry
    """
    try:
        work = partial(entries_json, _documents(entries), patterns, start=start)
        return await offload.run(work, is_slow=bool(patterns))
    except OffloadError:
        return entries_json(_documents(map(_withheld_entry, entries)), (), start=start)


def _documents(entries: Iterable[LogEntry]) -> list[dict[str, Any]]:
    return [entry.model_dump(mode="json") for entry in entries]


def _withheld(source: AgentRun | MultiRunResponse) -> Any:
    """The source without texts of others."""
    match source:
        case AgentRun():
            texts = {name: WITHHELD for name in ("summary", "result") if getattr(source, name)}
            return source.model_copy(update={**texts, "status": source.state.value, "github_pull_requests": ()})
        case MultiRunResponse():
            final = WITHHELD if source.final else None
            return source.model_copy(update={"message": WITHHELD, "final": final, "candidates": [], "agent_runs": []})


def _withheld_entry(entry: LogEntry) -> LogEntry:
    names = {"tool_name": entry.tool_name, "message_type": entry.message_type}
    short = {name: text for name, text in names.items() if text and len(text) <= LONGEST_NAME}
    return LogEntry(agent_run_id=entry.agent_run_id, created_at=entry.created_at, observation=WITHHELD, **short)


def _frame(kind: str, patterns: Sequence[str], **document: Any) -> Frame:
    return Frame(kind, json_line({"type": kind, **redacted(document, patterns)}))
