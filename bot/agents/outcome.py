"""Decides how a turn ended, and what to do after a failure.

An agent's stop reason and a program's exit status are not enough: many agents end a turn normally although their
model's API refused every request. A turn succeeded if there is an answer or a change, and none of the agent's marks of
failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any

from bot.agents.agent_turn import AgentTurn
from bot.agents.config import Agent
from bot.agents.model import UNREACHABLE
from bot.storage.agent_models import RunStatus
from bot.text.redaction.redact import redact

LAST_WORDS_BYTES = 8_192
LAST_WORDS = 500
"""Characters of an agent's standard error, or of its own error message, that a sentence quotes."""

ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Escape sequences of a terminal."""

CUT_OFF = "The model reached its limit of tokens before it had finished. Give it a smaller task."

CANCELLED = "The run was cancelled."

WITHOUT_ANSWER = "The agent changed files and ended without an answer."


class Stop(Enum):
    """Why the bot ended a turn."""

    CANCELLED = auto()
    SILENT = auto()
    OVERDUE = auto()
    FLOODED = auto()


class Phase(StrEnum):
    """What an agent was doing when it ended."""

    START = "while it started"
    SESSION = "while it opened its session"
    PROMPT = "before it answered"
    PROGRAM = "before it had finished"


class Cause(Enum):
    """What went wrong between an agent and its model."""

    QUOTA = auto()
    CONTEXT = auto()
    MODEL = auto()
    LOGIN = auto()
    KEY = auto()
    RATE = auto()
    REQUEST = auto()
    SERVER = auto()
    UNREACHABLE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentError:
    """A JSON-RPC error of an agent."""

    code: int
    message: str
    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is known of a turn that has ended.

    :param stop: None if the agent ended it
    :param stop_reason: that of the response to the prompt; empty if there was none
    :param has_usage: whether that response had `usage`
    :param exit_status: of a process that ended by itself; negative: a signal; None if it did not
    :param exceeded: the limit of the sandbox that the process exceeded, as a sentence; the process was ended for it
    :param is_closed: the agent's output ended before it answered
    :param marked_failed: whether one of the preset's marks says that it failed
    :param error_text: a message that those marks identify as an error
    :param last_words: what the agent last wrote to its standard error, or to its output without being a message
    """

    stop: Stop | None = None
    stop_reason: str = ""
    has_usage: bool = False
    phase: Phase = Phase.PROMPT
    answer: str = ""
    error: AgentError | None = None
    is_closed: bool = False
    exit_status: int | None = None
    exceeded: str | None = None
    marked_failed: bool = False
    error_text: str = ""
    last_words: str = ""


async def judge(ended: Ended, turn: AgentTurn) -> tuple[RunStatus, str]:
    """The run's status, and the agent's answer or the sentence about its failure."""
    agent = turn.agent
    if ended.exceeded:
        return RunStatus.FAILED, ended.exceeded
    if ended.stop is not None:
        return _stopped(ended.stop, turn)
    if ended.error is not None:
        return _failed_by_error(ended, ended.error, turn)
    status = turn.model_status()
    model_failed = status is not None and status >= 400
    if ended.is_closed:
        return _failed(ended.last_words, turn) if model_failed else (RunStatus.FAILED, _ended_early(ended, agent))
    match ended.stop_reason:
        case "cancelled":
            return RunStatus.CANCELLED, CANCELLED
        case "max_tokens":
            return _cut_off(ended)
        case "end_turn" if agent.preset.marks.hides_cut_off and turn.is_model_cut_off():
            return _cut_off(ended)
        case "max_turn_requests":
            sentence = "The agent reached its limit of model requests before it had finished. Resume the run to go on."
            return RunStatus.MAX_ITERATIONS_REACHED, sentence
        case "refusal":
            answer = f" It said: {_quoted(ended.answer)}" if ended.answer else ""
            return RunStatus.FAILED, f"The model refused the task. Word it differently.{answer}"
    if ended.error_text:
        return _failed(ended.error_text, turn)
    if ended.marked_failed or (agent.preset.marks.needs_usage and not ended.has_usage):
        return _failed(ended.answer or ended.last_words, turn)
    if ended.answer:
        return RunStatus.COMPLETE, ended.answer
    if model_failed:
        return _failed(ended.last_words, turn)
    if await turn.changed():
        return RunStatus.COMPLETE, WITHOUT_ANSWER
    return RunStatus.FAILED, _ended_silently(ended, agent)


def last_words(stderr: bytes, stray: str = "") -> str:
    """The end of what an agent wrote outside the protocol, as one redacted line; empty if it wrote nothing."""
    text = f"{stray}\n{stderr[-LAST_WORDS_BYTES:].decode(errors='replace')}"
    lines = [line.strip() for line in redact(ANSI.sub("", text)).splitlines() if line.strip()]
    return " / ".join(lines[-6:])[-LAST_WORDS:]


