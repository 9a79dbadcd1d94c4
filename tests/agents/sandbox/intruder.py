"""What an agent might try, run inside the sandbox. It harms nothing even where it succeeds: files are only opened.

    python -I intruder.py FACTS

FACTS is a JSON object with what it could know of the host. Prints what came of each attempt as JSON: "refused" and the
error, or what it got.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import platform
import resource
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

FACTS: dict[str, Any] = json.loads(sys.argv[1]) if __name__ == "__main__" else {}
LIBC = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
PTRACE_ATTACH = 16
MS_REMOUNT, MS_BIND = 32, 4096
TIOCSTI = 0x5412
AF_VSOCK, AF_PACKET, AF_ALG = 40, 17, 38
KEYCTL_READ = 11
SYSCALLS = {
    "x86_64": {"bpf": 321, "keyctl": 250, "io_uring_setup": 425, "perf_event_open": 298, "userfaultfd": 323},
    "aarch64": {"bpf": 280, "keyctl": 219, "io_uring_setup": 425, "perf_event_open": 241, "userfaultfd": 282},
}.get(platform.machine(), {})


def call(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(path: str) -> Callable[[], str]:
    return lambda: Path(path).read_text(errors="replace")[:200]


def open_for_writing(path: str) -> Callable[[], str]:
    def attempt() -> str:
        os.close(os.open(path, os.O_WRONLY))
        return "opened"

    return attempt


def create(path: str) -> Callable[[], str]:
    def attempt() -> str:
        Path(path).write_text("written")
        return "created"

    return attempt


def connect(family: int, address: Any) -> Callable[[], str]:
    def attempt() -> str:
        with socket.socket(family) as connection:
            connection.settimeout(5)
            connection.connect(address)
            return f"connected {connection.recv(100)!r}"

    return attempt


def open_socket(family: int, kind: int) -> Callable[[], str]:
    def attempt() -> str:
        socket.socket(family, kind).close()
        return "opened"

    return attempt


def system_call(name: str, *arguments: int) -> Callable[[], str]:
    def attempt() -> str:
        if name not in SYSCALLS:
            raise PermissionError
        return f"returned {call(LIBC.syscall(SYSCALLS[name], *arguments))}"

    return attempt


def signal_host() -> str:
    os.kill(FACTS["pid"], 0)
    return "signalled"


def trace_host() -> str:
    return f"attached {call(LIBC.ptrace(PTRACE_ATTACH, FACTS['pid'], None, None))}"


def become_root() -> str:
    os.setresuid(0, 0, 0)
    return "is root"


def new_namespaces(flags: int) -> Callable[[], str]:
    return lambda: f"made {call(LIBC.unshare(flags))}"


def mount() -> str:
    return f"mounted {call(LIBC.mount(b'proc', b'/tmp', b'proc', 0, None))}"


def remount_writable() -> str:
    return f"remounted {call(LIBC.mount(None, b'/usr', None, MS_REMOUNT | MS_BIND, None))}"


def change_root() -> str:
    os.chroot("/usr")
    return "changed"


def make_device() -> str:
    os.mknod("/workspace/disk", 0o60600, os.makedev(8, 0))
    return "made"


def link_to(path: str) -> Callable[[], str]:
    def attempt() -> str:
        os.link(path, "/workspace/linked")
        return "linked"

    return attempt


def make_setuid_by_chmod() -> str:
    Path("/workspace/setuid").write_text("#!/bin/sh\n")
    Path("/workspace/setuid").chmod(0o4755)
    return "made"


def make_setuid_by_open() -> str:
    os.close(os.open("/workspace/setuid2", os.O_CREAT | os.O_WRONLY, 0o4755))
    return "made"


def type_into_terminal() -> str:
    for descriptor in (0, 1, 2):
        fcntl.ioctl(descriptor, TIOCSTI, b"x")
    return "typed"


def open_terminal() -> str:
    os.close(os.open("/dev/tty", os.O_RDWR))
    return "opened"


def lift_limit() -> str:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard + 1, hard + 1))
    return "lifted"


def through_proxy(url: str) -> Callable[[], str]:
    def attempt() -> str:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - as it would
                return f"{answer.status} {answer.read(2000)!r}"
        except HTTPError as error:
            if error.code == 403:
                raise PermissionError(error.read().decode()) from None
            raise

    return attempt


def send_to_proxy(line: str) -> Callable[[], str]:
    def attempt() -> str:
        with socket.create_connection(("127.0.0.1", 3128), timeout=10) as connection:
            connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = connection.recv(1000).decode()
        if " 403 " in answer:
            raise PermissionError(answer)
        return answer

    return attempt


REFUSED: dict[str, Callable[[], str]] = {
    **{f"read {path}": read(path) for path in ("/etc/shadow", "/etc/hostname", "/root/.bashrc", "/proc/kcore")},
    **{f"read {name}": read(path) for name, path in FACTS.get("files", {}).items()},
    **{f"read {name} by /proc/1": read(f"/proc/1/root{path}") for name, path in FACTS.get("files", {}).items()},
    **{
        f"write {path}": open_for_writing(path)
        for path in (
            "/proc/sys/kernel/core_pattern",
            "/proc/sys/kernel/hostname",
            "/proc/sys/vm/drop_caches",
            "/proc/sysrq-trigger",
            "/proc/irq/default_smp_affinity",
            "/etc/passwd",
            "/etc/ld.so.cache",
            "/usr/bin/env",
            "/dev/kmsg",
            "/dev/mem",
            "/mirror/objects/pack",
        )
    },
    **{
        f"create {path}": create(path)
        for path in ("/file", "/etc/file", "/usr/file", "/home/file", "/dev/file", "/run/file", "/mirror/objects/file")
    },
    "connect to a service on the host's loopback": connect(socket.AF_INET, ("127.0.0.1", FACTS.get("port"))),
    "connect to another host": connect(socket.AF_INET, ("192.0.2.1", 80)),
    "connect to another host by IPv6": connect(socket.AF_INET6, ("2001:db8::1", 80)),
    "connect to an abstract socket": connect(socket.AF_UNIX, f"\0{FACTS.get('abstract')}"),
    "connect to a socket of the host": connect(socket.AF_UNIX, FACTS.get("socket")),
    "open a raw socket": open_socket(socket.AF_INET, socket.SOCK_RAW),
    "open a packet socket": open_socket(AF_PACKET, socket.SOCK_RAW),
    "open a socket to the hypervisor": open_socket(AF_VSOCK, socket.SOCK_STREAM),
    "open a socket to the kernel's ciphers": open_socket(AF_ALG, socket.SOCK_SEQPACKET),
    "reach a host by the proxy": through_proxy(f"http://192.0.2.1:{FACTS.get('port')}/"),
    "reach the host's loopback by the proxy": send_to_proxy(f"GET http://localhost:{FACTS.get('port')}/"),
    "tunnel to a host": send_to_proxy("CONNECT evil.example:443"),
    "tunnel to the host's loopback": send_to_proxy(f"CONNECT 127.0.0.1:{FACTS.get('port')}"),
    "signal a process of the host": signal_host,
    "trace a process of the host": trace_host,
    "become root": become_root,
    "make a user namespace": new_namespaces(CLONE_NEWUSER),
    "make a mount namespace": new_namespaces(CLONE_NEWNS),
    "make a network namespace": new_namespaces(CLONE_NEWNET),
    "mount": mount,
    "make /usr writable": remount_writable,
    "change the root": change_root,
    "make a device": make_device,
    "link to a file of the mirror": link_to("/mirror/objects/pack"),
    "link to a file of the system": link_to("/usr/bin/env"),
    "make a setuid file by chmod": make_setuid_by_chmod,
    "make a setuid file by open": make_setuid_by_open,
    "type into the terminal": type_into_terminal,
    "open the terminal": open_terminal,
    "lift a limit": lift_limit,
    "load a program into the kernel": system_call("bpf", 5, 0, 0),
    "read keys of the session": system_call("keyctl", KEYCTL_READ, ctypes.c_uint(-3 & 0xFFFFFFFF).value, 0, 0),
    "watch the kernel": system_call("perf_event_open", 0, 0, -1, -1, 0),
}


def everything_readable() -> str:
    """What may be read but must hold no secret."""
    found = [json.dumps(dict(os.environ))]
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            for name in ("environ", "cmdline", "mountinfo"):
                try:
                    found.append((process / name).read_bytes().decode(errors="replace"))
                except OSError:
                    continue
    for folder in ("/run", "/etc", "/root", "/home", "/tmp", "/workspace", "/mirror"):  # noqa: S108 - to read
        for parent, _, files in os.walk(folder):
            if "/.pyenv/" in parent or "/ssl/" in parent:
                continue
            for name in files:
                try:
                    found.append(Path(parent, name).read_bytes()[:10_000].decode(errors="replace"))
                except OSError:
                    continue
    return "\n".join(found)


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def attempt(action: Callable[[], str]) -> str:
    try:
        return action()
    except (OSError, ValueError) as error:
        return f"refused: {type(error).__name__}"


if __name__ == "__main__":
    signal.alarm(60)
    results = {name: attempt(action) for name, action in REFUSED.items()}
    json.dump(
        {
            "refused": results,
            "readable": everything_readable(),
            "model": attempt(through_proxy("http://127.0.0.1:3128/model/v1/models?key=" + FACTS["placeholder"])),
            "inherited": [number for number in range(3, 1024) if is_open(number)],
            "pids": [path.name for path in Path("/proc").iterdir() if path.name.isdigit()],
        },
        sys.stdout,
    )
