"""The agent's side of the protocol."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import acp
from acp.schema import (
    AgentCapabilities,
    AgentMessageChunk,
    Implementation,
    PromptCapabilities,
    SessionCapabilities,
    SessionMode,
    SessionModeState,
    SessionResumeCapabilities,
    TextContentBlock,
    UserMessageChunk,
)

from bot.emulators.agent.improvising import improvise
from bot.emulators.agent.memory import Memory, Session
from bot.emulators.agent.script import find_script
from bot.emulators.agent.turn import Stopped, Turn

MODES = ("ask", "auto")


async def serve() -> None:
    """Serves one client on standard input and output, until it closes them."""
    reader, writer = await acp.stdio_streams(limit=acp.core.DEFAULT_STDIO_BUFFER_LIMIT_BYTES)
    home = Path(os.environ.get("HOME", "."))
    with suppress(ConnectionError):
        # It has no session/list, session/fork or session/close, which acp's protocol class demands of every agent.
        await acp.run_agent(
            cast("acp.Agent", ScriptedAgent(Memory(home), writer)), writer, reader, use_unstable_protocol=True
        )


class ScriptedAgent:
    """:param writer: its standard output, for what is no message"""

    def __init__(self, memory: Memory, writer: asyncio.StreamWriter) -> None:
        self._memory = memory
        self._writer = writer
        self._sessions: dict[str, Session] = {}
        self._turns: dict[str, asyncio.Task[str]] = {}
        self._ignores_cancel: set[str] = set()
        self._client: acp.Client | None = None

    def on_connect(self, conn: acp.Client) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_kwargs: Any) -> acp.InitializeResponse:
        return acp.InitializeResponse(
            protocol_version=min(protocol_version, acp.PROTOCOL_VERSION),
            agent_info=Implementation(name="scripted-agent", version="1"),
            agent_capabilities=AgentCapabilities(
                load_session=True,
                prompt_capabilities=PromptCapabilities(image=True),
                session_capabilities=SessionCapabilities(resume=SessionResumeCapabilities()),
            ),
        )

    async def new_session(self, cwd: str, **_kwargs: Any) -> acp.NewSessionResponse:
        session = self._memory.create(cwd)
        self._sessions[session.session_id] = session
        return acp.NewSessionResponse(session_id=session.session_id, modes=_modes(session))

    async def resume_session(self, session_id: str, cwd: str, **_kwargs: Any) -> acp.schema.ResumeSessionResponse:
        return acp.schema.ResumeSessionResponse(modes=_modes(self._continue(session_id, cwd)))

    async def load_session(self, cwd: str, session_id: str, **_kwargs: Any) -> acp.LoadSessionResponse:
        """Repeats the session's messages first, as the protocol demands."""
        session = self._continue(session_id, cwd)
        for prompt, answer in zip(session.prompts, session.answers, strict=False):
            await self._update(session_id, UserMessageChunk(session_update="user_message_chunk", content=_text(prompt)))
            await self._update(
                session_id, AgentMessageChunk(session_update="agent_message_chunk", content=_text(answer))
            )
        return acp.LoadSessionResponse(modes=_modes(session))

    async def set_session_mode(self, session_id: str, mode_id: str, **_kwargs: Any) -> acp.SetSessionModeResponse:
        if mode_id not in MODES:
            raise acp.RequestError.invalid_params({"modeId": mode_id})
        self._session(session_id).mode = mode_id
        return acp.SetSessionModeResponse()

    async def prompt(self, session_id: str, prompt: list[Any], **_kwargs: Any) -> acp.PromptResponse:
        session = self._session(session_id)
        text = "\n".join(block.text for block in prompt if block.type == "text")
        images = sum(block.type == "image" for block in prompt)
        session.prompts.append(text)
        turn = Turn(session, self._connected(), self._writer, images=images)
        work = asyncio.create_task(self._work(turn, text))
        self._turns[session_id] = work
        try:
            stop_reason = await work
        except asyncio.CancelledError:
            if not work.cancelled():
                raise
            stop_reason = "cancelled"
        finally:
            del self._turns[session_id]
            session.answers.append(turn.answer)
            self._memory.save(session)
        return acp.PromptResponse.model_validate({"stopReason": stop_reason, "usage": turn.usage()})

    async def cancel(self, session_id: str, **_kwargs: Any) -> None:
        turn = self._turns.get(session_id)
        if turn is not None and session_id not in self._ignores_cancel:
            turn.cancel()

    async def _work(self, turn: Turn, prompt: str) -> str:
        script = find_script(prompt, os.environ)
        try:
            if script is None:
                await improvise(turn, prompt)
            for step in script or ():
                if "ignore_cancel" in step:
                    self._ignores_cancel.add(turn.session.session_id)
                else:
                    await turn.take(step)
        except Stopped as stopped:
            return stopped.reason
        return "end_turn"

    def _continue(self, session_id: str, cwd: str) -> Session:
        session = self._sessions.get(session_id) or self._memory.load(session_id)
        if session is None:
            raise acp.RequestError.resource_not_found(session_id)
        session.cwd = cwd
        self._sessions[session_id] = session
        return session

    def _session(self, session_id: str) -> Session:
        if session_id not in self._sessions:
            raise acp.RequestError.resource_not_found(session_id)
        return self._sessions[session_id]

    def _connected(self) -> acp.Client:
        if self._client is None:
            raise acp.RequestError.internal_error()
        return self._client

    async def _update(self, session_id: str, update: UserMessageChunk | AgentMessageChunk) -> None:
        await self._connected().session_update(session_id=session_id, update=update)


def _modes(session: Session) -> SessionModeState:
    return SessionModeState(
        current_mode_id=session.mode, available_modes=[SessionMode(id=mode, name=mode) for mode in MODES]
    )


def _text(text: str) -> TextContentBlock:
    return TextContentBlock(type="text", text=text)
