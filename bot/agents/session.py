"""One turn of an agent that speaks the Agent Client Protocol, from `initialize` to the answer to the prompt."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from acp import RequestError
from acp.connection import Connection

from bot import __version__, log
from bot.agents.agent_turn import AgentTurn
from bot.agents.log_entries import UpdateLog, lookup
from bot.agents.log_limits import LimitedLog, counted, utc_now
from bot.agents.model import AddEntry, AgentResult, MessageType, Usage
from bot.agents.outcome import AgentError, Ended, Phase, Stop, judge, last_words
from bot.agents.preset import Resume, UsageScope
from bot.agents.sandbox import SandboxedProcess
from bot.agents.session_notes import SessionNotes, noted, read_notes, since, wait_for_minute, write_notes
from bot.agents.stopping import read_end, wait_for_stop
from bot.agents.transport import AgentTransport
from bot.storage.agent_models import RunStatus
from bot.tasks import cancel_and_wait

_log = log.get(__name__)

T = TypeVar("T", int, float)

LARGEST_USAGE = 10**12

SESSION_ID_LIMIT = 1_000

PROTOCOL_VERSION = 1
"""Asked for version 2, some agents answer in another shape."""

REST_SECONDS = 1.0
"""How long the rest of an ended agent's output may take to come."""

STARTS_ANEW = "it starts a new one, with what was asked before in its prompt."

IMAGE = re.compile(r"data:(image/[\w.+-]+);base64,([A-Za-z0-9+/=\s]+)")

PLAIN_ALLOW = ("allow", "allow_once", "allow-once", "once", "proceed_once", "approved", "approve", "accept", "yes")
"""Ids of options that allow one call and change nothing else; qwen and openhands have a second `allow_once`."""

_Conversation: TypeAlias = asyncio.Task[Mapping[str, Any]]


async def run_acp_turn(
    process: SandboxedProcess,
    turn: AgentTurn,
    *,
    add_entry: AddEntry,
    cancel: asyncio.Event,
    now: Callable[[], datetime] = utc_now,
) -> AgentResult:
    """Gives a started agent one prompt, and returns how it ended. When it returns, nothing of the agent is left.

    The prompt itself is no entry: the API adds it when it takes it.

    :param cancel: when it is set, the turn ends as cancelled
    """
    session = _Session(process, turn, LimitedLog(add_entry, now=now))
    conversation, stop = await _run(session, process, turn, cancel)
    return await session.result(conversation, stop)


async def open_session(process: SandboxedProcess, turn: AgentTurn) -> str | None:
    """Lets a started agent open a session, without a prompt. One sentence on what is missing; None if nothing is."""
    session = _Session(process, turn, LimitedLog(lambda _entry: None), is_trial=True)
    conversation, stop = await _run(session, process, turn, asyncio.Event())
    return await session.problem(conversation, stop)


async def _run(
    session: _Session, process: SandboxedProcess, turn: AgentTurn, cancel: asyncio.Event
) -> tuple[_Conversation, Stop | None]:
    """The ended conversation, and why it was stopped; None if it was not."""
    conversation = asyncio.create_task(session.converse())
    try:
        stop = await wait_for_stop(
            conversation,
            turn,
            cancel=cancel,
            last_output=lambda: session.transport.last_output,
            is_flooded=lambda: session.transport.flooded,
            is_working=lambda: session.is_working,
            last_progress=lambda: session.last_progress,
        )
        if stop in {Stop.CANCELLED, Stop.SILENT, Stop.OVERDUE}:
            await session.cancel(conversation)
    finally:
        conversation.cancel()
        if turn.is_lost():
            # Before all else: the conversation may wait for a database that does not respond.
            await process.kill(at_once=True)
        try:
            await asyncio.gather(conversation, return_exceptions=True)
            await session.close()
        finally:
            rest = asyncio.create_task(session.transport.discard_rest())
            await process.kill()
            await asyncio.wait({rest}, timeout=REST_SECONDS)
            rest.cancel()
    return conversation, stop


