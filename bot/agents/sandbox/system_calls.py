"""A seccomp filter: the system calls that namespaces do not cover, and that no agent needs.

Sockets to a virtual machine's host (vsock belongs to no network namespace), the keyring of the bot's session, the
kernel's log and its larger interfaces (bpf, io_uring, perf), and files that are setuid: the kernel lets their owner
make them, and outside of the sandbox they would run as the bot's user. Refused calls fail; no process is ended.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand: `struct sock_filter` of linux/filter.h."""

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_OR_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW: Instruction = (_RETURN, 0, 0, 0x7FFF0000)

_NUMBER_OFFSET, _ARCHITECTURE_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_X32 = 0x40000000

_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK."""

_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX type into a terminal."""

_SETUID = 0o4000
_CREATES = 0o100 | 0o20000000
"""O_CREAT and O_TMPFILE: without them the mode is not set, and may be anything."""


@dataclass(frozen=True, slots=True)
class _Machine:
    architecture: int
    calls: Mapping[str, int]


_SHARED = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "openat2": 437, "fchmodat2": 452}

_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        {
            **_SHARED,
            "open": 2,
            "ioctl": 16,
            "socket": 41,
            "creat": 85,
            "chmod": 90,
            "fchmod": 91,
            "syslog": 103,
            "mknod": 133,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "openat": 257,
            "mknodat": 259,
            "fchmodat": 268,
            "perf_event_open": 298,
            "bpf": 321,
            "userfaultfd": 323,
        },
    ),
    "aarch64": _Machine(
        0xC00000B7,
        {
            **_SHARED,
            "ioctl": 29,
            "mknodat": 33,
            "fchmod": 52,
            "fchmodat": 53,
            "openat": 56,
            "syslog": 116,
            "socket": 198,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "perf_event_open": 241,
            "bpf": 280,
            "userfaultfd": 282,
        },
    ),
}


def seccomp_filter(machine: str | None = None) -> bytes | None:
    """The filter as bubblewrap takes it; None on machines whose system calls are not listed here."""
    if (found := _MACHINES.get(machine or platform.machine())) is None:
        return None
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _program(found))


def _program(machine: _Machine) -> Iterator[Instruction]:
    # Programs of another architecture have other numbers.
    yield from ((_LOAD, 0, 0, _ARCHITECTURE_OFFSET), (_JUMP_EQUAL, 1, 0, machine.architecture), _fail(errno.ENOSYS))
    yield (_LOAD, 0, 0, _NUMBER_OFFSET)
    if machine.architecture == _MACHINES["x86_64"].architecture:
        yield from ((_JUMP_GREATER_OR_EQUAL, 0, 1, _X32), _fail(errno.ENOSYS))
    for name, rule in _RULES.items():
        if name in machine.calls:
            yield (_JUMP_EQUAL, 0, len(rule), machine.calls[name])
            yield from rule
    yield _ALLOW


def _fail(number: int) -> Instruction:
    return (_RETURN, 0, 0, 0x00050000 | number)


def _argument(index: int) -> Instruction:
    """Loads its lower half, which is all that the kernel looks at in those used here."""
    return (_LOAD, 0, 0, _ARGUMENTS_OFFSET + 8 * index)


def _if_equal(index: int, values: Sequence[int], then: Instruction, otherwise: Instruction) -> tuple[Instruction, ...]:
    jumps = ((_JUMP_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values))
    return (_argument(index), *jumps, otherwise, then)


def _unless_setuid(mode: int) -> tuple[Instruction, ...]:
    return (_argument(mode), (_JUMP_SET, 0, 1, _SETUID), _fail(errno.EPERM), _ALLOW)


def _unless_new_and_setuid(flags: int, mode: int) -> tuple[Instruction, ...]:
    return (_argument(flags), (_JUMP_SET, 1, 0, _CREATES), _ALLOW, *_unless_setuid(mode))


_REFUSED = (_fail(errno.EPERM),)
# "Not implemented": programs then use what came before it.
_MISSING = (_fail(errno.ENOSYS),)

_RULES: Mapping[str, tuple[Instruction, ...]] = {
    **dict.fromkeys(("add_key", "request_key", "keyctl", "syslog", "perf_event_open", "bpf", "userfaultfd"), _REFUSED),
    # Its modes are in memory, which a filter cannot see; io_uring opens files past any filter.
    **dict.fromkeys(("openat2", "io_uring_setup", "io_uring_enter", "io_uring_register"), _MISSING),
    "socket": _if_equal(0, _FAMILIES, _ALLOW, _fail(errno.EAFNOSUPPORT)),
    "ioctl": _if_equal(1, _TERMINAL_INPUT, _fail(errno.EPERM), _ALLOW),
    "chmod": _unless_setuid(1),
    "fchmod": _unless_setuid(1),
    "fchmodat": _unless_setuid(2),
    "fchmodat2": _unless_setuid(2),
    "creat": _unless_setuid(1),
    "mknod": _unless_setuid(1),
    "mknodat": _unless_setuid(2),
    "open": _unless_new_and_setuid(1, 2),
    "openat": _unless_new_and_setuid(2, 3),
}
