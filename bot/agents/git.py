"""Runs git with the bot's own credentials, on repositories whose contents are not trusted.

No configuration but the bot's own is read: neither the machine's nor a user's, and the repository's only where the bot
wrote it. Hooks, the file system monitor, filters, external diffs, merge drivers, credential helpers and submodules are
off, so that git starts no program that a repository or an agent named. Credentials are passed in the environment only,
never in arguments or files.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from bot import log
from bot.errors import BotError
from bot.tasks import cancel_and_wait
from bot.text.redaction.redact import redact

T = TypeVar("T")

_log = log.get(__name__)

LOCAL_TIMEOUT = 300.0
"""Seconds for a command on this machine: a checkout of a large repository on a slow disk."""

NETWORK_TIMEOUT = 1800.0
"""Seconds for a fetch or a push. One that transfers nothing for two minutes ends earlier."""

OUTPUT_LIMIT = 256 * 2**20
"""Bytes of a command's output, unless the caller sets another limit: the list of a very large repository's files."""

_ERROR_LIMIT = 16_384
"""Bytes of the end of a command's error output that are read."""

NEARLY_FULL = 128 * 2**20
"""A disk with fewer free bytes is taken to be full: the file that could not be written may have been larger."""

OLDEST_VERSION = (2, 38)
"""The first git with `merge-tree --write-tree`."""


class GitProblem(StrEnum):
    """Why a git command failed."""

    NOT_INSTALLED = "not-installed"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not-found"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NO_BRANCH = "no-branch"
    PROTECTED = "protected"
    STALE = "stale"
    WORKFLOWS = "workflows"
    TOO_LARGE = "too-large"
    SECRET = "secret"  # noqa: S105 - a word
    REFUSED = "refused"
    DISK_FULL = "disk-full"
    CORRUPT = "corrupt"
    TIMED_OUT = "timed-out"
    OTHER = "other"


_SENTENCES = {
    GitProblem.NOT_INSTALLED: "git is not installed where the agents run. Install git 2.38 or later there.",
    GitProblem.UNREACHABLE: "The repository's server cannot be reached. Try again later.",
    GitProblem.NOT_FOUND: "GitHub shows the bot no such repository. Check its name, and that the bot's GitHub App is "
    "installed there or its token may read it.",
    GitProblem.UNAUTHORIZED: "GitHub does not accept the bot's credentials. Renew the bot's token or its App's key.",
    GitProblem.FORBIDDEN: "The bot has no permission to do this in the repository. Grant its GitHub App or token write "
    "access to contents.",
    GitProblem.NO_BRANCH: "The branch does not exist any more. Restore it, or start a new run.",
    GitProblem.PROTECTED: "A rule of the repository protects the branch from the bot's push. Let the bot bypass it, or "
    "start a new run.",
    GitProblem.STALE: "Someone else pushed to the branch meanwhile. Resume the run to try again.",
    GitProblem.WORKFLOWS: "The bot may not change workflow files. Grant its GitHub App the permission workflows: write "
    "and resume the run, or change those files yourself.",
    GitProblem.TOO_LARGE: "GitHub refuses the push because a file is too large. Resume the run and ask for a smaller "
    "one.",
    GitProblem.SECRET: "GitHub refuses the push because it contains a secret. Resume the run and ask to remove it.",
    GitProblem.REFUSED: "The repository's server refuses the push. Its rules say why.",
    GitProblem.DISK_FULL: "The disk of the machine that runs the agents is full. Free space there, then resume the "
    "run.",
    GitProblem.CORRUPT: "The machine's copy of the repository is damaged. Start a new run.",
    GitProblem.TIMED_OUT: "git took too long and was stopped. Try again later.",
    GitProblem.OTHER: "git failed. The bot's log shows why.",
}

