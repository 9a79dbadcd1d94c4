"""Bubblewrap: an agent in namespaces of its own, without network, with a few folders of the host.

Everything is refused that is not named here. The processes inside have no capabilities and can make no further user
namespaces, so most of the kernel's larger interfaces are closed to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from bot.agents.config import SandboxKind
from bot.agents.model import TurnError
from bot.agents.sandbox import HOME, LINE_LIMIT, OBJECTS, PROXY_PORT, WORKSPACE, SandboxSpec, forwarder
from bot.agents.sandbox.guarding import Guard
from bot.agents.sandbox.installation import environment, find, is_of_the_system
from bot.agents.sandbox.processes import AgentProcess, ended, keep_end, send_signal
from bot.agents.sandbox.system_calls import seccomp_filter
from bot.agents.sandbox.watching import Watch, descendants
from bot.upstream import LEASE

_START_SECONDS = 30.0

_INSIDE = "/run/codegen-bot"
_SOCKET = f"{_INSIDE}/egress.sock"
_FORWARDER = f"{_INSIDE}/forwarder.py"

_NAMESPACES = (
    *("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"),
    # Not the superuser, not even in name: some agents refuse to work as root.
    *("--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
)

TRIAL = (*_NAMESPACES, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")
"""Options with which a program starts, if bubblewrap can be used here."""

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

_ETC = (
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
)
"""What programs need of /etc; besides, the folders of Java's settings, without which Debian's does not start."""

_MADE_UP = {
    "group": "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
    "gitconfig": "",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "passwd": (
        "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        f"agent:x:1000:1000:agent:{HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ),
    "resolv.conf": "",
}

_KERNEL_SETTINGS = ("sys", "sysrq-trigger", "irq", "bus", "acpi", "fs", "scsi", "tty/driver", "pressure")
_KERNEL_SECRETS = (
    "config.gz",
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "mtrr",
    "pagetypeinfo",
    "sched_debug",
    "slabinfo",
    "timer_list",
    "timer_stats",
    "vmallocinfo",
)
"""Files of /proc about the whole machine.