def model_failure(agent: Agent, detail: str, status: int | None) -> tuple[RunStatus, str] | None:
    """The status and the sentence for an error of the model's API; None if it is not known to be one.

    :param detail: the error's text
    :param status: its HTTP status, if known
    """
    cause = _cause(detail, status)
    if cause is None:
        return None
    run_status = RunStatus.OUT_OF_TOKENS if cause in {Cause.QUOTA, Cause.CONTEXT} else RunStatus.FAILED
    return run_status, _sentence(cause, agent, detail, status)


def _stopped(stop: Stop, turn: AgentTurn) -> tuple[RunStatus, str]:
    status = turn.model_status()
    match stop:
        case Stop.CANCELLED:
            return RunStatus.CANCELLED, CANCELLED
        case Stop.FLOODED:
            sentence = (
                "The agent was stopped because it wrote more than 100 MB of output. "
                "See the end of its log, and ask for less output."
            )
            return RunStatus.FAILED, sentence
        case Stop.SILENT if status is not None and status >= 400:
            return _failed("", turn)
        case Stop.SILENT:
            sentence = (
                f"The agent wrote nothing for {_minutes(turn.silence)} and was stopped. "
                "See the end of its log, and try again."
            )
            return RunStatus.TIMEOUT, sentence
        case Stop.OVERDUE:
            sentence = (
                f"The agent had not finished after {_minutes(turn.total)} and was stopped. "
                "Give it a smaller task, or raise `timeout-minutes` in the agents file."
            )
            return RunStatus.TIMEOUT, sentence


def _failed_by_error(ended: Ended, error: AgentError, turn: AgentTurn) -> tuple[RunStatus, str]:
    agent = turn.agent
    detail = f"{error.message} {_data_text(error.data)}".strip()
    status = agent.preset.marks.error_codes.get(error.code) or _http_status(error)
    seen = turn.model_status()
    # The agent cannot distinguish the egress proxy's own responses from those of the API.
    found = model_failure(agent, detail, seen if seen == UNREACHABLE else status or seen)
    if found:
        return found
    if error.code == AUTH_REQUIRED:
        return RunStatus.FAILED, _sentence(Cause.LOGIN, agent, detail, None)
    words = f" Its last output: {ended.last_words}" if ended.last_words else ""
    sentence = (
        f"The agent {agent.name} failed {ended.phase.value}: {_quoted(detail).rstrip('.')} (error {error.code}). "
        f"Try again; if it happens again, see the end of the run's log.{words}"
    )
    return RunStatus.FAILED, sentence


def _failed(detail: str, turn: AgentTurn) -> tuple[RunStatus, str]:
    found = model_failure(turn.agent, detail, turn.model_status())
    if found:
        return found
    said = f": {_quoted(detail).rstrip('.')}." if detail else " and does not say why."
    return RunStatus.FAILED, f"The agent {turn.agent.name} failed{said} See the end of the run's log, and try again."


def _cut_off(ended: Ended) -> tuple[RunStatus, str]:
    said = f"\n\nIts answer until then:\n\n{ended.answer}" if ended.answer else ""
    return RunStatus.OUT_OF_TOKENS, f"{CUT_OFF}{said}"


def _ended_early(ended: Ended, agent: Agent) -> str:
    status = ended.exit_status
    if status == NOT_FOUND or NOT_INSTALLED.search(ended.last_words):
        return f"The agent {agent.name} is not installed here. Install it: `{agent.preset.install}`"
    match status:
        case None:
            how = "closed its output"
        case _ if status < 0 or status > 128:
            how = f"was ended by signal {-status if status < 0 else status - 128}"
        case _:
            how = f"ended with exit status {status}"
    hint = " It may have used more memory than a turn may." if status in {-9, 137} else ""
    said = f" Its last output: {ended.last_words}" if ended.last_words else ""
    return (
        f"The agent {agent.name} {how} {ended.phase.value}.{hint} "
        f"Try again, or check its `command` in the agents file.{said}"
    )


def _ended_silently(ended: Ended, agent: Agent) -> str:
    said = f" Its last output: {ended.last_words}" if ended.last_words else ""
    return (
        f"The agent {agent.name} ended without an answer and without a change. "
        f"Check its model and endpoint in the agents file, and try again.{said}"
    )


AUTH_REQUIRED = -32000
"""ACP's error code for a session that needs a login."""

NOT_FOUND = 127
"""A shell's exit status for a program that does not exist."""

NOT_INSTALLED = re.compile(r"execvp .{1,300}: No such file or directory")
"""bubblewrap's message for the same."""