class _Session:
    """:param is_trial: it only opens the session
    :ivar last_progress: when the agent last wrote something of its model's, on the loop's clock
    """

    def __init__(
        self, process: SandboxedProcess, turn: AgentTurn, entries: LimitedLog, *, is_trial: bool = False
    ) -> None:
        self._is_trial = is_trial
        self._notes: list[str] = []
        self._process = process
        self._turn = turn
        self._preset = turn.agent.preset
        self._entries = entries
        self._updates = UpdateLog(self._preset.marks, entries)
        self.transport = AgentTransport(process, self._on_update)
        self.last_progress = self.transport.last_output
        self._connection = Connection(self._answer_request, self.transport)
        self._phase = Phase.START
        self._session_id: str | None = None
        self._is_prompted = False
        self._notes_before: SessionNotes | None = None
        self._created = 0.0
        self._exit_status: int | None = None
        self._last_used = Usage()

    @property
    def is_working(self) -> bool:
        """Whether a tool call is under way."""
        return self._updates.has_open_calls

    async def converse(self) -> Mapping[str, Any]:
        """The answer to the prompt.

        :raises RequestError: the agent's error
        :raises ConnectionError: its output or its process ended
        """
        conversation = asyncio.create_task(self._converse())
        exited = asyncio.create_task(self._wait_for_exit())
        try:
            done, _ = await asyncio.wait({conversation, exited}, return_when=asyncio.FIRST_COMPLETED)
            if conversation in done:
                return conversation.result()
            # What the agent has started may hold its output open.
            raise ConnectionError("the agent's process ended")
        finally:
            await cancel_and_wait(conversation, exited)

    async def _wait_for_exit(self) -> None:
        self._exit_status = await self._process.wait()
        await asyncio.sleep(REST_SECONDS)

    async def _converse(self) -> Mapping[str, Any]:
        capabilities = await self._initialize()
        self._phase = Phase.SESSION
        await self._open_session()
        if self._is_trial:
            return {}
        if self._session_id and self._preset.resume is not Resume.NEVER:
            await self._turn.note_session(self._session_id)
        announced = lookup(capabilities, "promptCapabilities.image") is True
        blocks = self._prompt_blocks(takes_images=announced and not self._preset.drops_images)
        self._phase = Phase.PROMPT
        self._is_prompted = True
        return await self._request("session/prompt", sessionId=self._session_id, prompt=blocks)

    async def cancel(self, conversation: _Conversation) -> None:
        """Asks the agent to end the turn, and gives it a moment for that."""
        if self._session_id is None:
            return
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(self._turn.cancelling):
                await self._connection.send_notification("session/cancel", {"sessionId": self._session_id})
                await asyncio.wait({conversation})

    async def close(self) -> None:
        """Lets the agent end by itself, and closes the connection."""
        self._is_prompted = False
        with suppress(ConnectionError):
            await self.transport.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._turn.ending):
                self._exit_status = await self._process.wait()
        await self._connection.close()

    async def result(self, conversation: _Conversation, stop: Stop | None) -> AgentResult:
        """How the turn ended; adds the log's last entries."""
        answer, ended = self._ended(conversation, stop)
        status, text = await judge(ended, self._turn)
        self._end_log(status, text)
        resumable = self._preset.resume is not Resume.NEVER
        return AgentResult(
            status=status,
            text=text,
            session_id=self._session_id if resumable else None,
            usage=await self._usage(answer or _late_answer(conversation)),
        )

    async def problem(self, conversation: _Conversation, stop: Stop | None) -> str | None:
        """Why the session could not be opened as configured; None if it could."""
        _, ended = self._ended(conversation, stop)
        if stop is not None:
            said = f" Its last output: {ended.last_words}" if ended.last_words else ""
            return f"The agent {self._turn.agent.name} did not open a session in time.{said}"
        if ended.error is None and not ended.is_closed:
            return self._notes[0] if self._notes else None
        return (await judge(ended, self._turn))[1]

    def _ended(self, conversation: _Conversation, stop: Stop | None) -> tuple[Mapping[str, Any], Ended]:
        """The answer to the prompt, and what is known of the end."""
        answer: Mapping[str, Any] = {}
        error: AgentError | None = None
        is_closed = False
        if stop is None:
            try:
                answer = conversation.result()
            except RequestError as failure:
                error = AgentError(code=failure.code, message=str(failure), data=failure.data)
            except ConnectionError:
                is_closed = True
        return answer, Ended(
            stop=Stop.FLOODED if is_closed and self.transport.flooded else stop,
            stop_reason=str(answer.get("stopReason") or ""),
            has_usage=answer.get("usage") is not None,
            phase=self._phase,
            answer=self._updates.answer,
            error=error,
            is_closed=is_closed,
            exit_status=self._exit_status,
            exceeded=self._process.exceeded,
            marked_failed=self._updates.failed,
            error_text=self._updates.error,
            last_words=last_words(read_end(self._turn.stderr), "\n".join(self.transport.stray)),
        )

    def _end_log(self, status: RunStatus, text: str) -> None:
        if self.transport.too_long:
            self._note(f"{counted(self.transport.too_long, 'message')} left out: longer than 8 MB.")
        self._updates.end(text if status is RunStatus.COMPLETE else None)
        if status is not RunStatus.COMPLETE:
            self._entries.add(MessageType.ERROR, observation=text)

    async def _initialize(self) -> Mapping[str, Any]:
        response = await self._request(
            "initialize",
            protocolVersion=PROTOCOL_VERSION,
            clientCapabilities={"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
            clientInfo={"name": "codegen-bot", "version": __version__},
        )
        capabilities = response.get("agentCapabilities")
        return capabilities if isinstance(capabilities, dict) else {}

    async def _open_session(self) -> None:
        response: Mapping[str, Any] | None = None
        if self._turn.session_id is not None:
            response = await self._continue_session(self._turn.session_id)
        if response is None:
            response = await self._request("session/new", cwd=self._turn.cwd, mcpServers=[])
            self._session_id = _session_id(response)
            # At once, because a killed turn has no end.
            self._created = time.time()
            notes = SessionNotes(session_id=self._session_id, created=self._created)
            await asyncio.to_thread(write_notes, self._turn.home, notes)
        await self._set_mode(response)
        await self._set_options(response)

    async def _continue_session(self, session_id: str) -> Mapping[str, Any] | None:
        if self._preset.resume is Resume.NEVER:
            self._note(f"This agent cannot continue a session: {STARTS_ANEW}")
            return None
        notes = await asyncio.to_thread(read_notes, self._turn.home, session_id)
        if notes is not None and self._preset.loses_young_sessions:
            await asyncio.sleep(wait_for_minute(notes.created, time.time()))
        try:
            response = await self._request(
                self._preset.resume.value, sessionId=session_id, cwd=self._turn.cwd, mcpServers=[]
            )
        except RequestError as error:
            _log.warning("agent.session_lost", agent=self._turn.agent.name, error=str(error))
            self._note(f"The agent could not continue its session: {STARTS_ANEW}")
            return None
        self._session_id = session_id
        self._notes_before = notes
        return response

    async def _set_mode(self, response: Mapping[str, Any]) -> None:
        mode = self._preset.mode
        if mode is None:
            return
        option = next(
            (one for one in _options(response) if one.get("category") == "mode" and mode in _values(one)), None
        )
        modes = {one.get("id") for one in _dicts(lookup(response, "modes.availableModes"))}
        try:
            if option is not None and mode not in modes:
                await self._set_option(str(option.get("id")), mode, option)
            else:
                await self._request("session/set_mode", sessionId=self._session_id, modeId=mode)
        except RequestError as error:
            _log.warning("agent.mode_refused", agent=self._turn.agent.name, mode=mode, error=str(error))
            self._note(f"The agent refused its mode {mode}: it may ask, or decline to run commands.")

    async def _set_options(self, response: Mapping[str, Any]) -> None:
        known = {str(one.get("id")): one for one in _options(response)}
        for name, value in self._turn.options.items():
            try:
                await self._set_option(name, value, known.get(name))
            except RequestError as error:
                if "{model}" in self._preset.options.get(name, ""):
                    offered = ", ".join(sorted(_values(known.get(name, {})))[:20])
                    offer = f" It offers: {offered}." if offered else ""
                    raise RequestError(error.code, f"unknown model {value}: {error}.{offer}", error.data) from error
                _log.warning("agent.option_refused", agent=self._turn.agent.name, option=name, error=str(error))
                self._note(f"The agent refused its option {name}={value}.")

    async def _set_option(self, name: str, value: str, option: Mapping[str, Any] | None) -> None:
        if option is not None and option.get("type") == "boolean":
            switched = value in {"true", "on"}
            params: dict[str, Any] = {"type": "boolean", "value": switched}
        else:
            params = {"value": value}
        await self._request("session/set_config_option", sessionId=self._session_id, configId=name, **params)

    def _prompt_blocks(self, *, takes_images: bool) -> list[dict[str, Any]]:
        turn = self._turn
        is_anew = turn.session_id is not None and self._session_id != turn.session_id
        text = (is_anew and turn.prompt_anew) or turn.prompt
        blocks: list[dict[str, Any]] = [{"type": "text", "text": text}]
        images = [match for image in self._turn.images if (match := IMAGE.fullmatch(image))]
        if takes_images:
            blocks += ({"type": "image", "mimeType": match[1], "data": match[2]} for match in images)
        if images and not takes_images:
            self._note(f"{counted(len(images), 'image')} not passed on: this agent takes none.")
        if unreadable := len(self._turn.images) - len(images):
            self._note(f"{counted(unreadable, 'image')} not passed on: no data URI of an image in base64.")
        return blocks

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._entries.add(MessageType.ACTION, observation=text)

    def _on_update(self, session_id: str, update: dict[str, Any]) -> None:
        # What comes before the prompt is a replay of the session's earlier turns, or about the session itself.
        is_of_turn = self._is_prompted and session_id == self._session_id
        if (is_of_turn or update.get("sessionUpdate") == "usage_update") and self._updates.add(update):
            self.last_progress = self.transport.last_output
        if "_meta" in update or update.get("sessionUpdate") == "usage_update":
            used = self._used(self._reported({}))
            if self._is_prompted and used != self._last_used:
                self._last_used = used
                self._turn.on_usage(used)

    async def _request(self, method: str, **params: Any) -> Mapping[str, Any]:
        response = await self._connection.send_request(method, params)
        return response if isinstance(response, dict) else {}

    async def _answer_request(self, method: str, params: Any, is_notification: bool) -> Any:  # noqa: FBT001 - acp's signature
        if is_notification:
            return None
        match method, params:
            case "session/request_permission", dict():
                if self._is_prompted and isinstance(tool_call := params.get("toolCall"), dict):
                    self._updates.add_tool_call({**tool_call, "status": None})
                return {"outcome": permission(params.get("options"))}
            case "elicitation/create", _:
                return {"action": "cancel"}
        raise RequestError.method_not_found(method)

    async def _usage(self, answer: Mapping[str, Any]) -> Usage:
        """What this turn used. A cost is always the session's, by the protocol; for tokens, the preset says."""
        before, reported = self._notes_before, self._reported(answer)
        if self._session_id:
            created = before.created if before else self._created
            notes = noted(before, reported, session_id=self._session_id, created=created)
            await asyncio.to_thread(write_notes, self._turn.home, notes)
        return self._used(reported)

    def _reported(self, answer: Mapping[str, Any]) -> Usage:
        counts = token_counts(usage_counts(answer) or self._updates.call_usage)
        return Usage(input_tokens=counts[0], output_tokens=counts[1], cost=self._updates.cost)

    def _used(self, reported: Usage) -> Usage:
        """This turn's part of what the agent reports."""
        used = since(self._notes_before, reported)
        match self._preset.usage:
            case UsageScope.SESSION:
                return plausible(used)
            case UsageScope.TURN:
                return plausible(replace(reported, cost=used.cost))
            case UsageScope.LAST_CALL:
                return plausible(Usage(cost=used.cost))


def _late_answer(conversation: _Conversation) -> Mapping[str, Any]:
    """The answer that an agent still gave when its turn was stopped; empty if there is none."""
    if conversation.cancelled() or conversation.exception() is not None:
        return {}
    return conversation.result()


def permission(options: Any) -> dict[str, Any]:
    """The answer to a permission request. The sandbox is what limits an agent, so one call is allowed, by option id."""
    once = [str(option.get("optionId")) for option in _dicts(options) if option.get("kind") == "allow_once"]
    always = [str(option.get("optionId")) for option in _dicts(options) if option.get("kind") == "allow_always"]
    plain = [option for option in once if option.lower() in PLAIN_ALLOW]
    chosen = next(iter([*plain, *once, *always]), None)
    return {"outcome": "cancelled"} if chosen is None else {"outcome": "selected", "optionId": chosen}


def usage_counts(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The token counts in an answer to a prompt, wherever the agent has put them."""
    found = (
        answer.get("usage"),
        lookup(answer, "_meta.quota.token_count"),
        lookup(answer, "_meta.usage"),
    )
    return next((counts for counts in found if isinstance(counts, dict) and counts), {})


def token_counts(counts: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The tokens read and written. Some agents count cached and thought tokens beside the others, some among them: the
    total says which.
    """
    read = _first_count(counts, "inputTokens", "input_tokens")
    written = _first_count(counts, "outputTokens", "output_tokens")
    total = _first_count(counts, "totalTokens", "total_tokens")
    if read is None or written is None or total is None or total <= read + written:
        return read, written
    cached = sum(_first_count(counts, name) or 0 for name in ("cachedReadTokens", "cachedWriteTokens"))
    thought = _first_count(counts, "thoughtTokens") or 0
    return read + cached, written + thought


def _first_count(counts: Mapping[str, Any], *names: str) -> int | None:
    return next((counts[name] for name in names if isinstance(counts.get(name), int)), None)


def plausible(usage: Usage) -> Usage:
    """Without numbers that cannot be, which a database might refuse."""

    def checked(number: T | None) -> T | None:
        return number if number is not None and 0 <= number < LARGEST_USAGE else None

    return Usage(
        input_tokens=checked(usage.input_tokens), output_tokens=checked(usage.output_tokens), cost=checked(usage.cost)
    )


def _session_id(response: Mapping[str, Any]) -> str:
    """:raises RequestError: there is none that can be stored"""
    match response.get("sessionId"):
        case str(session_id) if 0 < len(session_id) <= SESSION_ID_LIMIT and session_id.isprintable():
            return session_id
        case _:
            raise RequestError(-32603, "the session that it opened has no usable id")


def _options(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _dicts(response.get("configOptions"))


def _values(option: Mapping[str, Any]) -> set[str]:
    """What a config option can be set to; its choices may be in groups."""
    choices = _dicts(option.get("options"))
    return {
        str(choice["value"]) for one in choices for choice in (_dicts(one.get("options")) or [one]) if "value" in choice
    }


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