# The first that matches counts: a push that is refused by a hook also says "failed to push some refs".
_SIGNS: tuple[tuple[GitProblem, re.Pattern[str]], ...] = tuple(
    (problem, re.compile(pattern, re.IGNORECASE))
    for problem, pattern in (
        (GitProblem.DISK_FULL, r"No space left on device|Disk quota exceeded"),
        (GitProblem.WORKFLOWS, r"without [`']?workflows?[`']? (permission|scope)"),
        (GitProblem.TOO_LARGE, r"\bGH001\b|exceeds GitHub's file size limit"),
        (GitProblem.SECRET, r"\bGH009\b|push cannot contain secrets|secret[- ]scanning"),
        (GitProblem.PROTECTED, r"\bGH006\b|\bGH013\b|protected branch|repository rule violations"),
        (GitProblem.STALE, r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref"),
        (GitProblem.NO_BRANCH, r"couldn't find remote ref|remote ref does not exist"),
        (GitProblem.UNAUTHORIZED, r"error: 401\b|Authentication failed|could not read (Username|Password)"),
        (GitProblem.FORBIDDEN, r"error: 403\b|Permission to .{1,300} denied|Write access .{0,100}not granted"),
        (
            GitProblem.NOT_FOUND,
            (
                r"error: 404\b|repository '[^']*' (not found|does not exist)|Repository not found"
                r"|does not appear to be a git repository"
            ),
        ),
        (GitProblem.REFUSED, r"hook declined|\[remote rejected\]|unpacker error"),
        (
            GitProblem.UNREACHABLE,
            (
                r"could ?n[o']t (resolve|connect)|unable to access|Failed to connect"
                r"|Connection (refused|reset|timed out)|Operation too slow"
                r"|RPC failed|early EOF|hung up unexpectedly|unexpected disconnect"
                r"|error: (429|5\d\d)\b"
            ),
        ),
        (
            GitProblem.CORRUPT,
            (
                r"bad object|object file .{1,300} is empty|loose object|is corrupt|unable to read tree|missing blob"
                r"|unable to (find|read) [0-9a-f]{40}|bad signature|index file (corrupt|smaller)"
                r"|did not send all necessary"
                r"|invalid sha1 pointer|invalid object|not a git repository|packfile .{1,300} (cannot|does not)"
            ),
        ),
    )
)


_CANNOT_WRITE = re.compile(r"unable to (?:write|create)")


class GitError(BotError):
    """A git command failed.

    :param problem: what kind of failure
    :param detail: git's own message, redacted and shortened, for the log
    :param sentence: for the user
    """

    def __init__(self, problem: GitProblem, detail: str = "") -> None:
        super().__init__(problem, detail)
        self.problem = problem
        self.detail = detail

    @property
    def sentence(self) -> str:
        return _SENTENCES[self.problem]

    def __str__(self) -> str:
        return f"git failed, {self.problem}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A repository on a server.

    :param url: without credentials
    :param token: GitHub's; None: none is sent
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def configuration(self) -> dict[str, str]:
        """Git's settings that send the token to this URL and nowhere else."""
        if self.token is None:
            return {}
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {f"http.{self.url}.extraHeader": f"Authorization: Basic {basic}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Git on one repository.

    :param git_dir: written by the bot alone; None for commands that need none
    :param work_tree: the files; may be hostile
    :param protocols: the protocols by which a remote may be reached
    :param settings: more of git's configuration
    :param yields: whether it runs with low priority
    """

    git_dir: Path | None = None
    work_tree: Path | None = None
    protocols: tuple[str, ...] = ("https", "http")
    settings: Mapping[str, str] = field(default_factory=dict)
    yields: bool = False

    async def run(
        self,
        *arguments: str | Path,
        remote: Remote | None = None,
        input: bytes = b"",  # noqa: A002 - as in subprocess
        environment: Mapping[str, str] | None = None,
        limit: int = OUTPUT_LIMIT,
        cuts: bool = False,
        allowed: Sequence[int] = (0,),
        timeout: float | None = None,  # noqa: ASYNC109 - the process is ended in an order of its own
    ) -> bytes:
        """Runs a command and returns its output.

        :param remote: whose credentials the command may use
        :param limit: bytes of the output
        :param cuts: whether a longer output is cut, instead of an error
        :param allowed: exit statuses that are not failures
        :param timeout: seconds; None: by whether there is a remote
        :raises GitError: if it fails; nothing of it is running then
        """
        if timeout is None:
            timeout = LOCAL_TIMEOUT if remote is None else NETWORK_TIMEOUT
        process = await self._start(arguments, remote, environment or {})
        reading = asyncio.ensure_future(_communicate(process, input, limit))
        try:
            output, errors, is_long = await asyncio.wait_for(reading, timeout)
        except TimeoutError:
            raise self._failed(arguments, GitProblem.TIMED_OUT, f"after {timeout:g} s") from None
        finally:
            await _end(process)
        if is_long:
            if cuts:
                return output
            raise self._failed(arguments, GitProblem.OTHER, f"more than {limit} bytes of output")
        if process.returncode not in allowed:
            told = f"{output[-_ERROR_LIMIT:].decode(errors='replace') if remote else ''}\n{errors}"
            problem = problem_of(told)
            if problem is GitProblem.OTHER and _CANNOT_WRITE.search(errors) and self._is_disk_full():
                problem = GitProblem.DISK_FULL
            raise self._failed(arguments, problem, errors)
        return output

    async def text(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> str:
        """The output of a command that prints one line."""
        return (await self.run(*arguments, environment=environment, limit=2**20)).decode(errors="replace").strip()

    async def _start(
        self, arguments: Sequence[str | Path], remote: Remote | None, environment: Mapping[str, str]
    ) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *(("nice", "-n", "19", "git") if self.yields else ("git",)),
                *map(str, arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**self._environment(remote), **environment},
                cwd=self.work_tree or self.git_dir or "/",
                start_new_session=True,
            )
        except FileNotFoundError:
            if shutil.which("git") is not None:
                raise self._failed(arguments, GitProblem.CORRUPT, "the folder is gone") from None
            raise self._failed(arguments, GitProblem.NOT_INSTALLED, "") from None
        except OSError as error:
            raise self._failed(arguments, problem_of(str(error)), str(error)) from None

    def _environment(self, remote: Remote | None) -> dict[str, str]:
        inherited = {name: value for name in _INHERITED if (value := os.environ.get(name)) is not None}
        # Git starts in the work tree: a relative folder would be one of the repository's own.
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        inherited["PATH"] = os.pathsep.join(folder for folder in folders if Path(folder).is_absolute())
        settings = {**_SETTINGS, **self.settings, **(remote.configuration() if remote else {})}
        numbered: dict[str, str] = {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            numbered[f"GIT_CONFIG_KEY_{number}"] = key
            numbered[f"GIT_CONFIG_VALUE_{number}"] = value
        places: dict[str, str] = {}
        if self.git_dir is not None:
            places["GIT_DIR"] = str(self.git_dir)
        if self.work_tree is not None:
            places["GIT_WORK_TREE"] = str(self.work_tree)
        return {**inherited, **_ENVIRONMENT, "GIT_ALLOW_PROTOCOL": ":".join(self.protocols), **places, **numbered}

    def _is_disk_full(self) -> bool:
        """A checkout does not say why it could not write a file."""
        found = shutil.disk_usage(self.work_tree or self.git_dir or "/")
        return found.free < NEARLY_FULL

    def _failed(self, arguments: Sequence[str | Path], problem: GitProblem, detail: str) -> GitError:
        error = GitError(problem, redact(detail.strip())[-500:])
        # A missing branch is an expected result.
        note = _log.debug if problem is GitProblem.NO_BRANCH else _log.info
        note("git.failed", command=str(arguments[0]), problem=str(problem), detail=error.detail)
        return error


_INHERITED = (
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
)
"""What git takes from the bot's environment: how the network is reached."""

_ENVIRONMENT = {
    # curl would read .netrc there, and git its configuration and ignored files.
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "LC_ALL": "C",  # the messages are searched
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_TEMPLATE_DIR": "",
}

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.autocrlf": "false",
    "core.fileMode": "true",
    "core.symlinks": "true",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.sshCommand": "false",
    "credential.helper": "",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "diff.ignoreSubmodules": "all",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "init.defaultBranch": "main",
    "checkout.workers": "0",  # as many as there are cores
    # A server that prepares a large fetch sends a few bytes every five seconds.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "120",
    "protocol.version": "2",
}


def problem_of(text: str) -> GitProblem:
    """The problem that git's messages describe."""
    return next((problem for problem, sign in _SIGNS if sign.search(text)), GitProblem.OTHER)


async def version_problem() -> str | None:
    """Why the git of this machine cannot be used, in one sentence; None if it can."""
    try:
        words = await Git().text("version")
    except GitError as error:
        return error.sentence
    found = re.search(r"(\d+)\.(\d+)", words)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST_VERSION:
        return None
    wanted = ".".join(map(str, OLDEST_VERSION))
    return f"git {found[0]} is too old. Install git {wanted} or later where the agents run."


async def _communicate(process: asyncio.subprocess.Process, data: bytes, limit: int) -> tuple[bytes, str, bool]:
    """The output, the end of the error output, and whether the output was longer than the limit."""
    writing = asyncio.ensure_future(_write(process, data))
    reading_errors = asyncio.ensure_future(_read_end(process))
    try:
        output, is_long = await _read(process, limit)
        if is_long:
            return output, "", True
        errors = await reading_errors
        await writing
        await process.wait()
        return output, errors, False
    finally:
        await cancel_and_wait(writing, reading_errors)


async def _write(process: asyncio.subprocess.Process, data: bytes) -> None:
    stdin = _opened(process.stdin)
    # A command that fails early closes its input.
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()


async def _read(process: asyncio.subprocess.Process, limit: int) -> tuple[bytes, bool]:
    stdout = _opened(process.stdout)
    parts, size = [], 0
    while part := await stdout.read(2**18):
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


async def _read_end(process: asyncio.subprocess.Process) -> str:
    stderr = _opened(process.stderr)
    end = b""
    while part := await stderr.read(2**16):
        end = (end + part)[-_ERROR_LIMIT:]
    return end.decode(errors="replace")


def _opened(pipe: T | None) -> T:
    if pipe is None:
        raise AssertionError("every command is started with all three pipes")
    return pipe


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends the command and its child processes, which a fetch has."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # Read to the end: asyncio's `wait` returns only when the pipes have ended, and it does not notice that while it has
    # stopped reading because nobody takes what there is. A command that has ended by itself leaves them open too.
    rest = (_discard(_opened(process.stdout)), _discard(_opened(process.stderr)))
    await asyncio.shield(asyncio.gather(*rest, process.wait()))


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(2**18):
        pass