_WORDS = {
    Cause.QUOTA: r"insufficient[_ ]quota|credit balance|billing|out of credits|payment required|usage limit",
    Cause.CONTEXT: r"context[_ ](length|window)|prompt is too long|maximum context|too many tokens",
    Cause.MODEL: r"model[_ ]not[_ ]found|(unknown|invalid|unsupported|no such) model"
    r"|\bmodel\b.{0,120}(not found|not exist|not supported|not available|no access)",
    Cause.KEY: r"unauthori[sz]ed|(invalid|incorrect|wrong|missing)[ _]+(x-)?api[ _-]?key|api[ _-]?key.{0,20}not valid"
    r"|invalid[ _]authentication|authentication[ _]?(error|failed)",
    Cause.LOGIN: r"not logged in|(please |must )(log|sign) ?in|(authentication|auth|login) required",
    Cause.RATE: r"rate[ _-]?limit|too many requests|resource[_ ]exhausted",
    Cause.SERVER: r"overloaded|server[_ ]?error|service unavailable|bad gateway|gateway time-?out",
    Cause.UNREACHABLE: r"econnrefused|enotfound|econnreset|etimedout|connection ?(error|refused|reset|closed)"
    r"|fetch failed|network error|getaddrinfo|socket hang up|connect(ion)? time-?out|error sending request",
}

_STATUSES = {401: Cause.KEY, 402: Cause.QUOTA, 403: Cause.KEY, 404: Cause.MODEL, 429: Cause.RATE, 529: Cause.SERVER}

_NUMBER = re.compile(r"(?<![\w.])(4\d\d|5\d\d)(?![\w.]*\d|\s?ms)")


def _cause(detail: str, status: int | None) -> Cause | None:
    if status == UNREACHABLE:
        return Cause.UNREACHABLE
    text = detail[:4_000].lower()
    found = next((cause for cause, pattern in _WORDS.items() if re.search(pattern, text)), None)
    if found in {Cause.QUOTA, Cause.CONTEXT, Cause.MODEL}:
        return found
    if status is None and found is None and (match := _NUMBER.search(text)):
        status = int(match[1])
    if status is None or status < 400:
        return found
    if cause := _STATUSES.get(status):
        return cause
    if status >= 500:
        return Cause.SERVER
    # "Server error" is also how JSON-RPC libraries word their own errors: a status says more.
    return Cause.REQUEST if found in {None, Cause.SERVER} else found


def _sentence(cause: Cause, agent: Agent, detail: str, status: int | None) -> str:
    name = agent.name
    number = f" ({status})" if status is not None and status >= 400 and status != UNREACHABLE else ""
    said = f" It said: {_quoted(detail)}" if detail else ""
    match cause:
        case Cause.KEY:
            return f"The model's API rejected the key{number}. Check `key` of the agent {name} in the agents file."
        case Cause.LOGIN:
            return f"The agent {name} is not logged in. Set `key` of the agent {name} in the agents file."
        case Cause.QUOTA:
            return (
                f"The account of the model's API has no credit left{number}. "
                f"Add credit, or give the agent {name} another key in the agents file."
            )
        case Cause.RATE:
            return f"The model's API refuses more requests for now{number}. Wait some minutes, and try again."
        case Cause.CONTEXT:
            return "The task became longer than the model's context. Give it a smaller task, or choose another model."
        case Cause.MODEL:
            model = f" `{agent.model}`" if agent.model else ""
            return (
                f"The model's API does not know the model{model}{number}. "
                f"Check `model` and `endpoint` of the agent {name} in the agents file.{said}"
            )
        case Cause.REQUEST:
            return (
                f"The model's API refused the request{number}. "
                f"Check `model` and `endpoint` of the agent {name} in the agents file.{said}"
            )
        case Cause.SERVER:
            return f"The model's API failed{number}. Try again later."
        case Cause.UNREACHABLE:
            return f"The model's API cannot be reached. Check `endpoint` of the agent {name} in the agents file.{said}"


def _http_status(error: AgentError) -> int | None:
    numbers = [error.code, *_numbers(error.data)]
    return next((number for number in numbers if 400 <= number < 600), None)


def _numbers(data: Any) -> Iterator[int]:
    if isinstance(data, dict):
        for name in ("status", "statusCode", "status_code", "httpStatus", "httpStatusCode", "code"):
            value = data.get(name)
            if isinstance(value, int):
                yield value
        yield from _numbers(data.get("error"))


def _data_text(data: Any) -> str:
    if data is None or isinstance(data, str):
        return data or ""
    return json.dumps(data, ensure_ascii=False, default=str)


def _quoted(text: str) -> str:
    """The text as one redacted line."""
    line = " ".join(redact(text).split())
    return line if len(line) <= LAST_WORDS else f"{line[:LAST_WORDS]} ..."


def _minutes(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:g} minutes"
