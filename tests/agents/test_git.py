from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.agents.git import Git, GitError, GitProblem, Remote, problem_of, version_problem
from tests.agents.repositories import Developer, git
from tests.harness import TIMEOUT

TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"
REMOTE = Remote(url="http://127.0.0.1:1/octo/shop.git", token=TOKEN)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fatal: unable to access 'https://x/': Could not resolve host: x", GitProblem.UNREACHABLE),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 503", GitProblem.UNREACHABLE),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", GitProblem.FORBIDDEN),
        ("remote: Permission to octo/shop.git denied to codegen-bot[bot].", GitProblem.FORBIDDEN),
        ("remote: Write access to repository not granted.\nfatal: ... error: 403", GitProblem.FORBIDDEN),
        ("fatal: Authentication failed for 'https://x/'", GitProblem.UNAUTHORIZED),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", GitProblem.UNAUTHORIZED),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", GitProblem.NOT_FOUND),
        ("fatal: couldn't find remote ref refs/heads/gone", GitProblem.NO_BRANCH),
        ("error: unable to write file x: No space left on device", GitProblem.DISK_FULL),
        ("remote: error: GH006: Protected branch update failed for refs/heads/main.", GitProblem.PROTECTED),
        ("remote: error: GH013: Repository rule violations found for refs/heads/x", GitProblem.PROTECTED),
        ("! x:refs/heads/a [remote rejected] (protected branch hook declined)", GitProblem.PROTECTED),
        ("! x:refs/heads/a [rejected] (stale info)\nerror: failed to push some refs", GitProblem.STALE),
        ("[remote rejected] (refusing to allow an App to do it without `workflows` permission)", GitProblem.WORKFLOWS),
        ("remote: error: GH001: Large files detected.", GitProblem.TOO_LARGE),
        ("remote: - Push cannot contain secrets\n[remote rejected] (push declined)", GitProblem.SECRET),
        ("! x:refs/heads/a [remote rejected] (pre-receive hook declined)", GitProblem.REFUSED),
        ("fatal: bad object 0123", GitProblem.CORRUPT),
        ("something else", GitProblem.OTHER),
    ],
)
def test_problem_of_words_of_git(text: str, problem: GitProblem) -> None:
    assert problem_of(text) is problem


def test_every_problem_has_a_sentence() -> None:
    for problem in GitProblem:
        assert GitError(problem).sentence.endswith(".")


async def test_run_reads_no_configuration_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Host\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'user.email=host@example.com'")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))

    listed = await Git().text("config", "--list", "--show-scope")

    assert {line.split()[0] for line in listed.splitlines()} == {"command"}
    assert "user." not in listed


async def test_run_gives_credentials_to_git_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", ".")
    with pytest.raises(GitError) as caught:
        await Git(git_dir=tmp_path).run("fetch", REMOTE.url, "main", remote=REMOTE)

    assert caught.value.problem is GitProblem.UNREACHABLE
    assert TOKEN not in repr(REMOTE) + repr(caught.value)
    assert not _holding(tmp_path, TOKEN)


async def test_remote_limits_the_header_to_its_url() -> None:
    [key] = REMOTE.configuration()

    assert key == f"http.{REMOTE.url}.extraHeader"


async def test_run_refuses_other_protocols(developer: Developer, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not allowed"):
        await Git(git_dir=developer.origin).run("fetch", str(developer.origin))


async def test_run_ends_everything_when_cancelled(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    alias = f"!echo $$ > {pids}; sleep 100"
    running = asyncio.create_task(Git(settings={"alias.wait": alias}).run("wait"))
    await _until(lambda: pids.exists() and pids.read_text().strip() != "")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await _until(lambda: not _is_running(int(pids.read_text())))


async def test_run_stops_after_its_time(tmp_path: Path) -> None:
    with pytest.raises(GitError) as caught:
        await Git(settings={"alias.wait": "!sleep 100"}).run("wait", timeout=0.2)

    assert caught.value.problem is GitProblem.TIMED_OUT


async def test_run_bounds_the_output() -> None:
    endless = Git(settings={"alias.flood": "!yes"})

    assert await endless.run("flood", limit=10, cuts=True) == b"y\n" * 5
    with pytest.raises(GitError, match="more than 10 bytes"):
        await endless.run("flood", limit=10)


async def test_run_ends_although_its_output_was_not_read() -> None:
    """On a busy machine asyncio has read so much meanwhile that it has stopped reading."""
    endless = Git(settings={"alias.flood": "!yes"})
    is_done = False

    async def be_busy() -> None:
        while not is_done:
            time.sleep(0.003)  # noqa: ASYNC251 - it stands for work of others on the same loop
            await asyncio.sleep(0)

    busy = asyncio.create_task(be_busy())
    async with asyncio.timeout(TIMEOUT):
        assert await endless.run("flood", limit=10, cuts=True) == b"y\n" * 5
    is_done = True
    await busy


async def test_run_redacts_errors(tmp_path: Path) -> None:
    with pytest.raises(GitError) as caught:
        await Git().run("rev-parse", f"--git-dir={TOKEN}", f"refs/{TOKEN}")

    assert TOKEN not in str(caught.value)


async def test_run_looks_for_git_in_absolute_folders_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q", "--bare", ".")
    (tmp_path / "git").write_text("#!/bin/sh\ntouch executed\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f".::{os.environ['PATH']}")

    await Git(git_dir=tmp_path, work_tree=tmp_path).run("ls-files")

    assert not (tmp_path / "executed").exists()


async def test_run_without_git_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert await version_problem() == ("git is not installed where the agents run. Install git 2.38 or later there.")


async def test_version_problem_none_here() -> None:
    assert await version_problem() is None


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.01)


def _holding(folder: Path, text: str) -> list[Path]:
    return [place for place in folder.rglob("*") if place.is_file() and text.encode() in place.read_bytes()]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
