"""A process like `python -m MODULE`, started as a fork of a process that has imported what it needs: `tests.harness.forks`.

Runs as a script with few imports. It hands its files, environment and folder over, passes signals on, and ends as the
fork does.
"""

import json
import os
import signal
import socket
import sys

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    # One that comes before they can be passed on waits until then.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    address, module, *words = sys.argv[1:]
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.connect(address)
    folder = os.getcwd()  # noqa: PTH109 - pathlib takes long to import
    given = {"module": module, "words": words, "environ": dict(os.environ), "folder": folder}
    request = json.dumps(given).encode()
    socket.send_fds(line, [len(request).to_bytes(4, "big")], [0, 1, 2])
    line.sendall(request)
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    with line.makefile() as replies:
        pid = int(replies.readline())
        for number in SIGNALS:
            signal.signal(number, lambda number, _frame: os.kill(pid, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        status = int(replies.readline())
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


main()
