"""JSON-RPC messages over an agent's standard input and output, for the SDK's connection.

The SDK's own stdio transport keeps a line of any length in memory, ends at JSON that is no object, and passes
updates on as tasks, which lose their order. This one bounds what it reads, drops what is no message, and hands
updates over in the order in which they come, before the response that follows them.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from bot.agents.log_limits import OUTPUT_LIMIT
from bot.agents.sandbox import SandboxedProcess

LINE_LIMIT = 8 * 1024 * 1024
"""Bytes of one message. Longer ones are dropped unread."""

CHUNK = 256 * 1024
"""Bytes that are read at once; no more than asyncio reads of a pipe meanwhile."""

UNANSWERED = 32
"""The agent's requests that may wait for a response, before its output is left unread."""

STRAY_LINES = 5


class AgentTransport:
    """acp's `Transport` for one process.

    :ivar last_output: when the agent last wrote, on the loop's clock
    :ivar too_long: messages that were dropped for their length
    :ivar flooded: the agent wrote more than a turn may; its output is not read any more
    :ivar stray: the last lines that were no messages
    """

    def __init__(self, process: SandboxedProcess, on_update: Callable[[str, dict[str, Any]], None]) -> None:
        self._process = process
        self._on_update = on_update
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._searched = 0
        self._skips_line = False
        self._total = 0
        self._answers = asyncio.Semaphore(UNANSWERED)
        self._writes = asyncio.Lock()
        self.last_output = self._loop.time()
        self.too_long = 0
        self.flooded = False
        self.stray: deque[str] = deque(maxlen=STRAY_LINES)

    async def send(self, message: dict[str, Any]) -> None:
        """:raises ConnectionError: the agent's standard input is closed"""
        if "method" not in message:
            self._answers.release()
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        async with self._writes:
            if self._process.stdin.is_closing():
                raise ConnectionError("the agent's standard input is closed")
            self._process.stdin.write(line)
            await self._process.stdin.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message that is no update; None when there will be none."""
        while (line := await self._read_line()) is not None:
            message = self._parse(line)
            if message is None:
                continue
            match message:
                case {"method": "session/update"}:
                    self._hand_over(message.get("params"))
                case {"method": _, "id": _}:
                    await self._answers.acquire()
                    return message
                case _:
                    return message
        return None

    async def close(self) -> None:
        """Closes the agent's standard input."""
        self._process.stdin.close()

    async def discard_rest(self) -> None:
        """Reads the output to its end. A process whose output is not read does not count as ended in asyncio."""
        while await self._process.stdout.read(CHUNK):
            pass

    async def _read_line(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                if not self._skips_line:
                    return line
                self._skips_line = False
                continue
            self._searched = len(self._buffer)
            if len(self._buffer) > LINE_LIMIT or self._skips_line:
                self.too_long += not self._skips_line
                self._skips_line = True
                self._buffer.clear()
                self._searched = 0
            if not await self._read_chunk():
                return None

    async def _read_chunk(self) -> bool:
        chunk = await self._process.stdout.read(CHUNK)
        self._total += len(chunk)
        self.flooded = self._total > OUTPUT_LIMIT
        if not chunk or self.flooded:
            return False
        self._buffer += chunk
        self.last_output = self._loop.time()
        # A read returns at once while there is output: others get their turn here.
        await asyncio.sleep(0)
        return True

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not _is_rpc(message):
            self.stray.append(line[:500].decode(errors="replace").strip())
            return None
        if "error" in message:
            message["error"] = _error(message["error"])
        return message

    def _hand_over(self, params: Any) -> None:
        match params:
            case {"update": {"sessionUpdate": str()} as update}:
                self._on_update(str(params.get("sessionId")), update)


def _is_rpc(message: dict[str, Any]) -> bool:
    method, request_id = message.get("method"), message.get("id")
    return (isinstance(method, str) if method is not None else "id" in message) and isinstance(
        request_id, str | int | None
    )


def _error(error: Any) -> dict[str, Any]:
    """A JSON-RPC error as the SDK expects it."""
    fields = error if isinstance(error, dict) else {"message": error}
    code = fields.get("code")
    return {
        "code": code if isinstance(code, int) else -32603,
        "message": str(fields.get("message") or "no message")[:4_000],
        "data": fields.get("data"),
    }
