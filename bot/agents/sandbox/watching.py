"""Ends a turn whose processes use more than they may.

The kernel's own limits do not suffice: those of memory and of a file's size are of each process or file, a limit of
processes does not bind the superuser's, and a control group is rarely the bot's to make. So the bot looks, a few times
a second, at everything that one turn runs.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot import log
from bot.agents.sandbox import Limits, SandboxSpec

_log = log.get(__name__)

INTERVAL_SECONDS = 0.25
FILES_INTERVAL_SECONDS = 2.0
CALM_FILES_INTERVAL_SECONDS = 30.0
GIBIBYTE = 1024**3


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    threads: int


def processes() -> Iterable[Process]:
    """All of this machine."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - a Path for each is most of the time that this takes
        if name.isdigit():
            with suppress(OSError):
                # The program's name, in parentheses, may hold spaces and parentheses.
                fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split(None, 18)
                yield Process(int(name), int(fields[1]), int(fields[17]))


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 65536)
    finally:
        os.close(descriptor)


def descendants(root: int) -> list[Process]:
    """A process and everything below it."""
    children: dict[int, list[Process]] = {}
    found = []
    for process in processes():
        children.setdefault(process.parent, []).append(process)
        if process.pid == root:
            found.append(process)
    for process in found:
        found += children.get(process.pid, ())
    return found


def memory(pids: Iterable[int]) -> int:
    """Bytes that are counted for each process that shares them: never less than what is used."""
    return sum(_kilobytes(pid, "status", (b"RssAnon:", b"RssShmem:")) for pid in pids) * 1024


def shared_memory_counted_once(pids: Iterable[int]) -> int:
    """The exact figure, which costs the kernel a walk through the page tables."""
    return sum(_kilobytes(pid, "smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:")) for pid in pids) * 1024


def _kilobytes(pid: int, file: str, names: tuple[bytes, ...]) -> int:
    try:
        lines = _read(f"/proc/{pid}/{file}").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(names))


@dataclass(slots=True)
class Written:
    """Bytes on disk.

    :param is_complete: False if a folder could not be read, as an agent may arrange
    """

    size: int = 0
    is_complete: bool = True


def written_since(folders: Iterable[Path], start: float) -> Written:
    """What the files take that were made or changed since then."""
    written = Written()
    waiting = [*map(os.fspath, folders)]
    while waiting:
        try:
            entries = [*os.scandir(waiting.pop())]
        except PermissionError:
            written.is_complete = False
            continue
        except OSError:
            continue
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif (status := entry.stat(follow_symlinks=False)).st_ctime >= start:
                    written.size += status.st_blocks * 512
    return written


@dataclass(slots=True)
class Nameless:
    """Bytes of files that have no name any more, or never had one, and that processes hold open."""

    on_disk: int = 0
    in_memory: int = 0


def nameless_files(pids: Iterable[int]) -> Nameless:
    found = Nameless()
    seen: set[tuple[int, int]] = set()
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        with suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 - as above
                with suppress(OSError):
                    status = os.stat(f"{folder}/{name}")  # noqa: PTH116 - as above
                    inode = (status.st_dev, status.st_ino)
                    if status.st_nlink or inode in seen or not stat.S_ISREG(status.st_mode):
                        continue
                    seen.add(inode)
                    if os.readlink(f"{folder}/{name}").startswith("/memfd:"):  # noqa: PTH115 - as above
                        found.in_memory += status.st_blocks * 512
                    else:
                        found.on_disk += status.st_blocks * 512
    return found


def free_memory() -> int:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith(b"MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


class Watch:
    """What one turn uses.

    :param root: the process above all of the turn's
    """

    def __init__(self, root: int, spec: SandboxSpec) -> None:
        self._root = root
        self._limits: Limits = spec.limits
        self._folders = (spec.worktree, spec.home)
        self._start = time.time()
        self._memory = free_memory()
        self._free = 0
        self._free = self._free_bytes()
        self._files_looked_at = time.monotonic()

    async def run(self, exceed: Callable[[str], Awaitable[None]]) -> None:
        """Looks until something is exceeded.

        :param exceed: ends the turn; called with the reason
        """
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            if sentence := await asyncio.to_thread(self.look):
                _log.warning("sandbox.limit_exceeded", reason=sentence)
                await exceed(sentence)
                return

    def look(self) -> str | None:
        found = descendants(self._root)
        if (tasks := sum(process.threads for process in found)) > self._limits.processes:
            return (
                f"The agent ran {tasks:,} processes and threads at once; {self._limits.processes:,} are allowed. "
                "Have it run fewer things at a time."
            )
        pids = [process.pid for process in found]
        if memory(pids) > self._limits.memory and shared_memory_counted_once(pids) > self._limits.memory:
            return self._too_much_memory()
        return self._look_at_files(pids)

    def _look_at_files(self, pids: Sequence[int]) -> str | None:
        """Seldom, unless the machine has lost much: there may be tens of thousands of them."""
        lost = self._free - self._free_bytes()
        is_pressing = lost > self._limits.disk / 4 or self._memory - free_memory() > self._limits.memory / 4
        interval = FILES_INTERVAL_SECONDS if is_pressing else CALM_FILES_INTERVAL_SECONDS
        if time.monotonic() - self._files_looked_at < interval:
            return None
        nameless = nameless_files(pids)
        if memory(pids) + nameless.in_memory > self._limits.memory and (
            shared_memory_counted_once(pids) + nameless.in_memory > self._limits.memory
        ):
            return self._too_much_memory()
        written = written_since(self._folders, self._start)
        self._files_looked_at = time.monotonic()
        size = written.size + nameless.on_disk
        # What cannot be counted is taken to be what is missing.
        if (size if written.is_complete else max(size, lost)) <= self._limits.disk:
            return None
        return (
            f"The agent wrote more than {self._limits.disk / GIBIBYTE:.3g} GiB to disk. "
            "Have it remove what it needs no more, and build less at a time."
        )

    def _too_much_memory(self) -> str:
        return (
            f"The agent and its commands used more than {self._limits.memory / GIBIBYTE:.3g} GiB of memory. "
            "Have it run fewer or smaller things at a time."
        )

    def _free_bytes(self) -> int:
        try:
            found = os.statvfs(self._folders[0])
        except OSError:  # the worktree was removed
            return self._free
        return found.f_bavail * found.f_frsize
