"""The Action from its first step's start: until the eyes are on the comment, and until its end.

The steps of `action.yml` are executed as GitHub's runner does it (`tests/action/composite/runner.py`), with a real
registry, the emulated GitHub and Codegen, and a Python without uv; each in turn with an earlier commit's, so that both
meet the same load. Cold is a runner on which nothing has been: an empty tool cache, no pip cache, nothing compiled.

    make bench
    python -m benchmarks.action_start --runs 3 --baseline f5f079e
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.action.composite.runner import ROOT, Job, copy_repository

RUNS = 11

BASELINE = "f5f079e"
"""The last commit whose Action installed everything before it looked at the event."""

ACCOUNT = {"codegen_api_token": "sk-org1-anything", "codegen_org_id": "1"}

COLD_HELP, COLD_NOTHING, WARM_NOTHING, WARM_HELP = "help, cold", "no command, cold", "no command, warm", "help, warm"

TARGETS = {
    ("eyes", COLD_HELP): 0.05,
    ("end", COLD_NOTHING): 0.02,
    ("end", WARM_NOTHING): 0.15,
    ("end", COLD_HELP): 0.4,
}
"""The ratios to the baseline that the Action was built for."""


@dataclass(slots=True)
class TimedJob(Job):
    """Notes when its first step starts."""

    began: float = 0.0

    async def _step(self, step: Mapping[str, Any], number: int, known: Mapping[str, str]) -> dict[str, str]:
        self.began = self.began or time.monotonic()
        return await Job._step(self, step, number, known)  # noqa: SLF001 - its own; super() knows no slotted class


@dataclass(slots=True)
class Subject:
    """One version of the Action.

    :param name: for the tables
    :param action: the folder with its files
    :param path: what the runner's PATH begins with
    """

    name: str
    action: Path
    path: tuple[Path, ...] = ()
    times: defaultdict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    async def measure(self, folder: Path) -> None:
        """Runs each case once."""
        for name, text in ((COLD_NOTHING, "Thanks, looks good."), (COLD_HELP, "/codegen help")):
            for path in self.action.rglob("__pycache__"):
                shutil.rmtree(path)
            await self._run(folder / name, text, cold=name, tool_cache=folder / f"{name} tool cache")
        warm = folder / f"{COLD_HELP} tool cache"
        for name, text in ((WARM_NOTHING, "Thanks, looks good."), (WARM_HELP, "/codegen help")):
            await self._run(folder / name, text, cold=name, tool_cache=warm)

    async def _run(self, folder: Path, text: str, *, cold: str, tool_cache: Path) -> None:
        for each in (folder, folder / "home", tool_cache):
            each.mkdir(parents=True, exist_ok=True)
        async with CodegenEmulator(limits=False) as codegen, GitHubEmulator(limits=False) as github:
            github.comment("alice", 1, text)
            job = TimedJob(folder, self.action, tool_cache)
            job.event = ("issue_comment", github.deliveries[-1].payload)
            own = (*self.path, Path(sys.base_prefix, "bin"), Path("/usr/bin"), Path("/bin"))
            job.environ = {
                "CODEGEN_API_BASE_URL": codegen.url,
                "GITHUB_API_URL": github.url,
                "HOME": str(folder / "home"),
                "PATH": ":".join(map(str, own)),
                "PIP_FIND_LINKS": "",
            }
            seeing, spent = asyncio.create_task(_eyes(github)), _processor_time()
            outputs = await job.use(**ACCOUNT)
            ended = time.monotonic()
            seeing.cancel()
            if outputs["conclusion"] != ("success" if text.startswith("/") else "skipped"):
                raise SystemExit(f"{self.name}, {cold}: {outputs['conclusion']}\n{job.log}")
            self.times["end", cold].append(ended - job.began)
            self.times["end, processor time", cold].append(_processor_time() - spent)
            if seeing.done() and not seeing.cancelled():
                self.times["eyes", cold].append(seeing.result() - job.began)


def _processor_time() -> float:
    """Seconds, of all processes that have been started and have ended: other load on the machine changes it little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _eyes(github: GitHubEmulator) -> float:
    """When somebody reacted first."""
    while not any(each.path.endswith("/reactions") for each in github.control.journal):  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.003)
    return time.monotonic()


@contextmanager
def the_baseline(commit: str, folder: Path) -> Iterator[Path | None]:
    """A work tree of an earlier commit; None, with a note, where this clone has no such commit."""
    git = ["git", "-C", str(ROOT), "worktree"]
    added = subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=False)  # noqa: S603
    if added.returncode:
        print(f"No baseline: this clone has no commit {commit}.")
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)  # noqa: S603


async def _measure(subjects: list[Subject], folder: Path, runs: int) -> None:
    for number in range(runs):
        for subject in subjects:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                await subject.measure(Path(own))
            print(f"run {number + 1} of {runs}: {subject.name}", file=sys.stderr, flush=True)


def _print(subjects: list[Subject]) -> None:
    [first, *_] = subjects
    for what, case in sorted(first.times, key=lambda key: (key[1], key[0])):
        print(f"\n{case}: from the first step's start to the {what}")
        for subject in subjects:
            times = subject.times[what, case]
            middle = statistics.median(times)
            limits = f"fastest {min(times):7.3f} s   slowest {max(times):7.3f} s"
            line = f"  {subject.name:22} median {middle:7.3f} s   {limits}"
            if subject.name == "baseline":
                print(line)
                continue
            baseline = next((each for each in subjects if each.name == "baseline"), None)
            ratio = f"   ratio {middle / statistics.median(baseline.times[what, case]):.3f}" if baseline else ""
            target = TARGETS.get((what, case))
            print(f"{line}{ratio}{f' (wanted: {target} at most)' if target else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--baseline", default=BASELINE, help="a commit")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "now").mkdir()
        now = copy_repository(folder / "now")
        uv = folder / "uv"
        uv.mkdir()
        (uv / "uv").symlink_to(Path(sys.executable).with_name("uv"))
        subjects = [Subject("this version", now), Subject("this version, with uv", now, (uv,))]
        with the_baseline(given.baseline, folder / "baseline") as baseline:
            if baseline is not None:
                subjects.append(Subject("baseline", baseline))
            asyncio.run(_measure(subjects, folder, given.runs))
        print(f"The Action, {given.runs} runs each, baseline {given.baseline}, Python {sys.version.split()[0]}")
        _print(subjects)


if __name__ == "__main__":
    main()
