"""Processes of the bot that start fast: forks of one that has imported the command line and the Action.

To start Python and to import the bot takes half a second of processor time, and there are hundreds of such processes in
the tests. A fork has arguments, environment, folder and files of its own and runs `python -m bot` from its first line.
How long a true start takes, and what it imports, is held by `tests/test_architecture.py` and the benchmarks.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
LAUNCHER = Path(__file__).with_name("launcher.py")

IMPORTED = (
    "bot.cli.commands",
    "bot.cli.execute",
    "bot.cli.action",
    "bot.cli.send",
    "bot.app.direct",
    "bot.action.report",
    "bot.execution.added_text",
    "bot.commands.list_runs",
)
"""By the process that is forked. Nothing of it starts a thread."""


def python_m(module: str, *words: str, environ: Mapping[str, str]) -> list[str]:
    """The command that does the same as `python -m MODULE WORDS`.

    :param environ: what the process will get; where Python itself reads more of it than its path, it is really started
    """
    read_by_python = {name for name in environ if name.startswith(("PYTHON", "LANG", "LC_"))}
    if not hasattr(os, "pidfd_open") or read_by_python - {"PYTHONPATH"}:
        return [sys.executable, "-m", module, *words]
    return [sys.executable, "-I", "-S", str(LAUNCHER), _address(), module, *words]


@cache
def _address() -> str:
    """Where the process that is forked takes requests; it is started with the first one."""
    folder = tempfile.TemporaryDirectory(prefix="codegen-bot-forks-")
    address = f"{folder.name}/socket"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.harness.forks", address]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own words

    def end() -> None:
        process.terminate()
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return address


def serve(address: str) -> None:
    """Forks for each request, until SIGTERM or the end of the process that started it."""
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # A shell without job control makes what it starts in the background ignore it, and all forks with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)  # noqa: T201 - to who started it
        while True:
            if sys.stdin.fileno() in select.select([listener.fileno(), sys.stdin.fileno()], [], [])[0]:
                return
            line, _ = listener.accept()
            _reap()
            if os.fork() == 0:
                listener.close()
                _serve_request(line)
            line.close()


def _reap() -> None:
    """Also counts the processor time of those that have ended as this process's."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def _serve_request(line: socket.socket) -> None:
    """Starts the requested process, and reports its pid and its exit status."""
    length, descriptors, _, _ = socket.recv_fds(line, 4, 3)
    with line.makefile("rb") as incoming:
        request = json.loads(incoming.read(int.from_bytes(length, "big")))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        line.close()
        _run(request, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    line.sendall(f"{process}\n".encode())
    has_ended = os.pidfd_open(process)
    if has_ended not in select.select([line.fileno(), has_ended], [], [])[0]:
        # The launcher has been killed, and with it goes what it stands for.
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    with suppress(ConnectionError):
        line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.argv = [request["module"], *request["words"]]
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding="utf-8", line_buffering=os.isatty(1))  # noqa: SIM115
    sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True)  # noqa: SIM115
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    serve(sys.argv[1])
