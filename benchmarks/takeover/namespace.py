"""A network namespace of Linux: a process inside it reaches this machine by a link that can be cut silently.

Needs root and `ip`. A cut sends packets to a hardware address that does not exist, in both directions: no packet
arrives, no connection ends, and neither side is notified.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NAME = f"codegen-bot-{os.getpid()}"
OUTER, INNER = f"cgb{os.getpid()}out", f"cgb{os.getpid()}in"
WORLDS, DATABASE, PROCESS = "10.213.7.1", "10.213.7.2", "10.213.7.3"
"""The addresses of the emulators, of the database, and of the process in the namespace."""

INSIDE = ("ip", "netns", "exec", NAME)
"""Prefix of a command to run in the namespace."""

NOBODY = "02:00:00:00:00:01"


class Cable:
    """The link between the namespace and this machine."""

    def cut(self) -> None:
        """Cuts the process off from the database; the emulators can still be reached."""
        _ip("-n", NAME, "neigh", "replace", DATABASE, "lladdr", NOBODY, "dev", INNER, "nud", "permanent")

    def heal(self) -> None:
        _ip("-n", NAME, "neigh", "del", DATABASE, "dev", INNER)


@contextmanager
def namespace() -> Iterator[Cable | None]:
    """None if this machine does not allow it."""
    try:
        _open()
    except (OSError, subprocess.CalledProcessError):
        _close()
        yield None
        return
    try:
        yield Cable()
    finally:
        _close()


def _open() -> None:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise PermissionError
    _ip("netns", "add", NAME)
    _ip("link", "add", OUTER, "type", "veth", "peer", "name", INNER, "netns", NAME)
    for address in (WORLDS, DATABASE):
        _ip("address", "add", f"{address}/24", "dev", OUTER)
    _ip("link", "set", OUTER, "up")
    _ip("-n", NAME, "address", "add", f"{PROCESS}/24", "dev", INNER)
    for device in ("lo", INNER):
        _ip("-n", NAME, "link", "set", device, "up")


def _close() -> None:
    for command in (("link", "delete", OUTER), ("netns", "delete", NAME)):
        with suppress(OSError, subprocess.CalledProcessError):
            _ip(*command)


def _ip(*arguments: str) -> None:
    # The program is found by root's PATH.
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)  # noqa: S603, S607 - see above
