"""Ends an agent whose bot has died or frozen: a program beside each agent, outside its sandbox.

    python -I -S -B guard.py SECONDS pidfd NUMBER
    python -I -S -B guard.py SECONDS mark MARK

The bot writes to its standard input while it works. When nothing has come for SECONDS, or the input has ended, the
guard kills the process of the file descriptor NUMBER, or all that have MARK in their environment. Otherwise an agent
would go on working for a bot that is stopped, while another one has taken over its turn, perhaps in the same folder.

Imports nothing of the bot and only what starts fast.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Sequence

MARK = "CODEGEN_BOT_TURN"
"""The variable by which the processes of an agent without a sandbox are found."""


def main(arguments: Sequence[str]) -> int:
    seconds, kind, value = arguments
    wait_for_silence(0, float(seconds))
    if kind == "pidfd":
        kill(int(value))
    else:
        while left := marked(value):
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    continue
            time.sleep(0.01)
    return 0


def wait_for_silence(descriptor: int, seconds: float) -> None:
    """Returns when nothing could be read for so long, or nothing more will come."""
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    last = now()
    while True:
        events = ready.poll(max(0.0, last + seconds - now()) * 1000 + 1)
        # Checked first: what was written before both were frozen proves nothing.
        if now() - last >= seconds or (events and not os.read(descriptor, 65536)):
            return
        if events:
            last = now()


def kill(pidfd: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except OSError:  # it has ended
        return


def marked(mark: str) -> list[int]:
    """The living processes whose mark starts so: a zombie has no environment."""
    wanted = f"\0{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs 10 ms
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123 - as above
                    if wanted in b"\0" + file.read():
                        found.append(int(name))
            except OSError:
                continue
    return found


def now() -> float:
    """Also counts while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