Those of the first group are made read-only: the kernel lets the superuser of the *host* write them, whatever a
namespace calls it and without any capability, and bubblewrap 0.11 does so for processes that a bot started by root
runs. It looks whether the folder /proc/sys is writable, which it never is; its files are.
"""


_DOCTOR = "Run `codegen-bot doctor` on the worker's machine."


class Bubblewrap:
    """:param lease: seconds; an agent ends within them when the bot freezes"""

    kind = SandboxKind.BUBBLEWRAP

    def __init__(self, program: str, *, lease: float = LEASE) -> None:
        self._program = program
        self._lease = lease

    def workspace(self, spec: SandboxSpec) -> str:  # noqa: ARG002 - the same for all
        return WORKSPACE

    def home(self, spec: SandboxSpec) -> str:  # noqa: ARG002 - the same for all
        return HOME

    async def start(self, command: Sequence[str], spec: SandboxSpec, *, stderr: Path) -> AgentProcess:
        with ExitStack() as opened:
            info, info_inside = _pipe(opened)
            ready, ready_inside = _pipe(opened)
            process = await self._spawn(
                [*_inner_command(command, spec, ready_inside)], spec, info=info_inside, ready=ready_inside
            )
            pump = asyncio.create_task(keep_end(process, stderr))
            opened.pop_all()
        os.close(info_inside)
        os.close(ready_inside)
        try:
            async with asyncio.timeout(_START_SECONDS):
                said, answered = await asyncio.gather(_read_all(info), _read_all(ready))
        except BaseException as error:
            # Everything inside dies with it.
            send_signal(process.pid, signal.SIGKILL)
            await process.wait()
            if isinstance(error, TimeoutError):
                raise TurnError(f"The sandbox did not start within {_START_SECONDS:.0f} seconds. {_DOCTOR}") from None
            raise
        namespace = _Namespace(said)
        answer = answered.split()
        if answer[:1] != [b"started"] or answer[1:]:
            await namespace.destroy()
            await process.wait()
            await pump
            raise TurnError(_why_not_started(command[0], answer, stderr))
        try:
            guard = namespace.guard(lease=self._lease)
        except OSError as error:
            await namespace.destroy()
            await process.wait()
            await pump
            raise TurnError(f"The sandbox's guard could not be started: {error.strerror}. {_DOCTOR}") from error
        return AgentProcess(
            process,
            stderr=pump,
            terminate=namespace.terminate,
            destroy=namespace.destroy,
            watch=Watch(namespace.first or process.pid, spec).run,
            guard=guard,
        )

    async def _spawn(
        self, command: Sequence[str], spec: SandboxSpec, *, info: int, ready: int
    ) -> asyncio.subprocess.Process:
        with ExitStack() as opened:
            made_up = {name: _in_memory(text.encode(), opened) for name, text in _MADE_UP.items()}
            system_calls = seccomp_filter()
            filtering = _in_memory(system_calls, opened) if system_calls else None
            # Not in the argument list, which the agent could read in /proc/1: it needs no paths of the host.
            words = [*_options(spec, made_up), *(("--seccomp", str(filtering)) if filtering else ())]
            options = _in_memory("\0".join(words).encode(), opened)
            try:
                return await asyncio.create_subprocess_exec(
                    self._program,
                    *("--args", str(options), "--info-fd", str(info), "--", *command),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    limit=LINE_LIMIT,
                    cwd="/",
                    env=environment(spec, home=HOME, tmp="/tmp", user="agent"),  # noqa: S108 - the sandbox's own
                    pass_fds=(options, info, ready, *made_up.values(), *((filtering,) if filtering else ())),
                    start_new_session=True,
                )
            except OSError as error:
                raise TurnError(f"The sandbox could not be started: {error.strerror}. {_DOCTOR}") from error


class _Namespace:
    """The processes of a sandbox. When the first one has ended, the kernel has ended all others.

    :param info: what bubblewrap says about it; empty if it has failed before
    """

    def __init__(self, info: bytes) -> None:
        self.first: int | None = json.loads(info)["child-pid"] if info else None
        self._pidfd: int | None = None
        if self.first:
            with suppress(ProcessLookupError):
                self._pidfd = os.pidfd_open(self.first)
        self._gone = asyncio.create_task(self._wait())

    def terminate(self) -> None:
        """Signals the program below the first one, which passes it on: the kernel shields the first one itself."""
        for process in descendants(self.first) if self.first else ():
            if process.parent == self.first:
                send_signal(process.pid, signal.SIGTERM)

    def guard(self, *, lease: float) -> Guard | None:
        """:raises OSError: if it cannot be started"""
        return None if self._pidfd is None else Guard("pidfd", str(self._pidfd), lease=lease)

    async def destroy(self) -> None:
        if self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        await asyncio.shield(self._gone)

    async def _wait(self) -> None:
        if self._pidfd is not None:
            await ended(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None


def _inner_command(command: Sequence[str], spec: SandboxSpec, ready: int) -> Iterator[str]:
    limits = spec.limits
    yield from (os.path.realpath(sys.executable), "-I", "-S", "-B", _FORWARDER, str(ready))
    yield _SOCKET if spec.socket else "-"
    yield from map(str, (PROXY_PORT, limits.open_files, limits.file_size, limits.processes, limits.niceness))
    # A relative path is one in the workspace.
    yield command[0] if "/" in command[0] else str(find(command[0]))
    yield from command[1:]


def _options(spec: SandboxSpec, made_up: dict[str, int]) -> Iterator[str]:
    yield from _NAMESPACES
    yield from _system(made_up)
    yield from _devices(spec.limits.tmp)
    for program in (Path(sys.base_prefix), Path(os.path.realpath(sys.executable)), *spec.programs):
        if not is_of_the_system(program):
            yield from ("--ro-bind", str(program), str(program))
    yield from ("--bind", str(spec.home), HOME, "--bind", str(spec.worktree), WORKSPACE)
    if spec.shared_objects:
        yield from ("--ro-bind", str(spec.shared_objects), OBJECTS)
    yield from ("--ro-bind", forwarder.__file__, _FORWARDER)
    if spec.socket:
        yield from ("--ro-bind", str(spec.socket), _SOCKET)
    yield from ("--remount-ro", "/", "--chdir", WORKSPACE)


def _system(made_up: dict[str, int]) -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for path in (*(Path("/etc", name) for name in _ETC), *Path("/etc").glob("java-*")):
        yield from ("--ro-bind-try", str(path), str(path))
    for name, descriptor in made_up.items():
        yield from ("--ro-bind-data", str(descriptor), f"/etc/{name}")


def _devices(tmp: int) -> Iterator[str]:
    yield from ("--proc", "/proc")
    for name in _KERNEL_SETTINGS:
        yield from ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")
    for name in _KERNEL_SECRETS:
        if Path("/proc", name).exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")
    yield from ("--dev", "/dev")
    for folder in ("/dev/shm", "/tmp"):  # noqa: S108 - the sandbox's own
        yield from ("--perms", "1777", "--size", str(tmp), "--tmpfs", folder)
    yield from ("--remount-ro", "/dev", "--symlink", "/tmp", "/var/tmp")  # noqa: S108 - the sandbox's own


def _why_not_started(program: str, answer: Sequence[bytes], stderr: Path) -> str:
    if answer[:1] == [b"started"]:
        return (
            f"`{program}` could not be started in the sandbox: {os.strerror(int(answer[1]))}. "
            "Install it in a folder that the sandbox can read, and its interpreter too."
        )
    lines = stderr.read_text(errors="replace").strip().splitlines()
    return f"The sandbox could not be started: {lines[-1] if lines else 'no reason given'}. {_DOCTOR}"


def _pipe(opened: ExitStack) -> tuple[int, int]:
    """The two ends of a pipe: the bot's, the sandbox's."""
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends


def _in_memory(content: bytes, opened: ExitStack) -> int:
    """A file without a name."""
    descriptor = os.memfd_create("sandbox")
    opened.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


async def _read_all(descriptor: int) -> bytes:
    """Reads a pipe to its end, and closes it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader),
        open(descriptor, "rb", buffering=0),  # noqa: ASYNC230, SIM115
    )
    try:
        return await reader.read()
    finally:
        transport.close()
