"""Runs inside the sandbox: starts the agent, and passes connections on to the egress proxy.

    python -I -S forwarder.py READY SOCKET PORT OPEN_FILES FILE_SIZE PROCESSES NICENESS COMMAND...

The sandbox has no network. What connects to 127.0.0.1:PORT is connected to the Unix socket SOCKET, behind which the
proxy listens ("-": there is none). The agent gets this program's standard input, output and error, and its exit status
becomes this program's (128 + N if signal N ended it). SIGTERM is passed on to everything in the sandbox.

The file descriptor READY tells the bot that the agent was started: "started", then the number of the error if its
program could not be executed.

Imports nothing of the bot and only what starts fast: it is not installed where it runs.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import socket
import sys
from collections.abc import Sequence

CONNECTIONS = 256
BLOCK = 65536


class End:
    """One end of a connection: what its peer has sent stays in `pending` until it is written here."""

    __slots__ = ("ended", "peer", "pending", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.pending = b""
        self.ended = False
        self.peer = self

    @property
    def events(self) -> int:
        """Nothing is read for a peer that still has to write: that would be stored without a limit."""
        read = selectors.EVENT_READ if not self.ended and not self.peer.pending else 0
        return read | (selectors.EVENT_WRITE if self.pending else 0)

    def read(self) -> None:
        data = self.socket.recv(BLOCK)
        self.peer.pending = data
        self.ended = not data
        self.peer.write()

    def write(self) -> None:
        if self.pending:
            try:
                self.pending = self.pending[self.socket.send(self.pending) :]
            except BlockingIOError:
                return
        if self.peer.ended and not self.pending:
            self.socket.shutdown(socket.SHUT_WR)

    @property
    def is_over(self) -> bool:
        return self.ended and self.peer.ended and not self.pending and not self.peer.pending


class Forwarder:
    def __init__(self, listener: socket.socket, path: str) -> None:
        self.listener = listener
        self.path = path
        self.connections = 0
        self.selector = selectors.DefaultSelector()
        if path != "-":
            self.selector.register(listener, selectors.EVENT_READ)

    def run(self, child: int, wakeup: socket.socket) -> int:
        """Forwards until the child ends. Returns its status, as `os.waitpid` gives it."""
        self.selector.register(wakeup, selectors.EVENT_READ)
        while True:
            for key, events in self.selector.select():
                if key.fileobj is wakeup:
                    wakeup.recv(BLOCK)
                    ended, status = os.waitpid(child, os.WNOHANG)
                    if ended:
                        return status
                elif key.fileobj is self.listener:
                    self.accept()
                elif key.data.socket.fileno() >= 0:
                    self.forward(key.data, events)

    def accept(self) -> None:
        try:
            inner, _ = self.listener.accept()
        except OSError:
            return
        outer = socket.socket(socket.AF_UNIX)
        try:
            outer.connect(self.path)
        except OSError as error:
            sys.stderr.write(f"The egress proxy cannot be reached: {error.strerror}.\n")
            inner.close()
            outer.close()
            return
        first, second = End(inner), End(outer)
        first.peer, second.peer = second, first
        for end in (first, second):
            end.socket.setblocking(False)
            self.selector.register(end.socket, selectors.EVENT_READ, end)
        self.connections += 1
        if self.connections == CONNECTIONS:
            self.selector.unregister(self.listener)

    def forward(self, end: End, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                end.write()
            if events & selectors.EVENT_READ:
                end.read()
        except OSError:
            self.close(end)
            return
        if end.is_over:
            self.close(end)
            return
        self.watch(end)
        self.watch(end.peer)

    def watch(self, end: End) -> None:
        registered = end.socket in self.selector.get_map()
        if end.events and registered:
            self.selector.modify(end.socket, end.events, end)
        elif end.events:
            self.selector.register(end.socket, end.events, end)
        elif registered:
            self.selector.unregister(end.socket)

    def close(self, end: End) -> None:
        for each in (end, end.peer):
            if each.socket in self.selector.get_map():
                self.selector.unregister(each.socket)
            each.socket.close()
        if self.connections == CONNECTIONS:
            self.selector.register(self.listener, selectors.EVENT_READ)
        self.connections -= 1


def limit(kind: int, value: int) -> None:
    """Lowers a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def start(ready: int, command: Sequence[str]) -> int:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.set_inheritable(ready, False)
        try:
            os.execvp(command[0], [*command])  # noqa: S606 - no shell is wanted
        except OSError as error:
            os.write(ready, str(error.errno).encode())
        os._exit(127)
    return child


def pass_on(number: int, _frame: object) -> None:
    try:
        os.kill(-1, number)
    except ProcessLookupError:  # nothing else is left
        return


def main(arguments: Sequence[str]) -> int:
    ready, (path, port) = int(arguments[0]), arguments[1:3]
    open_files, file_size, processes, niceness = map(int, arguments[3:7])
    for kind, value in (
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
    ):
        limit(kind, value)
    os.nice(niceness)
    with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - pathlib costs 10 ms
        file.write("1000")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if path != "-":
        listener.bind(("127.0.0.1", int(port)))
        listener.listen(CONNECTIONS)
    wakeup, written = socket.socketpair()
    written.setblocking(False)
    signal.set_wakeup_fd(written.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    os.write(ready, b"started ")
    child = start(ready, arguments[7:])
    os.close(ready)
    signal.signal(signal.SIGTERM, pass_on)
    # So that who reads the agent's output sees its end when the agent closes it.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    status = Forwarder(listener, path).run(child, wakeup)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
