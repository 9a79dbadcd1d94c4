"""The sandbox of a turn: what an agent may touch.

`choice` gives the sandbox of a kind and says why it cannot be used here; `bubblewrap` and `none` are the two kinds;
`installation` finds the folders without which an agent's program cannot start; `watching` ends what exceeds its limits;
`forwarder` is the program that runs inside; `guard`, which `guarding` starts, runs beside it and ends the agent when
the bot freezes. What an agent may reach is `bot.agents.egress`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.agents.config import SandboxKind

WORKSPACE = "/workspace"
HOME = "/home/agent"
OBJECTS = "/mirror/objects"
PROXY_PORT = 3128

NOT_SANDBOXED = (
    "This run was not sandboxed: the agent could read and change everything that the bot's own user can, because the "
    "agents file says `sandbox: none`."
)
"""What replies say about a run with `sandbox: none`."""

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest line that `stdout` gives: messages of the Agent Client Protocol carry whole files and images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of all that one turn runs, together, except `file_size` (of each file) and `open_files` (of each process).

    :param memory: bytes
    :param processes: threads count too
    :param disk: bytes by which the worktree and HOME may grow
    :param tmp: bytes of /tmp and /dev/shm, each; they are in memory
    :param niceness: 0 to 19
    """

    memory: int = 4 * 1024**3
    processes: int = 1024
    disk: int = 10 * 1024**3
    file_size: int = 2 * 1024**3
    open_files: int = 8192
    tmp: int = 1024**3
    niceness: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """What the sandbox of one turn holds; paths are those of the host.

    :param worktree: writable, at WORKSPACE
    :param home: writable, at HOME, kept between the turns of a run
    :param tmp: TMPDIR of a run without a sandbox; in a sandbox /tmp is in memory and new each time
    :param socket: the egress proxy's Unix socket, which is reached at 127.0.0.1, port PROXY_PORT
    :param programs: the folders and files of the agent's installation, read-only at the same path
    :param shared_objects: the mirror's git objects, read-only at OBJECTS
    :param environment: added to HOME, PATH, TMPDIR, USER and LANG; nothing else of the bot's environment gets in
    """

    worktree: Path
    home: Path
    tmp: Path
    socket: Path | None = None
    programs: tuple[Path, ...] = ()
    shared_objects: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = Limits()


class SandboxedProcess(Protocol):
    """An agent's process. Its standard error goes to a file: a pipe that is not read blocks it."""

    @property
    def stdin(self) -> asyncio.StreamWriter: ...

    @property
    def stdout(self) -> asyncio.StreamReader: ...

    @property
    def pid(self) -> int: ...

    @property
    def exceeded(self) -> str | None:
        """The limit for which it was ended, as a sentence that says what to do."""

    async def wait(self) -> int:
        """Waits until the process ends and returns its exit status; negative: the signal that ended it."""

    async def kill(self, *, at_once: bool = False) -> None:
        """Ends the process and everything that it started. Returns when nothing of it is left.

        :param at_once: without giving it time to store anything
        """


class Sandbox(Protocol):
    @property
    def kind(self) -> SandboxKind: ...

    def workspace(self, spec: SandboxSpec) -> str:
        """The working folder, as the agent sees it."""

    def home(self, spec: SandboxSpec) -> str:
        """Its HOME, as the agent sees it."""

    async def start(self, command: Sequence[str], spec: SandboxSpec, *, stderr: Path) -> SandboxedProcess:
        """Starts a program in the workspace.

        :param command: its program is looked up on the bot's PATH, a relative path in the worktree
        :param stderr: gets the end of its standard error, 2 MiB at most
        :raises TurnError: it cannot be started
        """
