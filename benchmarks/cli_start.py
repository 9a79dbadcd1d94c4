"""From a command's start to its first output, on this version and on the one it is compared with, one after the other.

The commands ask both emulators, which are a process each. Piped, the first output is the result; on a terminal it is
the line that shows that the command works. Seconds of processor time come from the kernel, and are steadier than those
on the clock where other processes run.

    make bench
"""

from __future__ import annotations

import asyncio
import os
import pty
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.baseline import Installed, baseline, this_version
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator

RUNS = 11

COMMANDS = (
    ("runs", ("runs",), False),
    ("runs, on a terminal", ("runs",), True),
    ("run hello --no-wait", ("run", "hello", "--no-wait"), False),
    ("whoami --repository octo/shop", ("whoami", "--repository", "octo/shop"), False),
    ("users", ("users",), False),
)
"""What is shown, the arguments, and whether it is on a terminal."""


async def main() -> None:
    async with CodegenEmulator(run_seconds=0.0, limits=False) as codegen, GitHubEmulator(limits=False) as github:
        settings = {
            "CODEGEN_API_BASE_URL": codegen.url,
            "CODEGEN_API_TOKEN": "sk-org1-alice",
            "CODEGEN_ORG_ID": "1",
            "GITHUB_API_URL": github.url,
            "GITHUB_TOKEN": "as-alice",
        }
        with tempfile.TemporaryDirectory() as folder:
            versions = (await asyncio.to_thread(baseline, Path(folder)), this_version())
            for shown, arguments, on_terminal in COMMANDS:
                await asyncio.to_thread(_compare, shown, versions, arguments, settings, on_terminal=on_terminal)


def _compare(
    shown: str,
    versions: Sequence[Installed],
    arguments: Sequence[str],
    settings: dict[str, str],
    *,
    on_terminal: bool,
) -> None:
    """Prints the medians of `RUNS` starts of each version, taken in turn after one that fills caches."""
    measured: dict[str, list[tuple[float, float]]] = {each.name: [] for each in versions}
    for _ in range(RUNS + 1):
        for each in versions:
            environ = each.environ(**settings)
            measured[each.name].append(_start(each, arguments, environ, on_terminal=on_terminal))
    for position, unit in enumerate(("clock", "processor")):
        before, now = (statistics.median(start[position] for start in measured[each.name][1:]) for each in versions)
        print(f"{shown:<32} {unit:<9}  {versions[0].name} {before:.3f} s   now {now:.3f} s   {now / before:.2f}")


def _start(
    version: Installed, arguments: Sequence[str], environ: dict[str, str], *, on_terminal: bool
) -> tuple[float, float]:
    """Seconds on the clock and of the processor until the first byte of output."""
    ours, theirs = pty.openpty() if on_terminal else os.pipe()
    try:
        began = time.perf_counter()
        with subprocess.Popen(  # noqa: S603 - constant arguments
            [version.python, "-m", "bot", *arguments], env=environ, cwd="/", stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            os.read(ours, 1)
            took = time.perf_counter() - began
            worked = int(Path(f"/proc/{process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
            # A terminal whose last process has ended cannot be read.
            with suppress(OSError):
                while os.read(ours, 65536):
                    pass
        return took, worked
    finally:
        os.close(ours)


if __name__ == "__main__":
    asyncio.run(main())
