"""One turn of a program without a protocol: the prompt on its standard input, its output as the log.

The prompt is also in the file $PROMPT_FILE. The exit status decides whether the turn succeeded, unless the preset's
marks say otherwise.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from bot.agents.agent_turn import AgentTurn
from bot.agents.home import read_json
from bot.agents.log_entries import lookup
from bot.agents.log_limits import OUTPUT_LIMIT, LimitedLog, counted, shorten, storable, utc_now
from bot.agents.model import AddEntry, AgentResult, MessageType
from bot.agents.outcome import ANSI, Ended, Phase, judge, last_words
from bot.agents.sandbox import SandboxedProcess
from bot.agents.stopping import read_end, wait_for_stop
from bot.storage.agent_models import RunStatus
from bot.tasks import cancel_and_wait

PROMPT_FILE = ".prompt.md"
"""Below HOME. The caller writes the prompt there before it starts the program, and sets $PROMPT_FILE to it."""

CHUNK = 256 * 1024

ENTRY_SIZE = 8_000
"""Characters of output in one log entry."""

ENTRY_SECONDS = 2.0
"""How long output waits for more, before it becomes an entry."""

ANSWER_LINES = 20
"""Characters from the end of the output that are the answer, if the program has no better one."""

ANSWER_LIMIT = 8_000

REST_SECONDS = 1.0


async def run_command_turn(
    process: SandboxedProcess,
    turn: AgentTurn,
    *,
    add_entry: AddEntry,
    cancel: asyncio.Event,
    now: Callable[[], datetime] = utc_now,
) -> AgentResult:
    """Sends a started program its prompt, and returns how the turn ended. By then, all its processes have ended.

    :param cancel: when it is set, the turn ends as cancelled
    """
    entries = LimitedLog(add_entry, now=now)
    if turn.images:
        note = f"{counted(len(turn.images), 'image')} not passed on: this agent takes none."
        entries.add(MessageType.ACTION, observation=note)
    command = _Command(process, turn, entries)
    work = asyncio.create_task(command.run())
    try:
        stop = await wait_for_stop(
            work,
            turn,
            cancel=cancel,
            last_output=lambda: command.last_output,
            is_flooded=lambda: command.flooded,
            is_working=lambda: True,
            last_progress=lambda: command.last_output,
        )
    finally:
        work.cancel()
        try:
            await asyncio.gather(work, return_exceptions=True)
        finally:
            rest = asyncio.create_task(_discard(process.stdout))
            await process.kill(at_once=turn.is_lost())
            await asyncio.wait({rest}, timeout=REST_SECONDS)
            rest.cancel()
    command.flush()
    ended = await asyncio.to_thread(command.ended)
    if stop is not None:
        ended = Ended(stop=stop, exceeded=process.exceeded, last_words=ended.last_words)
    status, text = await judge(ended, turn)
    is_complete = status is RunStatus.COMPLETE
    entries.add(MessageType.FINAL_ANSWER if is_complete else MessageType.ERROR, observation=text)
    return AgentResult(status=status, text=text)


class _Command:
    """:ivar last_output: when the program last wrote, on the loop's clock"""

    def __init__(self, process: SandboxedProcess, turn: AgentTurn, entries: LimitedLog) -> None:
        self._process = process
        self._turn = turn
        self._entries = entries
        self._marks = turn.agent.preset.marks
        self._error_text = re.compile(self._marks.error_text) if self._marks.error_text else None
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._loop = asyncio.get_running_loop()
        self._line = ""
        self._lines: list[str] = []
        self._size = 0
        self._first_at = 0.0
        self._total = 0
        self._end: deque[str] = deque(maxlen=ANSWER_LINES)
        self._error = ""
        self._exit_status: int | None = None
        self.last_output = self._loop.time()
        self.flooded = False

    async def run(self) -> None:
        """Until the program has ended, or has written too much."""
        writing = asyncio.create_task(self._write_prompt())
        reading = asyncio.create_task(self._read_output())
        exiting = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({reading, exiting}, return_when=asyncio.FIRST_COMPLETED)
            if not self.flooded:
                self._exit_status = await exiting
                # Processes that the program started may keep its output open.
                await asyncio.wait({reading}, timeout=self._turn.ending)
        finally:
            await cancel_and_wait(writing, reading, exiting)

    def ended(self) -> Ended:
        """What is known of the program's end. Reads files."""
        stderr = read_end(self._turn.stderr)
        words = last_words(stderr, "\n".join(self._end))
        answer = shorten("\n".join(self._end).strip(), ANSWER_LIMIT)
        result = self._marks.result_file
        if result is None or self._exit_status != 0:
            return self._ended(answer, words)
        document = read_json(self._turn.home, result.path)
        status = str(lookup(document, result.status) or "no result")
        if status not in result.succeeded:
            return self._ended(answer, words, error=f"it ended with {status}")
        found = lookup(document, result.text) if result.text else None
        return self._ended(shorten(found, ANSWER_LIMIT).strip() if isinstance(found, str) else answer, words)

    def flush(self) -> None:
        """Adds the output so far to the log."""
        text = storable("\n".join(self._lines)).strip("\n")
        self._lines.clear()
        self._size = 0
        if text.strip():
            self._entries.add(MessageType.ACTION, observation=text)

    def _ended(self, answer: str, words: str, error: str = "") -> Ended:
        status = self._turn.model_status()
        if self._error and (status is None or status >= 400):
            # An error does not count if a later request succeeded.
            error = error or self._error
        return Ended(
            stop_reason="end_turn",
            phase=Phase.PROGRAM,
            has_usage=True,
            answer=answer,
            is_closed=self._exit_status != 0,
            exit_status=self._exit_status,
            exceeded=self._process.exceeded,
            error_text=error,
            last_words=words,
        )

    async def _write_prompt(self) -> None:
        with suppress(ConnectionError):
            self._process.stdin.write(self._turn.prompt.encode())
            await self._process.stdin.drain()
        self._process.stdin.close()

    async def _read_output(self) -> None:
        while True:
            try:
                async with asyncio.timeout(ENTRY_SECONDS if self._lines else None):
                    chunk = await self._process.stdout.read(CHUNK)
            except TimeoutError:
                self.flush()
                continue
            self._take(self._decoder.decode(chunk, final=not chunk))
            if not chunk:
                self._take_line(self._line)
                return
            self._total += len(chunk)
            self.last_output = self._loop.time()
            if self._total > OUTPUT_LIMIT:
                self.flooded = True
                return
            await asyncio.sleep(0)

    def _take(self, text: str) -> None:
        *lines, self._line = (self._line + ANSI.sub("", text)).split("\n")
        if len(self._line) >= ENTRY_SIZE:
            lines.append(self._line)
            self._line = ""
        for line in lines:
            self._take_line(line)

    def _take_line(self, line: str) -> None:
        # A progress bar rewrites the same line.
        line = line.rstrip("\r").rpartition("\r")[2]
        if not self._lines:
            self._first_at = self._loop.time()
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= ENTRY_SIZE or self._loop.time() > self._first_at + ENTRY_SECONDS:
            self.flush()
        if line.strip():
            self._end.append(line[:2_000])
        if self._error_text is not None and self._error_text.match(line):
            self._error = line[:2_000]


async def _discard(stream: asyncio.StreamReader) -> None:
    """Reads to the end: a process whose output is not read does not count as ended in asyncio."""
    while await stream.read(CHUNK):
        pass
