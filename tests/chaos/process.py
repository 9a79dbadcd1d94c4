"""The bot as a separate process, which can be killed and stopped, and whose log is read."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.worlds import Worlds
from tests.harness import TIMEOUT
from tests.harness.processes import LISTENS, LogLines, environment

FAST_SERVER = ("tests.chaos.fast_server",)
RECOVERING = (*FAST_SERVER, "recovering")
HOLDING = (*FAST_SERVER, "holding")
NEXT_VERSION = ("tests.chaos.next_version",)
AS_SERVED = ("bot", "serve")

_BROKEN = re.compile(r"Traceback|command\.failed|step\.failed|command\.unanswered")


class Bot:
    """One bot, over several lives of its process.

    :param module: what ``python -m`` starts
    :param environment: settings beside those that every bot here has
    """

    def __init__(
        self,
        worlds: Worlds,
        folder: Path,
        *,
        module: tuple[str, ...] = FAST_SERVER,
        **environment: str,
    ) -> None:
        self._worlds = worlds
        self._folder = folder
        self._module = module
        self._environment = environment
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._is_up = asyncio.Event()
        self.lives = 0
        self._spoken = 0
        self._log = LogLines()
        self.said = self._log.lines

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def spawn(self) -> None:
        """Begins a life; returns before the bot is up."""
        self._is_up.clear()
        self.lives += 1
        self._spoken = len(self.said)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self._module,
            cwd=self._folder,
            env=environment(
                self._worlds.github,
                self._worlds.codegen,
                **{"PROGRESS_INTERVAL_SECONDS": "0.3", **self._environment},
            ),
            stderr=asyncio.subprocess.PIPE,
        )
        self._listening = asyncio.create_task(self._listen(self._process), name="bot-log")

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._log.add(text)
            if found := LISTENS.search(text):
                self._worlds.github.webhooks.url = f"http://127.0.0.1:{found[1]}/webhooks/github"
                self._is_up.set()

    async def up(self) -> None:
        """Waits until it listens, and redelivers what it missed unless it requests that itself."""
        waiting = asyncio.create_task(self._is_up.wait())
        assert self._listening is not None
        await asyncio.wait((waiting, self._listening), timeout=TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert self._is_up.is_set(), "the bot did not come up"
        if self._module != RECOVERING:
            self._worlds.redeliver_missed()

    async def until_logged(self, words: str) -> None:
        """Waits until this process has logged such a line.

        :param words: a regular expression, searched in it
        """
        await self._log.until(words, since=self._spoken)

    async def start(self) -> None:
        await self.spawn()
        await self.up()

    async def kill(self) -> None:
        """Ends the life without warning."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> float:
        """Stops it by SIGTERM.

        :returns: seconds until it had ended
        """
        began = asyncio.get_running_loop().time()
        status = await self._end(signal.SIGTERM)
        assert status == 0, f"it ended with {status}: {self.said[-5:]}"
        return asyncio.get_running_loop().time() - began

    async def ended(self) -> int:
        """Waits until it ends by itself, and returns its status."""
        assert self._process is not None
        async with asyncio.timeout(TIMEOUT):
            status = await self._process.wait()
        await self._read_rest()
        return status

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        async with asyncio.timeout(TIMEOUT):
            status = await process.wait()
        await self._read_rest()
        self._process = None
        return status

    async def _read_rest(self) -> None:
        if self._listening is not None:
            await self._listening
            self._listening = None

    @asynccontextmanager
    async def reporting(self, seed: int) -> AsyncIterator[None]:
        """Adds the seed and the last log lines to a failure; the last life ends with the context."""
        try:
            yield
        except Exception as error:
            error.add_note(f"CHAOS_SEED={seed}, life {self.lives}\n" + "\n".join(self.said[-60:]))
            raise
        finally:
            await self.kill()

    def broken(self) -> list[str]:
        """The log lines that report a fault of the bot itself."""
        return [line for line in self.said if _BROKEN.search(line)]
